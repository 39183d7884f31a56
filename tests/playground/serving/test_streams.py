"""An event that comes in while a stream ends is answered only when its page knows of the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.gradio_ui.compat import JOIN, STREAM, STREAM_END
from playground.serving import streams
from playground.serving.streams import Streams

SOON = 10
"""Seconds: at once, on a busy machine."""
LAST = b'data: {"msg":"close_stream"}\n\n'
Message = dict[str, Any]


async def server(scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]) -> None:
    """As Gradio's: a stream with one message and its end, and an answer to any event."""
    if scope["path"] == JOIN:
        while (await receive()).get("more_body"):
            pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == STREAM:
        await send({"type": "http.response.body", "body": b"data: {}\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": LAST, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class Page:
    """A browser's side: what has been answered, in its order, and whether it has hung up."""

    def __init__(self, app: Any = server) -> None:
        self.app = Streams(app, stream=STREAM, join=JOIN, end=STREAM_END)
        self.heard: list[str] = []
        self.hung_up = asyncio.Event()

    async def stream(self, session: str) -> None:
        async def receive() -> Message:
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.heard.append("end" if message.get("body") == LAST else "")
            if not message.get("more_body", True):
                self.heard.append("over")

        await self.app(_scope(STREAM, f"session_hash={session}"), receive, send)

    async def event(self, body: bytes, name: str) -> None:
        pieces = [body[:7], body[7:]]

        async def receive() -> Message:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.heard.append(name)

        await self.app(_scope(JOIN), receive, send)

    async def until(self, word: str) -> None:
        while word not in self.heard:
            await asyncio.sleep(0)


def _scope(path: str, query: str = "") -> Message:
    return {"type": "http", "path": path, "query_string": query.encode()}


def _event(session: str) -> bytes:
    return json.dumps({"data": ['"session_hash":"b"'], "fn_index": 3, "session_hash": session}).encode()


def test_an_event_at_the_end_of_a_stream_is_answered_when_the_page_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 10 * SOON)

    async def play() -> list[str]:
        page = Page()
        stream = asyncio.create_task(page.stream("a"))
        await page.until("end")
        mine = asyncio.create_task(page.event(_event("a"), "mine"))
        await page.event(_event("b"), "another's")  # who is not concerned does not wait
        for _ in range(20):
            await asyncio.sleep(0)
        assert not mine.done()
        page.hung_up.set()
        await asyncio.wait_for(asyncio.gather(stream, mine), SOON)
        await asyncio.wait_for(page.event(_event("a"), "later"), SOON)
        assert not page.app._ending
        return [word for word in page.heard if word]

    assert asyncio.run(play()) == ["end", "another's", "over", "mine", "later"]


def test_a_page_whose_hanging_up_is_not_passed_on_waits_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PATIENCE", 0.05)

    async def play() -> list[str]:
        page = Page()
        stream = asyncio.create_task(page.stream("a"))
        await page.until("end")
        await asyncio.wait_for(asyncio.gather(stream, page.event(_event("a"), "mine")), SOON)
        return [word for word in page.heard if word]

    assert asyncio.run(play()) == ["end", "over", "mine"]


def test_a_stream_that_breaks_off_holds_nobody_back() -> None:
    async def breaks(scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] == STREAM:
            await send({"type": "http.response.body", "body": LAST, "more_body": True})
            raise ConnectionError
        await server(scope, receive, send)

    async def play() -> None:
        page = Page(breaks)
        with pytest.raises(ConnectionError):
            await page.stream("a")
        await asyncio.wait_for(page.event(_event("a"), "mine"), SOON)

    asyncio.run(play())


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=60), st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps)))
def test_whatever_is_sent_is_passed_on(body: bytes | str) -> None:
    page = Page()
    asyncio.run(page.event(body if isinstance(body, bytes) else body.encode(), "answered"))
    assert page.heard == ["answered"]


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"type": "websocket", "path": STREAM}, _scope("/")])
def test_all_else_passes_as_it_is(scope: Message) -> None:
    seen = []

    async def app(*told: Any) -> None:
        seen.append(told)

    asyncio.run(Streams(app, stream=STREAM, join=JOIN, end=STREAM_END)(scope, "receive", "send"))
    assert seen == [(scope, "receive", "send")]
