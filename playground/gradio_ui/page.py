"""What all pages share: heading, link, messages, the line below a figure, and what the browser is told."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import gradio as gr

from engine.language import _
from playground.components.identity import SECRET_OF, TAB, VISITOR
from playground.gradio_ui import components, live
from playground.labs.home import text as home_text
from playground.labs.home.view import LabLink
from playground.labs.likelihood import html_parts
from playground.labs.schedules import figures as schedule_figures
from playground.labs.shared import glossary, link_view, pictures_html
from playground.labs.shared import text as common
from playground.labs.shared.view import JobView, Notice, NoticeLevel
from playground.policy import mode
from playground.policy.messages import without_paths
from playground.serving.reader_language import PARAMETER

LATEX = [{"left": "$", "right": "$", "display": False}]

SIDEBAR = 330
"""Width in pixels."""


def head(title: str, lead: str, terms: Sequence[str] = ()) -> None:
    """The title of a lab, the sentence that says what one can do here, and definitions of its terms."""
    gr.Markdown(f"# {title}\n\n{lead}", elem_classes="dp-title")
    if terms:
        gr.HTML(glossary.definitions(terms), apply_default_css=False)


@contextmanager
def sidebar() -> Iterator[None]:
    """Where the settings stand, under a switch that explains them."""
    with gr.Sidebar(width=SIDEBAR):
        explain()
        yield


def explain() -> gr.HTML:
    """A switch: whether the line that explains a setting stands below its title. The browser keeps it."""
    words = html.escape(_("Explain the settings"))
    return gr.HTML(
        html_template=f'<label class="dp-explain-switch"><input type="checkbox"> {words}</label>',
        js_on_load="""
const box = element.querySelector("input");
const show = () => element.closest(".sidebar")?.classList.toggle("dp-explain", box.checked);
box.checked = localStorage.getItem("dp-explain") === "1";
// On a phone the settings would lie over the page: there they wait behind their button.
if (innerWidth < 768) setTimeout(() => document.querySelector(".sidebar.open .toggle-button")?.click(), 0);
box.addEventListener("change", () => { localStorage.setItem("dp-explain", box.checked ? "1" : "0"); show(); });
show();
""",
        apply_default_css=False,
    )


@dataclass(frozen=True)
class Identity:
    """Who is there: secrets that the browser makes, and that come along with every event that needs them. `WHO` fills them.

    visitor: one for each browser, kept in it; what a visitor owns is found by it.
    tab: one for each tab, kept over reloads; what a tab is doing is found by it.
    """

    visitor: gr.Textbox = field(default_factory=lambda: gr.Textbox(visible=False))
    tab: gr.Textbox = field(default_factory=lambda: gr.Textbox(visible=False))

    @property
    def both(self) -> list[gr.Textbox]:
        """The two components, visitor first: inputs of events, and outputs of the first one."""
        return [self.visitor, self.tab]


WHO = f"""
(visitor, tab, ...others) => {{{SECRET_OF}
  return [secretOf(() => localStorage, "{VISITOR}"), secretOf(() => sessionStorage, "{TAB}"), ...others];
}}
"""
"""JavaScript for an event whose first two inputs are those of an `Identity`: it gives them their values."""


def looking_at(caption: common.Caption) -> gr.Markdown:
    """The caption of a figure: what it shows, what to try, and why it is so."""
    return gr.Markdown(common.looking_at(caption), elem_classes="dp-looking-at")


def lab_cards(labs: Sequence[LabLink]) -> str:
    """Cards that are links to labs, as HTML."""
    cards = "".join(
        f'<a class="dp-lab" href="./{lab.address}{html.escape("?" + urlencode(lab.parameters) if lab.parameters else "")}">'
        f"<b>{lab.icon} {html.escape(lab.title)}</b><span>{html.escape(lab.about)}</span></a>"
        for lab in labs
    )
    return f'<div class="dp-labs">{cards}</div>'


def next_labs(links: Sequence[LabLink]) -> None:
    """The end of a lab: what may be opened next."""
    gr.HTML(f'<div class="prose"><h2>{home_text.NEXT}</h2>{lab_cards(links)}</div>', apply_default_css=False)


def link(others: Sequence[str] = ()) -> gr.HTML:
    """Writes what it is given, the settings that differ from the defaults, into the address of the page.

    A change is an entry of the browser's history; the event `input` is a return to one, with what its address says.


    Args:
        others: names in the address that are not the settings', and stay as they are (see `link_of`).
    """
    kept = ["__theme", "view", PARAMETER, *link_view.PARAMETERS, *others]
    return _link(
        f"""
  const kept = new URLSearchParams(location.search);
  const query = new URLSearchParams(props.value || {{}});
  // What comes late may have drawn the controls of the link before.
  const view = {json.dumps([link_view.ONLY, link_view.LOCK])};
  const isOfLink = !props.value || view.every((name) => query.get(name) === kept.get(name));
  for (const name of {json.dumps(kept)}) if (kept.has(name)) query.set(name, kept.get(name));
