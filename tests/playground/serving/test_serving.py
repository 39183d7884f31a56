"""The queue: who gets which pictures, when it is their turn, what is left when a tab is gone; and what may be asked for."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import Denoiser
from engine.models.opened import Model
from engine.process import Prediction
from engine.recipes.recipe import Recipe, RecipeError
from engine.schedule import Level, NoiseSchedule
from engine.training.config import TrainConfig
from playground.gradio_ui import page
from playground.labs.guidance import job as guidance
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.likelihood import job as likelihood
from playground.labs.likelihood.controls import TITLES, LikelihoodControls
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.microscope.steps import MAX_STEPS
from playground.labs.points import controls as points
from playground.labs.recorder import job as recorder
from playground.labs.recorder.controls import RecorderControls
from playground.labs.sampling.controls import SamplingControls
from playground.labs.sampling.recipes import recipes as recipes_of
from playground.labs.shared.controls import Controls, describe
from playground.labs.shared.job import INTERNAL_ERROR, Job, Partial
from playground.labs.training.controls import TrainingControls
from playground.labs.training.estimate import config_of
from playground.labs.xray import job as xray
from playground.labs.xray.controls import STEPS as XRAY_STEPS
from playground.policy import messages, mode
from playground.policy.limits import LOCAL, PUBLIC
from playground.policy.visitor import HOST, Visitor, visitor_of
from playground.serving import request_queue as queue_module
from playground.serving.request_queue import GRACE, RequestQueue

SECONDS = 60.0
CONTROLS: dict[str, type[Controls]] = {
    "sampling": SamplingControls,
    "training": TrainingControls,
    "guidance": GuidanceControls,
    "likelihood": LikelihoodControls,
    "microscope": MicroscopeControls,
    "points": points.PointsControls,
    "recorder": RecorderControls,
}


class Gate:
    """A network, of sorts, that answers only while it is open."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.calls, self._open = 0, threading.Event()
        if is_open:
            self._open.set()

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.calls += 1
        assert self._open.wait(SECONDS)
        return Prediction(torch.zeros_like(x_t), x_t)

    def open(self) -> None:
        self._open.set()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate(is_open=False)
    yield gate
    gate.open()


def _model(net: Denoiser) -> Model:
    return Model("m", "M", net, (1, 2, 2), (), NoiseSchedule.cosine(1000), "")


def _recipe(images: int = 4, steps: int = 5, first: int = 0) -> Recipe:
    return Recipe(model="m", steps=steps, seeds=tuple(range(first, first + images)))


def _tab() -> str:
    return secrets.token_hex(16)


def _attached(queue: RequestQueue, session: str = "s") -> str:
    tab = _tab()
    queue.attach(tab, session + tab)
    return tab


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# --- requests and places ----------------------------------------------------------------------------------------------


def test_every_tab_gets_its_own_pictures() -> None:
    queue, model = RequestQueue(), _model(Gate())
    tabs = [_attached(queue) for _ in range(40)]
    for k, tab in enumerate(tabs):
        queue.submit(tab, model, {"A": _recipe(first=100 * k, steps=2 + k % 4)})
    for k, tab in enumerate(tabs):
        request = queue.request(tab)
        assert request is not None
        assert request.wait(SECONDS)
        assert request.state.status == "finished"
        first, *_ = _recipe(first=100 * k, steps=2 + k % 4).frames(model)
        assert np.array_equal(request.frames()[0].x, to_uint8(first.x))
        assert len(request.frames("A")) == 3 + k % 4
    assert len({queue.request(tab).id for tab in tabs}) == 40  # type: ignore[union-attr]


def test_forty_visitors_with_sixteen_images_are_all_drawn_at_once(gate: Gate) -> None:
    queue = RequestQueue()
    requests = [queue.submit(_attached(queue), _model(gate), {"A": _recipe(16), "B": _recipe(16)}) for _ in range(40)]
    assert [request.place for request in requests] == [0] * 40
    late = queue.submit(_attached(queue), _model(gate), {"A": _recipe(1)})
    assert late.place == 1
    gate.open()
    assert all(request.wait(SECONDS) for request in [*requests, late])
    assert late.state.status == "finished"


