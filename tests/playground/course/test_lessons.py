"""The lessons: each is what the schema says, every state in it opens, and what it asks the reader to reach can be reached."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from string import Formatter

import numpy as np
import pytest

from engine.training.config import TrainConfig
from playground.course.__main__ import compute
from playground.course.answers import ANSWERS
from playground.course.lesson import Condition, Lesson, Step, computed, lessons
from playground.labs.forward import view as forward
from playground.labs.forward.controls import ForwardControls
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.microscope.controls import IN_THE_FIGURE, MicroscopeControls
from playground.labs.points.controls import PointsControls
from playground.labs.sampling.controls import SamplingControls
from playground.labs.schedules import view as schedules
from playground.labs.schedules.controls import ScheduleControls
from playground.labs.shared import picture
from playground.labs.shared.controls import Controls, describe, from_link
from playground.labs.training.controls import TrainingControls

LABS: Mapping[str, type[Controls]] = {
    "forward": ForwardControls,
    "schedules": ScheduleControls,
    "sampling": SamplingControls,
    "points": PointsControls,
    "microscope": MicroscopeControls,
    "guidance": GuidanceControls,
    "training": TrainingControls,
    "likelihood": LikelihoodControls,
}
GENERIC = {"t", "position", "state", "done", "step"}
"""Facts of every lab: what its playhead and its job say; the last one is of a training run."""
STATUSES = {"running", "finished", "stopped", "failed"}
TAGS = re.compile(r"</?(?:i|b|sub|sup)>")
STEPS = [
    pytest.param(lesson, step, id=f"{lesson.number}.{number}")
    for lesson in lessons().values()
    for number, step in enumerate(lesson.steps, 1)
]
CONDITIONS = [
    pytest.param(lesson, step, condition, id=f"{lesson.number}.{number} {condition.fact}")
    for lesson in lessons().values()
    for number, step in enumerate(lesson.steps, 1)
    for condition in step.done
]


def _facts(lab: str) -> set[str]:
    declared = getattr(importlib.import_module(f"playground.labs.{lab}.text"), "FACTS", {})
    return {f"{lab}.{name}" for name in (*LABS[lab].model_fields, *GENERIC, *declared)}


def _as_text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _controls(step: Step, **changes: object) -> Controls:
    asked = {name: _as_text(value) for name, value in {**step.settings, **changes}.items()}
    controls, problems = from_link(LABS[step.lab], asked)
    assert not problems
    return controls


@pytest.mark.parametrize("lesson", lessons().values(), ids=lambda lesson: str(lesson.number))
class TestLesson:
    def test_it_has_seven_to_ten_steps_and_ends_with_one_s_own_trial(self, lesson: Lesson) -> None:
        assert 7 <= len(lesson.steps) <= 10
        assert 10 <= lesson.minutes <= 12
        kinds = [step.kind for step in lesson.steps]
        assert kinds[0] == "ask"
        assert kinds[-1] == "try"
        assert {"do", "see", "explain", "check"} < set(kinds)

    def test_every_prediction_is_compared_later(self, lesson: Lesson) -> None:
        asked = [step.id for step in lesson.steps if step.kind == "ask"]
        assert len(set(asked)) == len(asked)
        seen = [name for step in lesson.steps for name in step.of]
        assert sorted(seen) == sorted(asked)
        for step in lesson.steps:
            for name in step.of:
                assert [one.id for one in lesson.steps].index(name) < lesson.steps.index(step)

    def test_its_numbers_are_those_that_the_engine_computes(self, lesson: Lesson) -> None:
        again = compute(lesson)
        assert again.keys() == computed()[lesson.number].keys()
        for name, value in again.items():
            assert value == pytest.approx(computed()[lesson.number][name], rel=1e-4, abs=1e-9), name

    def test_every_number_is_used(self, lesson: Lesson) -> None:
        said = {name for text in lesson.texts() for _, name, _, _ in Formatter().parse(text) if name}
        asked = {question.number.answer for step in lesson.steps for question in step.questions if question.number}
        near = {condition.near for step in lesson.steps for condition in step.done}
        assert lesson.facts.keys() == (said | asked | near) & lesson.facts.keys()
        assert said <= lesson.facts.keys()
        assert {fact.compute for fact in lesson.facts.values()} <= ANSWERS.keys()

    def test_its_texts_can_be_written_out(self, lesson: Lesson) -> None:
        for text in lesson.texts():
            written = text.format(**computed()[lesson.number])
            assert not set("<>{}") & set(TAGS.sub("", written)), written
            assert written == written.strip()


@pytest.mark.parametrize(("lesson", "step"), STEPS)
class TestStep:
    def test_its_state_opens(self, lesson: Lesson, step: Step) -> None:
        assert step.settings.keys() <= LABS[step.lab].model_fields.keys()
        _controls(step)

    def test_it_shows_controls_that_there_are(self, lesson: Lesson, step: Step) -> None:
        names = {control.name for control in describe(LABS[step.lab])}
        assert set(step.show or ()) <= names
        assert set(step.lock) <= set(step.show if step.show is not None else names)

    def test_its_texts_are_short(self, lesson: Lesson, step: Step) -> None:
        for text in (step.text, step.hint, *step.names):
            assert len(re.findall(r"[.?!](?:\s|$)", text)) <= 3, text
            assert len(TAGS.sub("", text)) <= 330, text

    def test_its_questions_can_be_answered(self, lesson: Lesson, step: Step) -> None:
        values = computed()[lesson.number]
        for question in step.questions:
            if question.choices:
                assert sum(choice.right for choice in question.choices) == 1
                assert all(choice.why for choice in question.choices)
                assert len({choice.text for choice in question.choices}) == len(question.choices)
            elif question.number is not None:
                number, right = question.number, values[question.number.answer]
                assert number.why
                assert number.low < right < number.high
                places = np.arange(number.low, number.high + number.step / 2, number.step)
                assert (abs(places - right) <= number.within).any(), "a place of the slider is right"
                assert 2 * number.within < (number.high - number.low) / 2, "not by chance"
            else:
                assert question.order is not None
                assert question.order.why


def _playhead(step: Step) -> Iterator[int]:
    """The t at which the timeline of the lab can stand."""
    controls = _controls(step)
    if isinstance(controls, ForwardControls):
        timeline = forward.timeline(controls, picture.chosen(controls))
    elif isinstance(controls, ScheduleControls):
        timeline = schedules.timeline(controls)
    elif isinstance(controls, TrainingControls):
        yield from range(0, controls.steps + 1, TrainConfig.model_fields["sample_every"].default)
        return
    else:
        from engine.registry import open_model

        yield from open_model(controls.model).schedule.timesteps(controls.steps)  # type: ignore[attr-defined]
        return
    yield from (position.t for position in timeline.positions)


def _is_met(condition: Condition, value: object, values: Mapping[str, float]) -> bool:
    if condition.is_ is not None:
        return value == condition.is_
    assert isinstance(value, int | float)
    near = values[condition.near] if isinstance(condition.near, str) else condition.near
    return (
        (near is None or abs(value - near) <= condition.within)
        and (condition.least is None or value >= condition.least)
        and (condition.most is None or value <= condition.most)
    )


@pytest.mark.parametrize(("lesson", "step", "condition"), CONDITIONS)
class TestCondition:
    def test_the_lab_says_it(self, lesson: Lesson, step: Step, condition: Condition) -> None:
        assert condition.fact in _facts(step.lab)

    def test_it_can_be_met(self, lesson: Lesson, step: Step, condition: Condition) -> None:
        values, name = computed()[lesson.number], condition.fact.split(".")[1]
        if name == "t":
            assert any(_is_met(condition, t, values) for t in _playhead(step))
        elif name == "state":
            assert condition.is_ in STATUSES
        elif condition.is_ is not None and name in LABS[step.lab].model_fields:
            assert getattr(_controls(step, **{name: condition.is_}), name) == condition.is_

    def test_the_reader_can_meet_it(self, lesson: Lesson, step: Step, condition: Condition) -> None:
        """A setting is drawn and free to be changed, or set in the figure; and it is not so from the beginning."""
        name = condition.fact.split(".")[1]
        if name not in LABS[step.lab].model_fields:
            return
        if name not in IN_THE_FIGURE:
            assert step.show is None or name in step.show
            assert name not in step.lock
        assert not _is_met(condition, getattr(_controls(step), name), computed()[lesson.number])
