"""Measuring over a grid: what is a cell, what is kept, and that nothing is measured twice or lost."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from engine.cli import main
from engine.data.catalogue import load
from engine.evaluation.cells import Cell, EvaluatedModel, cells, describe, key_of, prepare_model
from engine.evaluation.drawing import Drawn, DrawSettings, EvaluationError, draw, evaluations, network_rows
from engine.evaluation.grid import GridProgress, Row, _Speeds, run
from engine.evaluation.grid_bound import BoundCell, BoundRow, bound_cells, run_bounds
from engine.evaluation.grid_table import table
from engine.evaluation.results_file import ResultsFile
from engine.interop import pretrained
from engine.models import classifier
from engine.samplers import SAMPLERS
from engine.schedule import NoiseSchedule

from checkpoints_to_try import tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EvaluatedModel]:
    """A network with classes, and one without."""
    folder, judge = tmp_path_factory.mktemp("models"), classifier.load("digits")
    found: dict[str, EvaluatedModel] = {}
    for name, classes in (("labelled", 10), ("plain", 0)):
        checkpoint = pretrained.load(tiny_model(folder / name, classes=classes))
        found[name] = prepare_model(name, checkpoint, load("digits"), judge, like=found.values())
    return found


def labelled(models: dict[str, EvaluatedModel]) -> dict[str, EvaluatedModel]:
    return {"labelled": models["labelled"]}


def wanted(models: dict[str, EvaluatedModel], **values: list[object]) -> list[Cell]:
    return cells(models, {"steps": [1, 2], **values}, samples=20)[0]


def rows(events: Iterable[GridProgress | Row]) -> list[Row]:
    return [event for event in events if isinstance(event, Row)]


# --- cells ------------------------------------------------------------------------------------------------------------


def test_only_combinations_that_mean_something_are_cells(models: dict[str, EvaluatedModel]) -> None:
    values = {
        "sampler": ["ddim", "ddpm", "heun"],
        "eta": [0.0, 0.5, 1.0],
        "variance": ["small", "large"],
        "scale": [1.0, 3.0],
    }
    found, left_out = cells(models, values, samples=20)
    assert not left_out
    of_each = {name: [cell for cell in found if cell.model == name] for name in models}
    assert len(of_each["labelled"]) == (3 + 2 + 1) * 2  # eta for DDIM, variance for DDPM, neither for Heun
    assert len(of_each["plain"]) == 3 + 2 + 1  # without classes there is nothing to guide by
    assert len({key_of(cell, models[cell.model]) for cell in found}) == len(found)
    assert {cell.settings.eta for cell in found if cell.settings.sampler != "ddim"} == {0.0}


def test_every_sampler_of_the_registry_can_be_measured(models: dict[str, EvaluatedModel]) -> None:
    found = wanted(labelled(models), sampler=list(SAMPLERS))
    assert {cell.settings.sampler for cell in found} == set(SAMPLERS)


def test_what_a_model_cannot_do_is_left_out_and_said(models: dict[str, EvaluatedModel]) -> None:
    values = {"steps": [5, 500], "sampler": ["ddpm"], "variance": ["small", "learned"]}
    found, left_out = cells(labelled(models), values, samples=20)
    assert [(cell.settings.steps, cell.settings.variance) for cell in found] == [(5, "small")]
    assert len(left_out) == 2
    assert "100 steps at most" in " ".join(left_out)
    assert "not taught its variance" in " ".join(left_out)
    with pytest.raises(EvaluationError, match="100 steps at most"):
        cells(labelled(models), {"steps": [500, 600]}, samples=20)
    with pytest.raises(ValidationError, match="there is no sampler “euler”, but ddim, ddpm"):
        cells(labelled(models), {"sampler": ["ddim", "euler"]}, samples=20)
    with pytest.raises(ValidationError, match="there is no spacing “odd”, but uniform"):
        cells(labelled(models), {"spacing": ["odd"]}, samples=20)


def test_a_key_tells_what_changes_the_pictures_and_nothing_else(models: dict[str, EvaluatedModel]) -> None:
    model = models["labelled"]
    cell = Cell("labelled", DrawSettings(samples=20, steps=5))

    def key(**changes: object) -> str:
        return key_of(replace(cell, settings=cell.settings.model_copy(update=changes)), model)

    assert key(batch=7) == key(variance="large") == key()
    changes = (
        {"steps": 6},
        {"eta": 0.5},
        {"scale": 1.0},
        {"samples": 30},
        {"spacing": "quadratic"},
        {"sampler": "ddpm"},
    )
    different = [key(**change) for change in changes]
    assert len({key(), *different}) == 7
    net = model.checkpoint.denoiser.net
    weight = next(net.parameters())
    before = weight.flatten()[0].item()
    try:
        with torch.no_grad():
            weight.view(-1)[0] += 1
        again = prepare_model("labelled", model.checkpoint, model.data, model.judge, like=[model])
        assert key_of(cell, again) != key_of(cell, model)
        assert again.reference is model.reference  # real pictures were not read again
    finally:
        with torch.no_grad():
            weight.view(-1)[0] = before


def test_network_evaluations_are_counted(models: dict[str, EvaluatedModel]) -> None:
    schedule = NoiseSchedule.cosine(100)
    for steps in (1, 2, 7):
        assert evaluations(DrawSettings(steps=steps), schedule) == steps
    # Heun looks twice in each step but the last, which is one of DDIM, and so may the first be.
    assert 12 <= evaluations(DrawSettings(sampler="heun", steps=7), schedule) <= 13
    settings = DrawSettings(samples=20, steps=5, scale=1.0)
    guided = settings.model_copy(update={"scale": 2.0})
    assert network_rows(settings, models["labelled"].checkpoint) == 100
    assert network_rows(guided, models["labelled"].checkpoint) == 200
    assert network_rows(guided, models["plain"].checkpoint) == 100


# --- drawing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm++2m-sde"])
def test_the_same_seeds_are_the_same_pictures_however_the_batches_are_cut(
    sampler: str, models: dict[str, EvaluatedModel]
) -> None:
    drawn = []
    for samples, batch in ((20, 20), (20, 7), (10, 3)):
        settings = DrawSettings(samples=samples, batch=batch, sampler=sampler, steps=3, eta=0.7)
        *_, last = draw(models["labelled"].checkpoint, settings)
        assert isinstance(last, Drawn)
        assert [count for count, _ in last.batches] == [min(batch, samples - k) for k in range(0, samples, batch)]
        drawn.append(last.pictures.astype(int))
    assert np.abs(drawn[0] - drawn[1]).max() <= 1  # sums in another order may round to the next level
    assert np.abs(drawn[0][:10] - drawn[2]).max() <= 1


# --- running, stopping, going on --------------------------------------------------------------------------------------


def test_a_grid_is_measured_once(models: dict[str, EvaluatedModel], tmp_path: Path) -> None:
    plan = wanted(models)
    file = ResultsFile(tmp_path / "deep" / "r.jsonl")
    events = list(run(plan, models, file))
    found = rows(events)
    assert [(row.model, row.settings) for row in found] == [(cell.model, cell.settings) for cell in plan]
    assert [Row.model_validate(row) for row in file.rows().values()] == found
    progress = [event for event in events if isinstance(event, GridProgress)]
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    work = sum(network_rows(cell.settings, models[cell.model].checkpoint) for cell in plan)
    assert {event.total for event in progress} == {work}
    assert (progress[-1].done, progress[-1].cell, progress[-1].seconds_left) == (work, len(plan), 0)
    assert not list(run(plan, models, file))

    one = found[0]
    assert one.accuracy is not None
    assert one.accuracy.total == 20
    assert found[-1].accuracy is None
    assert one.frechet.value > one.frechet_floor.value
    assert one.floor_count == 20
    assert one.covering is not None
    assert one.seconds_per_picture is None  # one batch has no spread


def test_a_grid_that_was_stopped_goes_on_where_it_stood(models: dict[str, EvaluatedModel], tmp_path: Path) -> None:
    plan = wanted(labelled(models))
    file = ResultsFile(tmp_path / "r.jsonl")
    running = run(plan, models, file)
    while not isinstance(next(running), Row):
        pass
    next(running)  # the next cell has begun
    running.close()
    assert len(file.rows()) == 1
    whole = rows(run(plan, models))
    rest = rows(run(plan, models, file))
    assert [row.key for row in rest] == [row.key for row in whole[1:]]
    # What was measured after the interruption is what would have been measured without.
    assert [row.frechet for row in rest] == [row.frechet for row in whole[1:]]


def test_a_line_that_was_cut_short_is_mended_and_measured_again(
    models: dict[str, EvaluatedModel], tmp_path: Path
) -> None:
    plan = wanted(labelled(models))
    path = tmp_path / "r.jsonl"
    file = ResultsFile(path)
    first, second = rows(run(plan, models, file))
    text = path.read_text()
    path.write_text(text[:-40])
    assert list(file.rows()) == [first.key]
    assert [row.key for row in rows(run(plan, models, file))] == [second.key]
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [first.key, second.key]
    # Only the end of the line is missing: nothing is lost.
    path.write_text(text.rstrip("\n"))
    file.append({"key": "new"})
    assert list(file.rows()) == [first.key, second.key, "new"]
    assert len(path.read_text().splitlines()) == 3


HOLD = """
import sys
from pathlib import Path
from engine.evaluation.results_file import ResultsFile
file = ResultsFile(Path(sys.argv[1]))
print(file.claim(sys.argv[2]), flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="claims need POSIX locks")
def test_what_another_process_is_measuring_is_left_to_it(models: dict[str, EvaluatedModel], tmp_path: Path) -> None:
    plan = wanted(labelled(models))
    path = tmp_path / "r.jsonl"
    taken = key_of(plan[0], models["labelled"])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), taken], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "True"
        file = ResultsFile(path)
        assert [row.key for row in rows(run(plan, models, file))] == [key_of(plan[1], models["labelled"])]
        other.kill()
    # It died without a result: its cell is free again.
    assert [row.key for row in rows(run(plan, models, file))] == [taken]


