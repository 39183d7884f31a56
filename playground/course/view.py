"""What both front ends show of the course: the rail beside a lab, and the contents. Progress is the browser's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from urllib.parse import urlencode

from engine.language import _, cached
from playground.components.payloads.encoding import Payload
from playground.course import text
from playground.course.lesson import Condition, Lesson, Question, computed, lessons
from playground.labs.home.text import LABS
from playground.labs.home.view import LabLink
from playground.labs.shared import link_view
from playground.labs.shared.controls import Controls, describe, to_link

NO_BREAK = "\u00a0"
"""A blank at which no line ends."""

CONTENTS, TEACH = "learn", "teach"
"""Addresses of the page that lists the lessons, and of that for teachers."""


@dataclass(frozen=True)
class RailChoice:
    """One answer of several."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class RailNumber:
    """An answer on a slider, as `lesson.Number`, with the value of its answer."""

    low: float
    high: float
    step: float
    unit: str
    answer: float
    within: float
    mark: str
    why: str


@dataclass(frozen=True)
class RailOrder:
    """Things to put in order, in the right one."""

    items: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class RailQuestion:
    """One question, with one of three kinds of answers."""

    text: str
    hint: str
    choices: tuple[RailChoice, ...]
    number: RailNumber | None
    order: RailOrder | None


@dataclass(frozen=True)
class RailCondition:
    """A fact of the lab, and what it has to be: `is_` as text, or bounds."""

    fact: str
    is_: str | None
    least: float | None
    most: float | None


@dataclass(frozen=True)
class RailStep:
    """One step.

    address: of its lab in its state, relative to any page.
    of: numbers of the steps whose answers are compared.
    """

    kind: str
    lab: str
    address: str
    text: str
    questions: tuple[RailQuestion, ...]
    done: tuple[RailCondition, ...]
    hint: str
    model: str
    names: tuple[str, ...]
    of: tuple[int, ...]


@dataclass(frozen=True)
class Rail(Payload):
    """What rail.js shows: a lesson. `defaults`: of the settings of each lab in it, which an address leaves out."""

    number: int
    title: str
    goal: str
    contents: str
    steps: tuple[RailStep, ...]
    defaults: dict[str, dict[str, str]]
    following: str
    """Address of the lesson after it; "" after the last."""


@dataclass(frozen=True)
class LessonOutline:
    """A lesson in the contents: each of its steps has a kind, a line and an address."""

    number: int
    title: str
    goal: str
    minutes: int
    section: str
    steps: tuple[RailStep, ...]


@dataclass(frozen=True)
class CourseContents(Payload):
    """What course_contents.js shows."""

    lessons: tuple[LessonOutline, ...]


@dataclass(frozen=True)
class ShareView(Payload):
    """What share_view.js shows: the controls of a lab, (name, title) of each."""

    controls: tuple[tuple[str, str], ...]


def ways_in() -> list[LabLink]:
    """The three ways into the playground."""
    return [
        LabLink(CONTENTS, "🎓", text.NAME, text.LEARN_ABOUT),
        LabLink(LABS[0][0], "🧪", text.EXPLORE, text.EXPLORE_ABOUT),
        LabLink(TEACH, "🏫", text.TEACH, text.TEACH_ABOUT),
    ]


def lesson_links(lab: str = "") -> list[LabLink]:
    """All lessons as links, or the first one that is done in this lab."""
    found = [
        LabLink(
            one.steps[0].lab,
            "🎓",
            _("Lesson {number}: {title}", number=one.number, title=_(one.title)),
            _without_markup(_(one.goal)),
            {link_view.LESSON: str(one.number)},
        )
        for one in lessons().values()
        if not lab or one.steps[0].lab == lab
    ]
    return found[:1] if lab else found


def _without_markup(goal: str) -> str:
    """For a card, which has none: "<i>x</i><sub>0</sub>" is "x₀"."""
    return re.sub("<[^>]+>", "", goal.replace("<sub>0</sub>", "₀"))


def rail(number: str | None) -> Rail | None:
    """The lesson of that number, as a link names it; None for no such lesson."""
    known = {str(one): one for one in lessons()}
    return _rail(known[number]) if number in known else None


def contents() -> CourseContents:
    """All lessons."""
    return CourseContents(
        tuple(
            LessonOutline(one.number, _(one.title), _(one.goal), one.minutes, one.section, _rail(one.number).steps)
            for one in lessons().values()
        )
    )


