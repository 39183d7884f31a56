"""The worker and its team in headless Chromium and Firefox, as ES modules of a page that allows just what they need."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
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


def _given() -> tuple[np.ndarray, dict[str, Any]]:
    """The engine's frames, and what SAMPLE takes to draw them."""
    recipe = Recipe(seeds=(1, 2, 3), labels=(4, -1, 6), sampler="heun", steps=3, classifier="digits")
    model = open_model(recipe.model)
    right = np.stack([np.stack([f.x, f.x0, f.noise]) for f in recipe.frames(model)])
    nets = {"unet": model.denoiser.net, "classifier": open_classifier("digits").net}
    files = {name: _sent(network_files(net)) for name, net in nets.items()}
    request = {"program": compile_program(recipe, model).to_payload(), "seeds": recipe.seeds, "labels": recipe.labels}
    return right, {"script": worker_script(), "files": files, "request": request}


def _check(made: dict[str, Any], right: np.ndarray) -> None:
    assert made["loaded"]["relaxed"] is True
    found = np.array(made["frames"]).reshape(right.shape)
    assert abs(found[:, 1] - right[:, 1]).max() < 1e-4
    assert abs(found[-1, 0] - right[-1, 0]).max() < 1e-4


@pytest.mark.browser
@pytest.mark.parametrize("losing", [False, True])
def test_chromium_samples_what_the_engine_samples(losing: bool, page: Page) -> None:
    right, given = _given()
    page.context.route("**", _serve)
    page.goto(ADDRESS)
    _check(page.evaluate(SAMPLE, given | {"losing": losing}), right)


@pytest.mark.toolchain
def test_firefox_samples_what_the_engine_samples(tmp_path: Path) -> None:
    """Debian's Firefox, which nothing drives: its page fetches what to sample, and sends what it made."""
    right, given = _given()
    made: Queue[dict[str, Any]] = Queue()
    script = f"const sample = {SAMPLE.strip()};\nconst given = await (await fetch('/given')).json();\n"
    script += "const made = await sample(given).catch((error) => ({ error: `${error} ${error.stack}` }));\n"
    script += "await fetch('/made', { method: 'POST', body: JSON.stringify(made) });\n"
    texts = {"/": "<!doctype html><script type=module src=/test.js></script>", "/test.js": script}
    texts["/given"] = json.dumps(given | {"losing": False})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            file = ROOT / self.path[1:]
            body = texts.get(self.path) or (file.read_text(encoding="utf-8") if file.is_file() else "")
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/html")
            self.send_header("Content-Security-Policy", f"{POLICY}; connect-src 'self'")
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            made.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        command = ["firefox-esr", "--headless", "--no-remote", "--profile", str(tmp_path), address]
        firefox = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            answer = made.get(timeout=200)
        finally:
            firefox.terminate()
            firefox.wait(30)
            server.shutdown()
    assert "error" not in answer, answer
    _check(answer, right)


def test_the_worker_is_one_script_that_fetches_nothing() -> None:
    script = worker_script()
    assert len(script) < 130_000
    for word in ("import ", "export ", "fetch(", "XMLHttpRequest", "importScripts", "https://"):
        assert word not in script
    with speaking("zh"):
        assert "未加载" in worker_script()
