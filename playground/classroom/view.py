"""What both front ends show of a class: the bar on every lab, and on the page for teachers what opens one."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from engine.language import _
from playground.classroom.rooms import ALPHABET, CODE, limits_now
from playground.components.payloads.encoding import Payload
from playground.course.lesson import lessons
from playground.course.view import Rail, defaults_of

_CODE = re.compile(f"[{ALPHABET}]{{{CODE}}}")
PERMIT = secrets.token_urlsafe(24)
"""What the page for teachers sends to open a class: who may not see that page opens none. New with each start of the server."""


@dataclass(frozen=True)
class ClassBar(Payload):
    """What class_bar.js shows.

    code: of the class that the link names; "" for none. defaults: of the lab's settings, which an address leaves out.
    """

    code: str
    defaults: dict[str, str]


@dataclass(frozen=True)
class ClassOpening(Payload):
    """What class_opening.js shows: (number, title) of lessons, the most students, days that a class is kept, `PERMIT`."""

    lessons: tuple[tuple[int, str], ...]
    students: int
    days: int
    permit: str


@dataclass(frozen=True)
class ClassPage(Payload):
    """What class_teacher.js and class_projector.js show.

    code: of the class; lesson: None where it is about a lab; title: what it is about; home: the address of its first page.
    """

    code: str
    lesson: Rail | None
    title: str
    home: str


def bar(code: str | None, lab: str) -> ClassBar:
    """The bar of a class, as a link names it, on the page of a lab."""
    return ClassBar(code if code and _CODE.fullmatch(code) else "", defaults_of(lab))


def opening() -> ClassOpening:
    """What opens a class, in the language that is spoken now."""
    limits = limits_now()
    titles = (
        (one.number, _("Lesson {number}: {title}", number=one.number, title=_(one.title))) for one in lessons().values()
    )
    return ClassOpening(tuple(titles), limits.students, limits.days, PERMIT)
