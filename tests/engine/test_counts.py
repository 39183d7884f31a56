"""How often the network is asked, and what a step of training calls: numbers that do not vary, and must not grow.

How long that takes is for `python -m benchmarks`; no test here looks at a clock.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.denoiser import NO_LABEL, Clipped, Denoiser, NetDenoiser
from engine.guidance import ClassifierGuided, Guided
from engine.process import TARGETS
from engine.runtime import allocator
from engine.samplers import SAMPLERS
from engine.sampling import sample
from engine.schedule import Level, NoiseSchedule
from engine.training.loop import train
from engine.training.state import begin

from runs_to_try import DATA, config_of

STEPS, IMAGES, T = 12, 3, 100
LABEL = torch.tensor([0, 1, 2])


class Counting(nn.Module):
    """A network that knows nothing, and how many rows it was asked for each time."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None = None) -> Tensor:
        self.rows.append(len(x))
        return torch.zeros_like(x)


@dataclass(eq=False)
class CountingClassifier:
    """A classifier that likes every picture as well, and how many it was shown each time."""

    rows: list[int] = field(default_factory=list)

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        self.rows.append(len(x_t))
        return x_t.flatten(1)[:, :3]


def _asked(sampler: str, around: Callable[[Denoiser], Denoiser] = Clipped, label: Tensor | None = LABEL) -> list[int]:
    """How many rows the network saw, look by look, in a walk of `STEPS` steps."""
    net = Counting()
    schedule = NoiseSchedule.cosine(T)
    denoiser = around(NetDenoiser(net, schedule, TARGETS["velocity"], classes=3))
    frames = sample(
        denoiser, schedule, SAMPLERS[sampler](), shape=(1, 4, 4), steps=STEPS, seeds=range(IMAGES), label=label
    )
    assert len(list(frames)) == STEPS + 1
    return net.rows


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_one_evaluation_a_step_and_no_more_than_the_sampler_says(name: str) -> None:
    rows = _asked(name)
    assert set(rows) == {IMAGES}
    if SAMPLERS[name].evaluations == 1:
        assert len(rows) == STEPS
    else:  # a last step, or one that leaps, is of first order
        assert STEPS < len(rows) < SAMPLERS[name].evaluations * STEPS


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_the_first_frame_costs_one_step_and_the_last_costs_nothing(name: str) -> None:
    net, schedule = Counting(), NoiseSchedule.cosine(T)
    denoiser = NetDenoiser(net, schedule, TARGETS["velocity"])
    frames = sample(denoiser, schedule, SAMPLERS[name](), shape=(1, 4, 4), steps=STEPS, seeds=(0,))
    assert not net.rows  # nothing before it is asked for
    next(frames)
    assert 1 <= len(net.rows) <= SAMPLERS[name].evaluations
    for _ in range(STEPS - 1):
        next(frames)
    before_last = len(net.rows)
    next(frames)
    assert len(net.rows) == before_last


@pytest.mark.parametrize(
    ("scale", "rows"), [(0.0, IMAGES), (1.0, IMAGES), (2.0, 2 * IMAGES), (0.5, 2 * IMAGES)], ids=str
)
@pytest.mark.parametrize("name", ["ddim", "ddpm", "dpm++2m", "dpm++2m-sde"])
def test_guidance_takes_one_forward_a_step_of_twice_the_rows_and_only_where_it_must(
    name: str, scale: float, rows: int
) -> None:
    assert _asked(name, lambda denoiser: Guided(denoiser, scale)) == [rows] * STEPS
    assert _asked(name, lambda denoiser: Guided(denoiser, scale), label=None) == [IMAGES] * STEPS


def test_outside_its_interval_guidance_costs_nothing() -> None:
    low, high = 0.2, 0.8
    schedule = NoiseSchedule.cosine(T)
    shares = [float(schedule.level(t).variance) for t in schedule.timesteps(STEPS, "uniform")[:-1]]
    expected = [2 * IMAGES if low <= share <= high else IMAGES for share in shares]
    assert 2 < expected.count(2 * IMAGES) < STEPS - 2
    assert _asked("ddim", lambda denoiser: Guided(denoiser, 3.0, (low, high))) == expected
    rescaled = _asked("ddim", lambda denoiser: Guided(denoiser, 3.0, (low, high), rescale=0.7))
    assert rescaled == expected


def test_guidance_by_a_classifier_asks_it_once_a_step_and_the_network_no_more() -> None:
    classifier = CountingClassifier()
    rows = _asked("ddim", lambda denoiser: ClassifierGuided(Guided(denoiser, 0), classifier, 1.5))
    assert rows == classifier.rows == [IMAGES] * STEPS
    without = CountingClassifier()
    nothing = torch.full_like(LABEL, NO_LABEL)
    _asked("ddim", lambda denoiser: ClassifierGuided(denoiser, without, 1.5), label=nothing)
    assert not without.rows


class _Calls(TorchDispatchMode):
    """Counts what torch is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names[str(op).split(".")[1]] += 1
        return op(*args, **(kwargs or {}))


def _steps(**settings: Any) -> Iterator[Counter[str]]:
    """What each step of training after the first tells torch to do."""
    config = config_of(steps=9, report_every=1, **settings)
    reports = train(config, DATA, begin(config, DATA))
    next(reports)
    for _ in range(2):
        with _Calls() as calls:
            next(reports)
        yield calls.names


def test_a_step_of_training_is_one_forward_one_backward_and_one_call_of_each_that_follows() -> None:
    first, second = _steps()
    assert first == second
    convolutions = first["convolution_backward"]
    assert convolutions == first["convolution"] > 10
    assert first["_fused_adamw_"] == first["_foreach_lerp_"] == 1


def test_a_batch_in_two_parts_is_two_forwards_and_still_one_step() -> None:
    (whole, _), (halves, _) = _steps(), _steps(micro_batch=2)
    assert halves["convolution"] == 2 * whole["convolution"]
    assert halves["_fused_adamw_"] == halves["_foreach_lerp_"] == 1


KEPT = """
import torch
from engine.runtime import allocator
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) // 1000
def look():
    pieces = [torch.ones(1_000_000) for _ in range(50)]  # 200 MB in some pieces, freed together, as a forward does
assert allocator.keep_freed_memory()
before = resident()
look()
print(resident() - before)
assert allocator.release_freed_memory()
print(resident() - before)
"""


def test_rings_of_objects_that_nobody_needs_go_as_well() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    there = weakref.ref(Ring())
    assert there() is not None
    allocator.release_freed_memory()
    assert there() is None


def test_freed_memory_is_kept_until_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.libc_ver()[0] != "glibc":  # elsewhere nothing is changed, and that is said
        assert not allocator.keep_freed_memory()
        assert not allocator.release_freed_memory()
        return
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_", "LD_"))}
    out = subprocess.run([sys.executable, "-c", KEPT], env=env, capture_output=True, text=True, check=True).stdout
    kept, given_back = map(int, out.split())
    assert kept > 150
    assert given_back < 50
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")  # somebody else has decided
    assert not allocator.keep_freed_memory()
