"""Whose a training run is: in public mode everybody has their own only, and the others' are not there at all."""

from __future__ import annotations

import re
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.image_set import DataError
from engine.models.opened import ModelError
from engine.runs import service as training_service
from engine.runs.record import new_id
from engine.runs.service import RunsError, TrainingService
from engine.training.config import TrainConfig
from playground.gradio_ui import microscope as microscope_page
from playground.gradio_ui import sampling_models
from playground.gradio_ui import xray as xray_page
from playground.labs.guidance import controls as guidance_controls
from playground.labs.guidance import job as guidance
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.likelihood import view as likelihood_view
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.job import task_of
from playground.labs.recorder import controls as recorder_controls
from playground.labs.recorder.controls import RecorderControls
from playground.labs.sampling.controls import SamplingControls
from playground.labs.shared import models
from playground.labs.shared.controls import ControlRules, Controls
from playground.labs.xray.controls import XrayControls
from playground.policy import mode
from playground.policy.ownership import FILE, checked_secret, write_owner
from playground.policy.visitor import HOST, Visitor, visitor_of
from playground.policy.visitor_runs import VisitorRuns

ANNA, BERT = "a" * 32, "b" * 32
FEW = {"batch": 1, "T": 20, "report_every": 1, "sample_every": 100, "warmup": 0, "ema_decay": 0.5}
SHORT = TrainConfig.model_validate(FEW | {"steps": 2})
LONG = TrainConfig.model_validate(FEW | {"steps": 100_000})
OFFERS: dict[str, tuple[type[Controls], Callable[[Visitor], ControlRules[Any]]]] = {
    "sampling": (SamplingControls, sampling_models.rules),
    "guidance": (GuidanceControls, guidance_controls.rules),
    "likelihood": (LikelihoodControls, likelihood_view.rules),
    "microscope": (MicroscopeControls, microscope_page._rules),
    "xray": (XrayControls, xray_page._rules),
    "recorder": (RecorderControls, recorder_controls.rules),
}
"""The controls of each lab that opens models, and what they offer a visitor."""
NEVER_WAS = "20200101-000000-00000000"


@dataclass(frozen=True)
class Shared:
    """A service in public mode."""

    service: TrainingService

    def of(self, secret: object) -> VisitorRuns:
        return VisitorRuns(self.service, checked_secret(secret), public=True)

    def write(self, secret: str, run_id: str) -> None:
        folder = self.service.folder_of(run_id)
        assert folder is not None
        write_owner(secret, folder)


