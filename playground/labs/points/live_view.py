"""What the Points lab shows in the reader's browser, and what comes back from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.language import cached, message_of
from playground.labs.points.controls import PointsControls
from playground.labs.points.view import PointsView
from playground.labs.shared.controls import checked
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from playground.labs.points.live import LivePoints


@dataclass(frozen=True)
class _Asked:
    """Clouds; those that were compiled are known again by their key."""

    key: str
    controls: PointsControls = field(compare=False)
    view: PointsView = field(compare=False)


def live_view(controls: PointsControls, view: PointsView) -> LivePoints | Notice | None:
    """What these settings show in the browser, or a sentence that says why they are not shown there; None without points."""
    from playground.browser.instructions import ProgramError
    from playground.browser.offered import offer

    if view.data is None:
        return None
    try:
        shown = _compiled(_Asked(view.key, controls, view))
    except ProgramError as problem:
        return Notice("info", str(message_of(problem)))
    if view.trained is not None:
        offer().network(view.trained.denoiser.net)  # again, where it was dropped meanwhile
    return shown


@cached(8)
def _compiled(asked: _Asked) -> LivePoints:
    from playground.browser.offered import offer
    from playground.labs.points.live import live_points

    assert asked.view.data is not None
    return live_points(asked.controls, asked.view.data, asked.view.trained, offer().network)


def moved(controls: PointsControls, value: object) -> PointsControls | None:
    """The settings once the reader has moved controls of the figure; None for what stands for none."""
    if not isinstance(value, Mapping):
        return None
    try:
        return checked(controls, **{name: value[name] for name in ("steps", "eta", "scale") if name in value})
    except ValueError:
        return None
