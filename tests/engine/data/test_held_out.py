"""The loss on held-out pictures: what it measures, how often, and the checkpoint that is kept for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.data.shipped import DATASETS
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.process import TARGETS
from engine.runs import trainer
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, new_id
from engine.runs.trainer import RunTrainer
from engine.training import held_out, loop
from engine.training.held_out import MOST, HeldOutLoss
from engine.training.objective import weights
from engine.training.report import Report
from engine.training.tasks import denoiser as denoiser_task

from runs_to_try import DATA, config_of

HELD_OUT = replace(DATA, held_out=np.arange(len(DATA)) % 4 == 3)


@pytest.fixture(autouse=True)
def _sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "held-out-sides", lambda: HELD_OUT)
    monkeypatch.setitem(DATASETS, "all-for-training", lambda: DATA)
    monkeypatch.setattr(denoiser_task, "PREVIEWS", 2)
    monkeypatch.setattr(denoiser_task, "PREVIEW_STEPS", 2)


class Answer(torch.nn.Module):
    """A network that always answers the same number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = torch.nn.Parameter(torch.tensor(number))

    def forward(self, x: Tensor, t: Tensor, classes: Tensor | None) -> Tensor:
        return torch.zeros_like(x) + self.number


def _denoiser(number: float, target: str = "noise", T: int = 50) -> NetDenoiser:
    return NetDenoiser(Answer(number), config_of(T=T).noise_schedule(), TARGETS[target], 2)


def _many(count: int) -> ImageSet:
    rows = np.arange(count) % len(DATA)
    return replace(DATA, images=DATA.images[rows], labels=DATA.labels[rows], held_out=np.ones(count, bool))


# --- what is measured -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [7, 64, 200, 500])
@pytest.mark.parametrize("T", [10, 50, 1000])
def test_every_part_of_the_schedule_is_measured_alike(count: int, T: int) -> None:
    """Picture by picture one level from each of n equal parts of 1 … T: as many below as above any level."""
    measure = HeldOutLoss(config_of(T=T), _many(count))
    n = min(count, MOST)
    assert measure.pictures == n
    assert measure.t.min() >= 1
    assert measure.t.max() <= T
    sorted_t = measure.t.sort().values.double()
    parts = (torch.arange(n, dtype=torch.float64) + 0.5) / n * T
    assert (sorted_t - 0.5 - parts).abs().max() <= T / n / 2 + 1
    if n >= 100:  # and not one class at the low levels and the other at the high ones
        labels = torch.tensor(_many(count).labels[:n])
        assert abs(float(measure.t[labels == 0].double().mean() - measure.t[labels == 1].double().mean())) < T / 4


def test_a_network_that_says_nothing_has_the_mean_square_of_what_it_should_say() -> None:
    """1 for ε up to chance, the mean square of the pictures for x_0; and the weights are those of the run."""
    assert HeldOutLoss(config_of(), _many(200))(_denoiser(0.0)) == pytest.approx(1, abs=5 * (2 / (200 * 64)) ** 0.5)
    square = float(to_unit(_many(64).images).square().mean())
    config = config_of(target="clean")
    assert HeldOutLoss(config, _many(64))(_denoiser(0.0, "clean")) == pytest.approx(square, rel=1e-5)
    config = config_of(target="clean", weighting="min-snr")
    measure = HeldOutLoss(config, _many(64))
    per_picture = to_unit(_many(64).images).square().flatten(1).mean(1).double()
    weight = weights("min-snr", config.noise_schedule(), TARGETS["clean"])[measure.t]
    assert measure(_denoiser(0.0, "clean")) == pytest.approx(float((weight * per_picture).mean()), rel=1e-5)


def test_it_is_the_same_every_time_and_leaves_the_global_random_state() -> None:
    before = torch.random.get_rng_state()
    one, other = (HeldOutLoss(config_of(), _many(500)) for _ in range(2))
    assert one(_denoiser(0.3)) == other(_denoiser(0.3)) == one(_denoiser(0.3))
    assert one(_denoiser(0.3)) != one(_denoiser(0.2))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_labels_are_shown() -> None:
    seen = []

    class Listening(Answer):
        def forward(self, x: Tensor, t: Tensor, classes: Tensor | None) -> Tensor:
            assert classes is not None
            seen.extend(classes.tolist())
            return super().forward(x, t, classes)

    denoiser = replace(_denoiser(0.0), net=Listening(0.0))
    HeldOutLoss(config_of(label_dropout=1.0), _many(100))(denoiser)
    assert sorted(set(seen)) == [0, 1]  # never 2, the class of “none given”


