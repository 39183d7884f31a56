"""The lessons on the site: the same steps, with the addresses of its pages."""

from __future__ import annotations

from dataclasses import replace

from playground.course import text, view
from playground.course.lesson import lessons
from playground.course.view import CONTENTS, CourseContents, Rail, RailStep
from playground.site.address import Place
from playground.site.page import Page
from playground.site.stored import packed_json


def page(place: Place) -> Page:
    """The contents of the course, in the language that is spoken now."""
    found = view.contents()
    outlines = tuple(replace(one, steps=_led(one.steps, place)) for one in found.lessons)
    return Page(CONTENTS, text, data=CourseContents(outlines))


def rails(place: Place) -> str:
    """Every lesson by its number, as src/shell.js reads them."""
    return packed_json({str(number): _rail(str(number), place).to_payload() for number in lessons()})


def _rail(number: str, place: Place) -> Rail:
    rail = view.rail(number)
    if rail is None:
        raise KeyError(number)
    following = place(rail.following) if rail.following else ""
    return replace(rail, steps=_led(rail.steps, place), contents=place(rail.contents), following=following)


def _led(steps: tuple[RailStep, ...], place: Place) -> tuple[RailStep, ...]:
    return tuple(replace(step, address=place(step.address)) for step in steps)