def test_places_are_those_of_a_queue(gate: Gate) -> None:
    queue, model = RequestQueue(most_images=8), _model(gate)
    first, second, third, fourth = (queue.submit(_attached(queue), model, {"A": _recipe(n)}) for n in (4, 4, 8, 1))
    # The last would fit in beside the first two, but nobody is passed.
    assert [one.place for one in (first, second, third, fourth)] == [0, 0, 1, 2]
    assert third.state.status == "running"
    assert (third.state.done, third.state.total, third.state.seconds_left) == (0, 5, None)
    assert third.frames() == []
    second.stop()
    assert second.state.status == "stopped"
    assert third.place == 1  # the machine is not free before the step that is under way has ended
    third.stop()
    assert (third.place, fourth.place) == (0, 1)
    gate.open()
    assert first.wait(SECONDS)
    assert fourth.wait(SECONDS)
    assert [one.state.status for one in (first, second, third, fourth)] == [
        "finished",
        "stopped",
        "stopped",
        "finished",
    ]


def test_more_than_the_whole_queue_is_drawn_alone(gate: Gate) -> None:
    queue, model = RequestQueue(most_images=8), _model(gate)
    small = queue.submit(_attached(queue), model, {"A": _recipe(1)})
    large = queue.submit(_attached(queue), model, {"A": _recipe(100, steps=1)})
    assert (small.place, large.place) == (0, 1)
    gate.open()
    assert large.wait(SECONDS)
    assert large.state.status == "finished"


def test_memory_is_bounded_by_the_pictures_that_are_kept(gate: Gate) -> None:
    model = _model(gate)
    frame = 3 * 4  # bytes of one image of 2 × 2 in one frame
    queue = RequestQueue(most_bytes=4 * 6 * frame)
    one, two = (queue.submit(_attached(queue), model, {"A": _recipe(4, steps=5)}) for _ in range(2))
    assert (one.bytes, one.place, two.place) == (4 * 6 * frame, 0, 1)
    gate.open()
    assert two.wait(SECONDS)
    assert two.state.status == "finished"


def test_a_new_request_of_a_tab_replaces_the_one_before(gate: Gate) -> None:
    queue, model, tab = RequestQueue(most_images=4), _model(gate), _tab()
    queue.attach(tab, "session")
    before = queue.submit(tab, model, {"A": _recipe()})
    now = queue.submit(tab, model, {"A": _recipe(first=9)})
    assert before.state.status == "stopped"
    assert queue.request(tab) is now
    gate.open()
    assert now.wait(SECONDS)
    assert now.state.status == "finished"


def test_a_recipe_that_does_not_fit_leaves_the_request_before_alone() -> None:
    queue, tab = RequestQueue(), _tab()
    queue.attach(tab, "session")
    before = queue.submit(tab, _model(Gate()), {"A": _recipe()})
    with pytest.raises(RecipeError):
        queue.submit(tab, _model(Gate()), {"A": Recipe(model="m", labels=(3,), seeds=(0,))})
    assert queue.request(tab) is before
    assert before.wait(SECONDS)
    assert before.state.status == "finished"


