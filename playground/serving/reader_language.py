"""A page is sent in the language that its link asks for, or else the browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from engine.language import ENGLISH, chosen, speaking

PARAMETER = "lang"
"""Of the link."""


class ReaderLanguage:
    """ASGI middleware.

    Args:
        app: the application behind it.
        parameter: of the link, by which a language is asked for.
    """

    def __init__(self, app: Any, *, parameter: str) -> None:
        self._app, self._parameter = app, parameter

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, to be answered in its language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = parse_qs(scope["query_string"].decode("latin-1")).get(self._parameter, [""])[0]
        headers = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        with speaking(chosen(asked, headers) or ENGLISH):
            await self._app(scope, receive, send)
