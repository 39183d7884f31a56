"""Many callers, one batch: everybody gets what is theirs, nobody waits for a stranger, and the network is asked rare."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import NO_LABEL, Denoiser, NetDenoiser
from engine.ideal import ExactDenoiser
from engine.models.opened import Model
from engine.process import Prediction
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.runtime import batching, torch_threads
from engine.runtime.batching import FIRST_ROWS, Batched, CallCancelledError, Worker, batched
from engine.schedule import Level, NoiseSchedule, broadcast
from playground.labs.sampling.job import SamplingJob

SECONDS = 60.0
SCHEDULE = NoiseSchedule.cosine(1000)


@dataclass(eq=False)
class Watched:
    """Answers x̂0 = x_t + label and ε̂ = log-SNR, and remembers for how many rows, and which, it was asked.

    Args:
        hold: the first call waits for `go_on`.
        meanwhile: called in every call, with its rows.
    """

    hold: bool = False
    meanwhile: Callable[[Tensor], object] = field(default=lambda x_t: None)
    rows: list[int] = field(default_factory=list)
    seen: list[list[float]] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    learned_variance: bool = True

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.rows.append(len(x_t))
        self.seen.append(x_t.flatten(1)[:, 0].tolist())
        if self.hold and len(self.rows) == 1:
            self.reached.set()
            assert self.go_on.wait(SECONDS)
        self.meanwhile(x_t)
        of_label = torch.full((len(x_t),), NO_LABEL) if label is None else label
        noise = broadcast(level.log_snr, x_t).expand_as(x_t)
        return Prediction(x_t + broadcast(of_label, x_t), noise, x_t * 2)


def _unplugged(x_t: Tensor) -> None:
    """Cannot bear a 13."""
    if bool((x_t == 13.0).any()):
        raise RuntimeError("the network has been unplugged")


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Crowd:
    """Callers in threads of their own, who all come while the first call is under way, in the order in which they are made."""

    def __init__(self, net: Watched) -> None:
        self.worker = Worker(clock=lambda: 0.0)  # no forward takes any time: the most rows at once
        self.net = net
        self._pool = ThreadPoolExecutor(64)
        self._send(net, _x(1))
        assert net.reached.wait(SECONDS)

    def _send(self, denoiser: Denoiser, x_t: Tensor, **more: Any) -> Future[Prediction]:
        level, label = more.pop("level", SCHEDULE.level(500)), more.pop("label", None)
        return self._pool.submit(Batched(denoiser, worker=self.worker, **more), x_t, level, label)

    def call(self, denoiser: Denoiser, x_t: Tensor, **more: Any) -> Future[Prediction]:
        before = len(self.worker._waiting)
        answer = self._send(denoiser, x_t, **more)
        _until(lambda: len(self.worker._waiting) > before)
        return answer

    def let_go(self) -> None:
        self.net.go_on.set()
        self._pool.shutdown(wait=True)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """The one that jobs ask, without a clock."""
    worker = Worker(clock=lambda: 0.0)
    monkeypatch.setattr(batching, "WORKER", worker)
    return worker


def _model(net: Denoiser) -> Model:
    return Model("m", "M", net, (2, 1, 1), (), SCHEDULE, "")


def _x(rows: int, value: float = 0.0) -> Tensor:
    return torch.full((rows, 2), value)


# --- what callers get -------------------------------------------------------------------------------------------------


def test_everybody_gets_their_own_rows_whatever_the_others_ask() -> None:
    net = Watched(hold=True)
    crowd = Crowd(net)
    asked = []
    for k in range(30):
        rows = 1 + k % 5
        t = torch.arange(1, rows + 1) * (10 + k)
        level = SCHEDULE.level(10 + k) if k % 3 else SCHEDULE.level(t)
        label = None if k % 2 else torch.full((rows,), k)
        x_t = torch.randn(rows, 2, generator=torch.Generator().manual_seed(k))
        asked.append((x_t, level, label, crowd.call(net, x_t, level=level, label=label)))
    crowd.let_go()
    for x_t, level, label, answer in asked:
        alone, shared = Watched()(x_t, level, label), answer.result()
        assert torch.equal(alone.x0, shared.x0)
        assert torch.equal(alone.noise, shared.noise)


def test_a_call_that_is_larger_than_a_forward_is_put_together_again() -> None:
    net = Watched()
    x_t = torch.arange(100.0)[:, None].expand(100, 2)
    level = SCHEDULE.level(torch.arange(1, 101))
    answer = Batched(net, worker=Worker())(x_t, level, torch.arange(100))
    alone = Watched()(x_t, level, torch.arange(100))
    assert torch.equal(answer.x0, alone.x0)
    assert torch.equal(answer.noise, alone.noise)
    assert net.rows[0] <= FIRST_ROWS
    assert sum(net.rows) == 100


def test_what_the_denoiser_knows_is_seen_through_it() -> None:
    net = NetDenoiser(torch.nn.Identity(), SCHEDULE, target=None, classes=7, learned_variance=True)  # type: ignore[arg-type]
    shared = batched(net)
    assert isinstance(shared, Batched)
    assert (shared.classes, shared.learned_variance, shared.schedule) == (7, True, SCHEDULE)
    assert not hasattr(shared, "nothing_of_the_kind")
    assert replace(shared, denoiser=Watched()).learned_variance
    exact = ExactDenoiser(torch.zeros(1, 2))
    assert batched(exact) is exact


def test_answers_carry_no_graph_and_can_be_used_with_gradients() -> None:
    weight = torch.ones(2, requires_grad=True)

    def net(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return Prediction(x_t * weight, x_t)

    answer = Batched(net, worker=Worker())(_x(1, 1.0), SCHEDULE.level(1))
    assert not answer.x0.requires_grad
    assert torch.is_grad_enabled()
    x = answer.x0.requires_grad_()
    (x**2).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("name", ["digits", "digits-learned-variance", "emoji"])
def test_recipes_of_all_kinds_drawn_at_once_are_the_pictures_of_each_alone(name: str) -> None:
    """A real network, with other steps, samplers, eta, scales, labels and schedules side by side."""
    model = open_model(name)
    first = {"model": name, "seeds": (1, 2, 3)}
    recipes = [
        Recipe(**first, steps=3),
        Recipe(**first, steps=4, labels=(1, 2, NO_LABEL), scale=3.0, rescale=0.5),
        Recipe(**first, steps=5, labels=(0, 0, 0), scale=1.0, eta=0.7),
        Recipe(**first, steps=2, labels=(4, 5, 6), sampler="heun", scale_from=0.2),
        Recipe(**first, steps=3, labels=(4, 5, 6), sampler="ddpm", schedule="linear", T=200),
        Recipe(model=name, seeds=tuple(range(20)), steps=2, sampler="dpm++2m-sde", clip="quantile", spacing="log-snr"),
    ]
    if name == "digits":
        recipes.append(Recipe(**first, steps=3, labels=(7, 8, 9), scale=0.0, classifier="digits", classifier_scale=2.0))
    if name == "digits-learned-variance":
        recipes.append(Recipe(**first, steps=3, sampler="ddpm", variance="learned", labels=(1, 1, 1)))
    jobs = [SamplingJob(str(k), model, {"A": recipe}) for k, recipe in enumerate(recipes)]
    for job, recipe in zip(jobs, recipes, strict=True):
        job.wait(SECONDS)
        assert job.state.status == "finished"
        *_, alone = recipe.frames(model)
        # Rounding may tip a number over the edge between two of the 256 greys, and no further.
        apart = np.abs(job.frames()[-1].x.astype(int) - to_uint8(alone.x).astype(int))
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.01


# --- the network is asked rare --------------------------------------------------------------------------------------


def test_forty_who_ask_the_same_network_share_its_forwards() -> None:
    net = Watched(hold=True)
    crowd = Crowd(net)
    for k in range(40):
        crowd.call(net, _x(2, k))
    crowd.let_go()
    assert net.rows == [1, 64, 16]


def _running(*jobs: SamplingJob) -> int:
    return sum(job.state.status == "running" for job in jobs)


def test_forty_jobs_take_as_many_forwards_as_their_rows_fill(worker: Worker) -> None:
    """While the network computes, all others come back: with a real one, a job's own part of a step is the quicker one."""
    jobs: list[SamplingJob] = []

    def all_others_wait(x_t: Tensor) -> None:
        _until(lambda: len(worker._waiting) + len(x_t) // 2 >= _running(*jobs))

    net = Watched(hold=True, meanwhile=all_others_wait)
    jobs += [SamplingJob(str(k), _model(net), {"A": Recipe(steps=20, seeds=(k, k + 100))}) for k in range(40)]
    net.go_on.set()
    for job in jobs:
        job.wait(SECONDS)
        assert job.state.status == "finished"
    assert sum(net.rows) == 40 * 20 * 2
    assert len(net.rows) <= 20 * 2 + 5  # 64 rows, and the other 16, for each step: not the 800 of each by itself


def test_the_rows_of_a_forward_follow_the_time_that_they_take() -> None:
    clock, seconds = [0.0], [0.05]

    def compute(x_t: Tensor) -> None:
        clock[0] += seconds[0] * len(x_t)

    net, worker = Watched(meanwhile=compute), Worker(clock=lambda: clock[0])
    ask = Batched(net, worker=worker)
    ask(_x(60), SCHEDULE.level(5))
    assert worker.most_rows(net) == 4  # 0.2 s
    assert max(net.rows[1:]) == 4
    assert worker.most_rows(Watched()) == FIRST_ROWS  # each network by itself
    seconds[0] = 10.0
    ask(_x(1), SCHEDULE.level(5))
    assert worker.most_rows(net) == 4  # it may have been held up
    ask(_x(9), SCHEDULE.level(5))
    assert worker.most_rows(net) == 1  # no, it is slow now; but some row there must be
    seconds[0] = 0.0
    ask(_x(30), SCHEDULE.level(5))
    assert worker.most_rows(net) == batching.MOST_ROWS


# --- fairness ---------------------------------------------------------------------------------------------------------


def test_a_strangers_large_call_does_not_hold_up_small_ones() -> None:
    """However large it is, after one share of it comes whoever else waits."""
    net = Watched(hold=True)
    crowd = Crowd(net)
    crowd.call(net, _x(1000, 7.0))
    for k in range(1, 6):
        crowd.call(net, _x(1, -k))
    crowd.let_go()
    assert set(net.seen[1]) == {7.0}  # it came first
    assert net.seen[2][:5] == [-1.0, -2.0, -3.0, -4.0, -5.0]
    assert max(net.rows) <= batching.MOST_ROWS
    assert sum(net.rows) == 1 + 1000 + 5


def test_a_job_of_64_pictures_and_1000_steps_costs_others_a_forward_for_each_of_their_steps(worker: Worker) -> None:
    jobs: list[SamplingJob] = []
    at_end: list[int] = []

    def the_other_waits(x_t: Tensor) -> None:
        if len(x_t) in (1, 64):  # of one of them alone
            _until(lambda: len(worker._waiting) > 0 or _running(*jobs) < 2)

    net = Watched(hold=True, meanwhile=the_other_waits)
    jobs.append(SamplingJob("long", _model(net), {"A": Recipe(steps=1000, seeds=tuple(range(64)))}))
    assert net.reached.wait(SECONDS)
    small = {"A": Recipe(steps=10, seeds=(1,))}
    jobs.append(SamplingJob("small", _model(net), small, on_end=lambda: at_end.append(len(net.rows))))
    net.go_on.set()
    jobs[1].wait(SECONDS)
    assert _running(*jobs) == 1
    jobs[0].stop()
    jobs[0].wait(SECONDS)
    assert at_end[0] <= 2 * 10 + 5


def test_networks_take_turns() -> None:
    order: list[str] = []
    one = Watched(hold=True, meanwhile=lambda _: order.append("one"))
    other = Watched(meanwhile=lambda _: order.append("other"))
    crowd = Crowd(one)
    for _ in range(3):
        crowd.call(one, _x(batching.MOST_ROWS))
        crowd.call(other, _x(FIRST_ROWS))
    crowd.let_go()
    assert order == ["one", "one", "other", "one", "other", "one"]


def test_calls_of_another_shape_or_type_do_not_go_together() -> None:
    net = Watched(hold=True)
    crowd = Crowd(net)
    calls = [crowd.call(net, torch.zeros(1, 2)), crowd.call(net, torch.zeros(1, 3))]
    calls += [crowd.call(net, torch.zeros(1, 2, dtype=torch.float64)), crowd.call(net, torch.zeros(1, 3))]
    crowd.let_go()
    assert [call.result().x0.shape[1] for call in calls] == [2, 3, 2, 3]
    assert net.rows == [1, 1, 2, 1]


# --- errors and giving up ---------------------------------------------------------------------------------------------


def test_an_error_reaches_the_one_who_caused_it_and_nobody_else() -> None:
    net = Watched(hold=True, meanwhile=_unplugged)
    crowd = Crowd(net)
    answers = {k: crowd.call(net, _x(1, k)) for k in range(10, 16)}
    crowd.let_go()
    with pytest.raises(RuntimeError, match="unplugged"):
        answers.pop(13).result()
    for k, answer in answers.items():
        assert torch.equal(answer.result().x0, _x(1, k + NO_LABEL))
    assert Batched(net, worker=crowd.worker)(_x(1), SCHEDULE.level(1)).x0.shape == (1, 2)  # the thread goes on


def test_a_label_that_one_network_does_not_know_fails_its_caller_only() -> None:
    model = open_model("digits")
    worker, level = Worker(), model.schedule.level(400)
    x_t = torch.zeros(2, *model.shape)
    labels = [torch.tensor([1, 2]), torch.tensor([1, 10]), None, torch.tensor([NO_LABEL, 9])]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(Batched(model.denoiser, worker=worker), x_t, level, label) for label in labels]
    assert [answer.exception() is None for answer in asked] == [True, False, True, True]
    assert "classes 0 … 9" in str(asked[1].exception())
    for label, answer in zip(labels, asked, strict=True):
        if answer.exception() is None:
            assert torch.allclose(answer.result().noise, model.denoiser(x_t, level, label).noise.detach(), atol=1e-5)


