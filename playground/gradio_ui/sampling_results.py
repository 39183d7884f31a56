"""The part of the Sampling page that fills while a sampler runs: progress, pictures, and what can be taken away."""

from __future__ import annotations

import asyncio
import base64
import html
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import components, page
from playground.gradio_ui.following import QUIET
from playground.labs.microscope import job
from playground.labs.sampling import job as lab
from playground.labs.sampling import text
from playground.labs.sampling.controls import Side
from playground.labs.sampling.job import FrameImages
from playground.labs.shared import models, pictures_html
from playground.labs.shared import text as common
from playground.policy.visitor import Visitor, visitor_of
from playground.serving.request_queue import Request, request_queue

POLL = 0.25
"""Seconds between two looks at a request."""
SIDES: tuple[Side, ...] = ("A", "B")


class Results:
    """What a tab's request has brought so far.

    Args:
        who: whose tab it is.
        stop: the button that ends it; it can be pressed while there is something to end.
    """

    def __init__(self, who: page.Identity, stop: gr.Button) -> None:
        self._who, self._stop = who, stop
        self._status = gr.HTML(page.status(text.PRESS_DRAW), elem_id="sampling-status", min_width=260)

    def draw(self) -> None:
        """Make the components where the caller's `with` stands."""
        self._timeline = components.timeline("sampling-timeline", empty_height=520)
        page.looking_at(text.LOOKING_AT)
        self._nearest = gr.HTML("", elem_id="sampling-nearest", apply_default_css=False)
        self._takeaways = []
        for side in SIDES:
            with gr.Accordion(text.take_away(""), open=False, visible=False) as accordion:
                files = gr.HTML("", apply_default_css=False, elem_id=f"sampling-files{side}")
                code = gr.Code(language="python", interactive=False, show_label=False)
            self._takeaways += [accordion, files, code]
        self._timeline.pick(_picked, self._who.both, self._nearest, **QUIET)

    def follow(self, cause: Dependency) -> None:
        """Show the tab's request from then on, until it has ended."""
        cause.then(
            _watched,
            self._who.both,
            [self._status, self._stop, self._timeline, self._nearest, *self._takeaways],
            trigger_mode="multiple",
            **QUIET,
        )


async def _watched(visitor: str, tab: str) -> AsyncIterator[list[Any]]:
    """The tab's request as it comes: small steps while it is drawn, then all of it once more."""
    request = request_queue().request(tab)
    if request is None:
        yield [page.status(text.PRESS_DRAW), gr.update(interactive=False), *[gr.skip()] * 8]
        return
    sent = 0
    totals = {trajectory.side: len(trajectory.kept) for trajectory in request.trajectories}
    while request.progress.status == "running":
        sides = {trajectory.side: request.frames(trajectory.side) for trajectory in request.trajectories}
        new = await asyncio.to_thread(_new, request.id, sides, totals, sent)
        value, sent = new if new else (gr.skip(), sent)
        yield [_running(request), gr.update(interactive=True), value, *[gr.skip()] * 7]
        await asyncio.sleep(POLL)
        if request_queue().request(tab) is not request:
            return  # another one has taken its place, and is followed by whoever asked for it
    yield await asyncio.to_thread(_ended, request, visitor_of(visitor))


def _new(
    request_id: str, sides: dict[Side, list[FrameImages]], totals: dict[Side, int], sent: int
) -> tuple[str, int] | None:
    """The frames that have come since `sent` were sent, and how many have been sent then."""
    if len(set(totals.values())) > 1:  # different numbers of steps: no common strip to add to, so all there is so far
        whole = lab.timeline(request_id, sides, pick=False)
        return (components.value(whole), sent) if whole else None
    new = lab.live_timeline(request_id, sides, totals, sent)
    return (components.value(new), new.first + len(new.positions)) if new else None


def _ended(request: Request, visitor: Visitor) -> list[Any]:
    progress = request.progress
    sides = {trajectory.side: request.frames(trajectory.side) for trajectory in request.trajectories}
    whole = lab.timeline(request.id, sides)
    off = gr.update(interactive=False)
    if progress.status == "failed":
        return [page.listed([progress.error], "error"), off, *[gr.skip()] * 8]
    if whole is None:
        return [page.status(text.STOPPED_EARLY), off, *[gr.skip()] * 8]
    word = "Stopped" if progress.status == "stopped" else "Done"
    said = f"{word} after {progress.done} of {progress.total} steps in {progress.seconds:.1f} s."
    return [
        page.status(said),
        off,
        components.value(whole),
        _about(request, visitor, "A", 0),
        *_takeaways(request),
    ]


