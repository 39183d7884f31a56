"""What the pages of a class send, checked before anything is kept: bounded, and nothing that is not named here."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.language import _
from playground.course.lesson import lessons
from playground.labs.home.text import LABS

STEPS = 40
"""The most steps of a lesson."""
ADDRESS = 4000
"""The most letters of an address."""
SENTENCE = 1000
"""The most letters of a student's text."""
PICTURE = 40_000
"""The most bytes of the picture of a result."""
FACTS = 40
"""The most facts of a result."""
CELLS = 400
"""The most cells of a sweep."""
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
_HOSTILE = re.compile(r"[\x00-\x1f\x7f\\]")

Answer = int | float | list[int]
"""A choice's number, a number, or the order of things; see components/src/course_progress.js."""
StepNumber = Annotated[int, Field(ge=0, le=STEPS)]


def checked_address(address: str) -> str:
    """An address of a lab, relative to the pages: "sampling?seed=3#timeline=4".

    Raises:
        ValueError: it leads anywhere else.
    """
    parts = urlsplit(address)
    known = [lab for lab, *_rest in LABS]
    if _HOSTILE.search(address) or parts.scheme or parts.netloc or parts.path not in known:
        raise ValueError(_("A class is led to labs only."))
    return address


def with_settings(address: str, settings: Mapping[str, str]) -> str:
    """The address with these parameters, which replace those of the same names."""
    parts = urlsplit(address)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **settings})).geturl()


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Opening(_Request):
    """What a teacher opens a class with: a lesson, or a lab in a state.

    lesson: its number; None for a lab.
    address: of the lab and its state, where there is no lesson.
    title: what students read above it; "" for that of the lesson or lab.
    """

    lesson: int | None = None
    address: Annotated[str, Field(max_length=ADDRESS)] = ""
    title: Annotated[str, Field(max_length=120)] = ""

    @field_validator("lesson")
    @classmethod
    def _is_known(cls, lesson: int | None) -> int | None:
        if lesson is not None and lesson not in lessons():
            raise ValueError(_("There is no lesson {number}.", number=lesson))
        return lesson

    @field_validator("address")
    @classmethod
    def _leads_to_a_lab(cls, address: str) -> str:
        return checked_address(address) if address else ""


class Joining(_Request):
    """A student comes. name: a nickname; "" for none."""

    name: Annotated[str, Field(max_length=40)] = ""

    @field_validator("name")
    @classmethod
    def _is_one_line(cls, name: str) -> str:
        return " ".join(name.split())


class Progress(_Request):
    """How far a student is with one step, as course_progress.js keeps it.

    missed: wrong answers to the questions of a check, (question, answer) each.
    """

    done: bool = False
    answers: Annotated[tuple[Answer | None, ...], Field(max_length=8)] = ()
    wrong: Annotated[int, Field(ge=0, le=10_000)] = 0
    missed: Annotated[tuple[tuple[int, Answer], ...], Field(max_length=16)] = ()
    text: Annotated[str, Field(max_length=SENTENCE)] = ""


class StepEvent(_Request):
    """A step of the lesson has changed."""

    kind: Literal["step"]
    sequence: Annotated[int, Field(ge=1)]
    step: StepNumber
    progress: Progress


class PlaceEvent(_Request):
    """The student has come to a step."""

    kind: Literal["place"]
    sequence: Annotated[int, Field(ge=1)]
    step: StepNumber


