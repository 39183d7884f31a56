"""Parts of a batch, precisions, reading ahead, and several processes: none of it may change what is learned."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from engine.data.pixels import to_unit
from engine.data.prepared import training_pictures
from engine.runs.entry import entry_of
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord
from engine.training import batch, loop, resume
from engine.training.config import TrainConfig
from engine.training.distributed import AcceleratedContext, DistributedError, SingleProcess, launched_context
from engine.training.importance import LossHistory
from engine.training.loop import train
from engine.training.prefetch import Prefetcher
from engine.training.report import Report
from engine.training.state import TrainState, begin

from runs_to_try import DATA, config_of, same

HERE = Path(__file__).resolve().parents[2]


def _trained(config: TrainConfig) -> tuple[TrainState, list[Report]]:
    state = begin(config, DATA)
    return state, list(train(config, DATA, state))


def _close(a: TrainState, b: TrainState, within: float) -> bool:
    return all(float((a.average[name] - b.average[name]).abs().max()) < within for name in a.average)


# --- random draws -------------------------------------------------------------------------------------------------------


def test_a_batch_follows_from_seed_and_step_alone() -> None:
    config = config_of(batch=32)
    for step in (0, 1, 10**6):
        once, again = (batch.draw(config, 64, step, None) for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
        assert torch.equal(once.chosen, batch.chosen_at(config, 64, step))
    others = [batch.draw(config, 64, 1, None), batch.draw(config_of(batch=32, seed=1), 64, 0, None)]
    first = batch.draw(config, 64, 0, None)
    assert not any(torch.equal(first.seeds, other.seeds) for other in others)


def test_batches_have_their_distributions() -> None:
    """Pictures, levels, labels and what is turned, over 400 steps: within five standard errors of what they should be."""
    config = config_of(batch=64, label_dropout=0.25)
    drawn = [batch.draw(config, 10, step, None) for step in range(400)]
    n = 400 * 64
    for values, kinds in ((torch.cat([d.chosen for d in drawn]), 10), (torch.cat([d.t for d in drawn]) - 1, 50)):
        counts = torch.bincount(values, minlength=kinds).double()
        assert len(counts) == kinds
        assert float((counts - n / kinds).abs().max()) < 5 * (n / kinds) ** 0.5
    hidden = torch.cat([d.label_dropped for d in drawn]).double().mean()
    assert abs(float(hidden) - 0.25) < 5 * (0.25 * 0.75 / n) ** 0.5
    turned = torch.cat([d.turned for d in drawn])
    assert float(turned.min()) >= 0
    assert float((turned.mean(0) - 0.5).abs().max()) < 5 * (1 / 12 / n) ** 0.5
    assert len(torch.cat([d.seeds for d in drawn]).unique()) == n


def test_importance_sampling_draws_the_same_pictures() -> None:
    """So that the next pictures can be read before the losses of this step are known."""
    config, history = config_of(batch=32), LossHistory(50)
    history.counts += 10
    history.losses += torch.rand(50, 10)
    assert torch.equal(batch.draw(config, 64, 7, history).chosen, batch.chosen_at(config, 64, 7))


# --- parts of a batch -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("micro_batch", [1, 3, 4, 8, 100])
def test_parts_of_a_batch_add_up_to_the_batch(micro_batch: int) -> None:
    config = config_of(batch=8, steps=6, report_every=2, learned_variance=True, importance=True)
    whole, expected = _trained(config)
    parts, got = _trained(config.model_copy(update={"micro_batch": micro_batch}))
    assert _close(whole, parts, 2e-5)
    for a, b in zip(expected, got, strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.gradient_norm == pytest.approx(a.gradient_norm, rel=1e-3)
        assert b.micro_batch == min(micro_batch, 8)


def test_where_memory_runs_out_the_batch_is_halved_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(batch=12, steps=4, report_every=1)
    fits, _ = _trained(config.model_copy(update={"micro_batch": 3}))
    state = begin(config, DATA)
    real = state.denoiser.net.forward

    def small(x: torch.Tensor, t: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(x, t, classes)

    monkeypatch.setattr(state.denoiser.net, "forward", small)
    assert [report.micro_batch for report in train(config, DATA, state)] == [3, 3, 3, 3]
    assert same(state.average, fits.average)
    monkeypatch.setattr(state.denoiser.net, "forward", lambda x, t, c: small(x.repeat(4, 1, 1, 1), t, c))
    before = {name: weight.clone() for name, weight in state.average.items()}
    with pytest.raises(torch.OutOfMemoryError):
        list(train(config.model_copy(update={"steps": 5}), DATA, state))
    assert state.step == 4
    assert same(state.average, before)


OUT_OF_MEMORY = """
import resource, numpy as np
from engine.data.image_set import ImageSet
from engine.training.loop import train
from engine.training.state import begin
from runs_to_try import config_of
images = np.zeros((16, 128, 128, 3), np.uint8)
data = ImageSet("p", "P", images, np.zeros(16, np.int64), ("all",), np.zeros(16, bool), "", "", "")
config = config_of(batch=16, steps=1, report_every=1)
state = begin(config, data)
list(train(config.model_copy(update={"micro_batch": 1}), data, state))  # what torch loads at its first step is loaded
pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + 800_000_000, resource.RLIM_INFINITY))
state.step = 0
(report,) = train(config, data, state)
print(report.micro_batch)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits the memory of a process so")
def test_a_real_lack_of_memory_is_noticed() -> None:
    result = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY], capture_output=True, text=True, env=_environment(), timeout=240
    )
    assert result.returncode == 0, result.stderr
    assert 1 <= int(result.stdout) < 16


