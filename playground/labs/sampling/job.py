"""The Sampling lab: from noise to pictures, step by step, one setting or two of them on the same noise."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from playground.components.payloads.packing import nearest_index
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.sampling.controls import Side
from playground.labs.shared.job import INTERNAL_ERROR
from playground.policy import mode

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from engine.sampling import Frame

MAX_POSITIONS = 120
"""Of a longer walk, this many evenly spaced frames are kept: memory does not grow with the number of steps."""

NOISE_RANGE = 3.0
"""ε̂ is shown from −3 to 3: all but 0.3 % of N(0, 1)."""

Pictures = npt.NDArray[np.uint8]
Status = Literal["running", "finished", "stopped", "failed"]


@dataclass(frozen=True, eq=False)
class FrameImages:
    """One kept frame as pictures."""

    step: int
    t: int
    x: Pictures
    x0: Pictures
    noise: Pictures


@dataclass(eq=False)
class Trajectory:
    """One side of a job: its recipe and the frames that there are so far."""

    side: Side
    recipe: Recipe
    kept: frozenset[int]
    """Numbers of the steps that are shown."""
    frames: list[FrameImages] = field(default_factory=list)
    steps_done: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    status: Status
    done: int
    total: int
    seconds: float
    seconds_left: float | None
    error: str


class SamplingJob:
    """Draws in a thread of its own; the page looks at it whenever it likes. Stops within one step of being asked.

    The network is asked together with whatever other jobs ask of it, see `engine.runtime.batching`.

    Args:
        model: what to ask.
        wanted: the recipe of each side. All sides advance together, so that both can be watched.
        begin: at once; else nothing is computed before `begin` is called.
        on_end: called in the thread of the job when that has nothing more to do.
        frames: carries a recipe out, where that is not done in this process; by default `Recipe.frames`.

    Raises:
        RecipeError, ModelError: where a recipe does not fit the model.
    """

    def __init__(
        self,
        job_id: str,
        model: Model,
        wanted: dict[Side, Recipe],
        *,
        begin: bool = True,
        on_end: Callable[[], None] | None = None,
        frames: Callable[[Recipe, Model], Iterator[Frame]] | None = None,
    ) -> None:
        from engine.runtime.batching import batched

        self.id = job_id
        self.model = model
        self.trajectories = [Trajectory(side, recipe, _kept_steps(recipe.steps), []) for side, recipe in wanted.items()]
        self._stop = threading.Event()
        asked = replace(model, denoiser=batched(model.denoiser, self._stop))
        carry_out = frames or (lambda recipe, model: recipe.frames(model))
        self._streams: list[Iterator[Frame]] = [carry_out(recipe, asked) for recipe in wanted.values()]
        self._on_end = on_end
        self._lock = threading.Lock()
        self._status: Status = "running"
        self._error = ""
        self._began = time.perf_counter()
        self._ended: float | None = None
        context = copy_context()  # whose request this is: where a GPU is lent, it is lent to that visitor
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="sampling", daemon=True)
        if begin:
            self.begin()

    def begin(self) -> None:
        """Start drawing, once."""
        self._began = time.perf_counter()
        self._thread.start()

    def stop(self) -> None:
        """End it. What there is stays; a step that is being computed right now is dropped when it comes out."""
        self._stop.set()
        self._end("stopped")

    def wait(self, timeout: float | None = None) -> None:
        """Block until it has ended. Raises RuntimeError where it has not begun."""
        self._thread.join(timeout)

    @property
    def progress(self) -> Progress:
        """How far it is, and how long it will take if it goes on like that."""
        with self._lock:
            done = sum(trajectory.steps_done for trajectory in self.trajectories)
            total = sum(trajectory.recipe.steps for trajectory in self.trajectories)
            seconds = (self._ended or time.perf_counter()) - self._began
            left = seconds / done * (total - done) if done and self._status == "running" else None
            return Progress(self._status, done, total, seconds, left, self._error)

    def frames(self, side: Side = "A") -> list[FrameImages]:
        """The frames so far, the noise first."""
        with self._lock:
            return next((list(trajectory.frames) for trajectory in self.trajectories if trajectory.side == side), [])

    def _run(self) -> None:
        try:
            self._draw()
            self._end("finished")
        except Exception as problem:  # whatever happens in the thread, the reader is told
            if not self._stop.is_set():
                traceback.print_exc()
            self._end("failed", INTERNAL_ERROR if mode.is_public() else f"This ended with an internal error: {problem}")
        finally:
            self._streams.clear()  # what they hold of the network's tensors is of no more use
            if self._on_end is not None:
                self._on_end()

    def _draw(self) -> None:
        pending = list(zip(self.trajectories, self._streams, strict=True))
        while pending and not self._stop.is_set():
            # The side that is further behind goes next, so that both arrive together.
            trajectory, stream = min(pending, key=lambda pair: pair[0].steps_done / pair[0].recipe.steps)
            frame = next(stream, None)
            if self._stop.is_set():
                return
            if frame is None:
                pending.remove((trajectory, stream))
                continue
            images = images_of(frame) if frame.step in trajectory.kept else None
            with self._lock:
                if self._status != "running":
                    return
                trajectory.steps_done = frame.step
                if images is not None:
                    trajectory.frames.append(images)

    def _end(self, status: Status, error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._error, self._ended = status, error, time.perf_counter()


def _kept_steps(steps: int) -> frozenset[int]:
    return frozenset(np.linspace(0, steps, min(steps, MAX_POSITIONS) + 1).round().astype(int).tolist())


def images_of(frame: Frame) -> FrameImages:
    """A frame of the sampler as pictures."""
    from engine.data.pixels import to_uint8

    return FrameImages(frame.step, frame.t, to_uint8(frame.x), to_uint8(frame.x0), to_uint8(frame.noise / NOISE_RANGE))


LANES = {
    "x": ("<i>x</i><sub>t</sub>, the noisy picture", "What is being denoised; the result at t = 0."),
    "x0": (
        "<i>x̂</i><sub>0</sub>, the guess",
        "What the model thinks is underneath this <i>x</i><sub>t</sub>.",
    ),
    "noise": ("<i>ε̂</i>, the noise it sees", "What it would take away; grey is 0."),
}
"""Title and explanation of the three lanes."""

FPS = 15.0
LABEL = "Sampling, from noise to picture"


def neighbours(model: Model, picture: Pictures, k: int = 5) -> list[tuple[Pictures, str, float]]:
    """The k training pictures nearest to one picture: (picture, its class, distance per pixel on the scale 0 … 255).

    Args:
        model: whose training pictures to search; nothing is found where they are unknown or very many.
        picture: uint8, shape (H, W, C).
    """
    import torch

    from engine.data import catalogue
    from engine.data.image_set import DataError
    from engine.data.prepared import MOST_NUMBERS
    from engine.data.sizes import sized
    from engine.evaluation.metrics import nearest_neighbours

    if not model.data:
        return []
    try:
        whole = catalogue.load(model.data)
        data = sized(whole, len(picture), upsampling=True).training
    except DataError:  # they were prepared elsewhere, or are no longer here
        return []
    if data.images.size > MOST_NUMBERS or data.images.shape[1:] != picture.shape:
        return []
    distances, numbers = nearest_neighbours(torch.tensor(picture[None]), torch.tensor(data.images), k)
    per_pixel = (distances[0] / picture.size**0.5).tolist()  # root mean square
    return [
        (data.images[i], data.class_names[data.labels[i]] if data.class_names else "", distance)
        for i, distance in zip(numbers[0].tolist(), per_pixel, strict=True)
    ]


def by_heart(recipe: Recipe) -> str:
    """What a small distance to a training picture means for the pictures of this recipe."""
    if not recipe.model.startswith("ideal:"):
        return "A sample at a distance of (nearly) 0 was learned by heart."
    if not recipe.smoothing:
        return (
            "A sample at a distance of 0 was learned by heart, and the ideal denoiser knows nothing else. **Smoothing** in the "
            "sidebar takes it away from there."
        )
    return (
        f"With a smoothing of {recipe.smoothing:g} the ideal denoiser ends about {recipe.smoothing * 127.5:.0f} away from a "
        "training picture (less where clipping takes some of it back), in a direction of chance. So it no longer copies, but "
        "among so many pixels a direction of chance is noise: a network makes new digits because it generalises in "
        "another way than that."
    )


def timeline(
    timeline_id: str, sides: dict[Side, list[FrameImages]], *, pick: bool = True, autoplay: bool = False
) -> Timeline | None:
    """All frames on one playhead; where two sides have different steps, each shows its nearest t. None without frames."""
    sides = {side: frames for side, frames in sides.items() if frames}
    if not sides:
        return None
    leader = max(sides.values(), key=len)
    way = [images.t / leader[0].t for images in leader]
    # By the share of the way, since the sides may walk on schedules of different T.
    index = {side: nearest_index(way, [images.t / frames[0].t for images in frames]) for side, frames in sides.items()}
    return Timeline(
        timeline_id,
        _lanes(sides, index=index),
        _positions(leader),
        start_at="first" if autoplay else "last",
        autoplay=autoplay,
        fps=FPS,
        pick=pick,
        label=LABEL,
    )


def live_timeline(
    timeline_id: str, sides: dict[Side, list[FrameImages]], total: dict[Side, int], sent: int
) -> Timeline | None:
    """What is new since `sent` positions were sent, for the browser to add to what it has. None where nothing is.

    Both sides must have as many kept steps; where they have not, the comparison is shown when it is complete.
    """
    ready = min(len(frames) for frames in sides.values())
    if ready <= sent or len(set(total.values())) > 1:
        return None
    new = {side: frames[sent:ready] for side, frames in sides.items()}
    return Timeline(
        timeline_id,
        _lanes(new, first=sent),
        _positions(next(iter(new.values()))),
        live=True,
        first=sent,
        total=next(iter(total.values())),
        fps=FPS,
        label=LABEL,
    )


def _positions(frames: list[FrameImages]) -> tuple[Position, ...]:
    return tuple(Position(images.t, f"step {images.step}, t = {images.t}") for images in frames)


def _lanes(
    sides: dict[Side, list[FrameImages]], *, first: int = 0, index: dict[Side, tuple[int, ...]] | None = None
) -> tuple[Lane, ...]:
    """Three lanes for each side; `first` and `index` as in `Lane.of_pictures`."""
    compared = len(sides) > 1
    return tuple(
        Lane.of_pictures(
            f"{name}{side}" if compared else name,
            title,
            [getattr(images, name) for images in frames],
            first=first,
            index=None if index is None else index[side],
            width_over_height=proportion(len(frames[0].x)),
            help=help_text,
            group=side if compared else "",
        )
        for name, (title, help_text) in LANES.items()
        for side, frames in sides.items()
    )


def proportion(images: int) -> float:
    """Width over height of the block of pictures: about square, but wider where that leaves no cell empty."""
    rows = max((rows for rows in range(1, images + 1) if images % rows == 0 and rows * rows <= images), default=1)
    return images / rows**2 if images / rows**2 <= 2.5 else 1.0
