"""Limits of one visitor's requests: nearly none on one's own machine, tight ones in public mode.

A front end bounds its controls by `bounds`; what comes in by a link, a file or the API is refused with the sentences of
`problems_of_drawing` and `problems_of_training` (see `playground.policy.visitor`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from engine.language import _

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from engine.training.config import TrainConfig


S = TypeVar("S", bound=str)
"""Name of one side of a comparison."""


@dataclass(frozen=True)
class Limits:
    """The most of everything, ends included. Whole numbers."""

    images: int
    """Drawn together by one request."""
    steps: int
    """From noise to picture."""
    image_steps: int
    """Images × steps of one request, over both sides of a comparison."""
    training_steps: int
    training_seconds: int
    """How long one run may train; then it is stopped, and its weights are kept."""
    batch: int
    """Pictures in one step of training."""
    picture_size: int
    """Pixels along a side of the pictures that are trained on."""
    previews: int
    """Samples and measurements during one run."""
    upload_megabytes: int
    """Of one file; a megabyte has 10⁶ bytes."""
    compiling: bool
    """Whether torch.compile is allowed, which takes minutes before the first step."""
    network_evaluations: int
    """Rows that networks evaluate for one request of a lab that counts them before it begins: a sweep, the cost of guidance, a
    bound. Guidance evaluates two rows for each picture."""
    of_labs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Upper ends of the controls of the other labs, by the lab and the control; what is not named keeps its own range."""

    def bounds(self, lab: str) -> dict[str, int]:
        """Upper ends of a lab's controls, by the name of the control; empty where they keep their own ranges."""
        if not self.of_labs:
            return {}
        drawn = {"count": self.images, "steps": self.steps, "b_steps": self.steps}
        trained = {
            "steps": self.training_steps,
            "batch": self.batch,
            "micro_batch": self.batch,
            "size": self.picture_size,
        }
        return dict({"sampling": drawn, "training": trained, **self.of_labs}.get(lab, {}))

    def problems_of_drawing(self, recipes: Mapping[S, Recipe]) -> list[str]:
        """One sentence for each value that is too large; empty where all may be drawn.

        Args:
            recipes: drawn together, by the name of their side; "" where there is one.
        """
        images = max(len(recipe.seeds) for recipe in recipes.values())
        problems = _above(images, self.images, _("images are drawn together"))
        for side, recipe in recipes.items():
            where = _(" for {side}", side=side) if side and len(recipes) > 1 else ""
            problems += _above(recipe.steps, self.steps, _("steps are taken{where}", where=where))
        if problems:
            return problems
        work = sum(len(recipe.seeds) * recipe.steps for recipe in recipes.values())
        return _above(work, self.image_steps, _("steps of single images (images × steps) are taken for one request"))

    def problems_of_training(self, config: TrainConfig) -> list[str]:
        """The same for a training run."""
        previews = config.steps // config.sample_every
        compiled = [_("Networks are not compiled here: it takes minutes, and is faster on a GPU only.")]
        return [
            *_above(config.steps, self.training_steps, _("training steps are taken in one run")),
            *_above(config.batch, self.batch, _("images go into one batch")),
            *_above(config.size, self.picture_size, _("pixels along a side are trained on")),
            *_above(previews, self.previews, _("previews are drawn in one run"), _(": sample less often")),
            *(compiled if config.compile and not self.compiling else []),
        ]

    def check_evaluations(self, what: str, evaluations: int, fewer: str, most: int | None = None) -> None:
        """Raise ValueError with one sentence where something takes more network evaluations than one request may.

        Args:
            what: takes them, such as "This sweep".
            evaluations: so many.
            fewer: of what there could be fewer.
            most: that it may take anywhere.
        """
        most = min(self.network_evaluations, most or self.network_evaluations)
        if evaluations > most:
            raise ValueError(
                _(
                    "{what} takes {evaluations:,} network evaluations, and {most:,} are the most here: take fewer "
                    "{fewer}.",
                    what=what,
                    evaluations=evaluations,
                    most=most,
                    fewer=fewer,
                )
            )


def _above(value: int, most: int, what: str, advice: str = "") -> list[str]:
    return (
        [_("At most {most:,} {what} here, not {value:,}{advice}.", most=most, what=what, value=value, advice=advice)]
        if value > most
        else []
    )


LOCAL = Limits(
    images=1024,
    steps=1000,
    image_steps=2 * 1024 * 1000,
    training_steps=1_000_000,
    training_seconds=10**9,
    batch=1024,
    picture_size=512,
    previews=1_000_000,
    upload_megabytes=2300,
    compiling=True,
    network_evaluations=10**9,
)
"""On one's own machine: the bounds of recipes, configs and controls themselves."""

PUBLIC = Limits(
    images=16,
    steps=250,
    image_steps=4000,
    training_steps=3000,
    training_seconds=600,
    batch=64,
    picture_size=64,
    previews=50,
    upload_megabytes=20,
    compiling=False,
    network_evaluations=4000,
    of_labs={
        "guidance": {"steps": 100, "count": 8, "per_class": 8, "pictures": 2},
        "likelihood": {"pictures": 48},
        "microscope": {"steps": 250},
        "points": {"count": 2000, "particles": 1000, "steps": 100, "train_steps": 2000, "width": 128},
        "recorder": {"count": 10},
    },
)
"""For public mode on two shared cores: the largest request, guided digits, takes about 15 s on an idle machine."""
