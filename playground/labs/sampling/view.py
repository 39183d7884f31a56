"""What the Sampling lab shows, as data for both front ends: status, notices, timelines, nearest training images, exports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from engine.language import _
from playground.components.payloads.packing import nearest_index
from playground.components.payloads.panels import AlgorithmPanel
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.sampling import algorithm, comparison, text
from playground.labs.sampling.controls import SamplingSettings, Side
from playground.labs.sampling.job import Drawn, FrameImages, Images, SamplingJob
from playground.labs.sampling.recipes import open_recipes
from playground.labs.shared.exports import File
from playground.labs.shared.picture import proportion
from playground.labs.shared.view import JobView, Notice, job_view

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

Frames = Mapping[Side, Sequence[FrameImages]]
FPS = 15.0
MOST_LETTERS = 400
"""Of an error message that is shown."""


def frames_of(run: SamplingJob) -> dict[Side, list[FrameImages]]:
    """The frames so far of each side."""
    return {side: run.frames(side) for side in run.recipes}


# --- settings and status --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SettingsView:
    """What Draw would draw, and what there is to say about the settings.

    drawing: the model, and the recipe of each side; None where nothing can be drawn, and the notices say why.
    """

    drawing: tuple[Model, dict[Side, Recipe]] | None
    notices: tuple[Notice, ...] = ()


def settings_view(controls: SamplingSettings, visitor: Visitor, run: SamplingJob | None) -> SettingsView:
    """The view of these settings; `run` has the images on the page."""
    try:
        drawing = open_recipes(controls, visitor)
    except ValueError as problem:
        return SettingsView(None, (Notice("error", str(problem)[:MOST_LETTERS]),))
    has_changed = run is not None and run.recipes != drawing[1]
    return SettingsView(drawing, (Notice("info", text.CHANGED),) if has_changed else ())


def run_view(run: SamplingJob | None, *, can_start: bool = True) -> JobView:
    """The buttons and the status line of a run; None before the first. `can_start`: whether the settings allow it."""
    state = None if run is None else run.state
    view = job_view(state, start=f"🎲 {text.START}", unit=text.WHAT, idle=text.PRESS_START, can_start=can_start)
    if run is None or view.error:
        return view
    if view.facts.get("state") == "finished" and (accuracy := run.accuracy) is not None:
        view = replace(view, facts={**view.facts, "accuracy": accuracy})
    if run.place:
        return replace(view, status=text.waiting(run.place), fraction=0.0)
    is_empty = view.fraction is None and not any(frames_of(run).values())
    return replace(view, status=text.STOPPED_EARLY) if is_empty else view


# --- timelines ------------------------------------------------------------------------------------------------------


def run_timeline(run: SamplingJob) -> Timeline | None:
    """All frames of a run that has ended; where it was stopped, the playhead stands before the end."""
    frames = frames_of(run)
    leader = max(frames, key=lambda side: len(frames[side]))
    return timeline(run.id, frames, titles=run.titles, total=run.totals[leader], run=run)


def timeline(
    timeline_id: str,
    sides: Frames,
    *,
    pick: bool = True,
    autoplay: bool = False,
    titles: Mapping[Side, str] | None = None,
    total: int | None = None,
    run: SamplingJob | None = None,
) -> Timeline | None:
    """All frames on one playhead; where two sides have different steps, each shows its nearest t. None without frames.

    titles: of each side where two are compared. total: positions that the whole trajectory has. run: its algorithm is shown.
    """
    sides = {side: frames for side, frames in sides.items() if frames}
    if not sides:
        return None
    leader = max(sides.values(), key=len)
    way = [images.t / leader[0].t for images in leader]
    # By t / T, since the sides may have schedules of different T.
    index = {side: nearest_index(way, [images.t / frames[0].t for images in frames]) for side, frames in sides.items()}
    lanes, captions = _lanes(sides, index=index, titles=titles or {}), tuple[str, ...]()
    if len(sides) > 1:
        difference, captions = comparison.difference(
            {side: [one.x0 for one in frames] for side, frames in sides.items()}, index
        )
        lanes = (*lanes, difference)
    return Timeline(
        timeline_id,
        lanes,
        _positions(leader),
        captions,
        _algorithm(run, sides, index),
        total=total,
        start_at="first" if autoplay else "last",
        autoplay=autoplay,
        fps=FPS,
        pick=pick,
        label=text.TIMELINE,
    )


def live_timeline(
    timeline_id: str,
    sides: Frames,
    total: Mapping[Side, int],
    sent: int,
    titles: Mapping[Side, str] | None = None,
    run: SamplingJob | None = None,
) -> Timeline | None:
    """The frames after the first `sent`, for the browser to add to those it has. None where there are none.

    Both sides must have as many kept steps, `total`; where they have not, there is no common strip to add to.
    """
    ready = min(len(frames) for frames in sides.values())
    if ready <= sent or len(set(total.values())) > 1:
        return None
    new = {side: frames[sent:ready] for side, frames in sides.items()}
    return Timeline(
        timeline_id,
        _lanes(new, first=sent, titles=titles or {}),
        _positions(next(iter(new.values()))),
        panels=_algorithm(run, new, {side: range(len(frames)) for side, frames in new.items()}),
        live=True,
        first=sent,
        total=next(iter(total.values())),
        fps=FPS,
        label=text.TIMELINE,
    )


def growing_timeline(run: SamplingJob, sent: int) -> tuple[Timeline | None, int]:
    """What is new of a run since `sent` positions were sent, None for nothing, and how many have been sent with it."""
    sides = frames_of(run)
    if len(set(run.totals.values())) > 1:
        return timeline(run.id, sides, pick=False, titles=run.titles, run=run), sent
    new = live_timeline(run.id, sides, run.totals, sent, run.titles, run)
    return (new, new.first + len(new.positions)) if new is not None else (None, sent)


def _algorithm(
    run: SamplingJob | None, sides: Frames, index: Mapping[Side, Sequence[int]]
) -> tuple[AlgorithmPanel, ...]:
    """The algorithm of a run; `index`: of each side the frame at each position."""
    if run is None:
        return ()
    shown = {side: [frames[i].step for i in index[side]] for side, frames in sides.items()}
    return algorithm.panels(run.recipes, run.steps, shown)


def _positions(frames: Sequence[FrameImages]) -> tuple[Position, ...]:
    return tuple(Position(images.t, _("step {step}, t = {t}", step=images.step, t=images.t)) for images in frames)


def _lanes(
    sides: Frames, *, titles: Mapping[Side, str], first: int = 0, index: dict[Side, tuple[int, ...]] | None = None
) -> tuple[Lane, ...]:
    """Three lanes for each side; `first` and `index` as in `Lane.of_pictures`."""
    is_compared = len(sides) > 1
    return tuple(
        Lane.of_pictures(
            f"{name}{side}" if is_compared else name,
            title,
            [getattr(images, name) for images in frames],
            first=first,
            index=_index(name, frames, first, None if index is None else index[side]),
            width_over_height=proportion(len(frames[0].x)),
            help=help_text,
            group=side if is_compared else "",
            group_title=titles.get(side, "") if is_compared else "",
        )
        for name, (title, help_text) in text.LANES.items()
        for side, frames in sides.items()
    )


def _index(name: str, frames: Sequence[FrameImages], first: int, index: tuple[int, ...] | None) -> tuple[int, ...]:
    """The tile of each position; nothing is predicted at t = 0, so ε̂ stays that of the last step there."""
    index = tuple(range(first, first + len(frames))) if index is None else index
    last = first + len(frames) - 1
    if name != "noise" or frames[-1].t or last < 1:
        return index
    return tuple(min(number, last - 1) for number in index)


# --- one image, and what gives the images again --------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """An image that the reader has chosen: its side and number, and the frame that was shown then."""

    side: Side
    number: int
    position: int | None = None
    """Number of the frame; None where none was chosen."""


def choice_of(run: SamplingJob, lane: object, number: object, position: object) -> Choice | None:
    """What was clicked in the timeline, as it came from the browser; None where there is no such image."""
    side: Side = "B" if str(lane).endswith("B") and "B" in run.recipes else "A"
    frames = run.frames(side)
    if not isinstance(number, int) or not frames or not 0 <= number < len(frames[-1].x0):
        return None
    return Choice(side, number, max(0, min(position, len(frames) - 1)) if isinstance(position, int) else None)


def side_in_words(run: Drawn, side: Side) -> str:
    """The side where two are compared, else ""."""
    return side if len(run.recipes) > 1 else ""


@dataclass(frozen=True, eq=False)
class Nearest:
    """An image and the training images nearest to it, each with its caption."""

    heading: str
    images: tuple[tuple[Images, str], ...]
    about: str


def nearest(run: Drawn, choice: Choice) -> Nearest | None:
    """The training images nearest to a sample; None where they are unknown or too many."""
    sample = run.frames(choice.side)[-1].x0[choice.number]
    found = nearest_training_images(run.model, sample)
    if not found:
        return None
    captions = [
        _("class {name}, distance {distance:.0f}", name=name, distance=distance)
        if name
        else _("distance {distance:.0f}", distance=distance)
        for _image, name, distance in found
    ]
    training = ((image, caption) for (image, *_), caption in zip(found, captions, strict=True))
    return Nearest(
        text.nearest(choice.number + 1, side_in_words(run, choice.side)),
        ((sample, text.sample(run.frames(choice.side)[-1].t)), *training),
        text.DISTANCE + memorization(run.recipes[choice.side]),
    )


def nearest_training_images(model: Model, image: Images, k: int = 5) -> list[tuple[Images, str, float]]:
    """The k training images nearest to one image: (image, its class, root mean square distance on the scale 0 … 255).

    Args:
        model: whose training images to search; the result is empty where they are unknown or too many.
        image: uint8, shape (H, W, C).
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
        data = sized(whole, len(image), upsampling=True).training
    except DataError:  # they were prepared elsewhere, or are no longer here
        return []
    if data.images.size > MOST_NUMBERS or data.images.shape[1:] != image.shape:
        return []
    distances, numbers = nearest_neighbours(torch.tensor(image[None]), torch.tensor(data.images), k)
    per_pixel = (distances[0] / image.size**0.5).tolist()
    return [
        (data.images[i], data.class_names[data.labels[i]] if data.class_names else "", distance)
        for i, distance in zip(numbers[0].tolist(), per_pixel, strict=True)
    ]


