"""How much one visitor may ask for: what is the reader's own machine's business, and what strangers get on a shared one.

Nothing here is enforced by itself. A front end bounds its controls by `highest`, says so beside them with `note`, and refuses
what comes in by another way, a link, a file or the API, with the sentences of `problems`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playground.labs.sampling.controls import SamplingControls, SamplingSettings

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from engine.training.config import TrainConfig
    from playground.labs.training.controls import TrainingControls


@dataclass(frozen=True)
class Limits:
    """The most of everything, ends included. Whole numbers."""

    images: int
    """Drawn together by one request, in the page."""
    api_images: int
    """The same in one call of the API."""
    steps: int
    """From noise to picture."""
    image_steps: int
    """Images × steps of one request, over both sides of a comparison."""
    training_steps: int
    training_seconds: int
    """How long one run may train; it is stopped then, and keeps what it has learned."""
    batch: int
    """Pictures in one step of training."""
    picture_size: int
    """Pixels along a side of the pictures that are trained on."""
    looks: int
    """Samples and measurements on the way, over one run."""
    upload_megabytes: int
    """Of one file; a megabyte has 10⁶ bytes."""
    upload_pictures: int
    """In one folder or archive that is prepared for training."""
    compiling: bool
    """Whether torch.compile may be asked for, which keeps the machine busy for minutes before the first step."""
    network_looks: int
    """Noisy pictures that networks are asked about by one request of a lab that counts them before it begins: a sweep, what
    guidance costs, a bound. Both halves of guidance count."""
    of_labs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Upper ends of the controls of the other labs, by the lab and the control; what is not named keeps its own range."""

    def problems(
        self, wanted: Recipe | SamplingControls | TrainConfig | TrainingControls, *, api: bool = False
    ) -> list[str]:
        """One sentence for each value that is too large here; none where all may be done.

        Args:
            wanted: what somebody asks for, already checked by itself.
            api: whether it came by the API.
        """
        if isinstance(wanted, SamplingSettings):
            return list(self._of_controls(wanted))
        if hasattr(wanted, "seeds"):
            return list(
                self._of_drawing(len(wanted.seeds), {"": wanted.steps}, self.api_images if api else self.images)
            )
        return list(self._of_training(wanted))

    def highest(self) -> dict[str, int]:
        """The upper end of each control of the Sampling lab that is bounded, by its name: count, steps, b_steps."""
        return _held({"count": self.images, "steps": self.steps, "b_steps": self.steps}, SamplingControls)

    def highest_of_training(self) -> dict[str, int]:
        """The same for the Training lab: steps, batch, at_once, size."""
        from playground.labs.training.controls import TrainingControls

        most = {"steps": self.training_steps, "batch": self.batch, "at_once": self.batch, "size": self.picture_size}
        return _held(most, TrainingControls)

    def note(self, control: str, *, training: bool = False) -> str:
        """What to say beside a control of the Sampling lab, or of the Training lab; "" where its range is not narrowed."""
        from playground.labs.training.controls import TrainingControls

        model, highest = (
            (TrainingControls, self.highest_of_training()) if training else (SamplingControls, self.highest())
        )
        if control not in highest or highest[control] >= _own_range(model, control):
            return ""
        return f"At most {highest[control]:,} here, since many share this machine."

    # --- the sentences --------------------------------------------------------------------------------------------

    def _of_controls(self, controls: SamplingSettings) -> Iterator[str]:
        steps = {"": controls.steps}
        if controls.compare:
            steps["B"] = getattr(controls, "b_steps")  # noqa: B009  (a field that is made, see SamplingControls)
        yield from self._of_drawing(controls.count, steps, self.images)

    def _of_drawing(self, images: int, steps: dict[str, int], most_images: int) -> Iterator[str]:
        yield from _above(images, most_images, "images are drawn together")
        for side, value in steps.items():
            yield from _above(value, self.steps, f"steps are taken{f' for {side}' if side else ''}")
        if images <= most_images and all(value <= self.steps for value in steps.values()):
            work = images * sum(steps.values())
            yield from _above(
                work, self.image_steps, "steps of single images (images × steps) are taken for one request"
            )

    def _of_training(self, config: TrainConfig | TrainingControls) -> Iterator[str]:
        yield from _above(config.steps, self.training_steps, "training steps are taken in one run")
        yield from _above(config.batch, self.batch, "pictures go into one batch")
        yield from _above(config.size, self.picture_size, "pixels along a side are trained on")
        looks = config.steps // getattr(config, "sample_every", config.steps)
        yield from _above(looks, self.looks, "looks are taken at one run", ": sample less often")
        if config.compile and not self.compiling:
            yield "Networks are not compiled here: it keeps the machine busy for minutes, and pays on a GPU only."


def _above(value: int, most: int, what: str, advice: str = "") -> Iterator[str]:
    if value > most:
        yield f"At most {most:,} {what} here, not {value:,}{advice}."


def _held(most: dict[str, int], model: type[SamplingControls] | type[TrainingControls]) -> dict[str, int]:
    """What is bounded, but never more than the control's own range."""
    return {name: min(value, _own_range(model, name)) for name, value in most.items()}


def _own_range(model: type[SamplingControls] | type[TrainingControls], name: str) -> int:
    return next(bound.le for bound in model.model_fields[name].metadata if hasattr(bound, "le"))


LOCAL = Limits(
    images=1024,
    api_images=1024,
    steps=1000,
    image_steps=2 * 1024 * 1000,
    training_steps=1_000_000,
    training_seconds=10**9,
    batch=1024,
    picture_size=512,
    looks=1_000_000,
    upload_megabytes=2300,
    upload_pictures=10**9,
    compiling=True,
    network_looks=10**9,
)
"""On one's own machine: all that recipes, configs and controls can say at all."""

PUBLIC = Limits(
    images=16,
    api_images=16,
    steps=250,
    image_steps=4000,
    training_steps=3000,
    training_seconds=600,
    batch=64,
    picture_size=64,
    looks=50,
    upload_megabytes=20,
    upload_pictures=5000,
    compiling=False,
    network_looks=4000,
    of_labs={
        "guidance": {"steps": 100, "count": 8, "per_class": 8, "pictures": 2},
        "likelihood": {"pictures": 48},
        "microscope": {"steps": 250},
        "points": {"count": 2000, "particles": 1000, "steps": 100, "train_steps": 2000, "width": 128},
        "recorder": {"count": 10},
    },
)
"""For strangers on two shared cores: they draw the most digits, guided, in about 15 s where nobody else draws."""
