"""The pictures of the Training page: what the network will see of them, and where others are got from."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from playground import preload
from playground.gradio_ui import live, page, training_settings, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_prepare import PrepareView
from playground.labs.shared import naming
from playground.labs.shared import pictures_html as figures
from playground.labs.shared.controls import checked, from_link
from playground.labs.training import pictures as lab
from playground.labs.training import pictures_text as text
from playground.labs.training import text as training_text
from playground.labs.training.controls import TrainingControls
from playground.policy import mode
from playground.policy.visitor import visitor_of

if TYPE_CHECKING:
    from engine.training.config import TrainConfig
    from playground.policy.visitor import Visitor


CLOSE = """
(...values) => { document.querySelector("#training-pictures details")?.removeAttribute("open"); return values; }
"""
"""JavaScript for the event that begins a run: the pictures make room for it at once."""


class PicturesView:
    """What the network will see, behind a heading that says how much there is of it."""

    def __init__(self) -> None:
        self._shown = live.live_html("training-pictures")
        self._prepare = None if mode.is_public() else PrepareView()
        if mode.is_public():
            gr.HTML(f'<p class="lv-caption">{training_text.SHARED_PICTURES}</p>', apply_default_css=False)

    def connect(
        self,
        demo: gr.Blocks,
        panel: widgets.Panel[TrainingControls],
        cost: gr.HTML,
        told: gr.HTML,
        visitor: gr.Textbox,
        *causes: Dependency,
    ) -> None:
        """Say after each of these events what a run costs now, and show its pictures; open, while there is no run to see."""
        before = gr.State({})
        """The settings, as a link says them, when this was said last."""

        def follow(before: dict[str, str], *values: Any) -> list[Any]:
            controls, _ = panel.read(values)
            settled, words = _suited(before, controls)
            if settled == controls:
                return [*[gr.skip()] * len(panel.shown), gr.skip()]
            return [*panel.update(settled), page.listed([words], "info")]

        def tell(visitor: str, link: dict[str, str], *values: Any) -> Iterator[list[Any]]:
            controls, _ = panel.read(values)
            yield [_trying(), gr.skip(), gr.skip()]
            preload.wait()
            config, words = training_settings.cost(controls, visitor_of(visitor))
            shown = (
                _pictures(config, visitor_of(visitor), is_open=not visitor_of(visitor).runs.ids())
                if config
                else gr.skip()
            )
            yield [words, shown, link]

        if self._prepare is not None:
            self._prepare.again(self._shown)
            causes = (*causes, self._prepare.connect(demo, panel, told))
        for cause in causes:
            cause.then(follow, [before, *panel.state], [*panel.shown, told], trigger_mode="always_last", **QUIET).then(
                tell,
                [visitor, panel.link, *panel.state],
                [cost, self._shown, before],
                trigger_mode="always_last",
                **QUIET,
            )


def _suited(before: dict[str, str], controls: TrainingControls) -> tuple[TrainingControls, str]:
    """Where the reader has just chosen another set: its pictures mirrored and turned as suits them, and what to say of it.

    Only where nothing else has changed: a link, or the settings of an earlier run, say themselves what they want.
    """
    was, _ = from_link(TrainingControls, before)
    if not before and controls == TrainingControls():
        return controls, ""
    if was.data == controls.data or checked(was, data=controls.data) != controls:
        return controls, ""
    flips, rotation = lab.suggestion(controls.data, visitor_of(None))
    return checked(controls, flips=flips, rotation=rotation), text.treated(flips, rotation)


def _trying() -> str:
    return f'<p class="lv-caption">{training_text.TRYING}</p>'


def _pictures(config: TrainConfig, visitor: Visitor, *, is_open: bool) -> str:
    try:
        shown = lab.shown(config, visitor)
    except ValueError:  # it was said where the settings are
        return ""
    title = html.escape(text.heading(shown.title, shown.training, shown.size))
    lines = [
        *([html.escape(shown.about)] if shown.about else []),
        live.rich(text.counted(shown.training, shown.held_out)),
        f"<b>Classes:</b> {html.escape(lab.classes_in_words(shown.classes))}",
        f"<b>Source:</b> {html.escape(shown.source)}. <b>Licence:</b> {html.escape(shown.licence)}",
    ]
    width = min(760, 96 * shown.columns)
    about = live.rich(
        page.common.looking_at(text.looking_at(shown.size, shown.channels, config.flips, config.rotation))
    )
    floor = "" if shown.floor else f'<p class="lv-caption">{text.NO_FLOOR}</p>'
    return (
        # Another key makes another element, so that what was open by itself closes by itself.
        f'<details data-key="{is_open}"{" open" if is_open else ""}><summary>🖼️ {title}</summary><div class="lv-list">'
        f'<img alt="{title}" style="max-width:min(100%,{width}px);image-rendering:pixelated" '
        f'src="{figures.data_uri(shown.sheet, 1)}"><p class="lv-caption">{about}</p><p>{"<br>".join(lines)}</p>{floor}'
        f"{_kept(config.data) if shown.prepared and not visitor.public else ''}</div></details>"
    )


def _kept(name: str) -> str:
    """What can be done with a set that was prepared here."""
    changed = ""
    if lab.has_changed(name):
        changed = page.listed([text.CHANGED]) + live.button(f"🔄 {text.AGAIN}", "act", "again", name)
    frees = text.frees(naming.megabytes(lab.bytes_on_disk(name) / 1e6))
    remove = f"<p>{frees}</p>{live.button('Remove', 'act', 'remove', name)}"
    return f'{changed}<details><summary>🗑️ {text.REMOVE}</summary><div class="lv-list">{remove}</div></details>'
