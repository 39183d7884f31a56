"""What the Schedules lab shows: a timeline of the noised picture under every schedule, with their curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.panels import CurvePanel, Line
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.schedules.controls import TITLES, ScheduleControls
from playground.labs.schedules.job import Quantity, noised, schedules_of, values_of
from playground.labs.shared import noising

COLORS = {"drawn": 0, "linear": 1, "cosine": 2, "sigmoid": 3}
"""Which of the six colours of a chart each schedule has, everywhere in the lab."""

MOST_FRAMES = 101


def timeline(controls: ScheduleControls) -> Timeline:
    """The same picture under the same noise, a lane for each schedule that is shown. Raises ValueError if none is."""
    shown = noising.shown_times(controls.T, MOST_FRAMES)
    at = noising.thinned_times(controls.T)
    frames = noised(controls, shown)

    def panel(quantity: Quantity, title: str, y_label: str, **axis: Any) -> CurvePanel:
        lines = [
            Line(_(TITLES[name]), at, drawable(values_of(schedule, quantity)[at]), COLORS[name])
            for name, schedule in schedules_of(controls).items()
        ]
        return CurvePanel(title, _("step t"), y_label, tuple(lines), shown, **axis)

    return Timeline(
        id="schedules",
        lanes=tuple(
            Lane.of_pictures(name, _(TITLES[name]), noising.to_uint8(x)[:, None]) for name, x in frames.items()
        ),
        positions=tuple(Position(int(t), _("t = {t} of {T}", t=t, T=controls.T)) for t in shown),
        panels=(
            panel("beta", _("Variance added by step t, <i>β</i><sub>t</sub>"), _("variance"), log_y=True),
            panel(
                "alpha_bar",
                _("Signal variance, <i>ᾱ</i><sub>t</sub>"),
                _("share of the data’s variance"),
                y_range=(0.0, 1.0),
            ),
            panel("log_snr", _("log SNR, log <i>ᾱ</i><sub>t</sub> / (1 − <i>ᾱ</i><sub>t</sub>)"), _("nats")),
            panel(
                "sigma",
                _("Posterior standard deviation, √<i>β̃</i><sub>t</sub>"),
                _("standard deviation"),
                log_y=True,
            ),
        ),
        start_at=len(shown) // 2,
        fps=max(12.0, len(shown) / 6),
        label=_("The same image under every schedule, from t = 0 to t = T"),
    )


def drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Infinite values as gaps."""
    return np.where(np.isfinite(values), values, np.nan)
