"""The Gradio app where strangers come: what anyone may send to its events moves nobody's run and shows nobody's data."""

from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from engine.runs import service as training_service
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from engine.training.preflight import Preflight
from playground.labs.forward.text import UPLOAD_FIRST
from playground.labs.training import estimate
from playground.policy import mode
from playground.policy.ownership import write_owner
from playground.policy.visitor import visitor_of

pytestmark = pytest.mark.filterwarnings("ignore::Warning:gradio")
ANNA, BERT = "a" * 32, "b" * 32
LONG = {"steps": 100_000, "batch": 1, "T": 20, "report_every": 1, "sample_every": 100_000, "warmup": 0}


QUICK = Preflight(parameters=1000, seconds_per_step=0.001, micro_batch=32, memory=0, disk=0)


class Events:
    """Sends to the events of a running app what a browser would send, and what none would."""

    def __init__(self, demo: gr.Blocks, url: str) -> None:
        self._url = f"{url.rstrip('/')}/gradio_api/queue"
        self._config = demo.get_config_file()
        self._visits = 0

    def send(
        self,
        elem_id: str,
        event: str,
        first: list[Any],
        told: dict[str, Any] | None = None,
        session: str = "",
        **given: Any,
    ) -> str:
        """Everything that comes back, as one text.

        Args:
            elem_id, event: which event of which component.
            first: its first inputs; the others are as the page has them.
            told: what the event carries.
            session: of the page; a new one by default.
            given: values of other inputs, by the end of their id.
        """
        parts = {part["id"]: part for part in self._config["components"]}
        target = next(key for key, part in parts.items() if part["props"].get("elem_id") == elem_id)
        cause = next(
            one for one in self._config["dependencies"] if [target, event] in [list(t) for t in one["targets"]]
        )
        others = [parts[key]["props"] for key in cause["inputs"][len(first) :]]
        rest = [given.get(str(part.get("elem_id")).rpartition("-")[2], part.get("value")) for part in others]
        self._visits += 1
        visit = session or f"visit{self._visits}"
        body = {"data": [*first, *rest], "event_data": told, "fn_index": cause["id"], "session_hash": visit}
        self._post("join", body)
        with urllib.request.urlopen(f"{self._url}/data?session_hash={visit}", timeout=60) as stream:
            for line in stream:
                if b'"process_completed"' in line:
                    return line.decode()
        raise AssertionError("nothing came back")

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """A file as an input of an event."""
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        request = urllib.request.Request(
            self._url.replace("/queue", "/upload"),
            head.encode() + content + b"\r\n--x--\r\n",
            {"Content-Type": "multipart/form-data; boundary=x"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return {"path": json.load(answer)[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def _post(self, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self._url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=60).close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Events, TrainingService, str]]:
    """The app in public mode in this very process, its runs, and one of Anna's that is being trained."""
    from playground.gradio_ui import app

    service = TrainingService(tmp_path_factory.mktemp("runs"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_service, "_service", service)
        patch.setattr(mode, "_public", True)
        # How long a run would take on a busy computer is not measured here.
        patch.setattr(estimate, "preflight", lambda _: QUICK)
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        demo = app.build()
        _, url, _ = demo.queue(default_concurrency_limit=None).launch(
            prevent_thread_lock=True, quiet=True, show_error=False, **app.appearance()
        )
        run_id = visitor_of(ANNA).runs.submit(TrainConfig.model_validate(LONG))
        service.wait(run_id, lambda snapshot: snapshot.step > 0)
        yield Events(demo, url), service, run_id
        service.stop(run_id)
        service.wait(run_id, lambda snapshot: not snapshot.active)
        demo.close(verbose=False)


@pytest.mark.parametrize("visitor", [BERT, "", None, 7, [ANNA], {"a": ANNA}, ANNA.upper(), f"{ANNA}\n"])
@pytest.mark.parametrize("do", ["stop", "pause", "delete"])
def test_nobody_else_sees_or_moves_a_run(shared: tuple[Events, TrainingService, str], visitor: object, do: str) -> None:
    events, service, run_id = shared
    answer = events.send("training-head", "act", [{"run": run_id}, visitor], {"do": do, "of": run_id})
    assert "training: step" not in answer
    assert "Traceback" not in answer
    snapshot = service.snapshot(run_id)
    assert snapshot is not None
    assert snapshot.status == "running"


def test_the_owner_sees_it_and_is_told_that_one_at_a_time_is_trained(
    shared: tuple[Events, TrainingService, str],
) -> None:
    events, service, run_id = shared
    answer = events.send("training-head", "act", [{"run": run_id}, ANNA], {"do": "open", "of": run_id})
    assert run_id in answer
    assert "training" in answer
    again = events.send("training-start", "click", [{"run": run_id}, ANNA])
    assert "stop it or let it finish first" in again
    assert service.ids() == [run_id]


def test_a_guessed_session_shows_nothing_of_the_visitor_whose_it_is(
    shared: tuple[Events, TrainingService, str],
) -> None:
    events, service, _ = shared
    deleted = service.submit(TrainConfig.model_validate(LONG))
    folder = service.folder_of(deleted)
    assert folder is not None
    write_owner(ANNA, folder)
    service.rename(deleted, "Annas secret")
    act = {"do": "delete", "of": deleted}
    assert "Annas secret" in events.send("training-head", "act", [{"run": deleted}, ANNA], act, "guessed")
    for visitor in (BERT, "", None):
        for do in ("undo", "open", "list"):
            answer = events.send("training-head", "act", [{}, visitor], {"do": do, "of": deleted}, "guessed")
            assert "Annas secret" not in answer
    assert deleted not in service.ids()


@pytest.mark.parametrize(
    "told",
    [None, {}, {"do": 3, "of": []}, {"do": "open", "of": "../../etc"}, {"do": "page", "of": "9" * 900}, {"do": "undo"}],
)
@pytest.mark.parametrize(
    "asked", [None, 3, [], "x", {"run": ["a"]}, {"compare": "," * 9000}, {"run": "\0", "against": {}}]
)
def test_whatever_is_sent_is_answered_without_a_trace(
    shared: tuple[Events, TrainingService, str], asked: object, told: dict[str, Any] | None
) -> None:
    events, _, run_id = shared
    answer = events.send("training-head", "act", [asked, ANNA], told)
    assert json.loads(answer.removeprefix("data:"))["success"], answer
    assert "Traceback" not in answer
    assert run_id in answer  # the newest, where nothing else can be meant


def test_pictures_are_not_prepared_for_strangers(shared: tuple[Events, TrainingService, str]) -> None:
    events, _, _ = shared
    assert not [part for part in events._config["components"] if part["props"].get("elem_id") == "training-others"]


TAB = "t" * 32


def test_points_of_another_visitor_are_not_reached_by_their_session(
    shared: tuple[Events, TrainingService, str],
) -> None:
    events, missing = shared[0], "Choose a CSV file below"
    pasted = "0.123,0.4,annas kind\n0.3,-0.2,annas kind\n-0.5,0.7,other"
    answer = events.send("points-pasted", "blur", [ANNA, TAB], None, "points", pasted=pasted, data="file")
    assert missing not in answer
    assert "annas kind" in answer
    again = events.send("points-particles", "input", [ANNA, TAB], None, "points", data="file")
    assert missing not in again
    assert "annas kind" in again
    for visitor in (BERT, "", None):
        theirs = events.send("points-particles", "input", [visitor, TAB], None, "points", data="file")
        assert json.loads(theirs.removeprefix("data:"))["success"], theirs
        assert missing in theirs
        assert "annas kind" not in theirs


def test_a_picture_of_another_visitor_is_not_reached_by_their_session(
    shared: tuple[Events, TrainingService, str],
) -> None:
    events = shared[0]
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(file, "PNG")
    picture = events.upload("annas.png", file.getvalue())
    answer = events.send("forward-file", "change", [ANNA, TAB], None, "forward", file=picture, data="upload")
    assert UPLOAD_FIRST not in answer
    hers = events.send("forward-T", "input", [ANNA, TAB], None, "forward", data="upload")
    assert UPLOAD_FIRST not in hers
    nothing = events.send("forward-T", "input", [BERT, TAB], None, "", data="upload")
    for visitor in (BERT, "", None):
        theirs = events.send("forward-T", "input", [visitor, TAB], None, "forward", data="upload")
        assert UPLOAD_FIRST in theirs
        assert _data(theirs)[-4] == _data(nothing)[-4] != _data(hers)[-4]  # the timeline


def _data(answer: str) -> list[Any]:
    data: list[Any] = json.loads(answer.removeprefix("data:"))["output"]["data"]
    return data
