"""Files of other people, through every way in: taken for what they are, or refused with one sentence that says why.

The cases stand in `files_to_try`. A traceback, an error without a sentence and a silent misreading are what must not happen.
"""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import files_to_try as cases
import numpy as np
import pytest
from files_to_try import Case, Pictures, Tree, zipped

from engine.cli import main
from engine.data.pictures import PictureError, read_picture
from engine.data.points import PointsError
from engine.data.points_csv import read_csv
from engine.interop import trainer_files, uploads
from engine.interop.pretrained import CheckpointError
from engine.interop.trainer_files import TrainerSettings
from engine.models.opened import ModelError
from engine.recipes.fork import from_file
from engine.recipes.recipe import RecipeError, save_png
from playground.gradio_ui import api_recipes
from playground.labs.training import pictures_text, pictures_view
from playground.policy.visitor import HOST

from checkpoints_to_try import WEIGHTS, edit, save_sound

NOT_FOR_READERS = re.compile(r"Traceback|Error\b|pydantic|Input should|Exception|Errno|None(?! of)")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs, uploads and prepared sets of one test are its own."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    return tmp_path


def is_sentence(text: str, pattern: str) -> None:
    """Whether this is one sentence that names the cause."""
    assert re.search(pattern, text, re.DOTALL), text
    assert text.strip().endswith((".", "?")), text
    assert "\n" not in text.strip(), text
    assert not NOT_FOR_READERS.search(text), text


