"""HTML that is updated while the reader reads it, clicks in it and types into it.

Gradio replaces the whole of an element when its value changes, and with it what has the focus, what is open, and the button
under a pressed finger. Here only what differs is changed.
"""

from __future__ import annotations

import html
import re

import gradio as gr

from playground.gradio_ui import compat

_SCRIPT = """
const host = document.createElement("div");
element.replaceChildren(host);
const morph = (from, to) => {
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  if (from.nodeName === "INPUT" && from.type !== "text") from.checked = to.hasAttribute("checked");
  const old = [...from.childNodes], fresh = [...to.childNodes];
  fresh.forEach((node, i) => {
    const there = old[i];
    if (!there) from.append(node);
    else if (there.nodeName !== node.nodeName || there.dataset?.key !== node.dataset?.key) there.replaceWith(node);
    else if (node.nodeType === Node.TEXT_NODE) { if (there.data !== node.data) there.data = node.data; }
    else morph(there, node);
  });
  old.slice(fresh.length).forEach((node) => node.remove());
};
const show = () => {
  const wanted = document.createElement("div");
  wanted.innerHTML = props.value ?? "";
  morph(host, wanted);
  element.classList.toggle("lv-nothing", !props.value);
};
const events = ["act", "take", "download"];  // Gradio finds their names here
const tell = (part, value) => {
  const { on, of } = part.dataset;
  if (events.includes(on)) trigger(on, { do: part.dataset.do, of: value ?? of ?? "" });
};
host.addEventListener("click", (event) => {
  const part = event.target.closest("button[data-on]");
  if (part) tell(part);
  const copied = event.target.closest("[data-copy]");
  if (copied) navigator.clipboard?.writeText(copied.dataset.copy).then(() => copied.classList.add("lv-copied"));
});
host.addEventListener("change", (event) => {
  const part = event.target.closest("input[data-on]");
  if (part) tell(part, part.type === "text" ? part.value : undefined);
});
host.addEventListener("toggle", (event) => {
  if (event.target.dataset?.on) tell(event.target, event.target.open ? "1" : "");
}, true);
watch("value", show);
show();
"""