APPEND = """
import sys
from pathlib import Path
from engine.evaluation.results_file import ResultsFile
file = ResultsFile(Path(sys.argv[1]))
for n in range(40):
    file.append({"key": f"{sys.argv[2]}-{n}", "filling": "x" * 3000})
"""


def test_two_processes_fill_one_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    both = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), name]) for name in ("a", "b")]
    assert [process.wait() for process in both] == [0, 0]
    assert set(ResultsFile(path).rows()) == {f"{name}-{n}" for name in ("a", "b") for n in range(40)}
    assert len(path.read_text().splitlines()) == 80


def test_the_time_left_follows_the_work_and_each_model_has_its_own_speed() -> None:
    speeds = _Speeds()
    assert math.isnan(speeds.seconds([("slow", 10)]))
    speeds.keep("slow", 100, 50.0)
    assert speeds.seconds([("slow", 10), ("slow", 30)]) == pytest.approx(20.0)
    assert speeds.seconds([("unseen", 10)]) == pytest.approx(5.0)
    speeds.tell("fast", 100, 1.0)
    assert speeds.seconds([("slow", 10), ("fast", 10)]) == pytest.approx(5.1)
    assert speeds.seconds([("unseen", 200)]) == pytest.approx(51.0)


def test_the_first_samples_are_measured_as_a_smaller_cell_would_be(models: dict[str, EvaluatedModel]) -> None:
    large, small = (
        rows(run(cells(labelled(models), {"steps": [1]}, samples=n, batch=b)[0], models))[0]
        for n, b in ((120, 60), (100, 100))
    )
    assert set(large.frechet_of_first) == {100}
    assert large.frechet_of_first[100].value == pytest.approx(small.frechet.value, rel=1e-3)
    assert large.floor_of_first[100] == small.frechet_floor
    assert large.seconds_per_picture is not None
    assert large.seconds_per_picture.value == pytest.approx(large.seconds / 120, rel=0.05)


