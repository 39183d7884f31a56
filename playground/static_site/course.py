"""The lessons on the site: the same steps, with the addresses of its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from playground.course import text, view
from playground.course.lesson import lessons
from playground.course.view import CONTENTS, CourseContents, Rail, RailStep
from playground.static_site.address import Place
from playground.static_site.page import Page
from playground.static_site.stored import packed_json


def page(place: Place, numbers: Sequence[int] | None = None) -> Page:
    """The contents of the course, or of these lessons alone, in the language that is spoken now."""
    found = [one for one in view.contents().lessons if numbers is None or one.number in numbers]
    outlines = tuple(replace(one, steps=_led(one.steps, place)) for one in found)
    return Page(CONTENTS, text, data=CourseContents(outlines))


def rails(place: Place, numbers: Sequence[int] | None = None) -> str:
    """Every lesson, or these alone, by its number, as src/shell.js reads them."""
    chosen = tuple(lessons()) if numbers is None else tuple(numbers)
    return packed_json({str(number): rail(number, place, chosen).to_payload() for number in chosen})


def rail(number: int, place: Place, numbers: Sequence[int]) -> Rail:
    """A lesson, of which the next one is there if it is one of these."""
    rail = view.rail(str(number))
    if rail is None:
        raise KeyError(number)
    following = place(rail.following) if number + 1 in numbers else ""
    return replace(rail, steps=_led(rail.steps, place), contents=place(rail.contents), following=following)


def _led(steps: tuple[RailStep, ...], place: Place) -> tuple[RailStep, ...]:
    return tuple(replace(step, address=place(step.address)) for step in steps)
