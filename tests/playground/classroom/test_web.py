"""Classes over HTTP: what is answered, what waits, and what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.classroom import web
from playground.classroom.rooms import RefusedError
from playground.classroom.view import PERMIT
from playground.classroom.web import JOINS, Allowance, Classes
from playground.serving.reader_language import PARAMETER, ReaderLanguage

CLIENT = "0123456789abcdef"


def app(folder: Path) -> Starlette:
    behind = [Route("/{rest:path}", lambda request: PlainTextResponse("the app"))]
    middleware = [Middleware(ReaderLanguage, parameter=PARAMETER), Middleware(Classes, folder=lambda: folder)]
    return Starlette(routes=behind, middleware=middleware)


@pytest.fixture
def http(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(app(tmp_path), follow_redirects=False, raise_server_exceptions=True) as client:
        yield client


def as_(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def room(http: TestClient) -> dict[str, str]:
    return dict(http.post("/class/api/open", json={"lesson": 1}, headers=as_(PERMIT)).json())


def test_a_class_from_its_link_to_its_end(http: TestClient, room: dict[str, str]) -> None:
    code, secret = room["code"], as_(room["secret"])
    entered = http.get(f"/class/{code}?lang=zh")
    assert entered.status_code == 303
    assert entered.headers["location"].startswith("../forward?")
    assert f"class={code}&lang=zh" in entered.headers["location"]
    student = http.post(f"/class/api/{code}/join", json={"name": "Ada"}).json()
    step = {"kind": "step", "sequence": 1, "step": 0, "progress": {"answers": [490], "done": True}}
    sent = http.post(
        f"/class/api/{code}/report", json={"client": CLIENT, "events": [step]}, headers=as_(student["token"])
    )
    assert sent.json()["accepted"] == 1
    state = http.get(f"/class/api/{code}/teacher", headers=secret).json()
    assert state["progress"][0]["value"]["answers"] == [490]
    assert "490" in http.get(f"/class/api/{code}/export.csv", headers=secret).text
    assert http.get(f"/class/api/{code}/export.json", headers=secret).json()["students"][0]["name"] == "Ada"
    assert http.delete(f"/class/api/{code}", headers=secret).status_code == 200
    assert http.get(f"/class/api/{code}/teacher", headers=secret).status_code == 404
    assert "no such class" in http.get(f"/class/{code}").text


def test_everything_else_is_the_apps(http: TestClient) -> None:
    assert http.get("/forward?class=abc").text == "the app"
    assert http.get("/").text == "the app"


def test_a_request_waits_for_what_changes(
    http: TestClient, room: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, secret = room["code"], as_(room["secret"])
    token = http.post(f"/class/api/{code}/join", json={}).json()["token"]
    version = http.get(f"/class/api/{code}/state", headers=as_(token)).json()["version"]
    waiting: dict[str, Any] = {}

    def wait() -> None:
        waiting.update(http.get(f"/class/api/{code}/state?since={version}", headers=as_(token)).json())

    thread = threading.Thread(target=wait)
    thread.start()
    http.post(f"/class/api/{code}/command", json={"stage": {"lead": "forward?seed=3#timeline=4"}}, headers=secret)
    thread.join(60)
    assert waiting["lead"] == "forward?seed=3#timeline=4"
    monkeypatch.setattr(web, "WAIT", 0.01)  # nothing changes: the same state comes, and the page asks again
    same = http.get(f"/class/api/{code}/state?since={waiting['version']}", headers=as_(token)).json()
    assert same["version"] == waiting["version"]


def test_who_waits_for_a_class_that_is_deleted(http: TestClient, room: dict[str, str]) -> None:
    code, secret = room["code"], as_(room["secret"])
    version = http.get(f"/class/api/{code}/teacher", headers=secret).json()["version"]
    answers: list[int] = []
    thread = threading.Thread(
        target=lambda: answers.append(
            http.get(f"/class/api/{code}/teacher?since={version}", headers=secret).status_code
        )
    )
    thread.start()
    http.delete(f"/class/api/{code}", headers=secret)
    thread.join(60)
    assert answers == [404]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),  # what a form of another site can send
        (b'"' + b"x" * 500_000 + b'"', "application/json", 413),
        (b"\xff\xfe", "application/json", 400),
    ],
)
def test_bad_bodies(http: TestClient, body: bytes, kind: str, status: int) -> None:
    answer = http.post("/class/api/open", content=body, headers={"Content-Type": kind, **as_(PERMIT)})
    assert answer.status_code == status
    assert answer.json()["problem"]


def test_students_and_strangers_see_nothing_of_the_teachers(http: TestClient, room: dict[str, str]) -> None:
    code = room["code"]
    token = http.post(f"/class/api/{code}/join", json={}).json()["token"]
    for headers in (
        {},
        as_(token),
        as_(code),
        {"Authorization": room["secret"]},
        {"Cookie": f"secret={room['secret']}"},
    ):
        for path in ("teacher", "export.csv", "export.json", "picture?student=1&task=wall"):
            assert http.get(f"/class/api/{code}/{path}", headers=headers).status_code == 403, (headers, path)
        assert http.post(f"/class/api/{code}/command", json={"stage": {}}, headers=headers).status_code == 403
        assert http.delete(f"/class/api/{code}", headers=headers).status_code == 403
    for headers in ({}, as_(room["secret"]), as_(code)):
        assert http.get(f"/class/api/{code}/state", headers=headers).status_code == 403


def test_who_may_not_see_the_page_for_teachers_opens_none(http: TestClient) -> None:
    for headers in ({}, as_(""), as_("x")):
        assert http.post("/class/api/open", json={"lesson": 1}, headers=headers).status_code == 403


def test_ten_thousand_joins_are_refused_politely() -> None:
    joins = Allowance(JOINS, 0.001)
    for _ in range(JOINS):
        joins.take("10.0.0.1")
    for _ in range(10_000 - JOINS):
        with pytest.raises(RefusedError, match="tries again") as refused:
            joins.take("10.0.0.1")
        assert refused.value.status == 429
    joins.take("10.0.0.2")  # the others come in


def test_who_was_refused_comes_in_later() -> None:
    joins = Allowance(1, 1000.0)
    joins.take("a")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return joins.take("a")
        except RefusedError:
            time.sleep(0.001)
    pytest.fail("never")


def test_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("this is a file")
    with TestClient(app(tmp_path / "runs")) as http:
        answer = http.post("/class/api/open", json={"lesson": 1}, headers=as_(PERMIT))
    assert answer.status_code == 503
    assert "sends it again" in answer.json()["problem"]


def test_pages_run_their_own_script_only(http: TestClient) -> None:
    room = http.post(
        "/class/api/open", json={"address": "sampling?seed=3", "title": "</script><b>Fun</b>"}, headers=as_(PERMIT)
    ).json()
    page = http.get(f"/class/{room['code']}/teacher")
    assert page.status_code == 200
    assert "</script><b>" not in page.text
    assert "<b>Fun" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert page.text.count(f'nonce="{nonce}"') == 1
    assert page.headers["referrer-policy"] == "no-referrer"
    assert nonce not in http.get(f"/class/{room['code']}/teacher").text
    assert http.get(f"/class/{room['code']}/nothing").status_code == 404


def test_the_link_as_a_qr_code(http: TestClient, room: dict[str, str]) -> None:
    picture = http.get(f"/class/{room['code']}/qr.svg?base=http://192.168.1.5:7860")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert 'xmlns="http://www.w3.org/2000/svg"' in picture.text
    other = http.get(f"/class/{room['code']}/qr.svg?base=http://192.168.1.6:7860")
    assert picture.text != other.text
    for wrong in ("javascript:alert(1)", "http://a b", "ftp://x", "http://x/?y"):
        assert http.get(f"/class/{room['code']}/qr.svg", params={"base": wrong}).status_code == 400


@pytest.mark.parametrize("number", range(1, 9))
def test_worksheets(http: TestClient, number: int) -> None:
    for tag, name in (("en", "Your name"), ("zh", "姓名")):
        blank = http.get(f"/class/worksheet/{number}?lang={tag}").text
        solved = http.get(f"/class/worksheet/{number}?lang={tag}&answers").text
        assert name in blank
        assert 'class="right"' not in blank
        assert 'class="answer"' not in blank
        assert 'class="answer"' in solved
    assert http.get("/class/worksheet/99").status_code == 404