def test_a_denoiser_that_cannot_be_a_key_is_refused_where_it_is_asked() -> None:
    @dataclass
    class Equal(Watched):
        pass

    worker = Worker()
    with pytest.raises(TypeError):
        Batched(Equal(), worker=worker)(_x(1), SCHEDULE.level(1))
    assert Batched(Watched(), worker=worker)(_x(1), SCHEDULE.level(1)).x0.shape == (1, 2)


def test_who_gives_up_while_waiting_costs_no_forward() -> None:
    net = Watched(hold=True)
    crowd = Crowd(net)
    gone = threading.Event()
    lost = crowd.call(net, _x(30, 3.0), cancelled=gone)
    kept = crowd.call(net, _x(1, 4.0))
    gone.set()
    crowd.let_go()
    assert isinstance(lost.exception(), CallCancelledError)
    assert kept.result().x0.shape == (1, 2)
    assert net.rows == [1, 1]


def test_a_stopped_job_frees_the_network_within_a_step(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    net = Watched(hold=True)
    jobs = [SamplingJob(str(k), _model(net), {"A": Recipe(steps=1000, seeds=tuple(range(50)))}) for k in range(3)]
    _until(lambda: len(worker._waiting) == 2)
    for job in jobs:
        job.stop()
    net.go_on.set()
    for job in jobs:
        job.wait(SECONDS)
        assert job.state.status == "stopped"
    assert len(net.rows) == 1  # what was under way as they stopped, and nothing after it
    assert capsys.readouterr().err == ""


# --- cores ------------------------------------------------------------------------------------------------------------


def test_a_thread_takes_cores_for_itself_alone() -> None:
    def now() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    mine, of_new_threads = torch.get_num_threads(), now()

    def take() -> int:
        torch_threads.set_thread_count(mine + 2)
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(take).result() == mine + 2
        assert pool.submit(torch.get_num_threads).result() == mine + 2  # and keeps them
    assert (torch.get_num_threads(), now()) == (mine, of_new_threads)


def test_one_core_is_left_to_a_training_run() -> None:
    assert torch_threads.sampling_threads() == torch_threads.ALL
    with torch_threads.training_run():
        assert torch_threads.sampling_threads() == max(1, torch_threads.ALL - 1)
    assert torch_threads.sampling_threads() == torch_threads.ALL