class ResultEvent(_Request):
    """A lab has computed something for the class.

    task: "wall", or "cell N" of the sweep that is split.
    address: of the lab with the settings that it was computed with.
    facts: what the lab knows of it, by name.
    picture: PNG, JPEG or WebP in base64, or "".
    """

    kind: Literal["result"]
    sequence: Annotated[int, Field(ge=1)]
    task: Annotated[str, Field(pattern=r"^(wall|cell \d{1,3})$")]
    address: Annotated[str, Field(max_length=ADDRESS)]
    facts: Annotated[dict[str, str | float], Field(max_length=FACTS, default_factory=dict)]
    picture: Annotated[str, Field(max_length=PICTURE * 4 // 3 + 4)] = ""

    @field_validator("address")
    @classmethod
    def _leads_to_a_lab(cls, address: str) -> str:
        return checked_address(address)

    @field_validator("facts")
    @classmethod
    def _are_short(cls, facts: dict[str, str | float]) -> dict[str, str | float]:
        if any(len(name) > 60 or len(str(value)) > 300 for name, value in facts.items()):
            raise ValueError(_("A fact of a result is too long."))
        return facts

    @field_validator("picture")
    @classmethod
    def _is_a_picture(cls, picture: str) -> str:
        if picture:
            decoded_picture(picture)
        return picture


def decoded_picture(text: str) -> tuple[str, bytes]:
    """Media type and bytes of a picture in base64.

    Raises:
        ValueError: it is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(_("The picture of a result is damaged.")) from error
    for head, kind in _PICTURES.items():
        if data.startswith(head):
            return kind, data
    raise ValueError(_("The picture of a result is no PNG, JPEG or WebP."))


Event = Annotated[StepEvent | PlaceEvent | ResultEvent, Field(discriminator="kind")]


class Report(_Request):
    """What one tab of a student has to say since it was last answered.

    client: of the tab, by chance; it counts its events from 1. Those that were accepted before are passed over.
    """

    client: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    events: Annotated[tuple[Event, ...], Field(max_length=100)]


# --- what a teacher does ----------------------------------------------------------------------------------------------


class Sweep(_Request):
    """An experiment that is split over the class: each cell is one value for each of one or two controls of a lab.

    address: of the lab with all other settings.
    rows, columns: the names of the controls; columns may be "".
    row_values, column_values: theirs.
    repeats: how often each cell is computed, each time with a seed of its own (the control `seed`).
    """

    address: Annotated[str, Field(max_length=ADDRESS)]
    rows: Annotated[str, Field(pattern=r"^[a-z_0-9]{1,40}$")]
    row_values: Annotated[tuple[str, ...], Field(min_length=1, max_length=60)]
    columns: Annotated[str, Field(pattern=r"^[a-z_0-9]{0,40}$")] = ""
    column_values: Annotated[tuple[str, ...], Field(min_length=1, max_length=60)] = ("",)
    repeats: Annotated[int, Field(ge=1, le=60)] = 1

    @field_validator("address")
    @classmethod
    def _leads_to_a_lab(cls, address: str) -> str:
        return checked_address(address)

    def cells(self) -> list[dict[str, str]]:
        """The settings of each cell, row by row, repeats together.

        Raises:
            ValueError: there are too many.
        """
        found = [
            {self.rows: row, **({self.columns: column} if self.columns else {}), "seed": str(seed)}
            for row in self.row_values
            for column in (self.column_values if self.columns else ("",))
            for seed in range(self.repeats)
        ]
        if len(found) > CELLS:
            raise ValueError(_("A sweep has at most {cells} cells.", cells=CELLS))
        return found


class Stage(_Request):
    """What the teacher has set for all students.

    open_to: the last step that is open, counted from 0; None for all.
    lead: the address that students follow; "" while nobody leads.
    shown: the step whose answers the projector shows; None for none. is_revealed: with what is right.
    task: what students' results are gathered for: "wall", "sweep" or "".
    is_over: nothing more is taken.
    """

    open_to: Annotated[int, Field(ge=0, le=STEPS)] | None = None
    lead: Annotated[str, Field(max_length=ADDRESS)] = ""
    shown: Annotated[int, Field(ge=0, le=STEPS)] | None = None
    is_revealed: bool = False
    task: Literal["", "wall", "sweep"] = ""
    is_over: bool = False

    @field_validator("lead")
    @classmethod
    def _leads_to_a_lab(cls, address: str) -> str:
        return checked_address(address) if address else ""


class Command(_Request):
    """What the teacher changes: parts of the stage, a sweep to split, a sentence to approve, or a student to remove."""

    stage: dict[str, Any] = Field(default_factory=dict)
    sweep: Sweep | None = None
    approve: tuple[int, StepNumber, bool] | None = None
    """Number of the student, the step, and whether the projector may show the sentence."""
    remove: int | None = None
    """Number of a student."""
