"""What a lesson is: a file of steps, each of which shows one lab in one state and asks the reader for one thing.

A lesson is TOML, to be written without code:

    title = "…"                     what the contents say; and goal, minutes, section (of the report)
    [facts]                         numbers that the texts name as {half:.0f}; the engine computes them (answers.py)
    half = { compute = "step_of_noise_share", schedule = "linear", T = 1000, share = 0.5 }

    [[steps]]
    kind = "ask"                    predict before anything is seen; what is committed stays
    lab = "forward"                 and settings, view (what stands behind the "#" of the address), show, lock
    text = "…"                      with <i>, <b>, <sub>, <sup>
    questions = [{ text = "…", number = { low = 0, high = 1000, step = 1, answer = "half", within = 30, mark = "t" } }]

Kinds: ask (one question), do (`done` says when the lab's state is reached), see (what was predicted beside what happened),
explain (a sentence of one's own, then `model`), check (questions with a right answer), try (the lab, with nothing locked).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parent / "lessons"
COMPUTED = FOLDER / "computed.json"
"""The numbers of all lessons, written by python -m playground.course; a test computes them again."""
Kind = Literal["ask", "do", "see", "explain", "check", "try"]
Value = str | int | float | bool


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Computed(_Part):
    """A number of the engine: `compute` is a name in answers.ANSWERS, the rest its arguments."""

    model_config = ConfigDict(frozen=True, extra="allow")
    compute: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the function, by their names."""
        return dict(self.model_extra or {})


class Choice(_Part):
    """One answer of several; `why` is said once it was chosen in a check, or when the prediction is compared."""

    text: str
    right: bool = False
    why: str = ""


class Number(_Part):
    """An answer on a slider. `answer`: the name of a fact; right is what is `within` it.

    mark: the axis of the lab's figures on which the guess is drawn, such as "t"; "" for none.
    """

    low: float
    high: float
    step: float = 1
    unit: str = ""
    answer: str
    within: float
    mark: str = ""
    why: str = ""


class Order(_Part):
    """Things to put in order; `items` stand in the right one. `why` is said when it is compared."""

    items: tuple[str, ...] = Field(min_length=2, max_length=5)
    why: str = ""


class Question(_Part):
    """One question, of one of three kinds."""

    text: str
    choices: tuple[Choice, ...] = ()
    number: Number | None = None
    order: Order | None = None
    hint: str = ""

    def texts(self) -> Iterator[str]:
        """What the reader reads of it, as the file has it."""
        yield from (self.text, self.hint)
        for choice in self.choices:
            yield from (choice.text, choice.why)
        if self.number is not None:
            yield from (self.number.unit, self.number.why)
        if self.order is not None:
            yield from (*self.order.items, self.order.why)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [bool(self.choices), self.number is not None, self.order is not None]
        if sum(kinds) != 1:
            raise ValueError("A question has choices, a number or an order.")
        if self.choices and not any(choice.right for choice in self.choices):
            raise ValueError("One of the choices is right.")
        return self


class Condition(_Part):
    """What a fact of the lab has to be: a setting, or what the lab declares in its `text.FACTS`.

    is_: this value ("is" in a lesson).
    near, within: as near as that to a number, or to a fact of the lesson.
    least, most: bounds.
    """

    fact: str
    is_: Value | None = Field(None, alias="is")
    near: str | float | None = None
    within: float = 0
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.is_ is None and self.near is None and self.least is None and self.most is None:
            raise ValueError(f"What {self.fact} has to be is missing.")
        return self


class Step(_Part):
    """One step of a lesson.

    lab: where it is done; settings: of the lab, by the names in its link; view: what stands behind the "#" of the address.
    show: the controls that are drawn (None for all); lock: those that are drawn and cannot be changed.
    id: a name by which a later `see` finds what was predicted here (`of`).
    model, names: of an explanation, the model answer and what a good one names.
    """

    kind: Kind
    lab: str
    text: str
    settings: dict[str, Value] = {}
    view: dict[str, str] = {}
    show: tuple[str, ...] | None = None
    lock: tuple[str, ...] = ()
    id: str = ""
    of: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    done: tuple[Condition, ...] = ()
    hint: str = ""
    model: str = ""
    names: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needs = {
            "ask": len(self.questions) == 1 and bool(self.id),
            "do": bool(self.done) and bool(self.hint),
            "see": bool(self.of),
            "explain": bool(self.model and self.names),
            "check": bool(self.questions) and all(question.hint for question in self.questions),
            "try": self.show is None and not self.lock,
        }
        if not needs[self.kind]:
            raise ValueError(f"A step of the kind “{self.kind}” lacks something that it needs: “{self.text[:40]}”.")
        return self


class Lesson(_Part):
    """A lesson. `number`: its place in the course, from the name of its file."""

    number: int
    title: str
    goal: str
    minutes: int
    section: str
    facts: dict[str, Computed] = {}
    steps: tuple[Step, ...] = Field(min_length=1)

    def texts(self) -> Iterator[str]:
        """Everything that the reader reads, as the file has it: with the names of facts in braces."""
        yield from (self.title, self.goal)
        for step in self.steps:
            yield from (step.text, step.hint, step.model, *step.names)
            for question in step.questions:
                yield from question.texts()

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        asked = {step.id for step in self.steps if step.kind == "ask"}
        for step in self.steps:
            if unknown := set(step.of) - asked:
                raise ValueError(f"No question of this lesson is called {', '.join(sorted(unknown))}.")
            wanted = [question.number.answer for question in step.questions if question.number is not None]
            wanted += [condition.near for condition in step.done if isinstance(condition.near, str)]
            if unknown := set(wanted) - self.facts.keys():
                raise ValueError(f"This lesson computes no {', '.join(sorted(unknown))}.")
        return self


@cache
def lessons() -> dict[int, Lesson]:
    """All lessons, by their numbers. Raises ValueError for a file that is no lesson."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        number = int(path.stem.split("_")[0])
        try:
            found[number] = Lesson(number=number, **tomllib.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path.name}: {error}") from error
    return found


@cache
def computed() -> Mapping[int, Mapping[str, float]]:
    """The numbers of each lesson, by their names, as they were computed."""
    read = json.loads(COMPUTED.read_text(encoding="utf-8"))
    return {int(number): values for number, values in read.items()}