@pytest.fixture(scope="module")
def annas(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with one finished run, and its id."""
    root: Path = tmp_path_factory.mktemp("annas")
    shared = Shared(TrainingService(root))
    run_id = shared.of(ANNA).submit(SHORT)
    shared.service.wait(run_id, lambda snapshot: not snapshot.active)
    return root, run_id


@pytest.fixture
def service(annas: tuple[Path, str], tmp_path: Path) -> Iterator[TrainingService]:
    """On a copy of it."""
    one = TrainingService(shutil.copytree(annas[0], tmp_path / "runs"))
    yield one
    for run_id in one.ids():
        one.stop(run_id)
        one.wait(run_id, lambda snapshot: not snapshot.active)


@pytest.fixture
def shared(service: TrainingService) -> Shared:
    return Shared(service)


@pytest.mark.parametrize("lab", OFFERS)
def test_what_another_has_trained_is_offered_in_no_lab(
    lab: str, shared: Shared, annas: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network in the lists of models, and a classifier in those of what can guide."""
    draws = annas[1]
    guides = shared.of(ANNA).submit(TrainConfig.model_validate(FEW | {"steps": 2, "task": "classifier"}))
    shared.service.wait(guides, lambda snapshot: not snapshot.active)
    monkeypatch.setattr(training_service, "_service", shared.service)
    monkeypatch.setattr(mode, "_public", True)
    controls, rules = OFFERS[lab]
    hers, his, nobodys = (repr(rules(visitor_of(secret)).options(controls())) for secret in (ANNA, BERT, None))
    assert draws in hers
    assert (guides in hers) is (lab in ("sampling", "guidance", "microscope"))
    for other in (his, nobodys):
        assert draws not in other
        assert guides not in other


def test_a_sweep_over_classifiers_names_ones_own_alone(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = shared.of(ANNA).submit(TrainConfig.model_validate(FEW | {"steps": 2, "task": "classifier"}))
    shared.service.wait(run_id, lambda snapshot: not snapshot.active)
    monkeypatch.setattr(training_service, "_service", shared.service)
    monkeypatch.setattr(mode, "_public", True)
    wanted = GuidanceControls(across="classifier", across_values="gone", down="label", down_values="3", steps=2)
    for visitor, named in ((ANNA, True), (BERT, False)):
        for ask in (guidance.announced, lambda *asked: next(guidance.compute(*asked))):
            with pytest.raises(ValueError, match="is no classifier") as refusal:
                ask(wanted, visitor_of(visitor))
            assert (run_id in str(refusal.value)) is named


def test_the_microscope_opens_ones_own_run_alone(
    shared: Shared, annas: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_service, "_service", shared.service)
    monkeypatch.setattr(mode, "_public", True)
    controls = MicroscopeControls(model=f"run:{annas[1]}", steps=5)
    assert task_of(controls, visitor_of(ANNA))[1].root.model == controls.model
    with pytest.raises(ValueError, match="There is no model"):
        task_of(controls, visitor_of(BERT))


def _answer(ask: Callable[[str], object], run_id: str) -> tuple[str, str]:
    """What is answered, without the id that was asked for."""
    try:
        return "said", str(ask(run_id))
    except (RunsError, ModelError) as refusal:
        return type(refusal).__name__, str(refusal).replace(run_id, "…")


def test_a_run_is_its_visitors_alone_and_for_others_as_if_it_never_was(
    shared: Shared, service: TrainingService, annas: tuple[Path, str]
) -> None:
    anna, bert, run_id = shared.of(ANNA), shared.of(BERT), annas[1]
    before = service.snapshot(run_id)
    assert anna.ids() == [run_id]
    assert bert.ids() == []
    asks: tuple[Callable[[str], object], ...] = (
        bert.snapshot,
        bert.pause,
        bert.stop,
        bert.resume,
        lambda run_id: bert.rename(run_id, "mine"),
        bert.delete,
        bert.restore,
        bert.archive,
        bert.model,
        bert.classifier,
        bert.saved_models,
        bert.may,
    )
    for ask in asks:
        assert _answer(ask, run_id) == _answer(ask, NEVER_WAS)
    after = service.snapshot(run_id)
    assert before is not None
    assert after is not None
    assert (after.status, after.title, after.step) == (before.status, before.title, before.step)

    anna.rename(run_id, "Anna's")
    assert (anna.snapshot(run_id) or before).title == "Anna's"
    assert anna.model(run_id).name == f"run:{run_id}"
    anna.delete(run_id)
    assert _answer(bert.restore, run_id) == _answer(bert.restore, NEVER_WAS)
    assert anna.ids() == []
    anna.restore(run_id)
    assert anna.ids() == [run_id]


def test_the_owner_outlives_the_process_and_the_secret_is_nowhere_on_disk(
    shared: Shared, annas: tuple[Path, str], tmp_path: Path
) -> None:
    secret, run_id = secrets.token_hex(16), annas[1]
    shared.write(secret, run_id)
    later = Shared(TrainingService(tmp_path / "runs"))
    assert later.of(secret).ids() == [run_id]
    assert later.of(ANNA).ids() == []
    for file in (tmp_path / "runs").rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes()
    with zipfile.ZipFile(shared.of(secret).archive(run_id)) as zipped:
        assert not [name for name in zipped.namelist() if name.endswith(FILE)]


def test_two_runs_of_one_visitor_look_unrelated_on_disk(shared: Shared, tmp_path: Path) -> None:
    ids = [new_id() for _ in range(2)]
    for run_id in ids:
        shared.write(ANNA, run_id)
    said = {(tmp_path / "runs" / run_id / FILE).read_text() for run_id in ids}
    assert len(said) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32} [0-9a-f]{64}\n", text) for text in said)


def test_each_visitor_trains_one_at_a_time_and_the_place_in_the_queue_is_known(
    shared: Shared, service: TrainingService
) -> None:
    anna, bert = shared.of(ANNA), shared.of(BERT)
    first = anna.submit(LONG)
    service.wait(first, lambda snapshot: snapshot.status == "running")
    waiting = bert.submit(LONG)
    behind = bert.snapshot(waiting)
    assert behind is not None
    assert (behind.status, behind.place) == ("queued", 1)
    for visitor in (anna, bert):
        with pytest.raises(RunsError, match="stop it or let it finish first"):
            visitor.submit(SHORT)
    anna.pause(first)
    service.wait(first, lambda snapshot: snapshot.status == "paused")
    second = anna.submit(LONG)
    with pytest.raises(RunsError, match="stop it or let it finish first"):
        anna.resume(first)
    bert.stop(waiting)
    anna.stop(second)
    service.wait(second, lambda snapshot: not snapshot.active)
    anna.resume(first)
    service.wait(first, lambda snapshot: snapshot.status == "running")


def test_nothing_is_left_of_a_run_that_could_not_begin(shared: Shared, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        shared.of(ANNA).submit(SHORT.model_copy(update={"data": "hub:no/where"}))
    with pytest.raises(RunsError, match="could not identify"):
        shared.of("").submit(SHORT)
    assert len([entry for entry in (tmp_path / "runs").iterdir() if not entry.name.startswith(".")]) == 1  # Anna's


def test_on_ones_own_machine_everybody_does_everything(
    service: TrainingService, annas: tuple[Path, str], tmp_path: Path
) -> None:
    nobody, run_id = VisitorRuns(service, "", public=False), annas[1]
    assert nobody.ids() == [run_id]
    nobody.rename(run_id, "Everybody's")
    nobody.delete(run_id)
    nobody.restore(run_id)
    assert nobody.ids() == [run_id]
    fresh = nobody.submit(SHORT)
    nobody.stop(fresh)
    assert not (tmp_path / "runs" / fresh / FILE).exists()


def test_the_model_list_shows_ones_own_runs_only(
    service: TrainingService, annas: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_service, "_service", service)
    run_id = annas[1]
    assert f"run:{run_id}" in models.choices(HOST)
    assert f"run:{run_id}" in models.choices(Visitor(ANNA, public=True))
    assert f"run:{run_id}" not in models.choices(Visitor(BERT, public=True))


ANYTHING = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"[0-9A-Fa-f]{30,34}", fullmatch=True),
    st.sampled_from([f"{ANNA}\n", ANNA.upper(), f" {ANNA}", ANNA[:-1], "../" + ANNA]),
    st.none(),
    st.integers(),
    st.lists(st.just(ANNA), max_size=2),
    st.dictionaries(st.just("visitor"), st.just(ANNA), max_size=1),
)


