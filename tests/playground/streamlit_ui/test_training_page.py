"""The Training page as a script: its list of runs, comparing, naming, deleting, and the doctor's one click."""

from __future__ import annotations

import shlex
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.runs import service as training_service
from engine.runs.entry import Snapshot
from engine.runs.folder import RunFolder
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from playground import preload
from playground.labs.training import runs as names
from playground.labs.training import text, visit
from playground.policy.visitor import HOST

SECONDS = 60.0
FEW = {"batch": 1, "T": 20, "report_every": 1, "sample_every": 100, "warmup": 0, "ema_decay": 0.5}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three real runs, oldest first: cosine, linear, and one without label dropout."""
    root: Path = tmp_path_factory.mktemp("trained")
    service = TrainingService(root)
    for changes in ({"steps": 3}, {"steps": 4, "schedule": "linear"}, {"steps": 3, "label_dropout": 0.0}):
        run_id = service.submit(TrainConfig.model_validate(FEW | changes))
        service.wait(run_id, lambda snapshot: snapshot.status == "finished", SECONDS)
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingService]:
    """A service on a copy of them."""
    own = TrainingService(shutil.copytree(trained, tmp_path / "runs"))
    monkeypatch.setattr(training_service, "_service", own)
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr(preload, "start", lambda: ready)
    yield own
    for run_id in own.ids():
        own.stop(run_id)


def _training() -> None:
    from playground.streamlit_ui import training

    training.show()


def _open(**link: str) -> AppTest:
    at = AppTest.from_function(_training, default_timeout=SECONDS)
    for name, value in {"batch": "1", **link}.items():
        at.query_params[name] = value
    return _fine(at.run())


def _fine(at: AppTest) -> AppTest:
    assert [problem.value for problem in at.exception] == []
    return at


def _text(at: AppTest) -> str:
    elements = (*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success)
    return "\n".join(str(element.value) for element in elements)


def _listed(at: AppTest) -> AppTest:
    """With the list open."""
    at.session_state["training/list"] = True
    return _fine(at.run())


def test_the_list_shows_every_run_and_opens_one(runs: TrainingService) -> None:
    at = _listed(_open())
    newest, _, oldest = runs.ids()
    assert at.session_state["training/visit"].choice.run == newest
    for run_id in runs.ids():
        assert at.checkbox(key=f"training/compare/{run_id}").value is False
    _fine(at.button(key=f"training/open/{oldest}").click().run())
    assert at.session_state["training/visit"].choice.run == oldest
    assert at.query_params["run"] == oldest


def test_two_ticks_compare_and_the_link_says_so(runs: TrainingService) -> None:
    at = _listed(_open())
    _, middle, oldest = runs.ids()
    _fine(at.checkbox(key=f"training/compare/{oldest}").check().run())
    assert "Tick another run" in _text(at)
    _fine(at.checkbox(key=f"training/compare/{middle}").check().run())
    assert at.query_params["compare"] == f"{oldest},{middle}"
    told = _text(at)
    assert "| Noise schedule | cosine | linear |" in told
    assert "| Training steps | 3 | 4 |" in told
    assert "the runs differ in the noise schedule" in told
    assert "Label dropout" not in told  # in which they do not differ
    _fine(at.segmented_control(key="training/against").set_value("time").run())
    assert at.query_params["against"] == "time"
    _fine(at.button(key="training/back").click().run())
    assert "compare" not in at.query_params
    assert "against" not in at.query_params
    assert not at.checkbox(key=f"training/compare/{oldest}").value


def test_a_link_opens_a_comparison(runs: TrainingService) -> None:
    newest, _, oldest = runs.ids()
    at = _open(compare=f"{newest},20200101-000000-00000000,{oldest}", against="pictures")
    assert "compares 1 training run that is not here" in _text(at)
    assert at.session_state["training/visit"].choice.compared == (newest, oldest)
    assert at.segmented_control(key="training/against").value == "pictures"
    assert "| Label dropout | 0 | 0.1 |" in _text(at)


@pytest.mark.parametrize("compare", ["", ",,,", "x" * 300, "../../etc,..", "20200101-000000-00000000"])
@pytest.mark.parametrize("against", ["", "nonsense"])
def test_bad_links_of_comparisons_open_the_page(runs: TrainingService, compare: str, against: str) -> None:
    at = _open(compare=compare, against=against)
    assert at.session_state["training/visit"].choice.compared == ()
    assert at.session_state["training/visit"].choice.run == runs.ids()[0]


def test_more_than_four_cannot_be_ticked(runs: TrainingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "MOST_COMPARED", 2)
    newest, middle, oldest = runs.ids()
    at = _listed(_open(compare=f"{newest},{middle}"))
    assert at.checkbox(key=f"training/compare/{oldest}").disabled
    assert not at.checkbox(key=f"training/compare/{newest}").disabled


def test_a_long_list_has_pages(runs: TrainingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PER_PAGE", 2)
    at = _listed(_open())
    shown = [box.key for box in at.checkbox]
    assert shown == [f"training/compare/{run_id}" for run_id in runs.ids()[:2]]


def test_a_run_is_renamed_in_place(runs: TrainingService) -> None:
    run_id = runs.ids()[0]
    at = _open()
    name = "My *best* run | with <b>"
    _rename(at, name)
    snapshot = runs.snapshot(run_id)
    assert snapshot is not None
    assert snapshot.title == name
    assert r"## My \*best\* run" in _text(at)
    # It is there for another process too, and an empty name takes it away.
    again = TrainingService(runs._root).snapshot(run_id)
    assert again is not None
    assert again.title == name
    _rename(at, "")
    assert names.title(runs.snapshot(run_id)).startswith("digits, ")  # type: ignore[arg-type]


def _rename(at: AppTest, name: str) -> None:
    field = next(one for one in at.text_input if one.label == "Name")
    _fine(field.set_value(name).run())


def test_a_deleted_run_can_be_brought_back(runs: TrainingService) -> None:
    newest, middle, _ = runs.ids()
    at = _open()
    _fine(at.button(key="training/delete").click().run())
    assert newest not in runs.ids()
    assert at.session_state["training/visit"].choice.run == middle
    assert "🗑️ Deleted" in _text(at)
    _fine(at.run())  # the line stays
    _fine(at.button(key=f"training/undo/{newest}").click().run())
    assert runs.ids()[0] == newest
    assert at.session_state["training/visit"].choice.run == newest
    assert "🗑️ Deleted" not in _text(at)


def test_what_is_gone_for_good_is_said(runs: TrainingService) -> None:
    newest = runs.ids()[0]
    at = _open()
    _fine(at.button(key="training/delete").click().run())
    shutil.rmtree(runs._root / ".deleted")
    _fine(at.button(key=f"training/undo/{newest}").click().run())
    assert "cannot be brought back" in _text(at)


def test_a_run_that_is_being_trained_cannot_be_deleted(runs: TrainingService) -> None:
    run_id = runs.submit(TrainConfig.model_validate(FEW | {"steps": 100_000}))
    runs.wait(run_id, lambda snapshot: snapshot.status == "running" and snapshot.step > 0, SECONDS)
    at = _open()
    assert at.button(key="training/delete").disabled
    runs.stop(run_id)
    runs.wait(run_id, lambda snapshot: not snapshot.active, SECONDS)
    assert not _fine(at.run()).button(key="training/delete").disabled


def test_the_doctors_change_fills_the_controls_and_starts_nothing(runs: TrainingService) -> None:
    count = len(runs.ids())
    at = _open()
    assert "abel dropout" in _text(at)
    _fine(at.button(key="training/take/0").click().run())
    controls = at.session_state["training/controls"]
    assert (controls.label_dropout, controls.T, controls.steps) == (0.1, 20, 3)
    assert "with label dropout 0.1" in _text(at)
    assert len(runs.ids()) == count
    assert at.slider(key="training/T/1").value == 20


def test_where_nothing_is_wrong_the_doctor_says_one_calm_line(runs: TrainingService) -> None:
    at = _open(run=runs.ids()[-1])
    assert text.WELL in _text(at)
    assert not [button.key for button in at.button if str(button.key).startswith("training/take/")]


def test_the_shell_command_of_a_run_is_shown_and_means_that_run(runs: TrainingService) -> None:
    at = _open()
    command = at.code[0].value
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "engine", "train"]
    snapshot = runs.snapshot(runs.ids()[0])
    assert snapshot is not None
    assert command == snapshot.command
    assert "label_dropout=0.0" in words


def test_a_run_of_another_process_says_so(runs: TrainingService, monkeypatch: pytest.MonkeyPatch) -> None:
    real = runs.snapshot

    def elsewhere(run_id: str) -> Snapshot | None:
        snapshot = real(run_id)
        return None if snapshot is None else replace(snapshot, status="paused", elsewhere=True)

    monkeypatch.setattr(runs, "snapshot", elsewhere)
    at = _open()
    assert "by another process" in " ".join(bar.text for bar in at.get("progress"))
    assert at.button(key="training/delete").disabled


def test_the_place_in_the_queue_and_the_wait_for_pictures_are_shown(
    runs: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *_, last = (runs.submit(TrainConfig.model_validate(FEW | {"steps": 100_000})) for _ in range(3))
    runs.wait(first, lambda snapshot: snapshot.step > 0, SECONDS)
    at = _open(run=last)
    assert "queued 3rd**" in at.get("progress")[0].text
    assert "waiting for images" not in _text(at)
    pace = names.pace
    waiting = lambda snapshot: replace(snapshot, reports=tuple(replace(one, waiting=0.5) for one in snapshot.reports))  # noqa: E731
    monkeypatch.setattr(names, "pace", lambda snapshot: pace(waiting(snapshot)))
    at = _open(run=first)
    assert "50 % of the time is spent waiting for images." in _text(at)


def test_what_a_dead_process_left_behind_is_resumed_by_a_click(
    runs: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder says that it is running, and no living process holds it."""
    folder = RunFolder(runs._root, runs.ids()[-1])
    record = folder.read_record()
    assert record is not None
    longer = record.config.model_copy(update={"steps": 5})
    folder.write_record(record.model_copy(update={"status": "running", "config": longer}))
    later = TrainingService(runs._root)
    monkeypatch.setattr(training_service, "_service", later)
    at = _open(run=folder.id)
    assert "**interrupted**: step 3 of 5" in at.get("progress")[0].text
    assert not at.button(key="training/resume").disabled
    at.button(key="training/resume").click().run()
    later.wait(folder.id, lambda snapshot: snapshot.status == "finished", SECONDS)
    assert [report.step for report in folder.read_metrics()] == [1, 2, 3, 4, 5]


def test_an_action_that_streamlit_calls_twice_is_done_once_and_says_nothing(runs: TrainingService) -> None:
    run_id = runs.submit(TrainConfig.model_validate(FEW | {"steps": 100_000}))
    now, visitor_runs = visit.Visit(visit.Choice(run_id)), HOST.runs
    for do, status in (("pause", "paused"), ("resume", "running"), ("stop", "stopped"), ("delete", ""), ("undo", "")):
        for _ in range(2):
            now, problem = now.act(do, run_id, visitor_runs)
            assert problem == ""
        if status:
            runs.wait(run_id, lambda snapshot, status=status: snapshot.status == status, SECONDS)
        assert (run_id in runs.ids(), len(now.deleted)) == ((False, 1) if do == "delete" else (True, 0))
    now, _ = now.act("delete", run_id, visitor_runs)
    assert run_id not in runs.ids()
