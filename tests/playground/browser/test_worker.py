"""The worker and its team in headless Chromium, as ES modules of a page that allows just what they need."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route

from engine.language import speaking
from engine.recipes.recipe import Recipe
from engine.registry import open_classifier, open_model
from playground.browser.network import NetworkFiles, network_files
from playground.browser.program import compile_program
from playground.browser.script import worker_script

ROOT = Path(__file__).parents[3]
ADDRESS = "http://127.0.0.1:9/"
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:"
SAMPLE = """
async ({ script, files, request, losing }) => {
  const { Team, workersOf } = await import("/playground/browser/src/team.js");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const [sound, ill] = [workersOf(script), workersOf(script + ";setTimeout(() => { throw new Error('lost'); });")];
  let started = 0;
  const team = new Team(() => (losing && ++started === 2 ? ill() : sound()), { most: 2 });
  const network = (files) => files && { config: files.config, weights: bytes(files.weights) };
  const loaded = await team.load({ unet: network(files.unet), classifier: network(files.classifier) });
  const frames = [];
  const done = await team.sample(request, { onFrame: (frame) => frames.push([...frame.x, ...frame.x0, ...frame.noise]) });
  team.rest();
  return { loaded, done, frames };
}
"""
"""`losing`: the second worker is lost as soon as it has started."""


def _serve(route: Route) -> None:
    path = ROOT / route.request.url.removeprefix(ADDRESS)
    kind = "text/javascript" if path.suffix == ".js" else "text/html"
    body = path.read_text(encoding="utf-8") if path.is_file() else "<!doctype html>"
    route.fulfill(body=body, headers={"Content-Type": kind, "Content-Security-Policy": POLICY})


def _sent(files: NetworkFiles) -> dict[str, Any]:
    return {"config": files.config, "weights": base64.b64encode(files.weights).decode("ascii")}


@pytest.mark.browser
@pytest.mark.parametrize("losing", [False, True])
def test_chromium_samples_what_the_engine_samples(losing: bool, page: Page) -> None:
    recipe = Recipe(seeds=(1, 2, 3), labels=(4, -1, 6), sampler="heun", steps=3, classifier="digits")
    model = open_model(recipe.model)
    right = np.stack([np.stack([f.x, f.x0, f.noise]) for f in recipe.frames(model)])
    files = {
        "unet": _sent(network_files(model.denoiser.net)),
        "classifier": _sent(network_files(open_classifier("digits").net)),
    }
    request = {"program": compile_program(recipe, model).to_payload(), "seeds": recipe.seeds, "labels": recipe.labels}
    page.context.route("**", _serve)
    page.goto(ADDRESS)
    given = {"script": worker_script(), "files": files, "request": request, "losing": losing}
    made = page.evaluate(SAMPLE, given)
    assert made["loaded"]["relaxed"] is True
    found = np.array(made["frames"]).reshape(right.shape)
    assert abs(found[:, 1] - right[:, 1]).max() < 1e-4
    assert abs(found[-1, 0] - right[-1, 0]).max() < 1e-4


def test_the_worker_is_one_script_that_fetches_nothing() -> None:
    script = worker_script()
    assert len(script) < 130_000
    for word in ("import ", "export ", "fetch(", "XMLHttpRequest", "importScripts", "https://"):
        assert word not in script
    with speaking("zh"):
        assert "未加载" in worker_script()
