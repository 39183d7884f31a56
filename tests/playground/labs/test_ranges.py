"""Ranges as a reader writes them: what they mean, and that whatever is written gives values or one clear sentence."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playground.labs.shared.ranges import MOST_VALUES, Allowed, check_syntax, parse

SCALE = Allowed("guidance scale", "number", 0, 20)
SEED = Allowed("seed", "whole", 0, 2**53 - 100)
SAMPLER = Allowed("sampler", "name", names={"ddim": "DDIM", "dpm++2m": "DPM-Solver++ 2M", "": "none"})
CLASS = Allowed("class", "whole", -1, 9, {-1: "none", **{k: f"digit {k}" for k in range(10)}})


@pytest.mark.parametrize(
    ("text", "allowed", "values"),
    [
        ("0:8:1", SCALE, tuple(range(9))),
        ("0:8:3", SCALE, (0, 3, 6)),  # the stop only where a step arrives at it
        ("1,2,4", SCALE, (1, 2, 4)),
        (" 1 ; 2 ", SCALE, (1, 2)),
        ("4:1", SCALE, (4, 3, 2, 1)),
        ("8:0:-4, 1", SCALE, (8, 4, 0, 1)),
        ("2,2,2.0", SCALE, (2,)),
        ("3", SEED, (3,)),
        ("DDIM,dpm++2m", SAMPLER, ("ddim", "dpm++2m")),
        ("none", SAMPLER, ("",)),
        ("none,Digit 7,3:4", CLASS, (-1, 7, 3, 4)),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, allowed: Allowed, values: tuple[object, ...]) -> None:
    assert parse(text, allowed) == values
    assert check_syntax(text) == text


@given(st.integers(0, 500), st.integers(0, 60), st.integers(1, 30))
def test_start_stop_step_is_pythons_range_with_its_stop(start: int, count: int, step: int) -> None:
    stop = start + count
    expected = tuple(range(start, stop + 1, step))
    assert parse(f"{start}:{stop}:{step}", SEED) == expected
    assert parse(f"{stop}:{start}:{-step}", SEED) == tuple(range(stop, start - 1, -step))


@pytest.mark.parametrize("tenths", range(1, 11))
def test_decimals_are_those_that_are_written(tenths: int) -> None:
    values = parse(f"0:{tenths / 10}:0.1", Allowed("eta", "number", 0, 1))
    assert values == tuple(k / 10 for k in range(tenths + 1))


@pytest.mark.parametrize(
    ("text", "allowed", "words"),
    [
        ("", SCALE, "such as 0:8:1"),
        ("a few", SCALE, "is no guidance scale"),
        ("nan", SCALE, "is no guidance scale"),
        ("1e999", SCALE, "is no guidance scale"),
        ("0:8:0", SCALE, "step is 0"),
        ("8:0:1", SCALE, "write 8:0:-1"),
        ("0:1:2:3", SCALE, "too many colons"),
        ("0:99999:1", SCALE, "100,000 values"),
        ("0:20:1e-300", SCALE, "far too many"),
        ("21", SCALE, "between 0 and 20"),
        ("0.5", SEED, "whole number"),
        ("ddpm++", SAMPLER, "there are ddim, dpm++2m, none"),
        ("1_000", SEED, "is no seed"),
        ("1," * 300, SCALE, "too long"),
        (",".join(map(str, range(65))), SEED, "65 values"),
    ],
)
def test_what_cannot_be_meant_gets_one_sentence(text: str, allowed: Allowed, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        parse(text, allowed)
    assert str(refusal.value).endswith(".")


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.text(max_size=40), st.text("0123456789:,;.-+e nifa", max_size=40)),
    st.sampled_from([SCALE, SEED, SAMPLER, CLASS]),
)
@example("0:1e308:1e-308", SCALE)
@example("٣:٥", SEED)
@example(" 0\n0", SCALE)
@example("-0", SEED)
def test_any_text_gives_values_within_bounds_or_a_sentence(text: str, allowed: Allowed) -> None:
    try:
        values = parse(text, allowed)
    except ValueError as refusal:
        sentence = str(refusal)
        assert sentence[0].isupper() or sentence[0] == "“"
        assert sentence.endswith(".")
        assert len(sentence.splitlines()) == 1
        assert len(sentence) < 300
        return
    assert 1 <= len(values) <= MOST_VALUES
    assert len(set(values)) == len(values)
    for value in values:
        if allowed.kind == "name":
            assert value in (allowed.names or {})
        else:
            assert isinstance(value, int | float)
            assert math.isfinite(value)
            assert allowed.low <= value <= allowed.high
            assert allowed.kind == "number" or isinstance(value, int)


@given(st.text(max_size=40))
def test_a_text_without_colons_is_left_to_the_axis_to_judge(text: str) -> None:
    plain = text.replace(":", "")
    assert check_syntax(plain) == plain
