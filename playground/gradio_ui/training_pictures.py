"""The images of the next run on the Training page, what a run costs, and the events that keep both up to date."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from engine.language import _
from playground import preload
from playground.gradio_ui import live, page, training_html, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_prepare import PreparePart
from playground.labs.shared import pictures_html
from playground.labs.shared import text as common
from playground.labs.shared.controls import from_link, to_link
from playground.labs.training import estimate, pictures_view, sources
from playground.labs.training import pictures_text as text
from playground.labs.training import text as training_text
from playground.labs.training.controls import TrainingControls
from playground.policy import mode
from playground.policy.visitor import Visitor

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

CLOSE = """
(...values) => { document.querySelector("#training-pictures details")?.removeAttribute("open"); return values; }
"""
"""JavaScript for the event that starts a run: the images make room for it at once."""


class PicturesPart:
    """The images that the network will receive, behind a heading, and where other data sets come from."""

    def __init__(self, panel: widgets.Panel[TrainingControls], message: gr.HTML) -> None:
        self._panel, self._message = panel, message
        self._shown = live.live_html("training-pictures")
        self._prepare = None if mode.is_public() else PreparePart(panel)
        if mode.is_public():
            gr.HTML(training_html.caption(training_text.SHARED_PICTURES), apply_default_css=False)

    def connect(self, demo: gr.Blocks, cost: gr.HTML, *causes: Dependency) -> None:
        """After each of these events say what a run costs, and show its images: opened while there is no run to show."""
        panel, before = self._panel, gr.State({})
        if self._prepare is not None:
            self._prepare.connect_prepared(self._shown)
            causes = (*causes, self._prepare.connect(demo, self._message))
        for cause in causes:
            followed = cause.then(
                self._follow, [before, *panel.state], [*panel.shown, self._message], trigger_mode="always_last", **QUIET
            )
            followed.then(
                self._estimate,
                panel.state,
                [cost, self._shown, before],
                trigger_mode="always_last",
                **QUIET,
            )

    def _follow(self, before: dict[str, str], *values: Any) -> list[Any]:
        """`before` are the settings of the last event, as a link has them."""
        state = self._panel.read(values)
        was, _ = from_link(TrainingControls, before)
        suited, message = pictures_view.followed(was, state.controls, state.visitor)
        if not message:
            return [*[gr.skip()] * len(self._panel.shown), gr.skip()]
        return [*self._panel.update(state, suited), page.listed([message], "info")]

    def _estimate(self, *values: Any) -> Iterator[list[Any]]:
        yield [training_html.caption(training_text.TRYING), gr.skip(), gr.skip()]
        preload.wait()
        state = self._panel.read(values)
        visitor = state.visitor
        found = estimate.estimate(state.controls, visitor)
        shown = gr.skip()
        if found.config is not None:
            shown = _pictures(found.config, visitor, is_open=not visitor.runs.ids())
        yield [training_html.estimate(found), shown, to_link(state.controls)]


def _pictures(config: TrainConfig, visitor: Visitor, *, is_open: bool) -> str:
    shown = pictures_view.pictures_view(config, visitor)
    if shown is None:  # the estimate says why
        return ""
    title = html.escape(shown.heading)
    lines = [
        _("{name}: {value}", name=f"<b>{name}</b>", value=html.escape(words)) if name else html.escape(words)
        for name, words in shown.lines
    ]
    about = live.rich(common.looking_at(shown.about))
    return (
        # Another key makes another element, so that what was opened by the page is closed by the page.
        f'<details data-key="{is_open}"{" open" if is_open else ""}><summary>🖼️ {title}</summary><div class="lv-list">'
        f"{pictures_html.sheet(shown.sheet, shown.heading, width=shown.width)}"
        f'<p class="lv-caption">{about}</p><p>{"<br>".join(lines)}</p>'
        f"{training_html.caption(shown.note)}{_prepared(shown.prepared) if shown.prepared else ''}</div></details>"
    )


def _prepared(name: str) -> str:
    """What can be done with a prepared data set."""
    changed = ""
    if sources.has_changed(name):
        changed = page.listed([text.CHANGED]) + live.button(f"🔄 {text.AGAIN}", "act", "again", name)
    remove = f"<p>{pictures_view.freed_space(name)}</p>{live.button(text.REMOVE, 'act', 'remove', name)}"
    return f'{changed}<details><summary>🗑️ {text.REMOVE_TITLE}</summary><div class="lv-list">{remove}</div></details>'
