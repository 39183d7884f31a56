"""The parts of the Training page that are HTML: messages, the list of runs, one run's head, findings and command."""

from __future__ import annotations

import html
from collections.abc import Sequence
from urllib.parse import urlencode

from engine.language import _
from playground.gradio_ui import live, page
from playground.gradio_ui.training_sent import TabState
from playground.labs.shared import pictures_html
from playground.labs.training import text, view, visit
from playground.labs.training.estimate import Estimate
from playground.labs.training.view import Action, CompareView, LabLink, ListView, PageView, RowView, RunView
from playground.labs.training.visit import Deleted
from playground.policy.visitor_runs import VisitorRuns

PICTURE_WIDTH = 96
"""CSS pixels of a run's thumbnail."""


def message(icon: str, markdown: str) -> str:
    """One sentence with **bold** in it."""
    return f'<div class="dp-message"><span>{icon}</span><span>{live.rich(markdown)}</span></div>'


def caption(words: str) -> str:
    """One line in small letters; nothing where there is nothing to say."""
    return f'<p class="lv-caption">{html.escape(words)}</p>' if words else ""


def estimate(found: Estimate) -> str:
    """What a run with the present settings would cost, or why it cannot start."""
    if found.problem:
        return page.listed([found.problem], "error")
    shown = "".join(f'<div class="lv-metric"><span>{name}</span><b>{value}</b></div>' for name, value in found.metrics)
    return f'<div class="lv-line">{shown}</div>{caption(found.details)}'


def action(one: Action) -> str:
    """A button of the view."""
    on = one.do if one.do in ("download", "take") else "act"
    title = f"{one.icon} {one.title}".strip()
    return live.button(title, on, one.do, one.of, help=one.help, disabled=not one.is_enabled)


def deleted(runs: Sequence[Deleted]) -> str:
    """A line with Undo for each run that was deleted in this visit."""
    return "".join(
        f'<div class="lv-line" data-key="{html.escape(one.id)}"><span>🗑️ Deleted <b>{html.escape(one.title)}</b>.</span>'
        f"{action(Action('undo', text.UNDO, of=one.id))}</div>"
        for one in runs[-3:]
    )


# --- the list ---------------------------------------------------------------------------------------------------------


def listed(runs: VisitorRuns, shown: PageView, tab: TabState) -> tuple[str, bool]:
    """Every run, newest first, behind a heading; and whether something in it still changes."""
    if len(shown.ids) < 2:
        return "", False
    inside, is_changing = "", False
    if tab.list_open:
        rows = view.list_view(runs, shown.ids, shown.choice, tab.list_page)
        inside, is_changing = _rows(rows), rows.is_changing
    heading = f"<summary>📚 {text.all_runs(len(shown.ids))}</summary>"
    return (
        f'<details data-on="act" data-do="list"{" open" if tab.list_open else ""}>{heading}'
        f'<div class="lv-list">{inside}</div></details>'
    ), is_changing


def _rows(rows: ListView) -> str:
    shown = caption(rows.hint) + "".join(_row(row) for row in rows.rows)
    if rows.count < 2:
        return shown
    number = rows.number
    back = live.button("‹", "act", "page", str(number - 1), help=_("Newer runs"), disabled=number == 1)
    on = live.button("›", "act", "page", str(number + 1), help=_("Older runs"), disabled=number == rows.count)
    return f'{shown}<div class="lv-line">{back}<span class="lv-caption">Page {number} of {rows.count}</span>{on}</div>'


def _row(row: RowView) -> str:
    label = _("Compare {title}", title=row.title)
    tick = live.choice("checkbox", label, "act", "tick", row.id, ticked=row.is_ticked, disabled=not row.can_tick)
    picture = '<span class="lv-picture"></span>'
    if row.picture is not None:
        zoom = max(1, round(2 * PICTURE_WIDTH / row.picture.shape[1]))
        alt = _("Samples of {title}", title=row.title)
        picture = pictures_html.image(row.picture, alt, zoom, attributes='class="lv-picture"')
    title = live.button(row.title, "act", "open", row.id, kind="lv-text")
    about = f'<div class="lv-caption">{html.escape(row.summary)}</div>'
    return f'<div class="lv-row" data-key="{html.escape(row.id)}">{tick}{picture}<div>{title}{about}</div></div>'