"""
    )


def link_of(names: Sequence[str]) -> gr.HTML:
    """The same for these names alone; what else stands in the address stays."""
    return _link(
        f"""
  const query = new URLSearchParams(location.search);
  const isOfLink = true;
  const given = props.value || {{}};
  for (const name of {json.dumps(list(names))}) if (given[name]) query.set(name, given[name]); else query.delete(name);
"""
    )


def linked(names: Sequence[str]) -> str:
    """JavaScript for an event whose first input is a `link_of`: gives it what the address says."""
    return f"""
(_, ...others) => {{
  const query = new URLSearchParams(location.search);
  return [Object.fromEntries({json.dumps(list(names))}.map((name) => [name, query.get(name) ?? ""])), ...others];
}}
"""


def _link(query: str) -> gr.HTML:
    return gr.HTML(
        None,
        html_template="",
        js_on_load=f"""
let written = 0;
let isOpened = false;
const bare = () => {{
  const only = new URLSearchParams(location.search).get("{link_view.ONLY}");
  document.documentElement.classList.toggle("dp-no-settings", only === "{link_view.NONE}");
  document.documentElement.classList.toggle("dp-restricted", Boolean(only));
  // A link that shows a few controls shows them openly.
  if (only) for (const group of document.querySelectorAll(".sidebar .label-wrap:not(.open)")) group.click();
}};
bare();
// What a return to an address asks for, until the answer comes: an event may be dropped while another one is being handled.
let asked = null;
const write = (isLast = false) => {{{query}  query.sort();
  const now = new URLSearchParams(location.search);
  now.sort();
  setTimeout(bare, 0);
  if (isOfLink && query.toString() === now.toString()) asked = null;
  if (asked) return;  // this is the answer to an earlier event
  if (!isOfLink && !isLast) return open();
  // Opening a link is no change, and dragging a slider is one.
  const isNew = isOpened && Date.now() - written > 1000;
  isOpened = true;
  if (query.toString() === now.toString()) return;
  written = Date.now();
  const text = query.toString();
  const to = location.pathname + (text ? "?" + text : "") + location.hash;
  history[isNew ? "pushState" : "replaceState"](history.state, "", to);
}};
const ask = (what, times) => {{
  if (asked !== what) return;
  if (!times) {{ asked = null; write(true); return; }}
  trigger("input", {{ value: what }});
  setTimeout(() => ask(what, times - 1), 4000); // the answer to an event too many would undo what the reader does next
}};
watch("value", () => write());
const open = () => ask(asked = Object.fromEntries(new URLSearchParams(location.search)), 2);
addEventListener("popstate", open);
""",
        apply_default_css=False,
        visible="hidden",
    )


def listed(sentences: Sequence[str], level: NoticeLevel = "warning") -> str:
    """Messages of one level as HTML, see `notices`."""
    return notices([Notice(level, sentence) for sentence in sentences])


def notices(notices: Sequence[Notice]) -> str:
    """Messages as HTML; what they quote must not become markup. In public mode they name no path of this machine."""
    icons = {"info": "ℹ️", "success": "✅", "warning": "⚠️", "error": "⛔"}
    clean = without_paths if mode.is_public() else str
    return "".join(
        f'<div class="dp-message dp-message-{notice.level}" role="status"><span>{icons[notice.level]}</span>'
        f"<span>{html.escape(clean(notice.text))}</span></div>"
        for notice in notices
    )


def job_status(view: JobView) -> str:
    """The status line of a job as HTML."""
    if view.error:
        return facts(view.facts) + listed([view.error], "error")
    return facts(view.facts) + status(view.status, view.fraction, is_waiting=view.is_waiting)


def facts(facts: Mapping[str, str | float]) -> str:
    """What a lesson may ask of this lab, as HTML, for components/src/facts.js; nothing is to be seen of it."""
    return f'<i hidden data-facts="{html.escape(json.dumps(dict(facts)))}"></i>' if facts else ""


def bold(markdown: str) -> str:
    """One line as HTML, in which **this** is bold and nothing else is markup."""
    parts = html.escape(markdown).split("**")
    return "<div>" + "".join(f"<b>{part}</b>" if k % 2 else part for k, part in enumerate(parts)) + "</div>"


def status(words: str, share: float | None = None, *, is_waiting: bool = False) -> str:
    """One line that says how far something is, as HTML.

    Args:
        words: the line.
        share: 0 … 1; draws a bar below it.
        is_waiting: whether what stands below it is the result of earlier settings, and dimmed.
    """
    waiting = " dp-waiting" if is_waiting else ""
    bar = "" if share is None else f'<div class="dp-bar"><i style="width:{100 * share:.1f}%"></i></div>'
    return f'<div class="dp-status-line{waiting}" role="status"><span>{html.escape(words)}</span>{bar}</div>'


CSS = """
.gradio-container { --st-font: inherit; }
.html-container { padding: 0 !important; }
.nav-holder nav { gap: 0; padding: 0 16px; }
.nav-holder nav a { color: var(--body-text-color) !important; font-size: 0.82rem; padding-inline: 4px !important; }
/* From 768 px on; Gradio spoils what stands in a media query for selectors that begin with the body. */
body:has(.sidebar.open) .nav-holder { padding-left: clamp(0px, (100vw - 767px) * 1000, var(--dp-sidebar)); }
:is(a, button, input, summary, [tabindex]):focus-visible {
  outline: 2.5px solid var(--link-text-color) !important; outline-offset: 2px; }
