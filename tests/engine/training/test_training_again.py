"""A training run that goes wrong keeps what was good, and one that was broken off goes on as if nothing had happened."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.training import resume
from engine.training.loop import TrainingDivergedError, train
from engine.training.state import begin

from runs_to_try import DATA, config_of, same, weights_of

# --- when it goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("warmup", "report_every"), [(0, 1), (0, 100), (30, 1), (30, 4)])
def test_a_loss_that_is_no_number_stops_the_run_with_the_last_good_weights(warmup: int, report_every: int) -> None:
    """An absurd learning rate, at once or crept up to: what is kept must be weights from before, and still of use."""
    config = config_of(steps=200, warmup=warmup, report_every=report_every).model_copy(update={"learning_rate": 1e30})
    state = begin(config, DATA)
    first = weights_of(state)
    with pytest.raises(TrainingDivergedError, match=r"learning rate below 1e\+30") as error:
        list(train(config, DATA, state))
    assert "warm-up" in str(error.value)
    assert "good weights are kept" in str(error.value)
    assert all(bool(weight.isfinite().all()) for weight in state.average.values())
    kept = state.averaged()
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    prediction = kept(x, kept.schedule.level(25), torch.tensor([0, 1]))
    assert bool(prediction.x0.isfinite().all())
    if report_every == 100:
        assert same(state.average, first)


def test_a_run_that_goes_wrong_later_keeps_what_it_had_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(steps=40, report_every=4)
    state, reports = begin(config, DATA), []
    with pytest.raises(TrainingDivergedError, match="step 11"):  # noqa: PT012
        for report in train(config, DATA, state):
            reports.append(report)
            good = {name: weight.clone() for name, weight in state.average.items()}
            if report.step == 8:
                target, calls = type(state.denoiser.target), []
                real = target.of

                def poisoned(self: object, *args: Tensor, real: object = real, calls: list[int] = calls) -> Tensor:
                    calls.append(1)
                    return real(self, *args) * (math.nan if len(calls) > 2 else 1)  # type: ignore[operator]

                monkeypatch.setattr(target, "of", poisoned)
    assert [r.step for r in reports] == [4, 8]
    assert all(bool(weight.isfinite().all()) for weight in state.average.values())
    distance = max(float((state.average[name] - good[name]).abs().max()) for name in good)
    assert distance < 0.05  # of the last steps before, not of the beginning


# --- taken up again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken_off_at", [4, 8])
def test_resumed_is_uninterrupted_bit_for_bit(tmp_path: Path, broken_off_at: int) -> None:
    config = config_of()
    whole = begin(config, DATA)
    expected = [(r.step, r.loss, r.learning_rate, r.gradient_norm) for r in train(config, DATA, whole)]

    first = begin(config, DATA)
    got = []
    for r in train(config, DATA, first):
        got.append((r.step, r.loss, r.learning_rate, r.gradient_norm))
        if r.step == broken_off_at:
            break
    resume.save(tmp_path / "run", first)
    second = begin(config, DATA)
    resume.load(tmp_path / "run", second)
    assert second.step == broken_off_at
    got += [(r.step, r.loss, r.learning_rate, r.gradient_norm) for r in train(config, DATA, second)]

    assert got == expected
    assert same(weights_of(second), weights_of(whole))
    assert same(second.average, whole.average)
    for a, b in zip(second.denoiser.net.parameters(), whole.denoiser.net.parameters(), strict=True):
        assert same(second.optimizer.state[a], whole.optimizer.state[b])


def test_dropping_the_iterator_and_going_on_changes_nothing() -> None:
    config = config_of()
    whole, paused = begin(config, DATA), begin(config, DATA)
    list(train(config, DATA, whole))
    next(train(config, DATA, paused))
    assert paused.step == 4
    assert [r.step for r in train(config, DATA, paused)] == [8, 12]
    assert same(weights_of(paused), weights_of(whole))
    assert list(train(config, DATA, paused)) == []


def test_what_cannot_be_resumed_is_refused(tmp_path: Path) -> None:
    config = config_of(steps=1)
    state = begin(config, DATA)
    list(train(config, DATA, state))
    resume.save(tmp_path, state)
    whole = (tmp_path / resume.FILE).read_bytes()
    other = begin(config_of(preset="small"), DATA)
    with pytest.raises(resume.ResumeError):
        resume.load(tmp_path, other)
    for damaged in (whole[:-100], whole[: len(whole) // 2], b"", b"\xff" * 4000, whole[:8] + b"[" + whole[9:]):
        (tmp_path / resume.FILE).write_bytes(damaged)
        with pytest.raises(resume.ResumeError):
            resume.load(tmp_path, begin(config, DATA))
    (tmp_path / resume.FILE).write_bytes(whole)
    tensors = load_file(tmp_path / resume.FILE)
    for name in ("step", "average/conv_in.weight", "adam/exp_avg/conv_in.weight"):
        save_file({**tensors, name: torch.zeros(2)}, tmp_path / resume.FILE)
        with pytest.raises(resume.ResumeError):
            resume.load(tmp_path, begin(config, DATA))
        save_file({k: v for k, v in tensors.items() if k != name}, tmp_path / resume.FILE)
        with pytest.raises(resume.ResumeError):
            resume.load(tmp_path, begin(config, DATA))
    with pytest.raises(resume.ResumeError):
        resume.load(tmp_path / "nowhere", begin(config, DATA))
