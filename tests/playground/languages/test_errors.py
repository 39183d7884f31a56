"""An error of the engine is read in two languages at once, in English by default."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.interop import pretrained
from engine.language import speaking
from engine.recipes.fork import from_json
from engine.recipes.recipe import RecipeError
from engine.storage.checked_files import CheckpointError, first_problem
from engine.training.config import TrainConfig
from playground.labs.forward.controls import ForwardControls
from playground.labs.shared.controls import demanded, from_link
from playground.labs.shared.job import Job, Partial
from playground.labs.training.pictures_view import layout_of_zip
from playground.policy.visitor import Visitor


def in_both(read: Callable[[], str]) -> tuple[str, str]:
    """What an English and a Chinese reader read at the same time."""
    both = threading.Barrier(2, timeout=60)

    def reads(tag: str) -> str:
        with speaking(tag):
            both.wait()
            said = read()
            both.wait()
            return said

    with ThreadPoolExecutor(2) as threads:
        english, chinese = threads.map(reads, ("en", "zh"))
    assert english.isascii() or "“" in english
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    return english, chinese


def damaged(folder: Path) -> CheckpointError:
    """The error of a checkpoint whose weights were cut short."""
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError) as caught:
        pretrained.load(folder)
    return caught.value


def test_a_damaged_checkpoint_is_told_to_each_reader_in_their_language(tmp_path: Path) -> None:
    error = damaged(tmp_path / "model")
    english, chinese = in_both(lambda: str(error))
    assert english == str(error) == "unet/config.json cannot be read: it is damaged or cut short."
    assert chinese == "无法读取 unet/config.json：已损坏或不完整。"


def test_a_job_that_failed_says_why_to_each_reader_in_their_language(tmp_path: Path) -> None:
    def work() -> Iterator[Partial[int]]:
        yield Partial(0, 1, 0)
        raise damaged(tmp_path / "model")

    job = Job(work)
    assert job.wait(60)
    english, chinese = in_both(lambda: job.state.error)
    assert english.startswith("unet/config.json cannot be read")
    assert chinese.startswith("无法读取 unet/config.json")


def test_a_page_says_what_is_wrong_with_an_upload_in_the_readers_language() -> None:
    page = layout_of_zip(BytesIO(b"no zip"), "auto", 0, Visitor())
    assert [notice.text for notice in page.notices] == ["This is no zip, or it is damaged or cut short."]
    english, chinese = in_both(lambda: layout_of_zip(BytesIO(b"%PDF-1.7"), "auto", 0, Visitor()).notices[0].text)
    assert english == "This is no zip: it is a PDF document."
    assert chinese == "这不是 zip：它是 PDF 文档。"


@pytest.mark.parametrize("text", ["", "[]", '{"sampler": "no"}', '{"steps": 0, "seeds": [1]}'])
def test_a_recipe_is_refused_in_the_readers_language(text: str) -> None:
    def refused() -> str:
        with pytest.raises(RecipeError) as caught:
            from_json(text)
        return str(caught.value)

    in_both(refused)


def test_bounds_are_told_in_the_readers_language() -> None:
    with pytest.raises(ValidationError) as caught:
        TrainConfig(batch=0)
    english, chinese = in_both(lambda: str(first_problem(caught.value)))
    assert english == "batch must be greater than or equal to 1"
    assert chinese == "batch 须大于或等于 1"


def test_what_a_link_cannot_have_is_told_whole_and_to_a_program_without_how_it_was_mended() -> None:
    link = {"T": "0", "seed": "a. b。c"}

    def on_the_page() -> str:
        return " ".join(from_link(ForwardControls, link)[1])

    english, chinese = in_both(on_the_page)
    assert "It was set to" in english
    assert "已设为" in chinese
    for tag in ("en", "zh"):
        with speaking(tag), pytest.raises(ValueError, match=r"a\. b。c") as caught:
            demanded(ForwardControls, {"seed": "a. b。c"})
        assert not any(mended in str(caught.value) for mended in ("It stays at", "仍保持"))
