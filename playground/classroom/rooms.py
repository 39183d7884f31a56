"""Who may do what in a class. Plain data in and out; every call is one transaction of the store, in one thread."""

from __future__ import annotations

import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from engine.language import N_, _, translated
from engine.settings import current
from playground.classroom.requests import (
    Command,
    Event,
    Joining,
    Opening,
    PlaceEvent,
    Report,
    ResultEvent,
    Stage,
    StepEvent,
    Sweep,
    decoded_picture,
    with_settings,
)
from playground.classroom.store import ClassStore, hashed
from playground.course import view as course_view
from playground.labs.shared import link_view
from playground.labs.shared.controls import from_link
from playground.policy import mode

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of the codes in links: what is not mistaken for another letter when it is read from a projector."""
CODE = 7
"""Letters of a code: 27 billion of them."""
DAY = 86_400.0
LOST = 180.0
"""Seconds after which a cell of a sweep is given to another student."""
GONE = N_("There is no such class: its link is wrong, or it was deleted.")
OVER = N_("This class is over.")
FULL = N_("This class is full: it takes {students} students.")
NOT_HIS = N_("Only the teacher of this class may do that.")
UNKNOWN = N_("This class does not know you any more. Open the link again to join.")


@dataclass(frozen=True)
class ClassLimits:
    """Bounds of classes on this server. days: after which a class is deleted; classes: kept at one time."""

    students: int
    days: int
    classes: int


OWN = ClassLimits(students=200, days=30, classes=500)
PUBLIC = ClassLimits(students=60, days=2, classes=50)


def limits_now() -> ClassLimits:
    """Those of this server, in the mode that it was started in."""
    return PUBLIC if mode.is_public() else OWN


class RefusedError(Exception):
    """What was asked for is not done. status: of HTTP; the message is for the reader."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rooms:
    """The classes of one server.

    Args:
        store: which keeps them.
        limits: of this server.
        now: seconds since 1970.
    """

    def __init__(self, store: ClassStore, limits: ClassLimits, now: Callable[[], float]) -> None:
        self._store, self.limits, self._now = store, limits, now

    # --- the teacher --------------------------------------------------------------------------------------------------

    def open(self, given: object) -> dict[str, str]:
        """A new class: its code, which is in the students' link, and the secret that only its teacher has.

        Raises:
            RefusedError: 400 for what is no opening, 409 where the server keeps as many classes as it may.
        """
        opening = _read(Opening, given)
        if (opening.lesson is None) == (not opening.address):
            raise RefusedError(400, _("A class is about a lesson, or about a lab."))
        if opening.address:
            _check_settings(opening.address)
        now = self._now()
        self._store.delete_expired(now)
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE))
        secret = secrets.token_urlsafe(32)
        with self._store.transaction():
            if self._store.count() >= self.limits.classes:
                raise RefusedError(
                    409, _("This server keeps {classes} classes, and that many are open.", classes=self.limits.classes)
                )
            expires = now + self.limits.days * DAY
            self._store.open(code, secret, opening.model_dump_json(), Stage().model_dump_json(), now, expires)
        return {"code": code, "secret": secret}

    def command(self, code: str, secret: str, given: object) -> None:
        """What the teacher changes.

        Raises:
            RefusedError: 400, 403, 404.
        """
        command = _read(Command, given)
        with self._store.transaction():
            room = self._taught(code, secret)
            version = self._store.next_version(code, staged=bool(command.stage or command.sweep))
            if command.stage:
                before = json.loads(room["stage"])
                self._store.set_stage(code, _read(Stage, {**before, **command.stage}).model_dump_json())
            if command.sweep is not None:
                try:
                    cells = command.sweep.cells()
                    for cell in cells:
                        _check_settings(with_settings(command.sweep.address, cell))
                except ValueError as error:
                    raise RefusedError(400, str(error)) from error
                self._store.set_sweep(code, command.sweep.model_dump_json(), cells, version)
            if command.approve is not None:
                number, step, is_approved = command.approve
                self._store.approve(code, number, step, is_approved, version)
            if command.remove is not None and not self._store.remove(code, command.remove):
                raise RefusedError(404, _("There is no student {number} in this class.", number=command.remove))

    def teacher_state(self, code: str, secret: str, since: int) -> dict[str, Any]:
        """All that changed after a version, for the teacher's page: see `ClassStore.since`.

        Raises:
            RefusedError: 403, 404.
        """
        room = self._taught(code, secret)
        now = self._now()
        return {
            "version": room["version"],
            "opening": json.loads(room["opening"]),
            "stage": json.loads(room["stage"]),
            "sweep": json.loads(room["sweep"] or "null"),
            "opened": room["opened"],
            "expires": room["expires"],
            "now": now,
            "seen": self._store.seen(code),
            **_decoded(self._store.since(code, since)),
        }

    def picture(self, code: str, secret: str, number: int, task: str) -> tuple[str, bytes]:
        """Media type and bytes of the picture of a result.

        Raises:
            RefusedError: 403, 404.
        """
        self._taught(code, secret)
        data = self._store.picture(code, number, task)
        if data is None:
            raise RefusedError(404, _("There is no such picture."))
        return data[:20].partition(b"\n")[0].decode("ascii"), data.partition(b"\n")[2]

    def delete(self, code: str, secret: str) -> None:
        """The class and all that students have answered, for good.

        Raises:
            RefusedError: 403, 404.
        """
        self._taught(code, secret)
        self._store.delete(code)

    # --- students -----------------------------------------------------------------------------------------------------

    def join(self, code: str, given: object) -> dict[str, Any]:
        """A student comes: the token by which the student is known again, and a number in the class.

        Raises:
            RefusedError: 400, 404, 409 where the class is full or over.
        """
        joining = _read(Joining, given)
        token = secrets.token_urlsafe(32)
        with self._store.transaction():
            room = self._room(code)
            if Stage.model_validate_json(room["stage"]).is_over:
                raise RefusedError(409, _(OVER))
            if self._store.students(code) >= self.limits.students:
                raise RefusedError(409, _(FULL, students=self.limits.students))
            number = self._store.join(code, token, joining.name, self._now(), self._store.next_version(code))
        return {"token": token, "number": number}

    def report(self, code: str, token: str, given: object) -> dict[str, Any]:
        """What a student's page has to say; `student_state` after that, and the last event of this tab that is known now.

        Events of a tab come in order; those that were accepted before are passed over, so a page may send them again.

        Raises:
            RefusedError: 400, 403, 404, 409 where the class is over.
        """
        report = _read(Report, given)
        with self._store.transaction():
            student = self._student(code, token)
            if Stage.model_validate_json(self._room(code)["stage"]).is_over:
                raise RefusedError(409, _(OVER))
            known = self._store.accepted(student["id"], report.client)
            if any(event.sequence > known for event in report.events):
                version = self._store.next_version(code)
                for event in report.events:
                    if event.sequence > known:
                        known = event.sequence
                        self._take(code, student["id"], event, version)
                self._store.accept(student["id"], report.client, known, version)
        return {"accepted": known, **self.student_state(code, token)}

    def _take(self, code: str, student: int, event: Event, version: int) -> None:
        now = self._now()
        match event:
            case StepEvent():
                self._store.set_progress(student, event.step, event.progress.model_dump_json(), now, version)
            case PlaceEvent():
                self._store.set_place(student, event.step)
            case ResultEvent():
                kind, number = event.task.partition(" ")[::2]
                # A cell that was given to somebody else meanwhile is theirs.
                if kind == "cell" and not self._store.finish_cell(code, int(number), student, version):
                    return
                picture = b"%s\n%s" % _with_kind(event.picture) if event.picture else b""
                self._store.set_result(student, event.task, event.address, event.facts, picture, now, version)

    def student_state(self, code: str, token: str) -> dict[str, Any]:
        """What a student's page follows: the stage, and the cell of the sweep that is this student's.

        Raises:
            RefusedError: 403, 404.
        """
        with self._store.transaction():
            student, room = self._student(code, token), self._room(code)
            self._store.see(student["id"], self._now())
            stage = Stage.model_validate_json(room["stage"])
            cell = self._cell(code, student["id"]) if stage.task == "sweep" and not stage.is_over else None
            room = self._room(code)
        opening = Opening.model_validate_json(room["opening"])
        own = {"number": student["number"], "name": student["name"], "step": student["step"]}
        shared = {"open_to": stage.open_to, "lead": stage.lead, "task": stage.task, "is_over": stage.is_over}
        address = self._address_of_cell(room, cell) if cell is not None else ""
        return {
            "version": room["staged"],
            "expires": room["expires"],
            **own,
            **shared,
            "lesson": opening.lesson,
            "home": home(opening, student["number"]),
            "cell": None if cell is None else {"number": cell["number"], "address": address},
        }

    def _cell(self, code: str, student: int) -> sqlite3.Row | None:
        own = self._store.cell_of(code, student)
        if own is not None:
            return own
        now = self._now()
        return self._store.give_cell(code, student, now, now - LOST)

    @staticmethod
    def _address_of_cell(room: sqlite3.Row, cell: sqlite3.Row) -> str:
        sweep = Sweep.model_validate_json(room["sweep"])
        return with_settings(sweep.address, json.loads(cell["settings"]))

    # --- both ---------------------------------------------------------------------------------------------------------

    def opening(self, code: str) -> Opening:
        """What a class was opened with.

        Raises:
            RefusedError: 404.
        """
        return Opening.model_validate_json(self._room(code)["opening"])

    def versions(self, codes: list[str]) -> dict[str, tuple[int, int]]:
        """See `ClassStore.versions`."""
        return self._store.versions(codes)

    def _room(self, code: str) -> sqlite3.Row:
        room = self._store.classroom(code)
        if room is None or room["expires"] < self._now():
            raise RefusedError(404, _(GONE))
        return room

    def _taught(self, code: str, secret: str) -> sqlite3.Row:
        room = self._room(code)
        if not hmac.compare_digest(room["secret"], hashed(secret)):
            raise RefusedError(403, _(NOT_HIS))
        return room

    def _student(self, code: str, token: str) -> sqlite3.Row:
        self._room(code)
        student = self._store.student(code, token)
        if student is None:
            raise RefusedError(403, _(UNKNOWN))
        return student


