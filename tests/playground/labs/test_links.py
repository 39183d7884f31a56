"""Links: every state of a lab has one, and whatever a link says, the lab opens."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, field_validator

from playground import labs
from playground.labs.home import text as home_text
from playground.labs.shared.controls import Control, Controls, checked, describe, from_link, to_link, ui


def _every_lab() -> list[type[Controls]]:
    """The controls of all labs, whichever there are."""
    for module in pkgutil.walk_packages(labs.__path__, f"{labs.__name__}."):
        importlib.import_module(module.name)

    def below(model: type[Controls]) -> list[type[Controls]]:
        return [found for sub in model.__subclasses__() for found in (sub, *below(sub))]

    return list(
        {model.__qualname__: model for model in below(Controls) if model.__module__.startswith(labs.__name__)}.values()
    )


LABS = _every_lab()

TEXTS = {
    "model": ["digits", "ideal:emoji", "/home/me/näıve folder/ü&b=c?d#e%20", "run:20260101-000000-00000000", ""],
    "forks": ["0@25:sampler=ddpm,seed=7;1@10:scale=4", "0@0:label=-1;0@0:eta=0.25;2@7:"],
    "points": ["0,1; 0.5,0.25; 1,0", "0,1; 0.2,0.9; 0.4,0.5; 1,0.125"],
}
"""Texts that a lab takes, by the control's name."""


def _values(control: Control) -> st.SearchStrategy[Any]:
    if control.kind == "choice":
        return st.sampled_from([value for value, _ in control.options])
    if control.kind == "switch":
        return st.booleans()
    if control.kind == "text":
        return st.sampled_from([control.default, *TEXTS.get(control.name, [])])
    assert control.low is not None
    assert control.high is not None
    if control.kind == "whole":
        return st.integers(int(control.low), int(control.high))
    return st.floats(control.low, control.high)


def _states(model: type[Controls]) -> st.SearchStrategy[Controls]:
    each = {control.name: _values(control) for control in describe(model)}
    return st.fixed_dictionaries(each).map(lambda values: model.model_validate(values).settled()[0])


GARBAGE = st.one_of(
    st.text(max_size=50),
    st.sampled_from(
        ["", " ", "nan", "inf", "-inf", "1e999", "-1", "9" * 5000, "None", "[]", "<b>x</b>", "\0", "½", "1 "]
    ),
    st.integers().map(str),
    st.floats().map(str),
)


@pytest.mark.parametrize("model", LABS, ids=lambda model: model.__name__)
class TestEveryLab:
    @given(data=st.data())
    @settings(max_examples=40, deadline=None)
    def test_every_state_comes_back_from_its_link(self, model: type[Controls], data: st.DataObject) -> None:
        state = data.draw(_states(model))
        link = to_link(state)
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in link.items())
        assert from_link(model, link) == (state, [])

    def test_the_link_of_the_defaults_has_only_what_a_first_visit_changes(self, model: type[Controls]) -> None:
        assert to_link(model()).keys() == model.first_visit.keys()
        assert from_link(model, {}) == (model(**model.first_visit), [])

    @given(data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_garbage_opens_the_lab_with_a_sentence_for_each_value(
        self, model: type[Controls], data: st.DataObject
    ) -> None:
        names = [control.name for control in describe(model)]
        link = data.draw(st.dictionaries(st.sampled_from([*names, "utm_source", ""]), GARBAGE))
        state, problems = from_link(model, link)
        assert isinstance(state, model)
        for problem in problems:
            assert problem.endswith(".")
            assert len(problem) < 400
        # Whatever was taken can be taken again: what is drawn now has a link of its own.
        assert from_link(model, to_link(state)) == (state, [])

    @given(data=st.data())
    @settings(max_examples=30, deadline=None)
    def test_one_bad_value_leaves_the_others_alone(self, model: type[Controls], data: st.DataObject) -> None:
        state = data.draw(_states(model))
        refusable = [control for control in describe(model) if control.kind != "text"]
        bad = data.draw(st.sampled_from(refusable))
        kept, problems = from_link(model, {**to_link(state), bad.name: "no such thing"})
        expected, mended = checked(state, **{bad.name: bad.default}).settled()
        assert kept == expected
        assert len(problems) == 1 + len(mended)
        assert bad.title in problems[0]
        assert "no such thing" in problems[0]

    def test_defaults_lie_within_their_bounds(self, model: type[Controls]) -> None:
        assert model.model_validate(model().model_dump()) == model()
        assert model().settled() == (model(), [])
        for control in describe(model):
            if control.kind == "choice":
                assert control.default in [value for value, _ in control.options], control.name
            elif control.kind in ("whole", "number"):
                assert control.low is not None, control.name
                assert control.high is not None, control.name
                assert control.low <= control.default <= control.high, control.name

    def test_every_control_has_a_title_and_says_what_it_does(self, model: type[Controls]) -> None:
        controls = describe(model)
        assert [control.name for control in controls] == list(model.model_fields)
        titles = [control.title for control in controls]
        assert len(set(titles)) == len(titles)
        for control in controls:
            assert control.title != control.name or control.name in ("T", "eta"), control.name
            assert control.help.endswith("."), control.name
            assert all(title for _, title in control.options)

    def test_bounds_are_kept_in_links(self, model: type[Controls]) -> None:
        for control in describe(model):
            if control.kind not in ("whole", "number"):
                continue
            for bound, beyond in ((control.low, -1), (control.high, 1)):
                assert bound is not None
                _, problems = from_link(model, {control.name: f"{int(bound) + beyond}"})
                assert len(problems) == 1, control.name
                assert control.title in problems[0]


# --- the sentences ----------------------------------------------------------------------------------------------------


class _Lab(Controls):
    colour: Literal["red", "blue"] = Field(
        "red",
        title="Colour",
        description="Of it.",
        json_schema_extra=ui(titles={"red": "Deep red", "blue": "Sky blue"}),
    )
    many: int = Field(3, ge=1, le=9, title="How many", description="Of them.")
    rate: float = Field(0.5, ge=0, le=1, title="Rate", description="Of change.")
    on: bool = Field(True, title="Switched on", description="Or off.")
    word: str = Field("a", max_length=5, title="Word", description="Short.")

    @field_validator("word")
    @classmethod
    def _no_capitals(cls, text: str) -> str:
        if text != text.lower():
            raise ValueError("A word has small letters only.")
        return text


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "colour",
            "green",
            "The link asks for Colour = “green”, which is not one of red, blue. It was set to Deep red.",
        ),
        (
            "many",
            "ten",
            "The link asks for How many = “ten”, which is not a whole number from 1 to 9. It was set to 3.",
        ),
        ("many", "10", "The link asks for How many = “10”, which is not a whole number from 1 to 9. It was set to 3."),
        (
            "many",
            "1.5",
            "The link asks for How many = “1.5”, which is not a whole number from 1 to 9. It was set to 3.",
        ),
        ("rate", "nan", "The link asks for Rate = “nan”, which is not a number from 0 to 1. It was set to 0.5."),
        ("on", "maybe", "The link asks for Switched on = “maybe”, which is not 0 or 1. It was set to 1."),
        ("word", "Ab", "The link asks for Word = “Ab”. A word has small letters only. It was set to a."),
    ],
)
def test_what_the_reader_is_told(name: str, value: str, sentence: str) -> None:
    assert from_link(_Lab, {name: value}) == (_Lab(), [sentence])