.dp-title h1:focus { outline: none !important; }
/* A lesson stands beside the lab; on a narrow screen above it. */
@media (min-width: 1200px) {
  /* Where there is no lesson, the rail is empty. */
  .column:has(> #course-rail .dp-rail-foot):not(:has(> #course-rail .dp-unfilled)) { padding-right: 366px !important; }
  #course-rail { position: fixed !important; top: 3.6rem; right: 12px; width: 336px; z-index: 100;
    max-height: calc(100vh - 3.6rem - 12px); overflow: auto !important; }
}
.dp-no-settings .sidebar { visibility: hidden; }
/* Of a link that shows a few controls: groups without any, and the way to other models. */
.dp-restricted .sidebar :is(#sampling-opening, .block:has(> .label-wrap.open):not(:has(input, textarea))) { display: none; }
.dp-restricted :is(.dp-settings-here, .dp-in-browser, #sampling-is-live) { display: none; }
.dp-no-settings .sidebar-parent { padding-left: 0 !important; }
.dp-no-settings body .nav-holder { padding-left: 0 !important; }
.dp-skip { position: fixed; top: 8px; left: 8px; z-index: 1000; padding: 8px 12px; border-radius: 8px;
  transform: translateY(-200%); color: var(--body-text-color); background: var(--background-fill-secondary); }
.dp-skip:focus { transform: none; }
/* Gradio's dots between the links of its footer stay where a link is hidden. */
footer .divider { display: none !important; }
footer { gap: 1.2rem; }
.block:has(> .html-container > .prose:empty) { display: none; }
.block.dp-component { display: block !important; }
.dp-component.dp-unfilled { opacity: 0; }
.block.dp-component:has(.dp-unfilled):is(:not(.dp-roomy), :has(.dp-settled)) { display: none !important; }
/* The colours of code in Gradio's editor are too faint in either theme (WCAG 1.4.3). */
.cm-line, .cm-line span { color: var(--body-text-color) !important; }
.dp-charts { flex-wrap: wrap; }
.dp-charts > .block { flex: 1 1 280px; }
.dp-title h1 { margin-top: 0; font-size: 1.6rem; }
.prose h2 { font-size: 1.15rem; }
.dp-looking-at { opacity: 0.82; font-size: 0.92rem; }
.sidebar .info-text { font-size: 0.82rem !important; line-height: 1.35; }
.sidebar:not(.dp-explain) .info-text, .sidebar:not(.dp-explain) .info-text strong { font-size: 0 !important; }
.sidebar:not(.dp-explain) .info-text em { font-size: 0.82rem; }
.sidebar .block { padding: 5px 4px !important; overflow: visible !important; background: none !important; }
.sidebar label.block { display: block; padding: 0 !important; }
.sidebar .form { border: 0; background: none; box-shadow: none; gap: 0; overflow: visible; }
.sidebar .wrap:has(> label) { gap: 6px; }
/* Short choices stand in one row, as in the Streamlit app. */
.sidebar fieldset .wrap:has(> label) { flex-wrap: nowrap; gap: 2px; }
.sidebar fieldset .wrap > label { position: relative; flex: 1 1 auto; justify-content: center; padding: 6px 4px; gap: 0;
  transition: none; }
.sidebar fieldset .wrap > label > span { margin: 0; white-space: nowrap; font-size: 0.85rem; }
.sidebar fieldset .wrap > label > input { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0;
  pointer-events: none; }
.sidebar fieldset .wrap > label:has(input:checked) { box-shadow: inset 0 0 0 1.5px var(--link-text-color);
  background: color-mix(in srgb, var(--color-accent) 16%, transparent); }
.sidebar fieldset .wrap > label:has(input:focus-visible) { outline: 2.5px solid var(--link-text-color); outline-offset: 2px; }
.dp-explain-switch { display: flex; gap: 0.5rem; align-items: center; font-size: 0.9rem; cursor: pointer; padding: 4px; }
.dp-explain-switch input { appearance: auto; accent-color: var(--color-accent); }
.dp-message { display: flex; text-align: start; gap: 0.6rem; padding: 0.6rem 0.9rem; margin: 0.25rem 0; border-radius: 10px;
  background: color-mix(in srgb, var(--body-text-color) 7%, var(--background-fill-primary)); }
.dp-message-warning { background: color-mix(in srgb, #e0a100 20%, var(--background-fill-primary)); }
.dp-message-error { background: color-mix(in srgb, #d9534a 20%, var(--background-fill-primary)); }
.dp-labs, .dp-cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 1rem; }
.dp-labs { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
.dp-lab, .dp-card { display: flex; flex-direction: column; gap: 0.4rem; padding: 1rem; border-radius: 10px;
  border: 1px solid var(--border-color-primary); color: var(--body-text-color); text-decoration: none; }
.dp-lab:hover, .dp-lab:focus-visible { border-color: var(--color-accent); }
.dp-lab b { color: var(--link-text-color); }
.dp-actions { align-items: center; flex-wrap: wrap; }
button.lg { transition: none; flex-shrink: 0; min-width: max-content !important; white-space: nowrap; }
.wrap:has(> .wrap-inner) { border-color: var(--input-border-color) !important; }
.label-wrap > span:first-child { flex: 1; min-width: 0; text-align: start; }
.label-wrap > .icon { align-self: center; height: max-content; }  /* it turns about its middle */
.dp-actions > .block { flex: 1 1 260px; }
.dp-status-line { min-height: 2.6rem; display: flex; flex-direction: column; justify-content: center; gap: 6px; }
.dp-actions:has(.dp-waiting) ~ *, .block:has(.dp-waiting) ~ * { opacity: 0.45; transition: opacity 0.2s; }
.dp-bar { height: 6px; border-radius: 3px; background: var(--border-color-primary); overflow: hidden; }
.dp-bar i { display: block; height: 100%; background: var(--color-accent); transition: width 0.2s linear; }
.nav-holder { padding-right: 4.8rem !important; }
.dp-language { position: absolute; top: 0.6rem; right: 0.9rem; z-index: 1001; padding: 0.25rem 0.5rem; border-radius: 6px;
  font-size: 0.85rem; color: var(--link-text-color); background: var(--background-fill-primary); text-decoration: none; }
.dp-language:hover { text-decoration: underline; }
p:has(> .dp-download) { margin: 0 0 0.6rem; }
p > .dp-download { display: inline-block; }
.dp-downloads { display: flex; flex-wrap: wrap; gap: 0.8rem; padding-bottom: 0.5rem; }
.dp-download { padding: 0.45rem 1rem; border-radius: 8px; border: 1px solid var(--border-color-primary);
  color: var(--body-text-color); text-decoration: none; }
.dp-form, .dp-form > .styler, .dp-form .form { display: grid !important; gap: 4px 14px; border: 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 230px), 1fr)); background: none !important; }
.dp-form .form { grid-column: 1 / -1; }
.dp-mend { align-self: start; margin-top: auto; padding: 0.4rem 0.9rem; border-radius: 8px; color: white; cursor: pointer;
  background: var(--button-primary-background-fill, var(--color-accent)); }
/* Plotly draws on white, whatever the theme is. */
.js-plotly-plot .main-svg { background: transparent !important; }
.js-plotly-plot .bglayer .bg { fill: transparent !important; }
.js-plotly-plot :is(.xtick, .ytick, .g-gtitle, .g-xtitle, .g-ytitle) text { fill: var(--body-text-color) !important; }
.js-plotly-plot :is(.gridlayer, .zerolinelayer) path {
  stroke: color-mix(in srgb, var(--body-text-color) 18%, transparent) !important;
}
.js-plotly-plot .modebar-group { background: transparent !important; }
.js-plotly-plot .modebar-group:has(.plotlyjsicon) { display: none; }
.js-plotly-plot .modebar-btn path { fill: color-mix(in srgb, var(--body-text-color) 60%, transparent) !important; }
"""


def css() -> str:
    """All style of the app, in one text."""
    own = schedule_figures.style().removeprefix("<style>").removesuffix("</style>")
    sidebar = f":root {{ --dp-sidebar: {SIDEBAR}px; }}"
    return "\n".join([components.css(), own, html_parts.STYLE, pictures_html.STYLE, sidebar, CSS, live.CSS])


def theme() -> gr.themes.Base:
    """The colours and corners of the Streamlit app; no fonts from elsewhere."""
    return gr.themes.Base(
        primary_hue=gr.themes.Color(
            "#f1f1fd",
            "#e3e3fb",
            "#cbcbf7",
            "#adadf1",
            "#8f8ff5",
            "#5b5bd6",
            "#4f4fc4",
            "#4343a8",
            "#38388a",
            "#2d2d6e",
            "#20204f",
        ),
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Consolas", "monospace"],
        radius_size="md",
    ).set(
        body_background_fill="#ffffff",
        body_background_fill_dark="#12131a",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#12131a",
        background_fill_secondary="#f4f4f8",
        background_fill_secondary_dark="#1d1f2a",
        body_text_color="#1c1c28",
        body_text_color_dark="#ececf4",
        block_title_text_color="*body_text_color",
        block_label_text_color="*body_text_color",
        block_info_text_color="*body_text_color_subdued",
        body_text_color_subdued="#5c5c66",
        body_text_color_subdued_dark="#b4b4c0",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        input_border_width="1px",  # a field looks like one
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
    )