def _running(request: Request) -> str:
    progress = request.progress
    if request.place:
        before = "You are next" if request.place == 1 else f"{request.place - 1} before you"
        return page.status(f"Waiting for room on this machine. {before} in the queue.", 0.0)
    left = f"about {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else "starting"
    return page.status(f"Step {progress.done} of {progress.total}, {left}", progress.done / progress.total)


def _picked(event: gr.EventData, visitor: str, tab: str) -> Any:
    """The training pictures nearest to the one that the reader has clicked."""
    pick = event._data.get("value") if isinstance(event._data, dict) else None
    request = request_queue().request(tab)
    if request is None or not isinstance(pick, dict) or pick.get("id") != request.id:
        return gr.skip()
    number = pick.get("picture")
    side: Side = "B" if str(pick.get("lane")).endswith("B") and len(request.trajectories) > 1 else "A"
    position = pick.get("position")
    number, position = (value if isinstance(value, int) else None for value in (number, position))
    return _about(request, visitor_of(visitor), side, number or 0, position)


def _about(request: Request, visitor: Visitor, side: Side, number: int, position: int | None = None) -> str:
    """The way to the Microscope with this picture, and the training pictures nearest to it."""
    return _microscope(request, visitor, side, number, position) + _nearest(request, side, number)


def _microscope(request: Request, visitor: Visitor, side: Side, number: int, position: int | None) -> str:
    frames, recipe = (
        request.frames(side),
        next(trajectory.recipe for trajectory in request.trajectories if trajectory.side == side),
    )
    if not frames or not 0 <= number < len(recipe.seeds):
        return ""
    frame = recipe.steps // 2 if position is None else frames[max(0, min(position, len(frames) - 1))].step
    classes = len(request.model.class_names) or models.classes_told_apart(recipe.classifier, visitor)
    try:
        link = urlencode(job.link_from_sampling(recipe, classes, number, frame))
    except ValueError:  # seeds and labels that no link has
        return ""
    label = text.under_microscope(number + 1, side if len(request.trajectories) > 1 else "")
    return f'<p><a class="dp-download" href="microscope?{html.escape(link)}">🔬 {label}</a></p>'


def _nearest(request: Request, side: Side, number: int) -> str:
    frames = request.frames(side)
    if not frames or not 0 <= number < len(frames[-1].x0):
        return ""
    sample = frames[-1].x0[number]
    found = lab.neighbours(request.model, sample)
    if not found:
        return ""
    row = [(sample, "this sample")]
    row += [(picture, f"{f'class {name}, ' if name else ''}distance {d:.0f}") for picture, name, d in found]
    compared = len(request.trajectories) > 1
    recipe = next(trajectory.recipe for trajectory in request.trajectories if trajectory.side == side)
    heading = text.nearest(number + 1, side if compared else "")
    about = common.looking_at(text.DISTANCE + lab.by_heart(recipe))
    return f'<div class="dp-card">{page.bold(heading)}{pictures_html.row(row)}<small>{page.bold(about)}</small></div>'


def _takeaways(request: Request) -> list[Any]:
    from engine.recipes.recipe import png_bytes

    shown: list[Any] = []
    trajectories = {trajectory.side: trajectory for trajectory in request.trajectories}
    for side in SIDES:
        if side not in trajectories or not request.frames(side):
            shown += [gr.update(visible=False), "", ""]
            continue
        recipe, name = trajectories[side].recipe, f"{request.id}{side}"
        png = png_bytes(request.frames(side)[-1].x0, recipe, zoom=4)
        files = [
            ("⬇️ Pictures (PNG, carries its recipe)", f"samples-{name}.png", "image/png", png),
            (
                "⬇️ Recipe (JSON)",
                f"recipe-{name}.json",
                "application/json",
                recipe.model_dump_json(exclude_defaults=True, indent=2).encode(),
            ),
        ]
        links = "".join(
            f'<a class="dp-download" download="{file}" href="data:{kind};base64,{base64.b64encode(data).decode()}">'
            f"{title}</a>"
            for title, file, kind, data in files
        )
        title = text.take_away(side if len(trajectories) > 1 else "")
        shown += [
            gr.update(visible=True, label=title),
            f'<div class="dp-downloads">{links}</div>',
            gr.update(value=recipe.python()),
        ]
    return shown
