"""Which requests a web server answers: those of a bounded size, and none to routes that the app does not use."""

from __future__ import annotations

from typing import Any

from engine.storage import budgets

ENVELOPE = 100_000
"""Bytes that an upload may have besides the file."""


class RequestFilter:
    """ASGI middleware.

    Args:
        app: the application behind it.
        upload: the most bytes of one file.
        upload_route: to which files are sent.
        unused_routes: beginnings of routes that are not answered.
    """

    def __init__(self, app: Any, *, upload: int, upload_route: str, unused_routes: tuple[str, ...]) -> None:
        self._app = app
        self._upload, self._upload_route, self._unused = upload, upload_route, unused_routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse with a status and one sentence, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(self._unused):
            await _refuse(send, 404, b"There is nothing here.")
            return
        most = self._upload + ENVELOPE if path.rstrip("/") == self._upload_route else budgets.REQUEST_BYTES
        if _declared_length(scope) > most:
            await _refuse(send, 413, f"At most {most:,} bytes are read here.".encode())
            return
        left = most

        async def counted() -> Any:
            # A request that does not declare its length is cut off once it is too long.
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            return message if left >= 0 else {"type": "http.disconnect"}

        await self._app(scope, counted, send)


def _declared_length(scope: Any) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Any, status: int, sentence: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(sentence)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence})
