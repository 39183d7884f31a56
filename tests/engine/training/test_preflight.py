"""What is tried before a run begins: it says what would fail, and measures what it says."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from faults import failing
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from engine.data.image_set import DataError
from engine.storage.files import SPARE
from engine.training import loop
from engine.training import preflight as module
from engine.training.arithmetic import StepCost, most_operations, step_cost
from engine.training.config import TrainConfig
from engine.training.distributed import SingleProcess
from engine.training.preflight import Preflight, preflight
from engine.training.report import Report
from engine.training.state import begin
from engine.training.tasks import task_of

from runs_to_try import DATA, config_of, same


@pytest.fixture(autouse=True)
def _sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "training_pictures", lambda config: DATA)
    monkeypatch.setattr(module, "outline_of", lambda config: DATA)


def test_a_run_that_works_passes_and_nothing_is_kept() -> None:
    before = torch.random.get_rng_state()
    found = preflight(config_of(batch=8))
    assert found.passed
    assert found.remarks == ()
    assert found.micro_batch == 8
    assert 0 < found.seconds_per_step < 10
    net = begin(config_of(), DATA).net
    assert found.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert found.disk > 5 * 4 * found.parameters
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(begin(config_of(), DATA).average, {name: w.detach() for name, w in net.state_dict().items()})


@pytest.mark.parametrize(
    ("changed", "processes", "sentence"),
    [
        ({"learning_rate": 1.0, "clip_norm": 1000.0, "warmup": 0}, 1, ""),  # odd, and not for a preflight to forbid
        ({"batch": 9}, 2, "cannot share a batch of 9"),
    ],
)
def test_what_would_fail_is_a_problem_of_the_preflight(
    changed: dict[str, object], processes: int, sentence: str
) -> None:
    found = preflight(config_of(**changed), SingleProcess(count=processes))
    assert found.passed is not bool(sentence)
    assert sentence in " ".join(found.problems)


def test_pictures_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(config: TrainConfig) -> None:
        raise DataError("There is no picture set “nothing”.")

    monkeypatch.setattr(module, "training_pictures", missing)
    assert preflight(config_of()).problems == ("There is no picture set “nothing”.",)


def test_pictures_that_cannot_be_halved() -> None:
    odd = type(DATA)("o", "O", DATA.images[:, :7, :7], DATA.labels, DATA.class_names, DATA.held_out, "", "", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "training_pictures", lambda config: odd)
        (problem,) = preflight(config_of()).problems
    assert "cannot be halved" in problem


def test_a_disk_that_is_full_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preflight(config_of(), folder=tmp_path / "deep" / "run").passed
    real = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=1000))
    (problem,) = preflight(config_of(), folder=tmp_path).problems
    assert "0 MB are free" in problem
    # What the run has already written need not fit a second time.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: real(path)._replace(free=SPARE + 1000))
    (problem,) = preflight(config_of(), folder=tmp_path).problems
    assert "no room" in problem
    (tmp_path / "checkpoints").mkdir()
    with (tmp_path / "checkpoints" / "there").open("wb") as file:
        file.truncate(10**9)
    assert preflight(config_of(), folder=tmp_path).passed
    monkeypatch.undo()
    monkeypatch.setattr(module, "training_pictures", lambda config: DATA)
    with failing(tmp_path, 0, errno.EROFS):
        (problem,) = preflight(config_of(), folder=tmp_path).problems
    assert f"“{tmp_path}” cannot be written: the disk can only be read" in problem


def test_memory_that_is_not_enough_for_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(module, "_timed", full)
    (problem,) = preflight(config_of()).problems
    assert "micro-batch of one image" in problem


def test_a_slower_precision_is_remarked_with_the_measured_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._timed
    times = {"bf16": [0.5, 0.3, 0.3, 0.3], "fp32": [0.4, 0.2, 0.2, 0.2]}

    def timed(config: TrainConfig, *rest: object, steps: int = 3) -> tuple[list[tuple[float, float]], int]:
        return [module._Seconds(one, one) for one in times[config.precision][: steps + 1]], real(
            config, *rest, steps=steps
        )[1]  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_timed", timed)
    (remark,) = preflight(config_of(precision="bf16"), thorough=True).remarks
    assert "1.50 times as long" in remark
    times["bf16"] = [0.5, 0.1, 0.1, 0.1]
    assert preflight(config_of(precision="bf16"), thorough=True).remarks == ()


def test_where_a_batch_takes_long_it_is_reckoned_from_single_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []

    def timed(config: TrainConfig, *rest: object, steps: int = 3) -> tuple[list[tuple[float, float]], int]:
        batches.append(config.batch)
        return [module._Seconds(1.0, 1.0)] + [module._Seconds(2.0, 2.0)] * steps, config.batch

    monkeypatch.setattr(module, "_timed", timed)
    found = preflight(config_of(batch=12))
    assert batches == [1]
    assert (found.seconds_per_step, found.micro_batch) == (24.0, 12)
    assert preflight(config_of(batch=2)).seconds_per_step == 2.0
    assert batches == [1, 1, 2]


def test_other_work_does_not_make_the_estimate_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    real = loop.train

    def beside_other_work(*given: object) -> Iterator[Report]:
        for report in real(*given):  # type: ignore[arg-type]
            time.sleep(0.2)  # what the thread waits for a core
            yield report

    monkeypatch.setattr(loop, "train", beside_other_work)
    found = preflight(config_of(batch=2))
    assert found.seconds_per_step < 0.15 < 0.2 < found.seconds_now
    assert found.is_slowed
    assert not Preflight(seconds_per_step=0.2, seconds_now=0.25).is_slowed


def test_a_network_that_is_larger_than_memory_is_not_even_made(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 20 * preflight(config_of()).parameters
    memory = module.psutil.virtual_memory()
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: memory._replace(available=needed))
    assert preflight(config_of()).passed
    monkeypatch.setattr(module.psutil, "virtual_memory", lambda: memory._replace(available=needed - 1))
    monkeypatch.setattr(module.loop, "begin", None)
    (problem,) = preflight(config_of()).problems
    assert "choose a smaller network" in problem


@pytest.mark.parametrize("task", ["denoiser", "classifier", "vae"])
def test_what_a_step_costs_is_counted_as_torch_does_it(task: str) -> None:
    config = config_of(task=task, batch=1)
    state, kept = begin(config, DATA), {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    picture = torch.zeros(1, 1, 8, 8)
    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = torch.stack([out.sum() for out in _tensors(task_of(config).evaluate(config, state.net, picture))]).sum()
        forward = counter.get_total_flops()
        loss.backward()
    cost = step_cost(config, DATA)
    assert cost.operations == 3 * forward
    assert 0.6 < counter.get_total_flops() / cost.operations < 1.01  # not of the first layer's input
    assert 0.5 < cost.activations / sum(kept.values()) < 1.5
    assert cost.operations < most_operations(sum(weight.numel() for weight in state.net.parameters()), 8)


def _tensors(output: object) -> list[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        return [output]
    return [tensor for part in output for tensor in (part.mean, part.log_variance)]  # type: ignore[attr-defined]


def test_where_one_step_would_take_minutes_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED_FROM", 0.0)
    monkeypatch.setattr(module, "operations_per_second", lambda: step_cost(config_of(), DATA).operations / 100.0)
    monkeypatch.setattr(loop, "begin", None)
    monkeypatch.setattr(module, "training_pictures", None)
    found = preflight(config_of(batch=4))
    assert found.passed
    assert found.seconds_per_step == pytest.approx(400.0)
    assert found.remarks == (module.COUNTED,)
    memory = module.psutil.virtual_memory()
    monkeypatch.setattr(module, "step_cost", lambda *_: StepCost(1.0, memory.total))
    (problem,) = preflight(config_of(batch=4)).problems
    assert "smaller images" in problem


def test_patience_ends_in_the_middle_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEASURING_LIMIT", 0.0)
    monkeypatch.setattr(loop, "clip_grad_norm_", None)  # no step comes to its end
    found = preflight(config_of(batch=4))
    assert found.passed
    assert found.remarks == (module.COUNTED,)
