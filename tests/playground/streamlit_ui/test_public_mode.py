"""Public mode in Streamlit: a visitor sees, opens and changes only what is theirs, by page and by link; no path is named."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.runs import service as training_service
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from playground import preload
from playground.policy import mode
from playground.policy.visitor import Visitor
from playground.streamlit_ui import visitor as identity

SECONDS = 60.0
ANNA, BERT = "a" * 32, "b" * 32
FEW = {"batch": 1, "T": 20, "report_every": 1, "sample_every": 100, "warmup": 0, "ema_decay": 0.5, "steps": 2}
QUICK = {"sampling": {"steps": "2", "count": "1"}, "microscope": {"steps": "2"}, "xray": {}, "training": {"batch": "1"}}
QUICK |= {"likelihood": {"pictures": "4", "blocks": "2"}, "recorder": {}, "guidance": {"view": "price"}}
OF_A_RUN = ("Annas secret", "Your run of", "Your VAE of", "(step 2)")
"""How pages name a run."""
FOREIGN = [
    ("sampling", "model", "run:{draws}"),
    ("sampling", "model", "{folder}"),
    ("sampling", "model", "google/ddpm-cifar10-32"),
    ("sampling", "classifier", "run:{reads}"),
    ("microscope", "model", "run:{draws}"),
    ("microscope", "model", "{folder}"),
    ("xray", "model", "run:{draws}"),
    ("xray", "model", "{folder}"),
    ("likelihood", "vae", "run:{encodes}"),
    ("likelihood", "run", "run:{draws}"),
    ("recorder", "run", "{draws}"),
    ("guidance", "model", "run:{draws}"),
    ("guidance", "classifier", "run:{reads}"),
    ("training", "run", "{draws}"),
    ("training", "compare", "{draws},{reads}"),
    ("training", "data", "folder:{folder}"),
    ("training", "data", "folder:/etc"),
]


@pytest.fixture(scope="module")
def annas(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with three finished runs of Anna's, and their ids by what they do; each has the title “Annas secret”."""
    root: Path = tmp_path_factory.mktemp("annas")
    with pytest.MonkeyPatch.context() as patch:
        service = TrainingService(root)
        patch.setattr(training_service, "_service", service)
        runs = Visitor(ANNA, public=True).runs
        ids = {}
        for name, task in (("draws", "denoiser"), ("reads", "classifier"), ("encodes", "vae")):
            ids[name] = runs.submit(TrainConfig.model_validate(FEW | {"task": task}))
            service.wait(ids[name], lambda snapshot: not snapshot.active, 4 * SECONDS)
            runs.rename(ids[name], "Annas secret")
    return root, ids