@pytest.mark.parametrize("task", ["denoiser", "classifier"])
def test_a_compiled_network_learns_the_same(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced by torch.compile and run as it was traced: generating code for it takes minutes on a small machine."""
    config = config_of(task=task, steps=3, report_every=1)
    plain, reports = _trained(config)
    real, compiled, calls = torch.compile, [], []

    def traced(net: torch.nn.Module) -> object:
        compiled.append(net)
        traced_net = real(net, backend="eager")
        traced_net.register_forward_pre_hook(lambda *_: calls.append(1))
        return traced_net

    monkeypatch.setattr(torch, "compile", traced)
    state, result = _trained(config.model_copy(update={"compile": True}))
    assert compiled == [state.net]
    assert len(calls) == config.steps
    assert [report.loss for report in result] == pytest.approx([report.loss for report in reports], rel=1e-5)
    assert _close(state, plain, 1e-4)


# --- precision --------------------------------------------------------------------------------------------------------


def test_another_precision_learns_too_and_keeps_its_weights_whole() -> None:
    config = config_of(steps=60, batch=12, report_every=15, learning_rate=3e-3, precision="bf16")
    state, reports = _trained(config)
    exact, _ = _trained(config.model_copy(update={"precision": "fp32"}))
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert all(weight.dtype == torch.float32 for weight in state.average.values())
    assert not same(state.average, exact.average)  # so that it was another precision
    assert _close(state, exact, 0.1)


def test_two_runs_of_different_precision_one_after_the_other() -> None:
    alone = {name: _trained(config_of(precision=name, steps=4))[0] for name in ("fp32", "bf16")}
    for name in ("bf16", "fp32"):
        state, _ = _trained(config_of(precision=name, steps=4))
        assert same(state.average, alone[name].average)


def test_fp16_goes_on_bit_for_bit_and_takes_a_step_again_that_overflowed(tmp_path: Path) -> None:
    config = config_of(precision="fp16", steps=4, report_every=2)
    whole, result = _trained(config)
    exact, told_exactly = _trained(config.model_copy(update={"precision": "fp32"}))
    assert _close(whole, exact, 1e-2)
    # Gradients are told and clipped as they are, not as they were scaled.
    norms = [report.gradient_norm for report in told_exactly]
    assert [report.gradient_norm for report in result] == pytest.approx(norms, rel=0.05)
    assert not same(whole.average, exact.average)
    state = begin(config, DATA)
    next(train(config, DATA, state))
    resume.save(tmp_path, state)
    again = begin(config, DATA)
    resume.load(tmp_path, again)
    list(train(config, DATA, again))
    assert same(again.average, whole.average)

    loud = begin(config, DATA)
    loud.scaler.load_state_dict({**loud.scaler.state_dict(), "scale": 2.0**60})
    reports = list(train(config, DATA, loud))
    assert loud.scaler.get_scale() < 2.0**40
    assert [report.step for report in reports] == [2, 4]
    assert _close(loud, whole, 1e-2)
    assert np.isfinite([report.loss for report in reports]).all()


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_prefetched_pictures_are_those_of_the_batch() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3)).astype(np.uint8)
    small, large = Prefetcher(images, torch.device("cpu")), Prefetcher(images, torch.device("cpu"), small=0)
    steps = [torch.randint(50, (8,), generator=torch.Generator().manual_seed(k)) for k in range(6)]
    for k, chosen in enumerate(steps):
        expected = to_unit(images[chosen.numpy()])
        wrong = k == 3  # the next step may turn out to be another one
        then = steps[0] if wrong else steps[min(k + 1, 5)]
        assert torch.equal(small.take(chosen, then), expected)
        assert torch.equal(large.take(chosen, then), expected)
    large.close()


def test_the_network_hardly_waits_for_pictures_that_are_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of 30 ms, and a network that takes 60: only the first batch is waited for."""
    prefetcher = Prefetcher(DATA.images, torch.device("cpu"), small=0)
    real = prefetcher._read

    def slowly(chosen: torch.Tensor) -> torch.Tensor:
        time.sleep(0.03)
        return real(chosen)

    monkeypatch.setattr(prefetcher, "_read", slowly)
    chosen = [torch.tensor([k, k + 1]) for k in range(9)]
    for now, then in pairwise(chosen):
        prefetcher.take(now, then)
        time.sleep(0.06)
    prefetcher.close()
    assert 0.03 <= prefetcher.waited < 0.03 * 4  # all eight would be 0.24 s


def test_a_report_has_the_share_of_time_waited_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    _, (report, *_) = _trained(config_of(steps=4))
    assert 0 <= report.waiting < 0.2
    real, returned_at = Prefetcher.take, [time.perf_counter()]

    def slowly(self: Prefetcher, chosen: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
        pause = max(0.1, 3 * (time.perf_counter() - returned_at[-1]))  # three times as long as the network took
        time.sleep(pause)
        self.waited += pause
        pictures = real(self, chosen, then)
        returned_at.append(time.perf_counter())
        return pictures

    monkeypatch.setattr(loop.Prefetcher, "take", slowly)
    _, (report, *_) = _trained(config_of(steps=4))
    assert 0.5 < report.waiting <= 1


# --- several processes ------------------------------------------------------------------------------------------------


def _environment() -> dict[str, str]:
    paths = [str(HERE.parent), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2")
LAUNCH = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1")
LAUNCH += ("--mixed_precision", "no", "--dynamo_backend", "no")


def _launched(launcher: Sequence[str], out: Path, config: dict[str, object]) -> tuple[int, dict[str, Any]]:
    command = [*launcher, str(HERE / "processes_to_try.py"), str(out), json.dumps(config)]
    done = subprocess.run(
        [sys.executable, "-m", *command] if launcher else [sys.executable, *command],
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=200,
    )
    assert (out / "told.json").exists(), done.stderr
    return done.returncode, json.loads((out / "told.json").read_text())


@pytest.mark.parametrize(
    ("launcher", "task"), [(TORCHRUN, "denoiser"), (LAUNCH, "classifier")], ids=["torchrun", "accelerate launch"]
)
def test_two_processes_are_one(launcher: Sequence[str], task: str, tmp_path: Path) -> None:
    """The same total batch: the same losses, and the same weights, to rounding."""
    given = {"batch": 8, "steps": 12, "report_every": 2, "task": task, "importance": True, "micro_batch": 3}
    config = config_of(**given)
    alone, reports = _trained(config)
    status, result = _launched(launcher, tmp_path, given)
    assert status == 0
    assert result["count"] == 2
    assert result["step"] == 12
    losses, norms = zip(*[(loss, norm) for _, loss, norm in result["reports"]], strict=True)
    assert losses == pytest.approx([report.loss for report in reports], rel=1e-4)
    assert norms == pytest.approx([report.gradient_norm for report in reports], rel=1e-3)
    average = load_file(tmp_path / "average")
    assert all(float((average[name] - alone.average[name]).abs().max()) < 1e-4 for name in average)


@pytest.mark.parametrize("killed", ["1", "0"])
def test_one_of_two_is_killed_and_one_goes_on(killed: str, tmp_path: Path) -> None:
    """In the shell: the other one says what happened, the main one also saves, and one process alone ends as it would have
    ended alone. Where it is the main one that is killed, what it saved last is gone on from."""
    settings = {
        "T": 50,
        "steps": 300,
        "batch": 4,
        "warmup": 3,
        "report_every": 5,
        "sample_every": 1000,
        "data": "emoji",
    }
    changes = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", *TORCHRUN, "-m", "engine", "train", *changes, "--device", "cpu"]
    out, metrics = tmp_path / "run", tmp_path / "run" / "metrics.jsonl"
    with (tmp_path / "said").open("w+") as said:
        launched = subprocess.Popen(
            [*command, "--processes", "2", "--save-every", "0", "--out", str(out)],
            stdout=said,
            stderr=said,
            env=_environment(),
        )
        deadline = time.monotonic() + 200
        while not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 3):
            assert launched.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (process,) = (each for each in psutil.Process(launched.pid).children() if each.environ().get("RANK") == killed)
        process.kill()
        assert launched.wait(60) != 0
        said.seek(0)
        words = said.read()
    assert "Another of the 2 processes has ended" in words
    assert f"python -m engine runs resume {out}" in words
    saved, status = RunFolder.at(out).steps()[-1], json.loads((out / "run.json").read_text())["status"]
    assert 10 <= saved < 300
    if killed == "0":
        assert status == "running"  # nobody was left to write it: who looks at the run finds no living process
        assert entry_of(RunFolder.at(out)).status == "interrupted"
    else:
        assert status == "paused"
        assert f"What was learned until step {saved} is saved." in words

    config = TrainConfig.model_validate(settings)
    state, alone = (begin(config, training_pictures(config)) for _ in range(2))
    RunFolder.at(out).resume(state)
    assert state.step == saved
    for one in (state, alone):
        next(report for report in train(config, training_pictures(config), one) if report.step >= saved + 5)
    assert _close(state, alone, 1e-3)


def test_processes_that_see_different_folders_say_so(tmp_path: Path) -> None:
    """As on two machines without a shared disk: only the one that finds another state than the main one can tell."""
    settings = {"T": 50, "batch": 4, "steps": 4, "report_every": 2, "warmup": 0}
    config = TrainConfig.model_validate(settings)
    state, folder = begin(config, training_pictures(config)), RunFolder.at(tmp_path / "run-0")
    list(train(config.model_copy(update={"steps": 2}), training_pictures(config), state))
    folder.write_record(RunRecord(config=config, status="paused"))
    folder.write_state(training_pictures(config), config, state)
    changes = " ".join(f"--set {name}={value}" for name, value in settings.items())
    program = f"{sys.executable} -m engine train {changes} --device cpu --out {tmp_path}/run-$RANK"
    done = subprocess.run(
        [sys.executable, "-m", *TORCHRUN, "--no-python", "bash", "-c", program],
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=200,
    )
    assert done.returncode != 0
    assert "The processes do not see the same folder" in done.stderr


def test_wrong_numbers_of_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DistributedError, match="only one was started"):
        launched_context("cpu", processes=2)
    assert launched_context("cpu", processes=1) == SingleProcess()
    with pytest.raises(DistributedError, match="no device “nowhere”"):
        launched_context("nowhere")
    with pytest.raises(DistributedError, match="no tracker “paper”"):
        launched_context("cpu", tracker="paper")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(DistributedError, match="2 processes were requested, and 3"):
        launched_context("cpu", processes=2)

    class Three(SingleProcess):
        pass

    with pytest.raises(DistributedError, match="take 3 or 6"):
        next(train(config_of(), DATA, begin(config_of(), DATA), Three(count=3)))


@pytest.mark.parametrize("tracker", ["trackio", "wandb"])
def test_a_tracker_that_is_not_installed_is_refused(tracker: str) -> None:
    if importlib.util.find_spec(tracker) is not None:
        pytest.skip(f"{tracker} is installed")
    with pytest.raises(DistributedError, match=f"{tracker} is not installed here: pip install {tracker}"):
        launched_context("cpu", tracker=tracker)


def test_a_tracker_gets_the_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    context = launched_context("cpu", tracker="tensorboard", folder=str(tmp_path), run="try")
    assert isinstance(context, AcceleratedContext)
    for report in train(config_of(), DATA, begin(config_of(), DATA), context):
        context.log({"loss": report.loss}, report.step)
    context.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents*")}
    events = EventAccumulator(str(folder))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [4, 8, 12]
