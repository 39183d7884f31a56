"""Who may do what in a class, and that nothing is lost or taken for somebody else's."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.classroom import export
from playground.classroom.requests import CELLS, checked_address
from playground.classroom.rooms import DAY, LOST, OWN, ClassLimits, RefusedError, Rooms
from playground.classroom.store import ClassStore

CLIENT = "0123456789abcdef"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rooms(tmp_path: Path, clock: Clock) -> Rooms:
    return Rooms(ClassStore(tmp_path / "classes.sqlite"), OWN, clock)


@pytest.fixture
def opened(rooms: Rooms) -> tuple[str, str]:
    room = rooms.open({"lesson": 1})
    return room["code"], room["secret"]


def step(sequence: int, k: int = 0, **progress: object) -> dict[str, object]:
    return {"kind": "step", "sequence": sequence, "step": k, "progress": progress}


def report(rooms: Rooms, code: str, token: str, *events: dict[str, object], client: str = CLIENT) -> dict[str, Any]:
    return rooms.report(code, token, {"client": client, "events": list(events)})


def result(sequence: int, task: str, **more: object) -> dict[str, object]:
    return {"kind": "result", "sequence": sequence, "task": task, "address": "sampling?seed=1", **more}


def test_what_is_answered_comes_to_the_teacher(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    ada, bo = rooms.join(code, {"name": " Ada  L. "}), rooms.join(code, {})
    assert (ada["number"], bo["number"]) == (1, 2)
    before = rooms.teacher_state(code, secret, 0)
    assert [(one["number"], one["name"]) for one in before["students"]] == [(1, "Ada L."), (2, "")]
    answered = report(rooms, code, ada["token"], step(1, answers=[490], done=True), step(2, 1, text="它消失了"))
    assert answered["accepted"] == 2
    report(rooms, code, bo["token"], {"kind": "place", "sequence": 1, "step": 3}, step(2, answers=[100], done=True))
    new = rooms.teacher_state(code, secret, before["version"])
    found = {(row["number"], row["step"]): row["value"] for row in new["progress"]}
    assert found[1, 0]["answers"] == [490]
    assert found[2, 0]["answers"] == [100]
    assert found[1, 1]["text"] == "它消失了"
    assert {one["number"]: one["step"] for one in new["students"]} == {1: 0, 2: 3}
    nothing = rooms.teacher_state(code, secret, new["version"])
    assert not nothing["progress"]
    assert not nothing["students"]


def test_events_that_come_again_change_nothing(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {})["token"]
    report(rooms, code, token, step(1, answers=[1]), step(2, answers=[2]))
    version = rooms.teacher_state(code, secret, 0)["version"]
    assert report(rooms, code, token, step(1, answers=[1]))["accepted"] == 2
    assert rooms.teacher_state(code, secret, version)["progress"] == []
    # Another tab counts its own.
    assert report(rooms, code, token, step(1, 4, answers=[7]), client="f" * 16)["accepted"] == 1
    assert {row["step"] for row in rooms.teacher_state(code, secret, 0)["progress"]} == {0, 4}


def test_a_new_process_knows_it_all(tmp_path: Path, clock: Clock, rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {"name": "Ada"})["token"]
    report(rooms, code, token, step(1, answers=[1], done=True))
    again = Rooms(ClassStore(tmp_path / "classes.sqlite"), OWN, clock)  # the first one was never closed
    assert report(again, code, token, step(1, answers=[9]))["accepted"] == 1
    [row] = again.teacher_state(code, secret, 0)["progress"]
    assert row["value"]["answers"] == [1]


def test_nobody_takes_the_place_of_another(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {})["token"]
    other = rooms.open({"address": "forward"})
    for wrong in ("", token, "x", other["secret"]):
        for ask in (
            lambda wrong: rooms.teacher_state(code, wrong, 0),
            lambda wrong: rooms.command(code, wrong, {"stage": {"is_over": True}}),
            lambda wrong: rooms.picture(code, wrong, 1, "wall"),
            lambda wrong: rooms.delete(code, wrong),
        ):
            with pytest.raises(RefusedError) as refused:
                ask(wrong)
            assert refused.value.status == 403
    for wrong in ("", secret, "x"):
        for ask in (lambda wrong: report(rooms, code, wrong, step(1)), lambda wrong: rooms.student_state(code, wrong)):
            with pytest.raises(RefusedError) as refused:
                ask(wrong)
            assert refused.value.status == 403
    with pytest.raises(RefusedError) as refused:  # a student of another class
        rooms.student_state(other["code"], token)
    assert refused.value.status == 403
    with pytest.raises(RefusedError) as refused:
        rooms.student_state("nothere", token)
    assert refused.value.status == 404


def test_a_student_sees_the_stage_alone(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    ada, bo = rooms.join(code, {"name": "Ada"})["token"], rooms.join(code, {"name": "Bo"})["token"]
    report(rooms, code, bo, step(1, 6, text="a secret sentence", answers=[3]))
    rooms.command(code, secret, {"stage": {"open_to": 2, "shown": 0}, "approve": [2, 6, True]})
    seen = rooms.student_state(code, ada)
    assert seen["open_to"] == 2
    assert seen["home"].startswith("forward?")
    for private in ("secret sentence", "Bo", secret):
        assert private not in json.dumps(seen)


def test_a_sentence_that_changes_is_approved_anew(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {})["token"]

    def approved() -> int:
        [row] = rooms.teacher_state(code, secret, 0)["progress"]
        return int(row["approved"])

    report(rooms, code, token, step(1, 6, text="kind"))
    rooms.command(code, secret, {"approve": [1, 6, True]})
    assert approved() == 1
    report(rooms, code, token, step(2, 6, text="kind", done=True))
    assert approved() == 1
    report(rooms, code, token, step(3, 6, text="unkind"))
    assert approved() == 0


def test_a_sweep_is_computed_once_whoever_leaves(rooms: Rooms, clock: Clock, opened: tuple[str, str]) -> None:
    code, secret = opened
    tokens = [rooms.join(code, {})["token"] for _ in range(3)]
    sweep = {"address": "sampling?steps=10&seed=4", "rows": "scale", "row_values": ["1", "3"], "repeats": 2}
    rooms.command(code, secret, {"sweep": sweep, "stage": {"task": "sweep"}})
    cells = [rooms.student_state(code, token)["cell"] for token in tokens]
    assert [cell["number"] for cell in cells] == [0, 1, 2]
    assert cells[2]["address"] == "sampling?steps=10&seed=0&scale=3"
    assert rooms.student_state(code, tokens[0])["cell"] == cells[0]  # a reload changes nothing
    after = report(rooms, code, tokens[0], result(1, "cell 0", facts={"accuracy": 0.9}))
    assert after["cell"]["number"] == 3
    report(rooms, code, tokens[0], result(2, "cell 3"))
    assert rooms.student_state(code, tokens[0])["cell"] is None  # the other two compute theirs
    clock.now += LOST + 1
    assert rooms.student_state(code, tokens[0])["cell"]["number"] == 1  # a sleeping laptop does not hold up the class
    # What the second student had computed meanwhile is no longer theirs to fill in; the first one's is.
    report(rooms, code, tokens[1], result(1, "cell 1", facts={"accuracy": 0.1}))
    report(rooms, code, tokens[0], result(3, "cell 1", facts={"accuracy": 0.7}))
    state = rooms.teacher_state(code, secret, 0)
    assert [(row["number"], row["task"]) for row in state["results"]] == [(1, "cell 0"), (1, "cell 1"), (1, "cell 3")]
    assert [cell["is_done"] for cell in state["cells"]] == [1, 1, 0, 1]
    assert state["results"][1]["facts"] == {"accuracy": 0.7}


def test_the_wall(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {})["token"]
    report(rooms, code, token, result(1, "wall", picture=PNG, facts={"seconds": 1.5}))
    assert rooms.picture(code, secret, 1, "wall") == ("image/png", base64.b64decode(PNG))
    with pytest.raises(RefusedError):
        rooms.picture(code, secret, 2, "wall")
    for wrong in ("%%%", base64.b64encode(b"<svg onload=1>").decode()):
        with pytest.raises(RefusedError) as refused:
            report(rooms, code, token, result(2, "wall", picture=wrong))
        assert refused.value.status == 400


def test_bounds(tmp_path: Path, clock: Clock) -> None:
    rooms = Rooms(ClassStore(tmp_path / "classes.sqlite"), ClassLimits(students=2, days=1, classes=1), clock)
    room = rooms.open({"lesson": 2})
    with pytest.raises(RefusedError, match="keeps 1 classes"):
        rooms.open({"lesson": 2})
    first = rooms.join(room["code"], {})
    rooms.join(room["code"], {})
    with pytest.raises(RefusedError, match="is full"):
        rooms.join(room["code"], {})
    rooms.command(room["code"], room["secret"], {"remove": 2})
    assert rooms.join(room["code"], {})["number"] == 2
    rooms.command(room["code"], room["secret"], {"stage": {"is_over": True}})
    with pytest.raises(RefusedError, match="is over"):
        rooms.join(room["code"], {})
    with pytest.raises(RefusedError, match="is over"):
        report(rooms, room["code"], first["token"], step(1))
    clock.now += DAY + 1
    with pytest.raises(RefusedError, match="no such class"):
        rooms.teacher_state(room["code"], room["secret"], 0)
    rooms.open({"lesson": 2})  # the old one is deleted


def test_deleted_for_good(tmp_path: Path, rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {"name": "Zaphod"})["token"]
    report(rooms, code, token, step(1, 6, text="a sentence nobody may find"))
    rooms.delete(code, secret)
    with pytest.raises(RefusedError, match="no such class"):
        rooms.student_state(code, token)
    left = b"".join(path.read_bytes() for path in tmp_path.glob("classes.sqlite*"))
    assert b"nobody may find" not in left
    assert b"Zaphod" not in left


def test_export_is_text_for_spreadsheets(rooms: Rooms, opened: tuple[str, str]) -> None:
    code, secret = opened
    token = rooms.join(code, {"name": "=1+1"})["token"]
    report(rooms, code, token, step(1, 6, text='=HYPERLINK("http://x")', wrong=2), result(2, "wall", facts={"a": 1.0}))
    state = rooms.teacher_state(code, secret, 0)
    assert json.loads(export.as_json(state))["progress"][0]["value"]["wrong"] == 2
    rows = list(csv.DictReader(io.StringIO(export.as_csv(state).removeprefix("\ufeff"))))
    assert [row["kind"] for row in rows] == ["step", "result"]
    assert rows[0]["text"] == '\'=HYPERLINK("http://x")'
    assert rows[0]["name"] == "'=1+1"
    assert rows[0]["step or task"] == "7"
    assert rows[1]["address"] == "sampling?seed=1"


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.org/forward",
        "//elsewhere.org",
        "javascript:alert(1)",
        "admin",
        "forward/../x",
        "\\\\x",
        "",
        "forward\n",
    ],
)
def test_a_class_is_led_to_labs_only(address: str) -> None:
    with pytest.raises(ValueError, match="labs only"):
        checked_address(address)


@pytest.mark.parametrize("query", ["steps=no", "stepps=5", "sampler=of_mine"])
def test_a_class_has_settings_that_the_lab_takes(rooms: Rooms, opened: tuple[str, str], query: str) -> None:
    with pytest.raises(
        RefusedError, match=re.escape(query.partition("=")[2 if "=no" in query or "mine" in query else 0])
    ):
        rooms.open({"address": f"sampling?{query}"})
    sweep = {"address": "sampling", "rows": query.partition("=")[0], "row_values": [query.partition("=")[2]]}
    with pytest.raises(RefusedError) as refused:
        rooms.command(*opened, {"sweep": sweep})
    assert refused.value.status == 400
    assert rooms.teacher_state(*opened, 0)["sweep"] is None


def test_a_sweep_is_bounded(rooms: Rooms, opened: tuple[str, str]) -> None:
    many = [str(k) for k in range(60)]
    sweep = {"address": "sampling", "rows": "scale", "row_values": many, "columns": "steps", "column_values": many}
    with pytest.raises(RefusedError, match=f"{CELLS} cells"):
        rooms.command(*opened, {"sweep": sweep})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["client", "events", "kind", "sequence", "step", "progress", "task", "stage", "lesson", "address"]
)


@given(given_by_somebody=values | st.dictionaries(names, values, max_size=6))
def test_whatever_is_sent_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, given_by_somebody: object
) -> None:
    rooms = Rooms(ClassStore(tmp_path_factory.mktemp("c") / "classes.sqlite"), OWN, Clock())
    room = rooms.open({"lesson": 1})
    token = rooms.join(room["code"], {})["token"]
    for ask in (
        rooms.open,
        lambda value: rooms.join(room["code"], value),
        lambda value: rooms.report(room["code"], token, value),
        lambda value: rooms.command(room["code"], room["secret"], value),
        lambda value: rooms.report(room["code"], token, {"client": CLIENT, "events": [value]}),
        lambda value: rooms.command(room["code"], room["secret"], {"stage": value}),
    ):
        status = 200
        try:
            ask(given_by_somebody)
        except RefusedError as refused:
            status = refused.status
        assert status in (200, 400, 404)
    rooms.teacher_state(room["code"], room["secret"], 0)