def shell(capsys: pytest.CaptureFixture[str], *arguments: object, refused: str = "") -> str:
    """What a command says: on standard output, or, where it is refused, the sentence."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    if not refused:
        assert status == 0, err
        assert out.isascii() or "--json" not in arguments
        return out
    assert status == 2, out
    is_sentence(err.strip().splitlines()[-1], refused)
    return err


def each(made: Callable[[], Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", list(made()), ids=str)


def test_there_are_enough() -> None:
    makers = (
        cases.tables,
        cases.recipes,
        cases.training_recipes,
        cases.trees,
        cases.picture_zips,
        cases.weights,
        cases.configs,
        cases.trainer_files,
    )
    assert sum(len(list(maker())) for maker in makers) > 250


# --- tables -----------------------------------------------------------------------------------------------------------


@each(cases.tables)
def test_tables(case: Case) -> None:
    if case.refused:
        with pytest.raises(PointsError) as refusal:
            read_csv(case.data)
        is_sentence(str(refusal.value), case.refused)
        return
    found, said = read_csv(case.data)
    right = np.array(cases.POINTS)
    scales = np.diff(found.x, axis=0) / np.diff(right, axis=0)  # each axis is centred and scaled
    assert np.ptp(scales, axis=0).max() < 1e-5
    assert found.class_names == (("Brot", "Käse") if case.taken else ())
    assert re.search(case.said, said), said


# --- recipes ----------------------------------------------------------------------------------------------------------


def _through_api(data: bytes) -> None:
    recipe = api_recipes.read(data.decode("utf-8", "replace"))
    recipe.check(HOST.open_model(recipe.model))


@each(cases.recipes)
def test_recipes(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "recipe"
    file.write_bytes(case.data)
    out = shell(capsys, "sample", file, "--out", tmp_path / "out.png", "--json", refused=case.refused)
    if case.refused:
        with pytest.raises((RecipeError, ModelError)) as refusal:
            _through_api(case.data)
        is_sentence(str(refusal.value), "")
        assert not (tmp_path / "out.png").exists()
        return
    assert json.loads(out)["recipe"]["model"] == case.taken
    assert from_file((tmp_path / "out.png").read_bytes()) == from_file(case.data)


@each(cases.training_recipes)
def test_training_recipes(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "recipe.json"
    file.write_bytes(case.data)
    shell(capsys, "train", file, "--out", tmp_path / "run", refused=case.refused)
    assert not (tmp_path / "run").exists()


def test_what_can_fail_by_the_arguments_fails_before_the_first_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.recipes.recipe import Recipe

    monkeypatch.setattr(Recipe, "frames", None)  # nothing is drawn
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(cases.RECIPE))
    (tmp_path / "file").write_text("")
    inside = tmp_path / "file" / "x"
    shell(capsys, "sample", recipe, "--out", tmp_path / "nosuch" / "a.png", refused="no folder.*make it first")
    shell(capsys, "sample", recipe, "--out", tmp_path, refused="is a folder")
    shell(capsys, "sample", recipe, "--out", inside, refused="no folder")
    shell(capsys, "train", "--out", inside, refused="no folder")
    shell(capsys, "train-classifier", "--out", inside, refused="no folder")
    shell(capsys, "evaluate", "--model", "digits", "--json", inside, refused="no folder")
    shell(capsys, "evaluate", "--model", "digits", "--json", tmp_path, refused="is a folder")
    shell(capsys, "evaluate", "--model", "digits", "--results", inside, refused="no folder")


# --- pictures ---------------------------------------------------------------------------------------------------------


def _check(about: dict[str, Any], right: Pictures, said: str) -> None:
    assert tuple(about["class_names"]) == right.classes
    assert about["count"] == right.count
    assert right.held_out is None or about["held_out"] == right.held_out
    notes = " ".join(about["notes"])
    assert re.search(said, notes), notes
    assert said or "black" not in notes


def _is_understood(shown: pictures_view.LayoutView, right: Pictures | None, refused: str) -> None:
    """What both pages show before a set is prepared."""
    for notice in shown.notices:
        is_sentence(notice.text, "")
    if right is None:
        if shown.notices[0].level != "info":  # it may be found when its pictures are read
            assert re.search(refused, shown.notices[0].text)
        return
    assert shown.sheet is not None
    text = " ".join(notice.text for notice in shown.notices)
    assert f"{right.count - (right.held_out or 0):,} pictures to train on" in text
    assert all(name in text for name in right.classes)


@each(cases.trees)
def test_folders_and_zips_of_pictures(case: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "pictures"
    for path, data in case.files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    file = tmp_path / "pictures.zip"
    file.write_bytes(zipped(case.files))
    folders_mean = case.options[1] if "--folders" in case.options else "auto"
    for place in (home, file):
        out = shell(capsys, "data", "prepare", place, "--json", *case.options, refused=case.refused)
        if case.taken:
            _check(json.loads(out), case.taken, case.said)
    _is_understood(pictures_view.layout_of_folder(str(home), folders_mean, 0, HOST), case.taken, case.refused)
    with file.open("rb") as opened:
        _is_understood(pictures_view.layout_of_zip(opened, folders_mean, 0, HOST), case.taken, case.refused)


@each(cases.picture_zips)
def test_zips_of_pictures(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pictures.zip"
    file.write_bytes(case.data)
    out = shell(capsys, "data", "prepare", file, "--json", refused=case.refused)
    right = case.taken if isinstance(case.taken, Pictures) else None
    if right:
        _check(json.loads(out), right, case.said)
    _is_understood(pictures_view.layout_of_zip(io.BytesIO(case.data), "auto", 0, HOST), right, case.refused)


@pytest.mark.parametrize("brightest", [1, 3, 20, 31, 255, 700, 4095, 8191])
def test_the_white_that_a_note_proposes_can_be_chosen_on_the_page(brightest: int, tmp_path: Path) -> None:
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(cases.deep_png(brightest, k))
    said = " ".join(notice.text for notice in pictures_view.layout_of_folder(str(tmp_path), "auto", 0, HOST).notices)
    proposed = re.search(r"--white (\d+)", said)
    assert proposed, said
    assert int(proposed[1]) in pictures_text.WHITES


@pytest.mark.parametrize(("words", "data"), [(words, data) for data, words in cases.OTHER_KINDS.values()])
def test_pictures_that_are_something_else(words: str, data: bytes) -> None:
    with pytest.raises(PictureError) as refusal:
        read_picture(data, size=8, channels=3)
    is_sentence(str(refusal.value), words)


# --- models -----------------------------------------------------------------------------------------------------------


def _refused_everywhere(folder: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    """A model, through shell, pages and an upload."""
    with pytest.raises(ModelError) as refusal:
        HOST.open_model(str(folder))
    is_sentence(str(refusal.value), words)
    recipe = folder.parent / "recipe.json"
    recipe.write_text(json.dumps({"model": str(folder), "steps": 2}))
    shell(capsys, "sample", recipe, "--out", folder.parent / "out.png", refused=words)


def _refused_upload(data: bytes, name: str, words: str, settings: TrainerSettings | None = None) -> None:
    with pytest.raises(CheckpointError) as refusal:
        uploads.store(io.BytesIO(data), name, settings)
    is_sentence(str(refusal.value), words)


def _packed(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@each(cases.weights)
def test_weights(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_sound(tmp_path / "model")
    (folder / WEIGHTS).write_bytes(case.data)
    _refused_everywhere(folder, capsys, case.refused)
    _refused_upload(zipped(_packed(folder)), "model.zip", case.refused)


@each(cases.configs)
def test_configs(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_sound(tmp_path / "model")
    (folder / "unet" / "config.json").write_bytes(case.data)
    _refused_everywhere(folder, capsys, case.refused)


@each(cases.trainer_files)
def test_files_of_a_trainer(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model-1.pt"
    file.write_bytes(case.data)
    file.with_suffix(".json").write_text('{"image_size": 8}')
    _refused_everywhere(file, capsys, case.refused)
    _refused_upload(case.data, "model-1.pt", case.refused, TrainerSettings(image_size=8))


@each(cases.picture_zips)
def test_zips_that_are_no_models(case: Case) -> None:
    _refused_upload(case.data, "model.zip", case.refused or "no diffusers folder")


def test_a_zip_with_backslashes_is_a_model(tmp_path: Path) -> None:
    data = zipped(_packed(save_sound(tmp_path / "model")), lambda name: (name.replace("/", "\\").encode(), 0))
    name = uploads.store(io.BytesIO(data), "model.zip").name
    assert HOST.open_model(name).class_names == ("a", "b", "c")


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_a_model_of_other_channels_is_refused_where_it_is_opened(
    channels: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save_sound(tmp_path / "model")
    edit(folder / "unet" / "config.json", in_channels=channels, out_channels=channels)
    _refused_everywhere(folder, capsys, f"{channels} channels.*only grey")
    _refused_upload(zipped(_packed(folder)), "model.zip", f"{channels} channels")


def test_a_size_that_cannot_be_halved_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save_sound(tmp_path / "model")
    edit(folder / "unet" / "config.json", sample_size=9)
    _refused_everywhere(folder, capsys, "9")


def test_an_old_trainer_is_named_by_its_version(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "model-1.pt"
    state = {"betas": torch.linspace(0.001, 0.02, 10), "model.init_conv.weight": torch.zeros(8, 3, 7, 7)}
    torch.save({"model": state, "version": "1.9.4"}, file)
    with pytest.raises(CheckpointError) as refusal:
        trainer_files.load(file, TrainerSettings(image_size=8))
    is_sentence(str(refusal.value), r"version 1\.9\.4")
    torch.save({"model": state}, file)
    with pytest.raises(CheckpointError) as refusal:
        trainer_files.load(file, TrainerSettings(image_size=8))
    is_sentence(str(refusal.value), "version 2")


# --- what is no file --------------------------------------------------------------------------------------------------

no_windows = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")


@no_windows
@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize(
    "where", ["recipe", "training recipe", "weights", "config", "card", "trainer", "zip", "pictures"]
)
def test_pipes_and_devices_are_never_waited_for(
    kind: str, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def put(path: Path) -> Path:
        path.unlink(missing_ok=True)
        os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
        return path

    began = time.monotonic()
    if where == "recipe":
        capsys.readouterr()
        assert main(["sample", str(put(tmp_path / "r.json")), "--out", str(tmp_path / "out.png")]) == 2
        assert "no file but a pipe" in capsys.readouterr().err
    elif where == "training recipe":
        assert main(["train", str(put(tmp_path / "r.json")), "--out", str(tmp_path / "run")]) == 2
    elif where in ("weights", "config", "card"):
        folder = save_sound(tmp_path / "model")
        put(folder / {"weights": WEIGHTS, "config": Path("unet/config.json"), "card": Path("card.json")}[where])
        _refused_everywhere(folder, capsys, "no file")
    elif where == "trainer":
        _refused_everywhere(put(tmp_path / "model-1.pt"), capsys, "no file|no checkpoint")
    elif where == "zip":
        shell(capsys, "data", "prepare", put(tmp_path / "p.zip"), refused="no file")
    else:
        (tmp_path / "p").mkdir()
        put(tmp_path / "p" / "1.png")
        shell(capsys, "data", "prepare", tmp_path / "p", refused="no pictures")
    assert time.monotonic() - began < 20


# --- names and terminals ----------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_unicode_is_refused_or_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "pictures"
    for name in (b"B\xe4r", b"Huhn"):
        folder = os.path.join(os.fsencode(home), name)
        os.makedirs(folder)
        for k in range(6):
            Path(os.fsdecode(os.path.join(folder, b"%d.png" % k))).write_bytes(cases.picture(k))
    about = json.loads(shell(capsys, "data", "prepare", home, "--json"))
    assert about["class_names"] == ["Bär", "Huhn"]
    inside = Path(os.fsdecode(os.path.join(os.fsencode(home), b"B\xe4r")))
    shell(capsys, "data", "prepare", inside, refused="rename the folder")


def test_json_of_the_shell_is_ascii(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(6):
        file = tmp_path / "猫と犬" / ("猫", "犬")[k % 2] / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cases.picture(k))
    shell(capsys, "data", "prepare", tmp_path / "猫と犬", "--json")
    assert any(each["title"] == "猫と犬" for each in json.loads(shell(capsys, "data", "list", "--json")))


def test_a_picture_of_ours_made_another_kind_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    from engine.recipes.recipe import Recipe

    save_png(str(tmp_path / "a.png"), np.zeros((1, 8, 8, 1), np.uint8), Recipe(model="digits"))
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg")
    shell(capsys, "sample", tmp_path / "a.jpg", "--out", tmp_path / "b.png", refused="JPEG picture.*drops the recipe")
