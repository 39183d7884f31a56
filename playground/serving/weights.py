"""Weights of networks for the reader's browser, at addresses that a page was given (browser/offered.py)."""

from __future__ import annotations

import re
from typing import Any

from playground.browser.offered import FOLDER, Offer, offer

_ADDRESS = re.compile(rf"/{FOLDER}/([0-9a-f]{{64}})/?$")
_HEADERS = (
    (b"content-type", b"application/octet-stream"),
    # An address names its contents: what was fetched holds for ever. Only who was given it asks, so no proxy keeps it.
    (b"cache-control", b"private, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
)


class Weights:
    """ASGI middleware.

    Args:
        app: the application behind it.
        offered: what there is; by default what this process offers.
    """

    def __init__(self, app: Any, *, offered: Offer | None = None) -> None:
        self._app, self._offered = app, offered or offer()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer at an address of weights, whatever path stands before it; pass on everything else."""
        named = _ADDRESS.search(scope["path"]) if scope["type"] == "http" else None
        if named is None:
            await self._app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"Weights can only be fetched.", (b"allow", b"GET, HEAD"))
        elif (weights := self._offered.read(named[1])) is None:
            await _answer(send, 404, b"There are no such weights here.", (b"cache-control", b"no-store"))
        else:
            await _answer(send, 200, weights, *_HEADERS, is_sent=scope["method"] == "GET")


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes], is_sent: bool = True) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body if is_sent else b""})