@pytest.fixture
def ids(
    annas: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The same on a copy, in public mode."""
    root, ids = annas
    own = TrainingService(shutil.copytree(root, tmp_path / "runs"))
    monkeypatch.setattr(training_service, "_service", own)
    monkeypatch.setattr(mode, "_public", True)
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr(preload, "start", lambda: ready)
    yield {**ids, "folder": str(tmp_path / "runs" / ids["draws"])}
    for run_id in own.ids():
        own.stop(run_id)
        own.wait(run_id, lambda snapshot: not snapshot.active, 4 * SECONDS)


def _open(lab: str, secret: str, **link: str) -> AppTest:
    """The page of a lab, opened by a visitor with a link."""

    def show(lab: str) -> None:
        from importlib import import_module

        import_module(f"playground.streamlit_ui.{lab}").show()

    at = AppTest.from_function(show, default_timeout=SECONDS, args=(lab,))
    at.session_state[identity.SECRET] = secret
    for name, value in {**QUICK[lab], **link}.items():
        at.query_params[name] = value
    at.run()
    assert [problem.value for problem in at.exception] == []
    return at


def _all(at: AppTest) -> str:
    """Everything that the page says and offers; not what its link says, which is the visitor's."""
    options = [str(option) for box in at.selectbox for option in box.options]
    return "\n".join([repr(at.main), repr(at.sidebar), *options])


@pytest.mark.parametrize("lab", list(QUICK))
def test_no_page_shows_a_run_of_another_visitor(lab: str, ids: dict[str, str]) -> None:
    for secret in (BERT, ""):
        shown = _all(_open(lab, secret))
        for name in ("draws", "reads", "encodes"):
            assert ids[name] not in shown
        assert not [words for words in OF_A_RUN if words in shown]
        assert ids["folder"] not in shown
    offered = _all(_open(lab, ANNA))
    assert [words for words in OF_A_RUN if words in offered]


@pytest.mark.parametrize(("lab", "name", "value"), FOREIGN)
def test_no_link_opens_a_run_of_another_visitor_or_a_path(
    lab: str, name: str, value: str, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.interop import pretrained

    loaded: list[str] = []
    monkeypatch.setattr(pretrained, "load", lambda path, *more: loaded.append(str(path)))
    value = value.format(**ids)
    at = _open(lab, BERT, **{name: value})
    shown = _all(at)
    assert "Annas secret" not in shown
    assert not [path for path in loaded if ids["draws"] in path or "/etc" in path]
    if name in ("model", "data", "vae"):  # what is offered: another is chosen in its place
        assert getattr(at.session_state[f"{lab}/controls"], name) != value


def test_what_another_visitor_trains_is_not_stopped_and_each_trains_one_at_a_time(ids: dict[str, str]) -> None:
    service = training_service.service()
    long = Visitor(ANNA, public=True).runs.submit(TrainConfig.model_validate(FEW | {"steps": 100_000}))
    service.wait(long, lambda snapshot: snapshot.status == "running", SECONDS)
    for link in ({}, {"run": long}, {"compare": f"{long},{ids['draws']}"}):
        at = _open("training", BERT, **link)
        assert long not in _all(at)
        assert not [button for button in at.button if button.label in ("Stop", "Pause", "Delete", "Resume")]
    snapshot = service.snapshot(long)
    assert snapshot is not None
    assert snapshot.status == "running"
    assert [button for button in _open("training", ANNA).button if button.label == "Stop"]


def test_controls_go_as_far_as_the_limits_and_a_link_beyond_them_is_lowered(ids: dict[str, str]) -> None:
    at = _open("sampling", BERT, count="64", steps="1000")
    controls = at.session_state["sampling/controls"]
    assert (controls.count, controls.steps) == (16, 250)
    assert any("goes up to 16 here" in warning.value for warning in at.warning)
    at = _open("training", BERT, steps="100000")
    assert at.session_state["training/controls"].steps == 3000


def test_no_model_is_uploaded_and_no_pictures_are_prepared(ids: dict[str, str]) -> None:
    for lab in ("sampling", "training"):
        at = _open(lab, BERT)
        assert not at.get("file_uploader")
        assert not [box for box in at.text_input if "folder" in (box.key or "")]


@pytest.mark.parametrize("arguments", [["--publc"], ["--public", "x"]])
def test_an_unknown_argument_is_one_sentence(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="is not an option") as refusal:
        mode.read_arguments(arguments)
    assert str(refusal.value).endswith(".")


def test_public_mode_is_switched_by_argument_variable_and_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv(mode.VARIABLE, raising=False)
    assert not mode.read_arguments([])
    assert mode.read_arguments(["--public"])
    monkeypatch.setenv("SPACE_ID", "ada/play")
    assert mode.read_arguments([])
    assert not mode.read_arguments(["--no-public"])
    monkeypatch.setenv(mode.VARIABLE, "0")
    assert not mode.read_arguments([])
    monkeypatch.delenv("SPACE_ID")
    monkeypatch.setenv(mode.VARIABLE, "1")
    assert mode.read_arguments([])
    assert not mode.read_arguments(["--public", "--no-public"])
