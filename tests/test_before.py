"""What was written before names took the field's terms still opens: links, recipes, runs, data sets, --set, API parameters.

tests/before/ holds one of each kind, made by the commit 0d4b53a: every control of every lab in a link with a value other than
its default, a recipe and a fork as JSON and inside a PNG, a run that `python -m engine train` wrote (its tensors, 17 MB, are
listed by name, type and shape and made up here), a data set of 12 pictures, and the parameters of the API.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import pkgutil
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.cli import main
from engine.data.pixels import to_uint8
from engine.recipes import fork
from engine.recipes.recipe import png_bytes
from engine.registry import open_model
from engine.settings import current
from playground.labs.shared.controls import Controls, demanded, from_link, to_link

BEFORE = Path(__file__).parent / "before"
LINKS: list[tuple[str, dict[str, str]]] = [(lab, link) for lab, link in json.loads((BEFORE / "links.json").read_text())]
TYPES = {"I64": torch.int64, "F32": torch.float32, "F64": torch.float64}


def _controls_of(lab: str) -> type[Controls]:
    """The settings of a lab: its class `…Controls`."""
    package = importlib.import_module(f"playground.labs.{lab}")
    found = {
        value
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        for name, value in vars(importlib.import_module(module.name)).items()
        if name.lower() in (f"{lab}controls", f"{lab.removesuffix('s')}controls")
    }
    (controls,) = found
    assert issubclass(controls, Controls)
    return controls


@pytest.mark.parametrize("lab", sorted({lab for lab, _ in LINKS}))
def test_links_of_before_open_the_same_state(lab: str) -> None:
    controls = _controls_of(lab)
    links = [link for of, link in LINKS if of == lab]
    assert links
    for link in links:
        opened, problems = from_link(controls, link)
        assert not problems, link
        for name, value in current(link).items():
            now = getattr(opened, name)
            assert (now == float(value)) if isinstance(now, bool | float) else (str(now) == value), (link, name)
        assert from_link(controls, to_link(opened)) == (opened, [])


@pytest.mark.parametrize("kind", ["recipe", "fork"])
def test_recipes_of_before_draw_the_same_pixels(kind: str) -> None:
    drawn = (BEFORE / f"{kind}.png").read_bytes()
    recipe = fork.from_png(drawn)
    assert recipe == fork.from_json((BEFORE / f"{kind}.json").read_text())
    *_, last = recipe.frames()
    now = png_bytes(to_uint8(last.x), recipe, zoom=4)
    before, after = (np.asarray(Image.open(io.BytesIO(png))).astype(int) for png in (drawn, now))
    assert before.shape == after.shape
    assert np.abs(before - after).max() <= 1  # of 255: processors round differently


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The run of before, with tensors of its names, types and shapes."""
    folder = tmp_path / "runs" / "before"
    shutil.copytree(BEFORE / "run", folder)
    tensors: dict[str, dict[str, tuple[str, list[int]]]] = json.loads((folder / "tensors.json").read_text())
    (folder / "tensors.json").unlink()
    generator = torch.Generator().manual_seed(0)
    for checkpoint in sorted((folder / "checkpoints").iterdir()):
        step = int(checkpoint.name.removeprefix("step-"))
        whole = json.loads((checkpoint / "whole.json").read_text())
        for file, listed in tensors.items():
            (checkpoint / file).parent.mkdir(exist_ok=True)
            save_file(
                {name: _made_up(name, TYPES[kind], shape, step, generator) for name, (kind, shape) in listed.items()},
                checkpoint / file,
            )
            data = (checkpoint / file).read_bytes()
            whole["files"][file] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (checkpoint / "whole.json").write_text(json.dumps(whole))
    return folder


def _made_up(name: str, kind: torch.dtype, shape: list[int], step: int, generator: torch.Generator) -> torch.Tensor:
    if name.split("/")[-1] == "step" or "/step/" in name:
        return torch.full(shape, step, dtype=kind)
    values = torch.randn(shape, generator=generator) * 0.05
    return (values.square() if "exp_avg_sq" in name else values).to(kind)


def test_a_run_of_before_is_listed_opened_and_resumed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "list", "--runs", str(run.parent)]) == 0
    assert "before" in capsys.readouterr().out
    model = open_model(str(run))
    assert model.shape == (1, 28, 28)
    assert len(model.class_names) == 10

    shutil.rmtree(run / "checkpoints" / "step-00000006")  # as if it had been stopped at step 4
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"status": "stopped"}))
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join(lines[:2]) + "\n")
    assert main(["runs", "resume", str(run)]) == 0
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]
    now = json.loads((run / "run.json").read_text())["config"]
    assert now == current(about["config"]) | {name: now[name] for name in set(now) - set(current(about["config"]))}


def test_a_data_set_of_before_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(BEFORE / "prepared", tmp_path / "prepared")
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path))
    from engine.data.catalogue import load

    pets = load("folder:/srv/pets")
    assert len(pets) == 12
    assert pets.class_names == ("cats", "dogs")


def test_settings_of_before_are_taken_by_the_command_line(tmp_path: Path) -> None:
    old = {"learns": "denoiser", "averaging": 0.9, "at_once": 1, "steps": 2, "batch": 2, "weighting": "min-snr"}
    sets = [word for name, value in old.items() for word in ("--set", f"{name}={value}")]
    assert main(["train", *sets, "--out", str(tmp_path / "run")]) == 0
    config = json.loads((tmp_path / "run" / "run.json").read_text())["config"]
    assert {name: config[name] for name in current(old)} == current(old)


def test_parameters_of_before_are_those_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    from playground.gradio_ui import launch

    before: dict[str, list[str]] = json.loads((BEFORE / "api.json").read_text())
    built: Any = launch.build(launch.parse([]))
    now = built.get_api_info()["named_endpoints"]
    for endpoint, parameters in before.items():
        assert [one["parameter_name"] for one in now[endpoint]["parameters"]][: len(parameters)] == parameters
    settings = {"learns": "classifier", "averaging": 0.5, "at_once": 2}
    opened = demanded(_controls_of("training"), settings)
    assert {name: getattr(opened, name) for name in current(settings)} == current(settings)
