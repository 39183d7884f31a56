"""What a visitor may do: the one way from the labs, both front ends and the API to models, runs, paths and uploads.

On one's own machine everyone may do everything. In public mode a visitor gets what ships and their own runs; no path, no
download from the Hub and no upload is opened for them, and no message names a path.

A front end makes a `Visitor` with `visitor_of` and hands it to the labs. Neither imports `engine.registry`,
`engine.runs.service` or `engine.runs.opening` (a contract of import-linter): they open models with these methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.language import N_, _
from playground.policy import limits, mode
from playground.policy.limits import S
from playground.policy.messages import errors_without_paths
from playground.policy.ownership import checked_secret
from playground.policy.visitor_runs import VisitorRuns

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.models.opened import Guide, Model
    from engine.models.vae import TrainedVAE
    from engine.recipes.recipe import Recipe
    from engine.training.config import TrainConfig
    from playground.policy.limits import Limits

NOT_IN_PUBLIC = N_("This is not possible here, where many share one machine.")
RUN, IDEAL = "run:", "ideal:"


@dataclass(frozen=True)
class Visitor:
    """One visitor, and what they may do.

    secret: 32 hexadecimal digits that the browser made and keeps; "" for one whose browser has not sent it.
    public: whether the visitor is bounded, and owns only what they began.
    """

    secret: str = field(default="", repr=False)
    public: bool = False

    @property
    def limits(self) -> Limits:
        """The most of everything that one request may ask for."""
        return limits.PUBLIC if self.public else limits.LOCAL

    def bounds(self, lab: str) -> dict[str, int]:
        """Upper ends of a lab's controls, by the name of the control; empty where they keep their own ranges."""
        return self.limits.bounds(lab)

    @property
    def runs(self) -> VisitorRuns:
        """The training runs that are there for this visitor."""
        from engine.runs.service import service

        return VisitorRuns(service(), self.secret, self.public)

    # --- models -----------------------------------------------------------------------------------------------------

    def open_model(
        self, name: str, *, download: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> Model:
        """The model of that name. Raises ModelError with one sentence, also where the visitor may not open it.

        Args:
            name: see `engine.registry.open_model`.
            download: whether a name of the Hub that is not in its cache is fetched.
            progress: called with the bytes done and in all.
        """
        from engine import registry

        self.check_model(name)
        with errors_without_paths(self.public):
            return registry.open_model(name, self.runs.model, download=download and not self.public, progress=progress)

    def open_guide(self, name: str) -> Guide:
        """The classifier of that name. Raises ModelError with one sentence, also where the visitor may not open it."""
        from engine.registry import open_guide

        self.check_classifier(name)
        with errors_without_paths(self.public):
            return open_guide(name)

    def open_vae(self, name: str) -> TrainedVAE:
        """The VAE of that name: one that ships, or "run:ID". Raises ValueError with one sentence."""
        from engine.models.vae import VAES, load

        if name.startswith(RUN):
            return self.runs.vae(name.removeprefix(RUN))
        if name not in VAES:  # a link may name no folder, not even on one's own machine
            raise ValueError(_("There is no VAE “{name}” here.", name=name[:40]))
        return load(name)

    # --- what may be named --------------------------------------------------------------------------------------------

    def check_model(self, name: str) -> None:
        """Raise ModelError where the visitor may not open a model of this name."""
        from engine.interop.pretrained import CHECKPOINTS

        self._check_name(name, CHECKPOINTS, "model")

    def check_classifier(self, name: str) -> None:
        """The same for a classifier."""
        from engine.models.noisy_classifier import NOISY_CLASSIFIERS

        self._check_name(name, NOISY_CLASSIFIERS, "classifier")

    def check_data(self, name: str) -> None:
        """Raise DataError where the visitor may not use a data set of this name: prepared sets are the host's."""
        from engine.data.image_set import DataError
        from engine.data.shipped import DATASETS

        if self.public and name not in DATASETS:
            raise DataError(
                _("There is no data set “{name}” here, but {datasets}.", name=name[:40], datasets=", ".join(DATASETS))
            )

    def check_host(self) -> None:
        """Raise ValueError where only the host may do it: name a path, upload a model, prepare, remove or fetch data."""
        if self.public:
            raise ValueError(_(NOT_IN_PUBLIC))

    # --- what may be asked for ----------------------------------------------------------------------------------------

    def check_names(self, recipe: Recipe) -> None:
        """Raise ValueError with one sentence where a recipe names what the visitor may not open."""
        self.check_model(recipe.model)
        if recipe.classifier:
            self.check_classifier(recipe.classifier)

    def check_recipe(self, recipe: Recipe) -> None:
        """The same, and where it asks for too much."""
        self.check_drawing({"": recipe})

    def check_drawing(self, recipes: Mapping[S, Recipe]) -> None:
        """The same for recipes that one request draws together, by the name of their side."""
        for recipe in recipes.values():
            self.check_names(recipe)
        if problems := self.limits.problems_of_drawing(recipes):
            raise ValueError(problems[0])

    def check_training(self, config: TrainConfig) -> None:
        """The same for a training run."""
        self.check_data(config.data)
        if problems := self.limits.problems_of_training(config):
            raise ValueError(problems[0])

    def _check_name(self, name: str, shipped: Mapping[str, object], what: str) -> None:
        from engine.data.shipped import DATASETS
        from engine.models.opened import ModelError

        if not self.public:
            return
        offered = [*shipped, *(IDEAL + data for data in DATASETS)]
        is_own = name.startswith(RUN) and self.runs.may(name.removeprefix(RUN).partition("@")[0])
        if name not in offered and not is_own:
            raise ModelError(
                _(
                    "There is no {what} “{name}” here, but {offered}.",
                    what=what,
                    name=name[:40],
                    offered=_(", ").join(offered),
                )
            )


HOST = Visitor()
"""The person at their own machine, who may do everything."""


def visitor_of(secret: object) -> Visitor:
    """The visitor whose browser sent this secret, in the mode that this process was started in.

    What is no secret, whatever it is, belongs to one who owns nothing.
    """
    return Visitor(checked_secret(secret), mode.is_public())