@cached(4)
def share(model: type[Controls]) -> ShareView:
    """The controls that a link may show, lock or hide."""
    return ShareView(tuple((control.name, control.title) for control in describe(model)))


@cached(32)
def _rail(number: int) -> Rail:
    lesson, numbers = lessons()[number], computed()[number]
    later = number + 1 if number + 1 in lessons() else None
    return Rail(
        number,
        _(lesson.title),
        _(lesson.goal),
        f"./{CONTENTS}",
        tuple(_step(lesson, index, numbers) for index in range(len(lesson.steps))),
        {step.lab: defaults_of(step.lab) for step in lesson.steps},
        address(lessons()[later], 0) if later else "",
    )


def _step(lesson: Lesson, index: int, numbers: Mapping[str, float]) -> RailStep:
    step = lesson.steps[index]
    asked = {one.id: k for k, one in enumerate(lesson.steps) if one.kind == "ask"}
    return RailStep(
        step.kind,
        step.lab,
        address(lesson, index),
        _said(step.text, numbers),
        tuple(_question(question, numbers) for question in step.questions),
        tuple(_condition(condition, numbers) for condition in step.done),
        _said(step.hint, numbers),
        _said(step.model, numbers),
        tuple(_said(name, numbers) for name in step.names),
        tuple(asked[name] for name in step.of),
    )


def address(lesson: Lesson, index: int) -> str:
    """Where a step is done, relative to any page of the playground: the lab in its state."""
    step = lesson.steps[index]
    model = controls_of(step.lab)
    # As they are written: checking the name of a sampler would load torch. A test checks them all.
    settings = to_link(model.model_construct(None, **{**model().model_dump(), **step.settings}))
    view = link_view.only(step.show) | link_view.locked(step.lock)
    query = {**settings, **view, link_view.LESSON: str(lesson.number), link_view.STEP: str(index)}
    behind = f"#{urlencode(step.view)}" if step.view else ""
    return f"./{step.lab}?{urlencode(query)}{behind}"


@cache
def controls_of(lab: str) -> type[Controls]:
    """The settings of a lab."""
    module = import_module(f"playground.labs.{lab}.controls")
    found = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Controls) and one.__module__ == module.__name__
    ]
    return next(one for one in found if one.__name__.endswith("Controls"))


def defaults_of(lab: str) -> dict[str, str]:
    """The settings of a lab that its address leaves out, as the address would have them."""
    model = controls_of(lab)
    values = model().model_dump()
    return {name: ("1" if value else "0") if isinstance(value, bool) else str(value) for name, value in values.items()}


def _question(question: Question, numbers: Mapping[str, float]) -> RailQuestion:
    number, order = question.number, question.order
    return RailQuestion(
        _said(question.text, numbers),
        _said(question.hint, numbers),
        tuple(RailChoice(_said(one.text, numbers), one.right, _said(one.why, numbers)) for one in question.choices),
        None
        if number is None
        else RailNumber(
            number.low,
            number.high,
            number.step,
            _said(number.unit, numbers),
            numbers[number.answer],
            number.within,
            number.mark,
            _said(number.why, numbers),
        ),
        None
        if order is None
        else RailOrder(tuple(_said(item, numbers) for item in order.items), _said(order.why, numbers)),
    )


def _condition(condition: Condition, numbers: Mapping[str, float]) -> RailCondition:
    is_ = condition.is_
    said = (
        None
        if is_ is None
        else ("1" if is_ else "0")
        if isinstance(is_, bool)
        else f"{is_:g}"
        if isinstance(is_, float)
        else str(is_)
    )
    near = numbers[condition.near] if isinstance(condition.near, str) else condition.near
    least, most = condition.least, condition.most
    if near is not None:
        least, most = near - condition.within, near + condition.within
    return RailCondition(condition.fact, said, least, most)


def _said(text: str, numbers: Mapping[str, float]) -> str:
    """A text of a lesson in the language of who reads, with its numbers."""
    return _unbroken(_(text, **numbers)) if text else ""


def _unbroken(text: str) -> str:
    """With no line that ends between a number and its unit, or in a short equation such as "t = 496"."""
    text = re.sub(r"(?<=\d) (?=[%\u4e00-\u9fff])", NO_BREAK, text)
    return re.sub(r"(?<=[\w>]) = (?=[\d−])|(?<=[(]0,) (?=<i>I|I)", lambda found: found[0].replace(" ", NO_BREAK), text)