CSS = """
.lv { padding: 0 !important; min-height: 0 !important; }
.block:has(> .html-container > .lv-nothing), .block:has(> .lv-nothing) { display: none !important; }
/* What stands below the pictures waits for them, but not for ever. */
#training-pictures:not(:has(details)) ~ :is(#training-others, #training-notes) { animation: lv-hidden 8s; }
@keyframes lv-hidden { from, to { visibility: hidden; } }
.lv h2 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
.lv button, .lv-button { display: inline-flex; align-items: center; gap: 0.35rem; padding: 0.4rem 0.9rem; border-radius: 8px;
  border: 1px solid var(--border-color-primary); background: var(--background-fill-secondary); color: var(--body-text-color);
  text-decoration: none; cursor: pointer; font-size: 0.95rem; line-height: 1.4; white-space: nowrap; }
.lv button.lv-primary { background: var(--color-accent); border-color: var(--color-accent); color: white; }
.lv input:is([type="checkbox"], [type="radio"]) { appearance: auto; accent-color: var(--color-accent); width: 1.1rem;
  height: 1.1rem; }
.lv button:hover:not(:disabled), .lv-button:hover, .lv summary:hover { border-color: var(--color-accent); }
.lv :is(button, a, input, summary):focus-visible { outline: 2px solid var(--color-accent); outline-offset: 2px; }
.lv button:disabled, .lv-button[aria-disabled] { opacity: 0.45; cursor: default; pointer-events: none; }
.lv button.lv-text { border: 0; background: none; padding: 0; font-weight: 600; white-space: normal; text-align: left; }
.lv button.lv-text:hover { color: var(--color-accent); }
.lv input[type="text"] { width: 100%; padding: 0.4rem 0.7rem; border-radius: 8px; color: var(--body-text-color);
  border: 1px solid var(--border-color-primary); background: var(--input-background-fill); }
.lv summary { cursor: pointer; padding: 0.45rem 0.9rem; border-radius: 8px; border: 1px solid var(--border-color-primary); }
.lv-caption { font-size: 0.9rem; opacity: 0.82; overflow-wrap: anywhere; }
.lv-line { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem; }
.lv-line.lv-apart { justify-content: space-between; }
:is(#training-loss, #training-levels) .dp-livechart { min-height: 385px; }
.lv-grow { flex: 1; }
.lv-words { flex: 1 1 16rem; }
.lv-metric { display: flex; flex-direction: column; min-width: 6.5rem; font-variant-numeric: tabular-nums; }
.lv-metric span { font-size: 0.85rem; opacity: 0.82; } .lv-metric b { font-size: 1.5rem; font-weight: 500; line-height: 1.3; }
.lv-menu { position: relative; }
.lv-menu[open] > .lv-box { position: absolute; right: 0; top: calc(100% + 6px); z-index: 20; width: max-content;
  min-width: 100%; background: var(--background-fill-primary); box-shadow: 0 6px 24px rgb(0 0 0 / 0.18); }
.lv-list { display: grid; gap: 0.7rem; padding: 0.7rem 0.2rem; }
.lv-row { display: grid; grid-template-columns: auto 96px 1fr; gap: 0.7rem; align-items: center; }
.lv-picture { width: 96px; border-radius: 3px; image-rendering: pixelated; }
.lv-code { display: flex; gap: 0.6rem; align-items: start; padding: 0.6rem 0.9rem; border-radius: 8px;
  background: var(--background-fill-secondary); }
.lv-code code { flex: 1; white-space: pre-wrap; overflow-wrap: anywhere; background: none; border: 0; }
.lv-scroll { overflow-x: auto; }
.lv-scroll table { border-collapse: collapse; width: 100%; }
.lv-scroll :is(th, td) { text-align: left; padding: 0.35rem 0.7rem; border-bottom: 1px solid var(--border-color-primary); }
@media (max-width: 640px) {
  .lv-menu, .lv-menu summary { width: 100%; } .lv-menu[open] > .lv-box { position: static; width: auto; margin-top: 6px; }
  .lv-grow { flex-basis: 100%; }
}
.lv-box { border: 1px solid var(--border-color-primary); border-radius: 10px; padding: 0.6rem 0.9rem;
  display: grid; gap: 0.6rem; }
"""


def live_html(elem_id: str) -> gr.HTML:
    """An element whose value is HTML. What the reader does in it comes as the events that `button` and the like name."""
    return gr.HTML(
        "",
        html_template="<div></div>",
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["lv"],
    )


def button(
    title: str, on: str, do: str, of: str = "", *, help: str = "", disabled: bool = False, kind: str = ""
) -> str:
    """A button that triggers the event `on` of its element, with `do` and `of`; see `done`."""
    return (
        f'<button type="button" class="{kind}" {_data_attributes(on, do, of)} title="{html.escape(help)}"'
        f"{' disabled' if disabled else ''}>{html.escape(title)}</button>"
    )


def choice(kind: str, label: str, on: str, do: str, of: str, *, ticked: bool, disabled: bool = False) -> str:
    """A checkbox or radio button with its label for screen readers; `kind` is "checkbox" or "radio"."""
    return (
        f'<input type="{kind}" name="{do}" {_data_attributes(on, do, of)} aria-label="{html.escape(label)}"'
        f"{' checked' if ticked else ''}{' disabled' if disabled else ''}>"
    )


def done(event: gr.EventData) -> tuple[str, str]:
    """The action and its argument, as texts of at most 500 letters; ("", "") for an event of another form."""
    data = compat.event_data(event)
    do, of = data.get("do"), data.get("of")
    return (do[:500], of[:500]) if isinstance(do, str) and isinstance(of, str) else ("", "")


def rich(text: str) -> str:
    """A text with **bold** and `code` as HTML; nothing else in it is markup."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)


def _data_attributes(on: str, do: str, of: str) -> str:
    return f'data-on="{on}" data-do="{html.escape(do)}" data-of="{html.escape(of)}"'
