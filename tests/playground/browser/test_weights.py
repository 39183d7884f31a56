"""Weights by their hash: what the server offers, and what a page says where they do not arrive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from torch import nn

from engine.registry import open_model
from playground.browser.network import network_files
from playground.browser.offered import Enclosed, Offer
from playground.serving.weights import Weights

APP = Path(__file__).resolve().parents[3] / "playground" / "app.py"
LONG = 90_000
"""Milliseconds, on a busy machine."""


def _net(model: str = "digits") -> nn.Module:
    net: nn.Module = open_model(model).denoiser.net  # type: ignore[attr-defined]
    return net


def _asked(path: str, offered: Offer, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    """What the middleware answers; 0 where it passes the request on."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 0, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    asyncio.run(Weights(app, offered=offered)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("before", ["", "/sampling", "/class/a b"])
def test_what_was_offered_is_answered_behind_any_base_path(before: str) -> None:
    offered = Offer()
    sent = offered.network(_net())
    status, headers, body = _asked(f"{before}/{sent.url}", offered)
    assert status == 200
    assert body == network_files(_net(), half=True).weights
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (sent.hash, sent.bytes)
    assert b"immutable" in headers[b"cache-control"]
    assert not sent.base64
    assert not Enclosed().network(_net()).url


def test_nothing_else_is_answered() -> None:
    offered = Offer()
    sent = offered.network(_net())
    assert _asked(f"/{sent.url}", offered, "HEAD")[::2] == (200, b"")
    assert _asked(f"/{sent.url}", offered, "POST")[0] == 405
    assert _asked(f"/weights/{'0' * 64}", offered)[0] == 404
    for path in ("/weights/..%2fetc", "/weights/", f"/{sent.url}/more", f"/{sent.url.upper()}", "/sampling"):
        assert _asked(path, offered)[0] == 0


def test_memory_is_bounded_and_what_was_dropped_is_offered_again() -> None:
    nets = [_net("digits"), _net("emoji")]
    offered = Offer(most_bytes=1)
    first, second = (offered.network(net) for net in nets)
    assert offered.read(first.hash) is None
    assert offered.read(second.hash) is not None
    assert offered.network(nets[0]) == first
    assert offered.read(first.hash) is not None


@pytest.fixture(scope="module", params=["streamlit", "gradio"])
def server(request: pytest.FixtureRequest, run_streamlit, run_gradio) -> Iterator[str]:
    with run_streamlit(APP) if request.param == "streamlit" else run_gradio() as url:
        yield url


def _live(page: Page, server: str) -> None:
    page.context.add_init_script("localStorage.setItem('dp-where', 'browser')")
    page.goto(f"{server}/sampling?steps=5&count=4")


def _cut(route: Route) -> None:
    route.fulfill(body=route.fetch().body()[:1000])


def _others(route: Route) -> None:
    route.fulfill(body=bytes(len(route.fetch().body())))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("damage", "said"),
    [(lambda route: route.abort(), "did not arrive"), (_cut, "1000 of"), (_others, "not those of this network")],
)
def test_weights_that_do_not_arrive_are_said_and_fetched_again(chromium: Browser, server: str, damage, said) -> None:
    page = chromium.new_page(locale="en-US")
    page.route("**/weights/*", damage)
    _live(page, server)
    expect(page.locator(".dp-live-sampler [role=status]").first).to_contain_text(said, timeout=LONG)
    page.unroute("**/weights/*")
    page.locator('[data-action="again"]').click()
    expect(page.locator('.dp-live-sampler[data-drawn="whole"]')).to_be_visible(timeout=LONG)
    page.context.close()
