"""The part of the Sampling page that fills while a sampler runs: progress, images, and what gives them again."""

from __future__ import annotations

import asyncio
import html
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import components, page
from playground.gradio_ui.following import QUIET
from playground.labs.microscope import link
from playground.labs.sampling import text, view
from playground.labs.sampling.controls import Side
from playground.labs.shared import exports, pictures_html
from playground.labs.shared import text as common
from playground.policy.visitor import Visitor, visitor_of
from playground.serving.request_queue import Request, request_queue

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.labs.sampling.job import Drawn

POLL = 0.25
"""Seconds between two updates of a request."""
SIDES: tuple[Side, ...] = ("A", "B")
CODE_LINES = 24
"""A longer program scrolls."""
OF_SIDE = 3 + 2 * len(text.TABS)
"""Components of one side: a column, its heading, files, and a note and a text for each tab."""
OUTPUTS = 4 + OF_SIDE * len(SIDES)
"""Status, Stop, timeline, nearest images, and what gives the images of each side again."""
UNCHANGED: list[Any] = [gr.skip()] * OUTPUTS


class Results:
    """What a tab's request has brought so far.

    Args:
        who: whose tab it is.
        stop: the button that ends it; it can be pressed while there is something to end.
        here: where the reader samples; its `place` is "browser" where this page shows no request.
    """

    def __init__(self, who: page.Identity, stop: gr.Button, here: gr.State) -> None:
        self._who, self._stop, self._here = who, stop, here
        self._status = gr.HTML(page.job_status(view.run_view(None)), elem_id="sampling-status", min_width=260)

    def draw(self) -> None:
        """Make the components where the caller's `with` stands."""
        self._timeline = components.component("timeline", "sampling-timeline")
        page.looking_at(text.LOOKING_AT)
        self.nearest = gr.HTML("", elem_id="sampling-nearest", apply_default_css=False)
        self._exports = [component for side in SIDES for component in _draw_export(side)]
        self._timeline.pick(_picked, self._who.both, self.nearest, **QUIET)

    @property
    def outputs(self) -> list[Any]:
        """All of them, once they are drawn."""
        return [self._status, self._stop, self._timeline, self.nearest, *self._exports]

    def follow(self, cause: Dependency) -> None:
        """Show the tab's request from then on, until it has ended."""
        cause.then(_watched, [*self._who.both, self._here], self.outputs, trigger_mode="multiple", **QUIET)


async def _watched(visitor: str, tab: str, here: Any) -> AsyncIterator[list[Any]]:
    """The tab's request as it comes: new frames while it runs, then all of it again."""
    request, who = request_queue().request(tab), visitor_of(visitor)
    if request is None and here.place != "server":  # the reader's browser samples, or it is not known yet
        yield UNCHANGED
        return
    if request is None:
        yield _outputs(request)
        return
    sent = 0
    while request.state.is_running:
        new, sent = await asyncio.to_thread(view.growing_timeline, request, sent)
        yield _outputs(request, gr.skip() if new is None else components.value(new))
        await asyncio.sleep(POLL)
        if request_queue().request(tab) is not request:
            return  # another one has taken its place, and has a follower of its own
    if request_queue().request(tab) is request:
        yield await asyncio.to_thread(_ended, request, who)


def _outputs(request: Request | None, *more: Any) -> list[Any]:
    """Values for all outputs; what is not given stays."""
    shown = view.run_view(request)
    given = [page.job_status(shown), gr.update(interactive=shown.stop.is_enabled), *more]
    return [*given, *[gr.skip()] * (OUTPUTS - len(given))]


def _ended(request: Request, visitor: Visitor) -> list[Any]:
    whole = view.run_timeline(request)
    if request.state.error or whole is None:
        return _outputs(request)
    chosen = about(request, view.Choice("A", 0), visitor)
    return _outputs(request, components.value(whole), chosen, *_exports(view.exports(request)))


def in_browser(drawing: tuple[Model, dict[Side, Recipe]] | None) -> list[Any]:
    """Values for all outputs where the reader's browser has the images: what gives them again."""
    made = view.exports_without_pictures(*drawing) if drawing is not None else []
    return ["", gr.update(interactive=False), components.value(None), "", *_exports(made)]


def _picked(event: gr.EventData, visitor: str, tab: str) -> Any:
    """The image that the reader has clicked."""
    pick, request = components.event_value(event), request_queue().request(tab)
    if request is None or not isinstance(pick, dict) or pick.get("id") != request.id:
        return gr.skip()
    choice = view.choice_of(request, pick.get("lane"), pick.get("picture"), pick.get("position"))
    return "" if choice is None else about(request, choice, visitor_of(visitor))


def about(request: Drawn, choice: view.Choice, visitor: Visitor) -> str:
    """The way to the Microscope with this image, and the training images nearest to it."""
    opening, nearest = link.link_of(request, choice, visitor), view.nearest(request, choice)
    made = ""
    if opening is not None:
        address = html.escape(urlencode(opening.parameters))
        made += f'<p><a class="dp-download" href="microscope?{address}">🔬 {opening.label}</a></p>'
    if nearest is not None:
        images, about = pictures_html.row(nearest.images), page.bold(common.looking_at(nearest.about))
        made += (
            f'<div class="dp-card">{page.bold(nearest.heading)}{images}<div class="dp-looking-at">{about}</div></div>'
        )
    return made


def _draw_export(side: Side) -> list[gr.blocks.Block]:
    """The three ways to the same pixels, a tab each: `OF_SIDE` components."""
    with gr.Column(visible=False, elem_id=f"sampling-export{side}") as column:
        heading = gr.HTML("", apply_default_css=False)
        made: list[gr.blocks.Block] = []
        with gr.Tabs():
            for number, title in enumerate(text.TABS):
                with gr.Tab(title):
                    if not number:
                        files = gr.HTML("", apply_default_css=False, elem_id=f"sampling-files{side}")
                    note = gr.HTML("", apply_default_css=False)
                    code = gr.Code(
                        language="python" if number else "json",
                        interactive=False,
                        show_label=False,
                        max_lines=CODE_LINES,
                        buttons=["copy"],
                    )
                    made += [note, code]
    return [column, heading, files, *made]


def _exports(made: list[view.Export]) -> list[Any]:
    """Values for the components of all sides."""
    there = {one.side: one for one in made}
    shown: list[Any] = []
    for side in SIDES:
        if side not in there:
            shown += [gr.update(visible=False), *[gr.skip()] * (OF_SIDE - 1)]
            continue
        one = there[side]
        shown += [gr.update(visible=True), page.bold(one.heading), exports.links(one.files)]
        for tab in one.tabs:
            shown += [
                f'<div class="dp-looking-at">{page.bold(tab.note)}</div>',
                gr.update(value=tab.code, visible=bool(tab.code)),
            ]
    return shown
