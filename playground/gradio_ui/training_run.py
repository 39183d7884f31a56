"""One run on the Training page: how it stands, what the doctor says, its charts and samples, and what can be done with it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import gradio as gr

from playground.gradio_ui import components, live, page
from playground.gradio_ui.training_sent import Sent
from playground.labs.shared import models, naming
from playground.labs.training import charts, doctor, runs, text
from playground.labs.training import controls as lab

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot


class RunView:
    """The components, where the caller's `with` stands."""

    def __init__(self) -> None:
        with gr.Column(visible=False) as self.place:
            self.name = live.live_html("training-name")
            self.head = live.live_html("training-head")
            self.doctor = live.live_html("training-doctor")
            with gr.Row():
                with gr.Column(min_width=300):
                    self.loss = components.live_chart("training-loss")
                    self.about_loss = page.looking_at(text.LOSS)
                with gr.Column(min_width=300) as self.levels_place:
                    self.levels = components.live_chart("training-levels")
                    page.looking_at(text.LEVELS)
            with gr.Column(visible=False) as self.bound_place:
                self.bound = components.live_chart("training-bound")
                page.looking_at(text.BOUND)
            with gr.Column(visible=False) as self.reading_place:
                self.accuracy = components.live_chart("training-reading")
                page.looking_at(text.READING)
            with gr.Column(visible=False) as self.samples_place:
                self.waiting = live.live_html("training-waiting")
                self.samples = components.timeline("training-previews", empty_height=270)
                page.looking_at(text.PREVIEWS)
            self.command = live.live_html("training-command")

    def send(self, sent: Sent, snapshot: Snapshot | None) -> None:
        """Say what has changed since the last time; None hides all of it."""
        sent.visible(self.place, snapshot is not None)
        if snapshot is None:
            return
        reads = snapshot.config.task == "classifier"
        reports = (snapshot.id, len(snapshot.reports), snapshot.active, snapshot.bayes_optimal is not None)
        sent.text(self.name, _name(snapshot))
        sent.text(self.head, _head(snapshot))
        sent.text(self.doctor, _doctor(snapshot))
        curves = (*reports, len(snapshot.held_out))
        sent.new(self.loss, curves, lambda: components.value(charts.loss_chart(snapshot)))
        about = page.common.looking_at(text.about_loss(snapshot.config.task))
        sent.text(self.about_loss, about)
        sees_levels = snapshot.config.task != "vae"
        sent.visible(self.levels_place, sees_levels)
        sent.new(self.levels, reports, lambda: components.value(charts.level_chart(snapshot)))
        bounded = snapshot.config.learned_variance and not reads
        sent.visible(self.bound_place, bounded)
        if bounded:
            sent.new(self.bound, reports, lambda: components.value(charts.bound_chart(snapshot)))
        sent.visible(self.reading_place, reads)
        if reads:
            step = snapshot.accuracy.step if snapshot.accuracy else None
            key = (snapshot.id, step, snapshot.active)
            sent.new(self.accuracy, key, lambda: components.value(charts.accuracy_chart(snapshot)))
        self._send_samples(sent, snapshot, reads)
        sent.text(self.command, _command(snapshot))

    def _send_samples(self, sent: Sent, snapshot: Snapshot, reads: bool) -> None:
        looks = len(snapshot.previews)
        sent.visible(self.samples_place, not reads and (looks > 0 or snapshot.active))
        if reads:
            return
        first = "" if looks or snapshot.status != "running" else f'<p class="lv-caption">{text.FIRST_SAMPLES}</p>'
        sent.text(self.waiting, first)

        def strip() -> str | None:
            tl = charts.previews(snapshot)
            return tl and components.value(tl)

        sent.new(self.samples, (snapshot.id, looks), strip)


