"""No event of a page is lost while its event stream ends.

A page of Gradio posts each event by itself and receives all results on one stream, which the server ends when no result is due.
An event that is posted just then is lost: the server has ended the stream, the page still takes it for open, opens no other,
and waits for ever. So the response to a post is held back here until the page knows of the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import parse_qs

PATIENCE = 0.5
"""Seconds: a page that has read the end closes the connection at once; a proxy in between may not pass that on."""


class Streams:
    """ASGI middleware.

    Args:
        app: the application behind it.
        stream, join: routes of a page's event stream and of its events.
        end: bytes in the last message of a stream.
    """

    def __init__(self, app: Any, *, stream: str, join: str, end: bytes) -> None:
        self._app, self._stream_route, self._join_route, self._end = app, stream, join, end
        self._ending: dict[str, asyncio.Event] = {}
        """Sessions whose stream has ended, but whose page may not know of it; set as soon as it does."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on, in an order in which no event is lost."""
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if path == self._stream_route:
            await self._stream(scope, receive, send)
        elif path == self._join_route:
            await self._join(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        known = asyncio.Event()

        async def forward(message: Any) -> None:
            if self._end in message.get("body", b""):
                self._ending[session] = known
            if self._ending.get(session) is known and not message.get("more_body", False):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_closed(receive), PATIENCE)
            await send(message)

        try:
            await self._app(scope, receive, forward)
        finally:
            known.set()
            if self._ending.get(session) is known:
                del self._ending[session]

    async def _join(self, scope: Any, receive: Any, send: Any) -> None:
        body = bytearray()

        async def read() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def respond(message: Any) -> None:
            if message["type"] == "http.response.start" and (known := self._ending.get(_session_of(body))) is not None:
                await known.wait()
            await send(message)

        await self._app(scope, read, respond)


async def _closed(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _session_of(body: bytearray) -> str:
    """Of the page that posts an event; "" where it names none."""
    with contextlib.suppress(ValueError, RecursionError):
        event = json.loads(body)
        if isinstance(event, dict):
            return str(event.get("session_hash"))
    return ""
