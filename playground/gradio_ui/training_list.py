"""The list of all runs on the Training page, what was deleted, and the comparison of several."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from playground.gradio_ui import components, live, page
from playground.gradio_ui.training_sent import Seen, Sent
from playground.labs.shared import pictures_html
from playground.labs.training import compare, runs, text
from playground.labs.training.runs import Choice

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from playground.policy.visitor_runs import VisitorRuns

PICTURE_WIDTH = 96
"""CSS pixels of a run's small picture."""


def deleted(seen: Seen) -> str:
    """A line with Undo for each run that was deleted in this visit."""
    return "".join(
        f'<div class="lv-line" data-key="{html.escape(run_id)}"><span>🗑️ Deleted <b>{html.escape(title)}</b>.</span>'
        f"{live.button('Undo', 'act', 'undo', run_id)}</div>"
        for run_id, title in seen.deleted[-3:]
    )


def listed(mine: VisitorRuns, ids: Sequence[str], choice: Choice, seen: Seen) -> tuple[str, bool]:
    """Every run, newest first, behind a heading; and whether something in what is seen of it still changes."""
    if len(ids) < 2:
        return "", False
    inside, active = "", False
    if seen.list_open:
        here = runs.on_page(ids, seen.list_page)
        rows = [runs.row(snapshot) for run_id in here if (snapshot := mine.snapshot(run_id)) is not None]
        active = any(row.active for row in rows)
        hint = text.list_hint(len(choice.compared), runs.MOST_COMPARED)
        inside = f'<p class="lv-caption">{hint}</p>{"".join(_row(row, choice) for row in rows)}{_pages(len(ids), seen)}'
    heading = f"<summary>📚 {text.all_runs(len(ids))}</summary>"
    return (
        f'<details data-on="act" data-do="list"{" open" if seen.list_open else ""}>{heading}'
        f'<div class="lv-list">{inside}</div></details>'
    ), active


def _row(row: runs.Row, choice: Choice) -> str:
    ticked = row.id in choice.compared
    shown = "👇 shown below, " if row.id == choice.run and not choice.comparing else ""
    full = not ticked and len(choice.compared) >= runs.MOST_COMPARED
    tick = live.choice("checkbox", f"Compare {row.title}", "act", "tick", row.id, ticked=ticked, disabled=full)
    picture = '<span class="lv-picture"></span>'
    if row.picture is not None:
        zoom = max(1, round(2 * PICTURE_WIDTH / row.picture.shape[1]))
        alt = html.escape(f"Samples of {row.title}")
        picture = f'<img class="lv-picture" alt="{alt}" src="{pictures_html.data_uri(row.picture, zoom)}">'
    title = live.button(row.title, "act", "open", row.id, kind="lv-text")
    about = f'<div class="lv-caption">{shown}{html.escape(row.about)}</div>'
    return f'<div class="lv-row" data-key="{html.escape(row.id)}">{tick}{picture}<div>{title}{about}</div></div>'


def _pages(count: int, seen: Seen) -> str:
    last = runs.pages(count)
    if last < 2:
        return ""
    number = min(seen.list_page, last)
    back = live.button("‹", "act", "page", str(number - 1), help="Newer runs", disabled=number == 1)
    on = live.button("›", "act", "page", str(number + 1), help="Older runs", disabled=number == last)
    return f'<div class="lv-line">{back}<span class="lv-caption">Page {number} of {last}</span>{on}</div>'


class CompareView:
    """Two to four runs side by side; the components stand where the caller's `with` does."""

    def __init__(self) -> None:
        with gr.Column(visible=False) as self.place:
            self.head = live.live_html("training-against")
            with gr.Row():
                with gr.Column(min_width=300):
                    self.loss = components.live_chart("training-compared-loss")
                with gr.Column(min_width=300, visible=False) as self.held_out_place:
                    self.held_out = components.live_chart("training-compared-held-out")
            self.about_loss = page.looking_at("")
            with gr.Column(visible=False) as self.samples_place:
                self.samples = components.timeline("training-compared-samples", empty_height=400)
                self.about_samples = page.looking_at("")
            self.table = live.live_html("training-table")

    def send(self, sent: Sent, snapshots: Sequence[Snapshot], choice: Choice) -> None:
        """Say what has changed since the last time; fewer than two runs hide all of it."""
        sent.visible(self.place, len(snapshots) > 1)
        if len(snapshots) < 2:
            return
        against = choice.against
        sent.text(self.head, _head(snapshots, choice))
        key = (against, *((one.id, one.title, len(one.reports), len(one.held_out)) for one in snapshots))
        sent.new(self.loss, key, lambda: components.value(compare.loss_chart(snapshots, against)))
        held_out = any(one.held_out for one in snapshots)
        sent.visible(self.held_out_place, held_out)
        if held_out:
            sent.new(self.held_out, key, lambda: components.value(compare.held_out_chart(snapshots, against)))
        sent.text(self.about_loss, page.common.looking_at(text.compared_loss(runs.AGAINST[against][2])))
        looks = any(one.previews for one in snapshots)
        sent.visible(self.samples_place, looks)
        if looks:
            strip = (against, *((one.id, one.title, len(one.previews)) for one in snapshots))
            sent.new(self.samples, strip, lambda: _strip(snapshots, choice))
            about = page.common.looking_at(text.compared_samples(compare.same_noise(snapshots)))
            sent.text(self.about_samples, about)
        sent.text(self.table, _table(snapshots))


def _strip(snapshots: Sequence[Snapshot], choice: Choice) -> str | None:
    tl = compare.samples(snapshots, choice.against)
    return tl and components.value(tl)


def _head(snapshots: Sequence[Snapshot], choice: Choice) -> str:
    ways = "".join(
        f"<label>{live.choice('radio', words[0], 'act', 'against', name, ticked=name == choice.against)} {words[0]}</label>"
        for name, words in runs.AGAINST.items()
    )
    caution = compare.caution(snapshots)
    note = page.listed([caution], "info") if caution else ""
    group = f'<div class="lv-line" role="radiogroup" aria-label="Against"><b>Against</b>{ways}</div>'
    return f'<div class="lv-line lv-apart">{group}{live.button(f"↩️ {text.BACK}", "act", "back")}</div><div>{note}</div>'


def _table(snapshots: Sequence[Snapshot]) -> str:
    head, *rows = compare.table(snapshots)
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th>{html.escape(title)}</th>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for title, *cells in rows
    )
    about = text.DIFFER if compare.differences(snapshots) else text.SAME
    table = f'<div class="lv-scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    return f'{table}<p class="lv-caption">{about}</p>'