def _name(snapshot: Snapshot) -> str:
    """The title, and behind a button: rename, download, take its settings, delete."""
    title, busy = runs.title(snapshot), runs.busy(snapshot)
    name = (
        f'<label class="lv-caption">Name<input type="text" maxlength="80" placeholder="{html.escape(title)}" '
        f'value="{html.escape(snapshot.title)}" data-on="act" data-do="rename"></label>'
    )
    buttons = [
        live.button(f"⬇️ {text.DOWNLOAD}", "download", "", help=text.DOWNLOAD_HELP),
        live.button(f"🎛️ {text.TAKE}", "take", "", help=text.TAKE_HELP),
        live.button("🗑️ Delete", "act", "delete", help=text.BUSY if busy else text.CAN_UNDO, disabled=busy),
    ]
    return (
        f'<div class="lv-line lv-apart" data-key="{snapshot.id}"><h3>{html.escape(title)}</h3>'
        f'<details class="lv-menu"><summary>🗂️ {text.MANAGE}</summary>'
        f'<div class="lv-box">{name}{"".join(buttons)}</div></details></div>'
    )


def _head(snapshot: Snapshot) -> str:
    share = 100 * min(1.0, snapshot.step / snapshot.config.steps)
    last = snapshot.reports[-1] if snapshot.reports else None
    speed = snapshot.images_per_second
    metrics = [
        ("Loss", f"{last.loss:.4f}" if last else "–", ""),
        ("Images a second", f"{speed:.0f}" if speed else "–", lab.pace(snapshot)),
        ("Time left", naming.duration(snapshot.seconds_left) if snapshot.active else "–", ""),
    ]
    shown = "".join(
        f'<div class="lv-metric" title="{html.escape(help)}"><span>{name}</span><b>{value}</b></div>'
        for name, value, help in metrics
    )
    going = snapshot.status in ("running", "queued")
    over = snapshot.status in ("finished", "failed")
    buttons = [
        live.button("⏸️ Pause", "act", "pause") if going else live.button("▶️ Resume", "act", "resume", disabled=over),
        live.button("⏹️ Stop", "act", "stop", disabled=not snapshot.active),
    ]
    notes = page.listed([snapshot.error], "error") if snapshot.error else ""
    notes += page.listed([snapshot.note]) if snapshot.note else ""
    return (
        f'<div class="dp-status-line"><span>{live.rich(runs.standing(snapshot))}</span><div class="dp-bar" '
        f'role="progressbar" aria-valuenow="{share:.0f}"><i style="width:{share:.1f}%"></i></div></div>'
        f'<div class="lv-line">{shown}<span class="lv-grow"></span>{"".join(buttons)}{_draw(snapshot)}</div>'
        f"<div>{notes}</div>"
    )


def _draw(snapshot: Snapshot) -> str:
    """The way into the Sampling lab, or into the Likelihood lab with a VAE."""
    if snapshot.can_encode:
        to = html.escape(urlencode(models.inside_link(snapshot)))
        return f'<a class="lv-button" href="./likelihood?{to}" title="{text.LOOK_INSIDE_HELP}">⚖️ {text.LOOK_INSIDE}</a>'
    link = models.drawing_link(snapshot)
    where = f'href="./sampling?{html.escape(urlencode(link))}"' if link else 'aria-disabled="true"'
    return f'<a class="lv-button" {where} title="{text.draw_help(snapshot.config.task)}">🎲 Draw with it</a>'


def _doctor(snapshot: Snapshot) -> str:
    found = doctor.findings(snapshot)
    if not found:
        return f'<p class="lv-caption">{text.WELL if snapshot.reports else "&nbsp;"}</p>'
    lines = []
    for k, finding in enumerate(found):
        change = ""
        if doctor.can_take(finding.change):
            change = live.button(
                f"Try {doctor.in_words(finding.change)}", "take", snapshot.id, str(k), help=text.TRY_HELP
            )
        elif finding.change:
            change = live.rich(f"In the recipe: `{doctor.for_the_shell(finding.change)}`")
        words = f"{doctor.ICONS[finding.severity]} {html.escape(finding.text)}"
        lines.append(f'<div class="lv-line lv-apart"><span class="lv-words">{words}</span>{change}</div>')
    return f'<div class="lv-box">{"".join(lines)}</div>'


def _command(snapshot: Snapshot) -> str:
    """What does the same without the page."""
    if not snapshot.command:
        return ""
    command = html.escape(snapshot.command)
    copy = f'<button type="button" data-copy="{command}" title="Copy">📋</button>'
    return f'<p class="lv-caption">{text.SHELL}</p><div class="lv-code"><code>{command}</code>{copy}</div>'
