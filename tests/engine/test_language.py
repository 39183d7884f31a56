"""Texts in the language of who reads: who that is, and when a text is translated."""

from __future__ import annotations

import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import playground  # noqa: F401  its catalogue
from engine import language
from engine.language import (
    LANGUAGES,
    N_,
    Message,
    _,
    cached,
    chosen,
    joined,
    listed,
    message_of,
    plural,
    speaking,
    told,
    translated,
)

STOP, STEP = "Stop", "step {step} of {total}"


def in_chinese(text: str, **values: object) -> str:
    """That text in Chinese, which it is in."""
    with speaking("zh"):
        said = _(text, **values)
    assert said != text
    return said


@pytest.mark.parametrize(
    ("wishes", "tag"),
    [
        (("zh-CN",), "zh"),
        (("ZH_Hans",), "zh"),
        (("fr-FR,zh;q=0.8,en;q=0.5",), "zh"),
        (("en-GB,zh;q=0.8",), "en"),
        (("fr",), None),
        ((None, "", "zh"), "zh"),
        (("xx", "en"), "en"),
    ],
)
def test_the_first_wish_that_is_spoken_here_is_taken(wishes: tuple[str | None, ...], tag: str | None) -> None:
    assert chosen(*wishes) == tag


@given(st.lists(st.one_of(st.none(), st.text()), max_size=4))
def test_no_wish_is_an_error(wishes: list[str | None]) -> None:
    assert chosen(*wishes) in (None, *LANGUAGES)


def test_a_text_is_in_the_language_of_who_reads_and_keeps_its_values() -> None:
    assert _(STEP, step=3, total=50) == "step 3 of 50"
    said = in_chinese(STEP, step=3, total=50)
    assert "3" in said
    assert "50" in said
    with speaking("zh"):
        assert _("A sentence that stands in no catalogue.") == "A sentence that stands in no catalogue."
        assert _("") == ""


def test_two_threads_read_two_languages_at_once() -> None:
    both = threading.Barrier(2, timeout=60)

    def read(tag: str) -> list[str]:
        with speaking(tag):
            said = []
            for _time in range(20):
                both.wait()
                said.append(_(STOP))
            return said

    with ThreadPoolExecutor(2) as pool:
        english, chinese = pool.map(read, ("en", "zh"))
    assert set(english) == {STOP}
    assert set(chinese) == {in_chinese(STOP)}


def test_a_message_is_translated_when_it_is_read_and_so_are_the_messages_in_it() -> None:
    error = ValueError(Message(STEP, step=Message(STOP), total=2))
    assert str(error) == f"{error}" == "step Stop of 2"
    with speaking("zh"):
        assert in_chinese(STOP) in str(error)
    assert Message(STOP) == Message(STOP) != Message(STEP)
    assert len({Message(STOP), Message(STOP)}) == 1


def test_constants_of_a_module_are_read_in_the_language_of_the_reader() -> None:
    module = types.ModuleType("texts_of_a_test")
    sys.modules[module.__name__] = module
    vars(module).update(TITLE=N_(STOP), ROWS=(("stop", N_(STOP)), {"key": N_(STOP)}), NAME=STOP)
    translated(module.__name__)
    try:
        assert (module.TITLE, module.NAME) == (STOP, STOP)
        with speaking("zh"):
            chinese = in_chinese(STOP)
            assert chinese == module.TITLE
            assert (("stop", chinese), {"key": chinese}) == module.ROWS
            assert module.NAME == STOP  # which is not marked
    finally:
        del sys.modules[module.__name__]


def test_a_cache_keeps_one_result_for_each_language() -> None:
    calls = []

    @cached(4)
    def said(times: int) -> str:
        calls.append(language.language())
        return _(STOP) * times

    assert said(2) == said(2) == STOP * 2
    with speaking("zh"):
        assert said(2) == said(2) == in_chinese(STOP) * 2
    assert calls == ["en", "zh"]
    said.cache_clear()
    said(2)
    assert calls == ["en", "zh", "en"]


def test_words_in_a_row() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b"], either=True) == "a or b"
    assert plural("{count} run", "{count} runs", 1) == "1 run"
    assert plural("{count} run", "{count} runs", 3) == "3 runs"


def test_a_message_keeps_what_an_error_says_and_not_the_error() -> None:
    inner = ValueError(Message(STOP))
    outer = Message("The noise schedule cannot be used: {error}", error=inner)
    assert outer.values == {"error": Message(STOP)}
    assert message_of(OSError("full")) == "full"
    with speaking("zh"):
        assert str(outer).endswith(in_chinese(STOP))


def test_sentences_stand_apart_where_a_language_has_blanks_between_them() -> None:
    assert joined("One.", "", "Two.") == "One. Two."
    assert joined("第一句。", "第二句。") == "第一句。第二句。"
    assert joined() == ""


KEPT = (
    "The loss stopped being a number at step 12. The last good weights are kept. Try a learning rate below 0.0002, a longer "
    "warm-up or a smaller gradient clipping."
)
"""As a run.json has it, whichever language its reader speaks."""


def test_a_text_that_was_kept_in_english_is_told_in_the_language_of_who_reads() -> None:
    saved = "It cannot be saved: the disk is full. Nothing of it is lost while this program runs: mend that and press Resume."
    assert (told(KEPT), told(saved), told("")) == (KEPT, saved, "")
    with speaking("zh"):
        said = told(KEPT)
        assert "12" in said
        assert "0.0002" in said
        assert "step" not in said
        assert in_chinese("the disk is full") in told(saved)
        assert not any(letter.isascii() and letter.isalpha() for letter in told(saved))
        assert told("Left out: 1,024 pictures that could not be read.").count("1,024") == 1
        assert told("No catalogue has this. Nor this.") == "No catalogue has this. Nor this."
        assert told("") == ""


@given(st.text())
def test_any_text_can_be_told(text: str) -> None:
    with speaking("zh"):
        told(text)
