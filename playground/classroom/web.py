"""Classes over HTTP: ASGI middleware in front of either front end, for everything below `class/`.

    POST   class/api/open                  the permit of the page for teachers; a new class → code, secret
    POST   class/api/CODE/join             a student → token, number
    POST   class/api/CODE/report           token; events → the state
    GET    class/api/CODE/state?since=V    token; waits for a change of the stage
    GET    class/api/CODE/teacher?since=V  secret; waits for any change, sends what is new
    POST   class/api/CODE/command          secret
    GET    class/api/CODE/picture?student=N&task=T     secret
    GET    class/api/CODE/export.json, export.csv      secret
    DELETE class/api/CODE                  secret
    GET    class/CODE                      leads a student to the lesson or lab
    GET    class/CODE/qr.svg?base=…        that link as a QR code
    GET    class/worksheet/LESSON?answers
    GET    class/CODE/teacher, class/CODE/projector    pages; the secret stands behind their "#", which no server sees

Token and secret come as `Authorization: Bearer …`, which no other site can make a browser send.
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import segno
from cachetools import TTLCache
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, Router

from engine.language import N_, _, translated
from playground.classroom import export, pages
from playground.classroom.requests import with_settings
from playground.classroom.rooms import RefusedError, Rooms, home, limits_now
from playground.classroom.store import ClassStore
from playground.classroom.view import PERMIT

T = TypeVar("T")
FILE = "classes.sqlite"
"""In the folder of all runs."""
BODY = 400_000
"""The most bytes of a request."""
WAIT = 25.0
"""Seconds that a request waits for a change: shorter than what proxies allow."""
EVERY = 0.25
"""Seconds between two looks at what has changed, for all who wait together."""
JOINS, JOINS_A_SECOND = 120, 2.0
"""Students of one address that may join at once, and how many more after that: a school has one address."""
BASE = re.compile(r"https?://[\w.:\[\]-]{1,200}(/[\w./~-]{0,200})?")
TOO_MANY = N_("Too many come from your network at once. This page tries again in {seconds} seconds.")
TOO_LONG = N_("At most {bytes} bytes are read here.")
NO_DISK = N_("The server cannot keep this at the moment. Nothing is lost: this page sends it again.")
NO_PERMIT = N_("The server has started again meanwhile. Load this page again, then open the class.")
NOT_JSON = N_("This is not JSON.")
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


class Classes:
    """ASGI middleware.

    Args:
        app: the application behind it.
        folder: where the file of the classes is kept; asked for when a class is first spoken of.
    """

    def __init__(self, app: Any, *, folder: Callable[[], Path]) -> None:
        self._app = app
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="classes")  # SQLite is used by one thread
        self._rooms: Rooms | None = None
        self._changes = Changes(lambda codes: self._in_thread(lambda rooms: rooms.versions(codes)))
        self._joins = Allowance(JOINS, JOINS_A_SECOND)
        self._router = Router(
            [
                Route("/api/open", self._open, methods=["POST"]),
                Route("/api/{code}/join", self._join, methods=["POST"]),
                Route("/api/{code}/report", self._report, methods=["POST"]),
                Route("/api/{code}/state", self._state),
                Route("/api/{code}/teacher", self._teacher),
                Route("/api/{code}/command", self._command, methods=["POST"]),
                Route("/api/{code}/picture", self._picture),
                Route("/api/{code}/export.{form}", self._export),
                Route("/api/{code}", self._delete, methods=["DELETE"]),
                Route("/worksheet/{lesson}", _sheet),
                Route("/{code}/qr.svg", self._code_picture),
                Route("/{code}", self._enter),
                Route("/{code}/{page}", self._page),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer what is asked of a class, or pass on."""
        _base, mark, path = scope["path"].partition("/class/") if scope["type"] == "http" else ("", "", "")
        if not mark:
            await self._app(scope, receive, send)
            return
        try:
            await self._router({**scope, "path": f"/{path}", "root_path": ""}, receive, send)
        except RefusedError as refused:
            await JSONResponse({"problem": str(refused)}, refused.status, HEADERS)(scope, receive, send)
        except (OSError, sqlite3.Error):  # a full disk, a file that another program holds
            await JSONResponse({"problem": _(NO_DISK)}, 503, {**HEADERS, "Retry-After": "5"})(scope, receive, send)
        except ClientDisconnect:
            return

    async def _in_thread(self, ask: Callable[[Rooms], T]) -> T:
        def run() -> T:
            if self._rooms is None:
                self._rooms = Rooms(ClassStore(self._folder() / FILE), limits_now(), time.time)
            return ask(self._rooms)

        context = contextvars.copy_context()  # the language of who asks
        return await asyncio.get_running_loop().run_in_executor(self._thread, context.run, run)

    # --- the teacher --------------------------------------------------------------------------------------------------

    async def _open(self, request: Request) -> Response:
        self._joins.take(_address(request))
        if not secrets.compare_digest(_bearer(request), PERMIT):
            raise RefusedError(403, _(NO_PERMIT))
        given = await _json(request)
        return _answer(await self._in_thread(lambda rooms: rooms.open(given)))

    async def _teacher(self, request: Request) -> Response:
        code, secret, since = request.path_params["code"], _bearer(request), _since(request)
        if since:
            await self._in_thread(lambda rooms: rooms.teacher_state(code, secret, since))  # refused before it waits
            await self._changes.wait(code, 0, since)
        return _answer(await self._in_thread(lambda rooms: rooms.teacher_state(code, secret, since)))

    async def _command(self, request: Request) -> Response:
        code, secret, given = request.path_params["code"], _bearer(request), await _json(request)
        await self._in_thread(lambda rooms: rooms.command(code, secret, given))
        return _answer({})

    async def _picture(self, request: Request) -> Response:
        code, secret, task = request.path_params["code"], _bearer(request), request.query_params.get("task", "")
        number = _whole(request.query_params.get("student", ""))
        kind, data = await self._in_thread(lambda rooms: rooms.picture(code, secret, number, task))
        return Response(data, headers=HEADERS, media_type=kind)

    async def _export(self, request: Request) -> Response:
        code, secret, form = request.path_params["code"], _bearer(request), request.path_params["form"]
        state = await self._in_thread(lambda rooms: rooms.teacher_state(code, secret, 0))
        if form == "csv":
            return Response(export.as_csv(state), headers=HEADERS, media_type="text/csv; charset=utf-8")
        return Response(export.as_json(state), headers=HEADERS, media_type="application/json")

    async def _delete(self, request: Request) -> Response:
        code, secret = request.path_params["code"], _bearer(request)
        await self._in_thread(lambda rooms: rooms.delete(code, secret))
        return _answer({})

    # --- students -----------------------------------------------------------------------------------------------------

    async def _join(self, request: Request) -> Response:
        self._joins.take(_address(request))
        code, given = request.path_params["code"], await _json(request)
        return _answer(await self._in_thread(lambda rooms: rooms.join(code, given)))

    async def _report(self, request: Request) -> Response:
        code, token, given = request.path_params["code"], _bearer(request), await _json(request)
        return _answer(await self._in_thread(lambda rooms: rooms.report(code, token, given)))

    async def _state(self, request: Request) -> Response:
        code, token, since = request.path_params["code"], _bearer(request), _since(request)
        state = await self._in_thread(lambda rooms: rooms.student_state(code, token))
        if since and state["version"] <= since:
            await self._changes.wait(code, 1, since)
            state = await self._in_thread(lambda rooms: rooms.student_state(code, token))
        return _answer(state)

    # --- pages --------------------------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Response:
        """The students' link: short, so it leads on to the address of the lesson or lab, which carries the code."""
        code = request.path_params["code"]
        try:
            opening = await self._in_thread(lambda rooms: rooms.opening(code))
        except RefusedError as refused:
            return pages.problem(str(refused))
        language = {name: value for name, value in request.query_params.items() if name == "lang"}
        return RedirectResponse("../" + with_settings(home(opening), {"class": code, **language}), 303, HEADERS)

    async def _page(self, request: Request) -> Response:
        code, page = request.path_params["code"], request.path_params["page"]
        try:
            opening = await self._in_thread(lambda rooms: rooms.opening(code))
        except RefusedError as refused:
            return pages.problem(str(refused))
        return pages.page(page, code, opening, home(opening))

    async def _code_picture(self, request: Request) -> Response:
        """The students' link as a QR code. Only the browser knows at which address this server is reached: it says so."""
        code, base = request.path_params["code"], request.query_params.get("base", "")
        if not BASE.fullmatch(base):
            raise RefusedError(400, _("This is no address."))
        await self._in_thread(lambda rooms: rooms.opening(code))
        picture = io.BytesIO()
        segno.make(f"{base}/class/{code}", error="m").save(picture, kind="svg", scale=8, border=2, light="white")
        return Response(picture.getvalue(), headers=HEADERS, media_type="image/svg+xml")