# --- bits -------------------------------------------------------------------------------------------------------------


def test_bits_are_measured_once_for_each_model_and_variance(models: dict[str, EvaluatedModel], tmp_path: Path) -> None:
    plan = wanted(labelled(models), sampler=["ddpm", "ddim"], variance=["small", "large", "zero"])
    found = bound_cells(plan, per_step=2)
    assert found == [BoundCell("labelled", "small", 2), BoundCell("labelled", "large", 2)]
    file = ResultsFile(tmp_path / "r.jsonl")
    measured = [event for event in run_bounds(found, models, file) if isinstance(event, BoundRow)]
    assert [row.variance for row in measured] == ["small", "large"]
    assert all(math.isfinite(row.bits_per_dim) and row.bits_per_dim_error > 0 for row in measured)
    assert sum(part.bits_per_dim for part in measured[0].parts) + measured[0].prior.bits_per_dim == pytest.approx(
        measured[0].bits_per_dim
    )
    assert not list(run_bounds(found, models, file))


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_a_table_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, results = str(tiny_model(tmp_path / "mine")), str(tmp_path / "r.jsonl")
    words = ["evaluate", "--model", model, "--samples", "20", "--steps", "1", "2", "--results", results]
    words += ["--sampler", "ddim", "ddpm", "--scale", "1", "--bits", "--per-step", "2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "4 cells\n" in said
    header = next(line for line in said.splitlines() if "Fréchet" in line)
    assert header.split()[:4] == ["sampler", "steps", "eta", "variance"]
    assert header.endswith("bits/dim")
    assert "All: model mine, spacing uniform, scale 1, samples 20." in said
    lines = (tmp_path / "r.jsonl").read_text()
    assert len(lines.splitlines()) == 5  # and one bound
    assert str(tmp_path) not in lines
    assert main(words) == 0
    assert "4 cells, 4 of them measured before" in (again := capsys.readouterr().out)
    assert again.splitlines()[1:] == said.splitlines()[1:]
    assert (tmp_path / "r.jsonl").read_text() == lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "1", "2", "--sampler", "nosuch"], "there is no sampler “nosuch”"),
        (["--steps", "1", "2", "--spacing", "odd"], "there is no spacing “odd”"),
        (["--steps", "1", "2", "--eta", "0", "2"], "eta must be less than or equal to 1"),
        (["--steps", "200", "300"], "100 steps at most"),
        (["--steps", "1", "2", "--write-card"], "A grid has many results"),
        (["--steps", "1", "2", "--bits", "--per-step", "1"], "--per-step 2 or more"),
        (["--sampler", "ddpm", "--variance", "learned"], "not taught its variance"),
        (["--steps", "1", "2", "--samples", "25"], "as many of each"),
        (["--steps", "1", "--results", "{tmp}/odd.jsonl"], "an invalid line"),
        (["--steps", "1", "--results", "{tmp}"], "is a folder: give the name of a file"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(tmp_path / "mine")
    settings = DrawSettings(samples=20, steps=1)
    one = prepare_model("mine", pretrained.load(model), load("digits"), classifier.load("digits"))
    odd = {"key": key_of(Cell("mine", settings), one), "model": 7}
    (tmp_path / "odd.jsonl").write_text(json.dumps(odd) + "\n")
    arguments = ["evaluate", "--model", str(model), "--samples", "20", *(word.format(tmp=tmp_path) for word in words)]
    assert main(arguments) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if " left" not in line]
    assert len(error) == 1
    assert said in error[0]


def test_two_models_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(tiny_model(tmp_path / where / "mine")) for where in ("a", "b")]
    assert main(["evaluate", "--model", *folders, "--samples", "20", "--steps", "1"]) == 2
    assert "Two models are called “mine”" in capsys.readouterr().err


def test_in_words_says_what_counts_and_a_table_of_nothing_says_so() -> None:
    settings = DrawSettings(sampler="ddpm", steps=5, eta=0.5, spacing="quadratic", variance="large", scale=3)
    assert describe(settings, classes=10) == "ddpm, 5 steps, quadratic, large variance, scale 3"
    assert describe(DrawSettings(eta=0.5), classes=0) == "ddim, 50 steps, eta 0.5"
    assert table([]) == "Nothing was measured."
