"""Training in the API: begin a run, look at it, stop it. Where strangers are let in, each sees and stops their own only."""

import secrets
from typing import TYPE_CHECKING, Any

from engine.language import _
from playground import preload
from playground.gradio_ui.api_errors import clear_errors
from playground.labs.shared.controls import demanded
from playground.labs.training import estimate
from playground.labs.training.controls import TrainingControls
from playground.policy.ownership import SECRET
from playground.policy.visitor import visitor_of

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

NO_SECRET = "The visitor's secret has 32 hexadecimal digits, drawn at random; left empty, one is made for you."


def train_start(settings: dict[str, Any] = {}, visitor: str = "") -> dict[str, Any]:  # noqa: B006  (shown in the documentation, never changed)
    """Begin a training run, or put it into the queue.

    Args:
        settings: of the Training lab, for instance {"data": "digits", "steps": 300}; what it does not name has its default.
        visitor: a secret of 32 hexadecimal digits, by which you find your runs again; left empty, one is made.

    Returns:
        {"run": its id, "visitor": your secret, and what /train_status says}
    """
    with clear_errors():
        preload.wait()
        secret = visitor or secrets.token_hex(16)
        if not isinstance(secret, str) or not SECRET.fullmatch(secret):
            raise ValueError(NO_SECRET)
        if not isinstance(settings, dict):
            raise ValueError(_('Settings are names with values, such as {"data": "digits", "steps": 300}.'))
        controls = demanded(TrainingControls, settings)
        asking = visitor_of(secret)
        asking.check_training(estimate.config_of(controls, 1.0))
        run_id = asking.runs.submit(estimate.checked_config(controls, asking))
        return {"visitor": secret, **_described(asking.runs.known(run_id))}


def train_status(run: str, visitor: str = "") -> dict[str, Any]:
    """How far a training run is.

    Args:
        run: its id.
        visitor: your secret from /train_start.

    Returns:
        {"run", "status": "queued", "running", "paused", "finished", "stopped", "failed" or "interrupted", "place": in the
        queue, "step", "steps", "loss": the last one, "held_out_loss", "seconds_left", "error": "" or a sentence, "model": what
        a recipe names to draw with it, null before it has learned anything}
    """
    with clear_errors():
        preload.wait()
        return _described(visitor_of(visitor).runs.known(run))


def train_stop(run: str, visitor: str = "") -> dict[str, Any]:
    """End a training run at its next report; what it has learned is kept.

    Args:
        run: its id.
        visitor: your secret from /train_start.

    Returns:
        As /train_status.
    """
    with clear_errors():
        preload.wait()
        runs = visitor_of(visitor).runs
        runs.stop(runs.known(run).id)
        return _described(runs.known(run))


def _described(snapshot: "Snapshot") -> dict[str, Any]:
    return {
        "run": snapshot.id,
        "status": snapshot.status,
        "place": snapshot.place,
        "step": snapshot.step,
        "steps": snapshot.config.steps,
        "loss": snapshot.reports[-1].loss if snapshot.reports else None,
        "held_out_loss": snapshot.held_out[-1][1] if snapshot.held_out else None,
        "seconds_left": snapshot.seconds_left,
        "error": snapshot.error,
        "model": f"run:{snapshot.id}" if snapshot.can_sample else None,
    }