# --- waiting ----------------------------------------------------------------------------------------------------------


class Changes:
    """Lets requests wait for a change of their class. All who wait are looked after together; any process may make the change.

    Args:
        versions: of classes, as `ClassStore.versions`.
    """

    def __init__(self, versions: Callable[[list[str]], Awaitable[dict[str, tuple[int, int]]]]) -> None:
        self._versions = versions
        self._waiting: dict[asyncio.Future[None], tuple[str, int, int]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def wait(self, code: str, kind: int, since: int) -> None:
        """Return when the version of this kind (0: the class, 1: its stage) is above `since`, or after `WAIT` seconds."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[changed] = (code, kind, since)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
        try:
            await asyncio.wait([changed], timeout=WAIT)
        finally:
            del self._waiting[changed]

    async def _look(self) -> None:
        while self._waiting:
            now = await self._versions(sorted({code for code, *_rest in self._waiting.values()}))
            for changed, (code, kind, since) in self._waiting.items():
                # A class that is gone has changed as well.
                if not changed.done() and now.get(code, (since + 1, since + 1))[kind] > since:
                    changed.set_result(None)
            await asyncio.sleep(EVERY)


class Allowance:
    """So many at once from one address, and then so many a second.

    Args:
        most: at once.
        a_second: after that.
    """

    def __init__(self, most: float, a_second: float) -> None:
        self._most, self._rate = most, a_second
        self._left: TTLCache[str, tuple[float, float]] = TTLCache(4096, most / a_second)

    def take(self, address: str) -> None:
        """Raises RefusedError (429) where too many come from this address."""
        now = time.monotonic()
        left, before = self._left.get(address, (self._most, now))
        left = min(self._most, left + (now - before) * self._rate)
        if left < 1:
            self._left[address] = (left, now)
            raise RefusedError(429, _(TOO_MANY, seconds=round(1 / self._rate + 5)))
        self._left[address] = (left - 1, now)


async def _sheet(request: Request) -> Response:
    return pages.sheet(request.path_params["lesson"], answers="answers" in request.query_params)


# --- requests ---------------------------------------------------------------------------------------------------------


def _answer(value: dict[str, Any]) -> Response:
    return JSONResponse(value, headers=HEADERS)


async def _json(request: Request) -> Any:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise RefusedError(415, _(NOT_JSON))
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY:
            raise RefusedError(413, _(TOO_LONG, bytes=BODY))
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, _(NOT_JSON)) from error


def _bearer(request: Request) -> str:
    kind, _blank, secret = request.headers.get("authorization", "").partition(" ")
    return secret if kind == "Bearer" else ""


def _since(request: Request) -> int:
    return _whole(request.query_params.get("since", ""))


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


translated(__name__)