# --- one run ----------------------------------------------------------------------------------------------------------


def name(run: RunView) -> str:
    """The title, and behind a button: rename, download, use its settings, delete."""
    field = (
        f'<label class="lv-caption">{text.NAME}<input type="text" maxlength="{visit.LONGEST_NAME}" '
        f'placeholder="{html.escape(run.title)}" value="{html.escape(run.name)}" data-on="act" data-do="rename"></label>'
    )
    return (
        f'<div class="lv-line lv-apart" data-key="{run.id}"><h2>{html.escape(run.title)}</h2>'
        f'<details class="lv-menu"><summary>🗂️ {text.MANAGE}</summary>'
        f'<div class="lv-box">{field}{"".join(action(one) for one in run.manage)}</div></details></div>'
    )


def head(run: RunView) -> str:
    """Status, numbers, buttons and notices."""
    share = 100 * run.fraction
    metrics = "".join(
        f'<div class="lv-metric" title="{html.escape(one.help)}"><span>{one.title}</span><b>{one.value}</b></div>'
        for one in run.metrics
    )
    buttons = "".join(action(one) for one in run.actions) + _link(run.link)
    notices = page.notices(run.notices)
    return (
        f'{page.facts(run.facts)}<div class="dp-status-line"><span>{live.rich(run.status)}</span><div class="dp-bar" '
        f'role="progressbar" aria-valuenow="{share:.0f}"><i style="width:{share:.1f}%"></i></div></div>'
        f'<div class="lv-line">{metrics}<span class="lv-grow"></span>{buttons}</div>'
        f"<div>{notices}</div>"
    )


def _link(link: LabLink) -> str:
    to = f"./{link.lab}?{html.escape(urlencode(link.parameters))}"
    where = f'href="{to}"' if link.parameters else 'aria-disabled="true"'
    return f'<a class="lv-button" {where} title="{html.escape(link.help)}">{link.icon} {link.title}</a>'


def findings(run: RunView) -> str:
    """The doctor's findings, each with the change that it proposes; one line where there are none."""
    if not run.findings:
        return f'<p class="lv-caption">{run.well or "&nbsp;"}</p>'
    lines = []
    for finding in run.findings:
        change = action(finding.action) if finding.action else ""
        change = live.rich(_("In the recipe: `{shell}`", shell=finding.shell)) if finding.shell else change
        words = f'<span class="lv-words">{finding.icon} {html.escape(finding.text)}</span>'
        lines.append(f'<div class="lv-line lv-apart">{words}{change}</div>')
    return f'<div class="lv-box">{"".join(lines)}</div>'


def command(run: RunView) -> str:
    """The same run from the shell."""
    if not run.command:
        return ""
    written = html.escape(run.command)
    copy = f'<button type="button" data-copy="{written}" title="Copy">📋</button>'
    return f'{caption(text.SHELL)}<div class="lv-code"><code>{written}</code>{copy}</div>'


# --- the comparison ---------------------------------------------------------------------------------------------------


def compare_head(compared: CompareView) -> str:
    """What progress is counted in, the way back, and a caution."""
    radios = "".join(
        f"<label>{live.choice('radio', _(title), 'act', 'against', key, ticked=key == compared.against)} {_(title)}</label>"
        for key, (title, *_words) in visit.AGAINST.items()
    )
    group = f'<div class="lv-line" role="radiogroup" aria-label="{text.AGAINST}"><b>{text.AGAINST}</b>{radios}</div>'
    notices = page.notices(compared.notices)
    back = action(Action("back", text.BACK, "↩️"))
    return f'<div class="lv-line lv-apart">{group}{back}</div><div>{notices}</div>'


def table(compared: CompareView) -> str:
    """How far each run has come, and the settings in which they differ."""
    top, *rows = compared.table
    heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in top)
    body = "".join(
        f"<tr><th>{html.escape(title)}</th>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for title, *cells in rows
    )
    shown = f'<div class="lv-scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    return shown + caption(compared.table_about)
