"""Nothing that a page asks for is lost at the end of a stream.

A page of Gradio sends each event by itself and hears of all of them by one stream, which the server ends when nothing is left
to be told. An event that comes in just then falls between: the server has ended the stream, the page still takes it for open,
opens no other, and waits for ever. So the answer to an event is held back here until the page knows of the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import parse_qs

STREAM, JOIN = "/gradio_api/queue/data", "/gradio_api/queue/join"
END = b'"msg":"close_stream"'
"""In the last message of a stream."""
PATIENCE = 0.5
"""Seconds: a page that has read the end hangs up at once; between it and us may stand something that does not pass that on."""


class Streams:
    """ASGI middleware.

    Args:
        app: what is behind it.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._ending: dict[str, asyncio.Event] = {}
        """Sessions whose stream is ended, but whose page may not know of it; set once it does."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on, in an order in which nothing is lost."""
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if path == STREAM:
            await self._stream(scope, receive, send)
        elif path == JOIN:
            await self._join(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: Any, receive: Any, send: Any) -> None:
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        known = asyncio.Event()

        async def told(message: Any) -> None:
            if END in message.get("body", b""):
                self._ending[session] = known
            if self._ending.get(session) is known and not message.get("more_body", False):
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_hung_up(receive), PATIENCE)
            await send(message)

        try:
            await self._app(scope, receive, told)
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

        async def answered(message: Any) -> None:
            if message["type"] == "http.response.start" and (known := self._ending.get(_session_of(body))) is not None:
                await known.wait()
            await send(message)

        await self._app(scope, read, answered)


async def _hung_up(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _session_of(body: bytearray) -> str:
    """Of the page that sends an event; "" where it says none."""
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(body)
        if isinstance(said, dict):
            return str(said.get("session_hash"))
    return ""
