"""The Training page of the Gradio app where strangers come: what anyone may send to its events, by hand, moves nobody's run."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from engine.runs import service as training_service
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from engine.training.preflight import Preflight
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
        self, elem_id: str, event: str, first: list[Any], told: dict[str, Any] | None = None, session: str = ""
    ) -> str:
        """Everything that comes back, as one text.

        Args:
            elem_id, event: which event of which component.
            first: its first inputs; the others are as the page has them.
            told: what the event carries.
            session: of the page; a new one by default.
        """
        parts = {part["id"]: part for part in self._config["components"]}
        target = next(key for key, part in parts.items() if part["props"].get("elem_id") == elem_id)
        cause = next(
            one for one in self._config["dependencies"] if [target, event] in [list(t) for t in one["targets"]]
        )
        rest = [parts[key]["props"].get("value") for key in cause["inputs"][len(first) :]]
        self._visits += 1
        visit = session or f"visit{self._visits}"
        body = {"data": [*first, *rest], "event_data": told, "fn_index": cause["id"], "session_hash": visit}
        self._post("join", body)
        with urllib.request.urlopen(f"{self._url}/data?session_hash={visit}", timeout=60) as stream:
            for line in stream:
                if b'"process_completed"' in line:
                    return line.decode()
        raise AssertionError("nothing came back")

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