def memorization(recipe: Recipe) -> str:
    """What a small distance to a training image means for the samples of this recipe."""
    if not recipe.model.startswith("ideal:"):
        return text.MEMORIZED
    return text.smoothed(recipe.smoothing) if recipe.smoothing else text.MEMORIZED_BY_IDEAL


@dataclass(frozen=True)
class Tab:
    """One way to the pixels of a result: a title, a sentence, and a text to copy, "" for none."""

    title: str
    note: str
    code: str
    language: Literal["json", "python"]


@dataclass(frozen=True)
class Export:
    """What gives the images of one side again: files, and a tab for each way."""

    side: Side
    heading: str
    files: tuple[File, ...]
    tabs: tuple[Tab, ...]
    """Of `text.TABS`, in that order; the files belong to the first."""


def exports(run: SamplingJob) -> list[Export]:
    """Of each side that has frames."""
    made = []
    for side, recipe in run.recipes.items():
        if frames := run.frames(side):
            is_whole, name = frames[-1].t == 0, f"{run.id}{side}"
            pictures = _pictures(frames[-1], recipe if is_whole else None, name)
            made.append(_export(run.model, run.recipes, side, name, pictures, is_whole=is_whole))
    return made


def exports_without_pictures(model: Model, recipes: dict[Side, Recipe]) -> list[Export]:
    """Of each side; its pictures are in the reader's browser, which saves them itself."""
    return [_export(model, recipes, side, side) for side in recipes]