# --- in a run ---------------------------------------------------------------------------------------------------------


def _driven(folder: RunFolder, **settings: object) -> RunTrainer:
    config = config_of(**{"data": "held-out-sides", "T": 20, "report_every": 1, "sample_every": 1, **settings})
    run = RunTrainer(folder, RunRecord(config=config))
    for _ in run.train():
        pass
    assert run.ended == ("finished", "")
    run.release()
    return run


def test_a_run_measures_pictures_that_it_is_not_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "PREVIEW_REST", 0)
    shown = []
    real = held_out.HeldOutLoss.__init__

    def listen(self: HeldOutLoss, config: object, data: ImageSet) -> None:
        shown.append(data)
        real(self, config, data)  # type: ignore[arg-type]

    monkeypatch.setattr(held_out.HeldOutLoss, "__init__", listen)
    folder = RunFolder(tmp_path, new_id())
    run = _driven(folder, steps=4)
    assert [step for step, _ in run.history.held_out] == [1, 2, 3, 4]
    assert np.array_equal(shown[0].images, HELD_OUT.images[HELD_OUT.held_out])
    assert run.record.held_out == 16
    lines = [json.loads(line) for line in (folder.path / "held_out.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == run.history.held_out
    # It is the averaged weights that are measured, as they are kept.
    kept = pretrained.load(folder.checkpoint).denoiser
    measure = HeldOutLoss(run.record.config, shown[0])
    assert measure(kept) == pytest.approx(run.history.held_out[-1][1], rel=1e-5)


def test_the_best_checkpoint_is_kept_whatever_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose held-out loss goes down and up again, as one that learns by heart."""
    monkeypatch.setattr(trainer, "PREVIEW_REST", 0)
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    losses = iter([5.0, 3.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0])
    monkeypatch.setattr(HeldOutLoss, "__call__", lambda self, model: next(losses))
    folder = RunFolder(tmp_path, new_id())
    run = _driven(folder, steps=8)
    assert run.history.best == (3, 1.0)
    assert folder.read_best() == (3, 1.0)
    assert folder.steps() == [3, 7, 8]
    assert pretrained.load(folder.checkpoints / "step-00000003").card.step == 3


def test_where_nothing_is_held_out_nothing_is_measured(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    run = _driven(folder, data="all-for-training", steps=3)
    assert (run.record.held_out, run.history.held_out, folder.read_best()) == (0, [], None)
    assert not (folder.path / "held_out.jsonl").exists()
    read = folder.read_record()
    assert read is not None
    assert read.held_out == 0


def test_looking_never_takes_more_than_a_sixth_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that take long to draw are drawn less often; the first look and the last, which come but once, aside."""
    looked, spent = [], []
    real, real_train, draw = RunTrainer._preview, loop.train, denoiser_task.DenoiserTask.preview

    def drawn_slowly(*args: object) -> object:
        time.sleep(0.1)
        return draw(*args)  # type: ignore[arg-type]

    def slow(*args: object) -> None:
        began = time.monotonic()
        real(*args)  # type: ignore[arg-type]
        looked.append(time.monotonic() - began)

    def train(*args: object) -> Iterator[Report]:
        began = time.monotonic()
        yield from real_train(*args)  # type: ignore[arg-type]
        spent.append(time.monotonic() - began)

    monkeypatch.setattr(denoiser_task.DenoiserTask, "preview", drawn_slowly)
    monkeypatch.setattr(RunTrainer, "_preview", slow)
    monkeypatch.setattr(loop, "train", train)
    _driven(RunFolder(tmp_path, new_id()), steps=100)
    on_the_way = looked[1:-1]
    assert len(on_the_way) >= 2
    # All but the last of them have had their rest.
    assert sum(on_the_way[:-1]) <= spent[0] / 6
