"""The pages of the site. A new one is a function that returns a `Page`, a module in src/, a line here and one in labs.js."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from engine.language import _
from playground.course import text as course_text
from playground.course.view import CONTENTS
from playground.labs.home import text as home_text
from playground.static_site import course, forward, microscope, points, recorder, sampling, schedules, start
from playground.static_site.address import Place
from playground.static_site.page import Page

PAGES: dict[str, Callable[[Place], Page]] = {
    "": lambda place: start.page(),
    CONTENTS: course.page,
    "forward": lambda place: forward.page(),
    "schedules": lambda place: schedules.page(),
    "sampling": lambda place: sampling.page(),
    "microscope": lambda place: microscope.page(),
    "points": lambda place: points.page(),
    "recorder": lambda place: recorder.page(),
}
"""By the name of the lab, as in the addresses of the apps; "" for Start."""
NAMES = ("", CONTENTS, *(name for name, *_rest in home_text.LABS))
"""Of all pages, in the order in which they are shown; a lab that needs Python has one that says so."""


def page(name: str, place: Place) -> Page:
    """One page, in the language that is spoken now; of a lab that needs Python one that says so."""
    return PAGES[name](place) if name in PAGES else Page(name, import_module(f"playground.labs.{name}.text"))


def title(name: str) -> str:
    """What a link to it says."""
    if not name:
        return _("Start")
    if name == CONTENTS:
        return str(course_text.NAME)
    return next(title for lab, _icon, title, _about in home_text.LABS if lab == name)