def _pictures(last: FrameImages, recipe: Recipe | None, name: str) -> File:
    from engine.recipes.recipe import png_bytes

    title = text.PNG if recipe is not None else text.PNG_STOPPED
    return File(title, f"samples-{name}.png", "image/png", png_bytes(last.x0, recipe, zoom=4))


def _export(
    model: Model, recipes: dict[Side, Recipe], side: Side, name: str, *files: File, is_whole: bool = True
) -> Export:
    from engine.recipes.scripts.plain import plain_pytorch
    from engine.recipes.scripts.schedulers import with_diffusers

    recipe = recipes[side]
    record = json_of(recipe)
    files = (
        *files,
        File(text.RECIPE, f"recipe-{name}.json", "application/json", record.encode()),
        File(text.PYTHON, f"recipe-{name}.py", "text/x-python", recipe.python().encode()),
    )
    plain, theirs = plain_pytorch(recipe, model), with_diffusers(recipe, model)
    recipe_tab, plain_tab, their_tab = text.TABS
    tabs = (
        Tab(recipe_tab, text.RECIPE_NOTE if is_whole else text.RECIPE_NOTE_STOPPED, record, "json"),
        Tab(plain_tab, plain.note, plain.code, "python"),
        Tab(their_tab, theirs.note, theirs.code, "python"),
    )
    return Export(side, text.again(side if len(recipes) > 1 else ""), files, tabs)


def json_of(recipe: Recipe) -> str:
    """Every field, a line each, defaults written out."""
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in recipe.model_dump(mode="json").items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