def test_a_network_that_breaks_frees_its_room(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        raise RuntimeError("unplugged")

    queue = RequestQueue(most_images=4)
    bad = queue.submit(_attached(queue), _model(broken), {"A": _recipe()})
    good = queue.submit(_attached(queue), _model(Gate()), {"A": _recipe()})
    assert bad.wait(SECONDS)
    assert good.wait(SECONDS)
    assert (bad.state.status, good.state.status) == ("failed", "finished")
    assert "unplugged" in bad.state.error


def test_nobody_gets_at_a_request_without_its_token(gate: Gate) -> None:
    queue = RequestQueue()
    tab = _attached(queue)
    queue.submit(tab, _model(gate), {"A": _recipe()})
    assert queue.request(_tab()) is None
    assert queue.request(tab[:-1]) is None
    for guessable in ("", "1", "session"):
        with pytest.raises(ValueError, match="letters"):
            queue.submit(guessable, _model(gate), {"A": _recipe()})
        with pytest.raises(ValueError, match="letters"):
            queue.attach(guessable, "another")
        assert queue.request(guessable) is None


# --- tabs that come and go --------------------------------------------------------------------------------------------


def test_a_job_is_found_by_the_settings_that_it_is_for() -> None:
    queue, tab = RequestQueue(), secrets.token_hex(16)
    assert not queue.is_for(tab, "guidance", ("trace", 3))
    queue.put(tab, "guidance", Job(lambda: iter(()), "guidance"), ("trace", 3))
    assert queue.is_for(tab, "guidance", ("trace", 3))
    assert not queue.is_for(tab, "guidance", ("trace", 4))
    assert not queue.is_for(tab, "likelihood", ("trace", 3))
    queue.drop(tab, "guidance")
    assert not queue.is_for(tab, "guidance", ("trace", 3))


def test_a_tab_that_is_loaded_again_finds_its_request(gate: Gate) -> None:
    clock = Clock()
    queue, tab = RequestQueue(clock=clock), _tab()
    queue.attach(tab, "first")
    request = queue.submit(tab, _model(gate), {"A": _recipe()})
    queue.detach("first")
    clock.now += GRACE - 1
    queue.sweep()
    queue.attach(tab, "second")
    clock.now += 10 * GRACE
    queue.sweep()
    assert queue.request(tab) is request
    assert request.state.status == "running"


def test_a_closed_tab_stops_its_request_after_the_grace(gate: Gate) -> None:
    clock = Clock()
    queue, tab = RequestQueue(clock=clock), _tab()
    queue.attach(tab, "one")
    queue.attach(tab, "two")
    request = queue.submit(tab, _model(gate), {"A": _recipe()})
    queue.detach("one")
    clock.now += 2 * GRACE
    queue.sweep()
    assert request.state.status == "running"  # somebody still looks
    queue.detach("two")
    queue.detach("two")  # twice, or never attached: nothing
    queue.detach("nobody")
    clock.now += GRACE
    queue.sweep()
    assert request.state.status == "stopped"
    assert queue.request(tab) is None
    gate.open()
    assert request.wait(SECONDS)


def test_a_request_that_waits_is_forgotten_with_its_tab(gate: Gate) -> None:
    clock = Clock()
    queue, model = RequestQueue(most_images=4, clock=clock), _model(gate)
    queue.submit(_attached(queue), model, {"A": _recipe()})
    tab = _tab()
    queue.attach(tab, "gone")
    queue.submit(tab, model, {"A": _recipe()})
    behind = queue.submit(_attached(queue), model, {"A": _recipe()})
    assert behind.place == 2
    queue.detach("gone")
    clock.now += GRACE
    queue.sweep()
    assert behind.place == 1


def test_a_session_that_moves_to_another_tab_leaves_the_first(gate: Gate) -> None:
    clock = Clock()
    queue, old, new = RequestQueue(clock=clock), _tab(), _tab()
    queue.attach(old, "session")
    request = queue.submit(old, _model(gate), {"A": _recipe()})
    queue.attach(new, "session")
    clock.now += GRACE
    queue.sweep()
    assert request.state.status == "stopped"


def test_nobody_has_to_sweep(gate: Gate) -> None:
    """A timer does, also for a request that no session was ever attached to."""
    queue, tab = RequestQueue(grace=0.05), _tab()
    request = queue.submit(tab, _model(gate), {"A": _recipe()})
    _until(lambda: queue.request(tab) is None)
    assert request.state.status == "stopped"


def test_finished_requests_are_kept_while_somebody_looks_and_the_oldest_go_first() -> None:
    queue, model = RequestQueue(most_kept=3), _model(Gate())
    tabs = [_attached(queue) for _ in range(5)]
    for tab in tabs:
        assert queue.submit(tab, model, {"A": _recipe()}).wait(SECONDS)
    assert [queue.request(tab) is not None for tab in tabs] == [False, False, True, True, True]


def test_rounds_of_forty_leave_no_thread_and_no_request_behind() -> None:
    queue, model = RequestQueue(grace=0.0), _model(Gate())
    one = queue.submit(_tab(), model, {"A": _recipe()})
    one.wait(SECONDS)
    threads = threading.active_count()
    for _ in range(5):
        tabs = [_attached(queue) for _ in range(40)]
        requests = [queue.submit(tab, model, {"A": _recipe(16, steps=3)}) for tab in tabs]
        assert all(request.wait(SECONDS) for request in requests)
        for tab in tabs:
            queue.detach("s" + tab)
        del requests
    _until(lambda: threading.active_count() <= threads)


def test_the_process_has_one_request_queue() -> None:
    assert queue_module.request_queue() is queue_module.request_queue()


# --- limits -----------------------------------------------------------------------------------------------------------

COUNTS = st.integers(1, 64)
STEPS = st.integers(1, 1000)


@given(COUNTS, STEPS, STEPS, st.booleans())
def test_what_is_too_large_is_said_and_nothing_else(count: int, steps: int, b_steps: int, compare: bool) -> None:
    controls = SamplingControls(count=count, steps=steps, b_steps=b_steps, compare=compare)
    recipes = recipes_of(controls, 10)
    problems = PUBLIC.problems_of_drawing(recipes)
    taken = [steps, b_steps] if compare else [steps]
    too_large = [count > PUBLIC.images, *(value > PUBLIC.steps for value in taken)]
    work = not any(too_large) and count * sum(taken) > PUBLIC.image_steps
    assert len(problems) == sum(too_large) + work
    assert all(problem.startswith("At most ") and problem.endswith(".") for problem in problems)
    assert LOCAL.problems_of_drawing(recipes) == []


def test_the_sentences() -> None:
    assert PUBLIC.problems_of_drawing({"A": _recipe(64, 1000), "B": _recipe(64, 300)}) == [
        "At most 16 images are drawn together here, not 64.",
        "At most 250 steps are taken for A here, not 1,000.",
        "At most 250 steps are taken for B here, not 300.",
    ]
    assert PUBLIC.problems_of_training(
        TrainConfig(steps=1_000_000, batch=1024, size=512, compile=True, sample_every=1)
    ) == [
        "At most 3,000 training steps are taken in one run here, not 1,000,000.",
        "At most 64 images go into one batch here, not 1,024.",
        "At most 64 pixels along a side are trained on here, not 512.",
        "At most 50 previews are drawn in one run here, not 1,000,000: sample less often.",
        "Networks are not compiled here: it takes minutes, and is faster on a GPU only.",
    ]


@given(st.integers(1, 1_000_000), st.integers(1, 1024), st.integers(0, 512))
@settings(max_examples=50)
def test_training_is_judged_by_what_determines_its_cost(steps: int, batch: int, size: int) -> None:
    config = TrainConfig(steps=steps, batch=batch, size=size, sample_every=max(1, steps // 10))
    assert LOCAL.problems_of_training(config) == []
    too_large = [steps > PUBLIC.training_steps, batch > PUBLIC.batch, size > PUBLIC.picture_size]
    assert len(PUBLIC.problems_of_training(config)) == sum(too_large)


def test_the_defaults_of_the_labs_and_what_their_bounded_controls_can_say_are_within_the_limits() -> None:
    for controls in (SamplingControls(), SamplingControls(compare=True)):
        assert PUBLIC.problems_of_drawing(recipes_of(controls, 10)) == []
    assert PUBLIC.problems_of_training(config_of(TrainingControls(), 1.0)) == []
    assert PUBLIC.problems_of_training(TrainConfig()) == []
    for name, most in PUBLIC.bounds("sampling").items():
        controls = SamplingControls(**{"count": 1, "steps": 1, name: most})
        assert PUBLIC.problems_of_drawing(recipes_of(controls, 10)) == []
    for name, most in PUBLIC.bounds("training").items():
        assert PUBLIC.problems_of_training(config_of(TrainingControls(**{name: most}), 1.0)) == []


def test_on_ones_own_machine_the_controls_keep_their_ranges() -> None:
    assert not any(LOCAL.bounds(lab) for lab in ("sampling", "training", *PUBLIC.of_labs))


def test_public_is_tighter_than_local_in_everything() -> None:
    numbers = [field.name for field in fields(PUBLIC) if field.name != "of_labs"]
    assert all(getattr(PUBLIC, name) < getattr(LOCAL, name) for name in numbers)
    assert not LOCAL.of_labs
    for lab in ("sampling", "training", *PUBLIC.of_labs):
        bounds = PUBLIC.bounds(lab)
        own = {control.name: control.high for control in describe(CONTROLS[lab])}
        assert all(1 <= most < (own[name] or 0) for name, most in bounds.items())


def test_whatever_the_bounded_controls_of_the_other_labs_say_is_no_more_than_one_request_may_cost() -> None:
    """Images × steps, as in the Sampling lab, of all that one press of a button sets going."""
    bounds = PUBLIC.of_labs
    assert bounds["recorder"]["count"] * recorder.STEPS * recorder.MOST_STAGES <= PUBLIC.image_steps
    walks = (MAX_FORKS + 1) * bounds["microscope"]["steps"]
    assert walks + MAX_STEPS <= PUBLIC.image_steps
    assert bounds["microscope"]["steps"] <= PUBLIC.steps
    taken_apart = 2 * bounds["guidance"]["count"] * bounds["guidance"]["steps"]  # two ways, side by side
    assert taken_apart <= PUBLIC.image_steps
    assert PUBLIC.image_steps >= (xray.MOST_SKIPS + 3) * xray.SAMPLES * XRAY_STEPS


@pytest.fixture
def in_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode, "_public", True)


def test_a_bound_is_measured_as_far_as_one_request_may_go(in_public: None) -> None:
    for compare in TITLES:
        likelihood.check_settings(LikelihoodControls(compare=compare), visitor_of(None))
    with pytest.raises(ValueError, match="4,000 are the most here") as refusal:
        likelihood.check_settings(LikelihoodControls(blocks=1000), visitor_of(None))
    with pytest.raises(ValueError, match=str(refusal.value)):
        next(likelihood.work(LikelihoodControls(blocks=1000), visitor_of(None)))


def test_no_axis_of_a_sweep_leads_beyond_the_steps_that_are_taken_here(in_public: None) -> None:
    long = GuidanceControls(across="steps", across_values="251", down="label", down_values="3")
    with pytest.raises(ValueError, match="At most 250 steps are taken here, not 251"):
        guidance.announced(long, visitor_of(None))
    guidance.announced(long.model_copy(update={"across_values": "250"}), visitor_of(None))


def test_of_a_file_no_more_points_are_kept_than_there_may_be_of_other_sets() -> None:
    assert points.most_points(HOST) == 5000
    assert points.most_points(Visitor(public=True)) == PUBLIC.bounds("points")["count"] == 2000


def test_a_job_that_breaks_tells_strangers_nothing_of_this_machine(
    in_public: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[Partial[None]]:
        yield Partial(0, 1, None)
        raise KeyError("/srv/runs/20260101-000000-00000000")

    job = Job(broken)
    job.wait(SECONDS)
    assert job.state.error == INTERNAL_ERROR
    assert "20260101-000000" in capsys.readouterr().err  # for whoever keeps the machine


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("“/srv/data/runs/x.pt” is damaged.", "“…” is damaged."),
        ("It stands in /tmp/a-b.c/d, and nowhere else.", "It stands in …, and nowhere else."),
        ("See https://example.org/a/b for 3 / 4 of it.", "See https://example.org/a/b for 3 / 4 of it."),
        ("t / T and and/or 1/2.", "t / T and and/or 1/2."),
    ],
)
def test_no_message_of_a_page_names_a_place_of_this_machine(in_public: None, said: str, told: str) -> None:
    assert messages.without_paths(said) == told
    assert told in page.listed([said], "error")