def home(opening: Opening, number: int = 0) -> str:
    """The address that the students' link leads to; in a lab, the student of this number has it as the seed."""
    if opening.lesson is None:
        return with_settings(opening.address, {"seed": str(number)}) if number else opening.address
    lesson = course_view.rail(str(opening.lesson))
    assert lesson is not None
    return lesson.steps[0].address.removeprefix("./")


def _check_settings(address: str) -> None:
    """Raises RefusedError (400) for a setting that the lab does not have, or a value that it does not take: with such an
    address no student would ever be where the class is."""
    parts = urlsplit(address)
    given, model = dict(parse_qsl(parts.query)), course_view.controls_of(parts.path)
    if unknown := current(given).keys() - model.model_fields.keys() - set(link_view.PARAMETERS):
        raise RefusedError(400, _("This lab has no setting “{name}”.", name=sorted(unknown)[0][:40]))
    _settings, problems = from_link(model, given)
    if problems:
        raise RefusedError(400, problems[0])


def _with_kind(picture: str) -> tuple[bytes, bytes]:
    kind, data = decoded_picture(picture)
    return kind.encode("ascii"), data


def _decoded(rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """The same rows with what is JSON in the store as values."""
    as_json = {"value", "facts", "settings"}
    return {
        name: [{key: json.loads(value) if key in as_json else value for key, value in row.items()} for row in found]
        for name, found in rows.items()
    }


def _read(model: type[Any], given: object) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RefusedError(400, _("This cannot be read: {where}: {why}", where=where[:80], why=first["msg"])) from error


translated(__name__)
