"""One page in one file: a sampler with its network inside. It opens from a folder, offline, and asks nobody for anything."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from engine.language import _, language
from playground.components import source

if TYPE_CHECKING:
    from playground.browser.live import LiveSampler

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:"
)
"""What the page may do: run what is in it, and start workers of that. It may fetch nothing."""
STYLE = """
body { margin: 0 auto; max-width: 1100px; padding: 16px; font-family: system-ui, sans-serif; color-scheme: light dark;
  color: light-dark(#1c1c28, #ececf4); background: light-dark(#ffffff, #12131a);
  --st-text-color: light-dark(#1c1c28, #ececf4); --st-background-color: light-dark(#ffffff, #12131a); }
h1 { font-size: 1.5rem; margin: 0 0 0.3rem; }
p { margin: 0 0 1rem; line-height: 1.5; }
"""
SCRIPT = """
const root = document.getElementById("live");
const component = mount(root, () => {});
component.update(JSON.parse(document.getElementById("payload").textContent));
"""


def page(sampler: LiveSampler) -> str:
    """The whole page as HTML, in the language that is spoken now."""
    payload = json.dumps(sampler.to_payload()).replace("</", "<\\/")
    about = _(
        "A diffusion model that runs in your browser. Move a control: a few images are sampled at once, and all of them when "
        "you let go. Drag along the strip to see each step."
    )
    script = source.script("live_sampler").replace("</", "<\\/")
    return f"""<!doctype html>
<html lang="{language()}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{html.escape(sampler.title)}</title>
<style>{source.css()}{STYLE}</style>
<main>
<h1>{html.escape(sampler.title)}</h1>
<p>{html.escape(about)}</p>
<div id="live"></div>
</main>
<script type="application/json" id="payload">{payload}</script>
<script type="module">
{script}
{SCRIPT}</script>
</html>
"""