def test_a_very_long_value_is_not_repeated_in_full() -> None:
    _, problems = from_link(_Lab, {"many": "9" * 100_000, "word": "b" * 100_000})
    assert len(problems) == 2
    assert all(len(problem) < 200 for problem in problems)


@given(rate=st.floats(0, 1))
def test_numbers_lose_nothing(rate: float) -> None:
    assert from_link(_Lab, to_link(_Lab(rate=rate)))[0].rate == rate


def test_numbers_are_short_where_they_can_be() -> None:
    assert to_link(_Lab(rate=0.25)) == {"rate": "0.25"}
    assert to_link(_Lab(rate=1.0, on=False)) == {"rate": "1", "on": "0"}


@pytest.mark.parametrize(
    ("lab", "before", "now"),
    [
        ("forward", {"way": "both"}, {"process": "both"}),
        ("points", {"walk": "linear", "label": "open"}, {"sampling_schedule": "linear", "label": "none"}),
        ("points", {"walk": "same"}, {}),
        ("guidance", {"view": "apart"}, {"view": "trace"}),
        ("guidance", {"view": "price", "scales": "0,3"}, {"view": "tradeoff", "scales": "0,3"}),
        ("guidance", {"view": "law", "w": "5"}, {"view": "density", "scale": "5"}),
    ],
)
def test_a_link_from_before_a_setting_was_renamed_opens(lab: str, before: dict[str, str], now: dict[str, str]) -> None:
    (model,) = (
        model
        for model in LABS
        if model.__module__ == f"playground.labs.{lab}.controls" and "Controls" in model.__name__
    )
    controls, problems = from_link(model, before)
    assert not problems
    assert to_link(controls) == now


MOST_LETTERS = 32
"""Of a choice in the sidebar of a page, whose width is fixed: what is longer is cut off."""


@pytest.mark.parametrize("model", LABS, ids=lambda model: model.__name__)
def test_choices_fit_into_the_sidebar(model: type[Controls]) -> None:
    for control in describe(model):
        for _, title in control.options:
            assert len(title) <= MOST_LETTERS, (control.name, title)


@pytest.mark.parametrize("lab", [name for name, *_ in home_text.LABS] + ["home"])
def test_texts_do_not_say_where_something_stands_beside_others(lab: str) -> None:
    """On a phone it stands below them."""
    text = importlib.import_module(f"playground.labs.{lab}.text")
    for name, value in vars(text).items():
        said = value.values() if isinstance(value, dict) else [value]
        for sentence in said:
            if name.isupper() and isinstance(sentence, str):
                assert not re.search(r"\b(on the (left|right)|(?<!to )(left|right),|in the middle,)", sentence), (
                    name,
                    sentence,
                )
