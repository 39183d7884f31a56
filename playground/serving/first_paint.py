"""What stands on a page until the front end's programs have come: its title, and where settings and figures will be.

It comes with the HTML, and so does the style: nothing moves later, and no page is white.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from importlib import import_module
from typing import Any

from playground.course import text as course_text
from playground.course.view import CONTENTS, TEACH
from playground.labs.home.text import LABS

STYLE = """
.dp-first { position: fixed; inset: 0; z-index: 10; pointer-events: none; display: flex; color-scheme: light dark;
  color: light-dark(#1c1c28, #ececf4); background: light-dark(#ffffff, #12131a); font-family: sans-serif; }
.dp-first-settings { flex: none; width: var(--dp-first-settings); background: light-dark(#f4f4f8, #1d1f2a); }
.dp-first-page { flex: 1; padding: var(--dp-first-top) var(--dp-first-side); }
.dp-first-title { font-size: 1.8rem; font-weight: 700; line-height: 1.25; }
.dp-first-page i { display: block; height: 14px; margin-top: 18px; border-radius: 7px; background: light-dark(#e6e6ee, #2a2c3a);
  animation: dp-first 1.2s infinite alternate; }
.dp-first-page i:last-child { height: 40vh; }
@keyframes dp-first { to { opacity: 0.4; } }
@media (max-width: 767px) { .dp-first-settings { display: none; } }
"""
"""The front end says where things stand (the three variables), and when this goes."""


def title(address: str) -> str:
    """The heading of the page at this address: of a lab, else of the start page."""
    if address in (CONTENTS, TEACH):
        return str(course_text.TITLE if address == CONTENTS else course_text.TEACH_TITLE)
    lab = address if any(address == known for known, *_ in LABS) else "home"
    return str(import_module(f"playground.labs.{lab}.text").TITLE)


def is_lab(path: str) -> bool:
    """Whether a lab stands at this path of the server."""
    return any(_address(path) == address for address, *_ in LABS)


def markup(path: str) -> str:
    """The page at this path of the server before anything has come. Readers of screens get the page itself."""
    settings = '<div class="dp-first-settings"></div>' if is_lab(path) else ""
    lines = '<i style="width:70%"></i><i style="width:45%"></i><i></i>'
    name = html.escape(title(_address(path)))
    return (
        f'<div class="dp-first" aria-hidden="true">{settings}<div class="dp-first-page">'
        f'<div class="dp-first-title">{name}</div>{lines}</div></div>'
    )


def _address(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


# --- into the HTML of each page ---------------------------------------------------------------------------------------

Insert = Callable[[str], str]
"""From the path of a page to what stands at the beginning of its <body>: style there outranks the front end's own."""
_VALIDATORS = {b"if-none-match", b"if-modified-since", b"accept-encoding"}
"""Of requests for a page: a copy that the browser has kept may hold another style, and packed text is not looked into."""


class FirstPaint:
    """ASGI middleware.

    Args:
        app: the application behind it.
        insert: what comes into each page.
    """

    def __init__(self, app: Any, *, insert: Insert) -> None:
        self._app, self._insert = app, insert

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what is no page, and a page with what is inserted."""
        headers = scope.get("headers", [])
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in dict(headers).get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        asked = {**scope, "headers": [header for header in headers if header[0] not in _VALIDATORS]}
        start: dict[str, Any] = {}
        body = b""

        async def collected(message: Any) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                    start = message
                    return
            elif start:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                page = self._filled(scope["path"], body)
                kept = [header for header in start["headers"] if header[0] not in (b"content-length", b"etag")]
                await send({**start, "headers": [*kept, (b"content-length", str(len(page)).encode())]})
                message = {"type": "http.response.body", "body": page}
            await send(message)

        await self._app(asked, receive, collected)

    def _filled(self, path: str, page: bytes) -> bytes:
        start = page.find(b">", page.find(b"<body")) + 1
        return page[:start] + self._insert(path).encode() + page[start:]