@pytest.fixture(scope="module")
def one_run(annas: tuple[Path, str]) -> tuple[Shared, str]:
    root, run_id = annas
    return Shared(TrainingService(root)), run_id


@given(visitor=ANYTHING)
@settings(max_examples=200, deadline=None)
def test_no_forged_secret_opens_a_run(one_run: tuple[Shared, str], visitor: object) -> None:
    shared, run_id = one_run
    runs = shared.of(visitor)
    assert runs.ids() == []
    assert runs.snapshot(run_id) is None
    with pytest.raises(RunsError):
        runs.delete(run_id)


ROAMING = st.sampled_from(["..", ".", "", "owner", ".deleted", "../runs", "a/b", "/etc", "x" * 5000, "\0", "run\n"])


@given(run_id=st.one_of(ROAMING, st.text(max_size=60)))
@settings(max_examples=200, deadline=None)
def test_no_forged_id_leads_anywhere(one_run: tuple[Shared, str], run_id: str) -> None:
    shared, kept = one_run
    anna = shared.of(ANNA)
    assert anna.snapshot(run_id) is None
    for ask in (anna.delete, anna.restore, anna.archive, lambda run_id: anna.rename(run_id, "x")):
        with pytest.raises(RunsError):
            ask(run_id)
    for quiet in (anna.pause, anna.stop, anna.resume):
        quiet(run_id)
    assert anna.ids() == [kept]
