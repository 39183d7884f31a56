"""The pictures of the Training lab: what can be chosen, what is shown before the start, and preparing that can be watched."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.data import store
from engine.data.catalogue import load
from engine.data.preparing import prepare
from engine.data.sources.torchvision_sets import SOURCES
from engine.training.config import TrainConfig
from engine.training.preflight import Preflight
from playground.labs.shared.job import JobState
from playground.labs.shared.naming import data_title, megabytes
from playground.labs.training import estimate, pictures_text, pictures_view, preparing, sources
from playground.labs.training import pictures as lab
from playground.labs.training.controls import TrainingControls
from playground.labs.training.pictures_view import PicturesView
from playground.labs.training.preparing import Preparation, Step
from playground.policy.visitor import HOST


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing is prepared, and nothing being prepared."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(preparing, "_current", None)
    yield tmp_path
    if preparing._current is not None:
        preparing._current.stop()
        preparing._current.wait(20)


def birds(home: Path, count: int = 40, kind: str = "JPEG", size: int = 24) -> Path:
    """Small photographs of two kinds of birds, as far as a file can tell."""
    for k in range(count):
        folder = home / ("owl", "wren")[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        small = np.random.default_rng(k).integers(0, 256, (3, 3, 3), dtype=np.uint8)
        Image.fromarray(small).resize((size, size)).save(folder / f"{k}.{kind.lower()}", kind)
    return home


def finished(preparation: Preparation, timeout: float = 60.0) -> JobState[Step]:
    preparation.wait(timeout)
    return preparation.state


def name_of(state: JobState[Step]) -> str:
    assert state.status == "finished"
    assert state.result is not None
    return state.result.name


# --- what can be chosen -----------------------------------------------------------------------------------------------


def test_what_ships_and_what_was_prepared_can_be_chosen(places: Path) -> None:
    assert lab.choices(HOST) == {"digits": "digits", "emoji": "emoji"}
    home = birds(places / "birds")
    prepare(f"folder:{home}")
    assert lab.choices(HOST)[f"folder:{home}"] == "birds (24 × 24)"
    assert data_title(f"folder:{home}") == "birds"
    assert lab.suggestion(f"folder:{home}", HOST) == (True, 0.0)
    sources.remove(f"folder:{home}", HOST)
    assert lab.choices(HOST) == {"digits": "digits", "emoji": "emoji"}
    assert data_title(f"folder:{home}") == "birds"
    assert lab.suggestion(f"folder:{home}", HOST) == (False, 0.0)


def test_larger_sizes_are_offered_only_where_enlarging_is_allowed() -> None:
    assert list(lab.size_choices(TrainingControls(), HOST)) == [0, 16]
    larger = lab.size_choices(TrainingControls(upsampling=True), HOST)
    assert list(larger) == [0, 16, 32, 48, 64, 96, 128]
    assert larger[0] == "as they are, 28 × 28"
    for size in larger:
        config = estimate.config_of(TrainingControls(upsampling=True, size=size), 1.0)
        assert shown(config).heading.endswith(f"{size or 28} × {size or 28}")


def test_a_folder_that_has_changed_is_noticed(places: Path) -> None:
    home = birds(places / "birds")
    prepare(f"folder:{home}")
    assert not sources.has_changed(f"folder:{home}")
    (home / "owl" / "0.jpeg").unlink()
    assert sources.has_changed(f"folder:{home}")
    assert not sources.has_changed("digits")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("owner/name", "hub:owner/name"),
        (" https://huggingface.co/datasets/owner/name/ ", "hub:owner/name"),
        ("owner/name@main", "hub:owner/name@main"),
    ],
)
def test_names_on_the_hub_are_taken_from_addresses_too(text: str, name: str) -> None:
    assert sources.hub_name(text) == name


def test_bad_names_and_paths_are_refused_in_words(places: Path) -> None:
    for text in ("", "a/b/c", "../x", "owner name"):
        with pytest.raises(ValueError, match="is called owner/name"):
            sources.hub_name(text)
    with pytest.raises(ValueError, match="Give the path"):
        sources.folder_name("  ", HOST)
    with pytest.raises(ValueError, match="There is no folder"):
        sources.folder_name(str(places / "nothing"), HOST)


def test_downloads_say_what_they_take() -> None:
    for name in sources.offers():
        source, offer = SOURCES[name], pictures_view.offer_view(name, HOST)
        assert 0 < source.megabytes < source.on_disk
        assert offer is not None
        assert offer.title == sources.offers()[name]
        for words in (megabytes(source.megabytes), megabytes(source.on_disk), source.licence):
            assert words in offer.cost
    assert pictures_view.offer_view("digits", HOST) is None
    assert megabytes(12) == "12 MB"
    assert megabytes(2640) == "2.6 GB"
    assert sources.free_megabytes() > 0


# --- what is shown ----------------------------------------------------------------------------------------------------


def shown(config: TrainConfig) -> PicturesView:
    view = pictures_view.pictures_view(config, HOST)
    assert view is not None
    return view


def test_sixteen_pictures_are_shown_as_the_network_sees_them() -> None:
    plain = shown(TrainConfig(data="emoji"))
    emoji = load("emoji").training
    zoom, gap = 3, 6
    assert plain.sheet.shape[1] == 8 * (32 * zoom + gap) - gap
    first = plain.sheet[: 32 * zoom : zoom, : 32 * zoom : zoom, :3]
    assert any(np.array_equal(first, picture) for picture in emoji.images[emoji.labels == 0])
    second = plain.sheet[: 32 * zoom : zoom, 32 * zoom + gap : 64 * zoom + gap : zoom, :3]
    assert any(np.array_equal(second, picture) for picture in emoji.images[emoji.labels == 1])
    assert not plain.sheet[:, 32 * zoom : 32 * zoom + gap].any()  # nothing, and transparent
    mirrored = shown(TrainConfig(data="emoji", flips=True))
    cells = [(y, x) for y in (0, 32 * zoom + gap) for x in range(0, 8 * (32 * zoom + gap), 32 * zoom + gap)]
    same = flipped = 0
    for y, x in cells:
        cell = np.s_[y : y + 32 * zoom, x : x + 32 * zoom]
        same += np.array_equal(mirrored.sheet[cell], plain.sheet[cell])
        flipped += np.array_equal(mirrored.sheet[cell], plain.sheet[cell][:, ::-1])
    assert same + flipped >= 16
    assert min(same, flipped) > 2


def test_what_is_said_of_the_pictures_is_true() -> None:
    view = shown(TrainConfig(data="digits", size=16))
    assert view.heading == pictures_text.heading(load("digits").title, 4000, 16)
    assert view.about == pictures_text.looking_at(16, 1, False, 0.0)
    assert ("", pictures_text.counted(4000, 1000)) in view.lines
    assert ("Classes", "10 of 400 images each: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9") in view.lines
    assert not view.note
    assert not view.prepared
    assert shown(TrainConfig(data="digits", rotation=2)).note
    assert lab.classes_in_words((("owl", 3), ("wren", 1200))) == "owl (3), wren (1,200)"
    assert lab.classes_in_words(tuple((str(k), k) for k in range(13))).startswith("13 of 0 to 12 images: 0, 1")
    assert "No classes" in lab.classes_in_words(())


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_handful_of_pictures_can_be_shown(places: Path, count: int) -> None:
    home = birds(places / "birds", count)
    prepare(f"folder:{home}")
    view = shown(TrainConfig(data=f"folder:{home}"))
    assert view.width == count * pictures_view.CELL
    assert ("", pictures_text.counted(count, 0)) in view.lines


# --- preparing --------------------------------------------------------------------------------------------------------


def test_a_folder_is_prepared_in_a_process_of_its_own(places: Path) -> None:
    home = birds(places / "birds")
    progress = finished(preparing.start("birds", sources.folder_name(str(home), HOST), HOST, largest=16))
    assert name_of(progress) == f"folder:{home}"
    assert load(name_of(progress)).size == 16
    preparing.forget()
    assert preparing.current() is None


def test_an_uploaded_zip_is_prepared(places: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for path in birds(places / "birds", 10).rglob("*.jpeg"):
            made.write(path, path.relative_to(places))
    progress = finished(preparing.start_upload(file, "birds.zip", HOST))
    assert load(name_of(progress)).class_names == ("owl", "wren")
    progress = finished(preparing.start_upload(io.BytesIO(b"no zip"), "no.zip", HOST))
    assert (progress.status, progress.error) == ("failed", "This is no zip, or it is damaged or cut short.")


def test_cancel_cancels_and_leaves_nothing(places: Path) -> None:
    home = birds(places / "many", 1500, "PNG", 64)
    preparation = preparing.start("many", f"folder:{home}", HOST)
    with pytest.raises(ValueError, match="“many” is being prepared: wait for it, or cancel it"):
        preparing.start("other", "mnist", HOST)
    while preparation.state.result is None:
        time.sleep(0.01)
    began = time.monotonic()
    preparation.stop()
    assert finished(preparation).status == "stopped"
    assert time.monotonic() - began < 5
    assert store.prepared_sets() == []
    assert not list((places / "data" / "prepared").glob("*")) + list((places / "data" / "prepared").glob(".*"))


def test_what_goes_wrong_is_told(places: Path) -> None:
    (places / "empty").mkdir()
    progress = finished(preparing.start("empty", f"folder:{places / 'empty'}", HOST))
    assert progress.status == "failed"
    assert "There are no pictures in" in progress.error


def test_a_set_is_prepared_again_as_it_was_asked_for(places: Path) -> None:
    name = f"folder:{birds(places / 'birds')}"
    assert finished(preparing.start("birds", name, HOST, largest=16)).status == "finished"
    preparing.forget()
    assert finished(preparing.start_again("birds", name, HOST)).status == "finished"
    assert load(name).size == 16


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(places: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(places / "runs"))
    monkeypatch.setattr("engine.runs.service._service", None)
    monkeypatch.setattr(estimate, "_measured", lambda config: Preflight(seconds_per_step=0.01, micro_batch=32))
    return AppTest.from_function(_training_page, default_timeout=60)


def test_the_page_prepares_a_folder_and_chooses_it(places: Path, page: AppTest) -> None:
    home = birds(places / "birds")
    at = page
    at.run()
    assert not at.exception
    assert at.selectbox(key="training/data").options == ["digits", "emoji"]
    at.segmented_control(key="training/pictures from").set_value("folder").run()
    at.text_input(key="training/pictures folder").set_value(str(home)).run()
    at.button(key="training/pictures prepare folder").click().run()
    preparation = preparing.current()
    assert preparation is not None
    preparation.wait(60)
    at.run()
    at.run()
    assert not at.exception
    assert at.session_state["training/controls"].data == f"folder:{home}"
    assert at.session_state["training/controls"].flips is True
    assert any("mirrored, as suits photographs" in info.value for info in at.info)
    assert at.query_params["data"] == f"folder:{home}"


def test_what_somebody_else_prepares_changes_no_settings(places: Path, page: AppTest) -> None:
    home = birds(places / "birds")
    preparing.start("birds", f"folder:{home}", HOST).wait(60)
    at = page
    at.run()
    assert not at.exception
    assert at.session_state["training/controls"].data == "digits"
    assert any("birds is prepared" in success.value for success in at.success)
    at.button(key="training/pictures choose prepared").click().run()
    assert at.session_state["training/controls"].data == f"folder:{home}"


def test_a_set_that_is_not_here_is_told_and_the_digits_are_taken(places: Path, page: AppTest) -> None:
    at = page
    at.query_params["data"] = "folder:/no/such/place"
    at.query_params["size"] = "17"
    at.run()
    assert not at.exception
    told = " ".join(warning.value for warning in at.warning)
    assert "folder" in told
    assert "It was set to digits" in told
    assert at.session_state["training/controls"].data == "digits"
    assert at.session_state["training/controls"].size == 0


def test_a_reader_who_mirrors_digits_is_left_to_it(places: Path, page: AppTest) -> None:
    at = page
    at.query_params["flips"] = "1"
    at.run()
    assert at.session_state["training/controls"].flips is True
    at.selectbox(key="training/data").set_value("emoji").run()
    assert at.session_state["training/controls"].flips is False  # what suits the new set
    assert at.session_state["training/controls"].data == "emoji"


def _training_page() -> None:
    from playground.streamlit_ui import training

    training.show()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("echo 'KeyError: 7' >&2; exit 1", r"internal error \(KeyError: 7\)"),
        ("kill -9 $$", "want of memory"),
        ("echo MemoryError >&2; exit 1", "want of memory"),
        ("kill -11 $$", "the signal 11"),
        ("""echo '{"error": "There is no folder."}'; exit 2""", "There is no folder."),
    ],
)
def test_why_a_preparation_died_is_said(
    program: str, words: str, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = places / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    monkeypatch.setattr(preparing.sys, "executable", str(python))
    state = finished(preparing.start("birds", f"folder:{places}", HOST))
    assert state.status == "failed"
    assert re.search(words, state.error), state.error
