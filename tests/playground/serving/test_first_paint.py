"""What comes with the HTML of a page: its title and style, in pages alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.labs.home.text import LABS
from playground.serving import first_paint
from playground.serving.first_paint import FirstPaint
from playground.streamlit_ui import first_paint as streamlit_first_paint

PAGE = {"Accept": "text/html"}
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


@pytest.fixture
def client() -> TestClient:
    routes = [
        Route("/words", lambda _: PlainTextResponse("<body>")),
        Route("/gone", lambda _: HTMLResponse("<body class='x'></body>", 404)),
        Route("/{path:path}", lambda _: FileResponse(INDEX)),
    ]
    middleware = [Middleware(FirstPaint, insert=streamlit_first_paint.insert)]
    return TestClient(Starlette(routes=routes, middleware=middleware))


@pytest.mark.parametrize("address", ["", *(address for address, *_ in LABS)])
def test_a_page_has_its_title_and_style_before_its_programs(client: TestClient, address: str) -> None:
    answer = client.get(f"/base/{address}", headers=PAGE)
    assert int(answer.headers["content-length"]) == len(answer.content)
    body = answer.text.partition("<body")[2]
    title = f'<div class="dp-first-title">{first_paint.title(address)}</div>'
    assert -1 < body.find("<style>") < body.find(title) < body.find('<div id="root">')
    assert ("dp-first-settings" in body.partition("</style>")[2]) == bool(address)


def test_a_copy_that_the_browser_has_kept_is_no_answer(client: TestClient) -> None:
    """It may have been made with other text inserted."""
    first = client.get("/forward", headers=PAGE)
    assert "etag" not in first.headers
    again = {"If-Modified-Since": first.headers["last-modified"], "If-None-Match": "*"}
    assert client.get("/forward", headers=PAGE | again).content == first.content


def test_what_is_no_page_stays_as_it_is(client: TestClient) -> None:
    assert client.get("/words", headers=PAGE).text == "<body>"
    assert client.get("/forward", headers={"Accept": "*/*"}).content == INDEX.read_bytes()
    assert client.head("/forward", headers=PAGE).headers["content-length"] == str(INDEX.stat().st_size)
    assert client.get("/gone", headers=PAGE).text.startswith("<body class='x'><style>")
