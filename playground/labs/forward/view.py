"""What the Forward lab shows: one timeline of the forward process, with the equations and curves that move along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.language import _, cached
from playground.components.payloads.panels import CurvePanel, EquationPanel, Line, Panel
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.forward.controls import ForwardControls, Process
from playground.labs.forward.job import MEASURED_VALUES, MOST_FRAMES, Strip, jump, steps
from playground.labs.shared import noising
from playground.labs.shared.picture import Picture


def timeline(controls: ForwardControls, picture: Picture) -> Timeline:
    """The forward process of that picture as a timeline, with everything that moves along it.

    Args:
        picture: uint8 (H, W, C), C = 1 or 3; `picture.chosen(controls)`, or one that the reader uploaded.
    """
    return _timeline(
        controls.process, controls.schedule, controls.T, controls.seed, noising.Hashed(np.ascontiguousarray(picture))
    )


@cached(12)
def _timeline(process: Process, schedule: str, T: int, seed: int, hashed: noising.Hashed) -> Timeline:
    picture = hashed.picture
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    x0 = noising.to_unit(picture).reshape(-1)
    variance = float(x0.var(dtype=np.float64))
    shares = signal_shares(variance, table.alpha_bar[shown])
    copies = max(1, round(MEASURED_VALUES / x0.size))
    strips = {
        "jump": jump(x0, schedule, T, seed, copies),
        "steps": steps(x0, schedule, T, seed, copies),
    }
    processes = ("jump", "steps") if process == "both" else (process,)
    panels = _panels(processes, strips, table, shown, variance)
    return Timeline(
        id="forward",
        lanes=tuple(_lane(name, strips[name], picture.shape) for name in processes),
        positions=tuple(Position(int(t), _("t = {t} of {T}", t=t, T=T)) for t in shown),
        captions=tuple(_caption(float(share)) for share in shares),
        panels=tuple(panels[name] for name in ORDER[process]),
        start_at=int((shares > 0.5).sum()),  # as much noise as signal: something of both can be seen
        fps=max(12.0, min(60.0, len(shown) / 6)),
        label=_("Forward process, from the image at t = 0 to noise at t = T"),
    )


def _lane(process: str, strip: Strip, shape: tuple[int, ...]) -> Lane:
    titles = {
        "jump": (
            _("<i>x</i><sub>t</sub> in one jump"),
            _("Same noise <i>ε</i> at every t."),
        ),
        "steps": (_("<i>x</i><sub>t</sub> after t steps"), _("Fresh noise at every step.")),
    }
    title, help_text = titles[process]
    frames = noising.to_uint8(strip.x).reshape(-1, 1, *shape)
    return Lane.of_pictures(process, title, frames, help=help_text)


def signal_shares(variance: float, alpha_bar: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the variance of x_t over the pixels the share that is signal: ᾱ_t v / (ᾱ_t v + 1 − ᾱ_t), v being that of x_0."""
    signal = alpha_bar * variance
    total = signal + (1 - alpha_bar)
    return np.divide(signal, total, out=np.ones_like(total), where=total > 0)


def _caption(share: float) -> str:
    if share == 1:
        return _("The clean image x₀, without noise.")
    percent = f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %" if share > 1e-5 else _("under 0.001 %")
    if share > 0.55:
        return _("Mostly signal: {percent} of the variance of xₜ over its pixels.", percent=percent)
    if share > 0.45:
        return _(
            "About as much noise as signal: {percent} of the variance of xₜ over its pixels is signal.", percent=percent
        )
    if share > 0.01:
        return _("Mostly noise: {percent} of the variance of xₜ over its pixels is still signal.", percent=percent)
    return _("Nearly pure noise: {percent} of the variance of xₜ over its pixels is signal.", percent=percent)


ORDER: dict[Process, tuple[str, ...]] = {
    "jump": ("one jump", "pixels jump", "variances", "snr", "noise jump", "spread"),
    "steps": ("one step", "one jump", "pixels steps", "variances", "snr", "noise steps", "spread"),
    "both": (
        *("one step", "one jump", "noise jump", "noise steps", "pixels jump", "pixels steps"),
        *("spread", "variances", "snr"),
    ),
}
"""The panels of each process by what they show. The first chart stands beside the pictures; with two of them none does, and the
pairs come in rows."""


def _panels(
    processes: tuple[str, ...],
    strips: dict[str, Strip],
    table: noising.Table,
    shown: NDArray[np.int64],
    variance: float,
) -> dict[str, Panel]:
    step, closed = _equations(table, shown)
    parts, snr = _curves(table, shown, variance)
    panels: dict[str, Panel] = {"one step": step, "one jump": closed, "variances": parts, "snr": snr}
    panels["spread"] = _spread(strips, table, shown)
    names = {"jump": _("in one jump"), "steps": _("after t steps")}
    for process in processes:
        strip = strips[process]
        panels[f"pixels {process}"] = noising.histogram_of(
            _("Pixel values of <i>x</i><sub>t</sub> {names}", names=names[process]),
            _("pixel value (−1 darkest, 1 brightest)"),
            strip.x,
        )
        panels[f"noise {process}"] = noising.histogram_of(
            _("The noise in <i>x</i><sub>t</sub> {names}", names=names[process]),
            _("(xₜ − √ᾱₜ x₀) / √(1−ᾱₜ), no unit"),
            strip.noise,
            table.sigma[shown] > 0,
        )
    return panels


def _curves(table: noising.Table, shown: NDArray[np.int64], variance: float) -> tuple[CurvePanel, CurvePanel]:
    at = noising.thinned_times(table.T)
    parts = CurvePanel(
        _("Signal and noise variance; this image’s is v = {variance}", variance=f"{variance:.2g}"),
        _("step t"),
        _("variance over the pixels"),
        (
            Line(_("signal, v <i>ᾱ</i><sub>t</sub>"), at, variance * table.alpha_bar[at]),
            Line(_("noise, 1 − <i>ᾱ</i><sub>t</sub>"), at, 1 - table.alpha_bar[at]),
        ),
        shown,
        y_range=(0.0, 1.0),
    )
    of_image = variance * table.snr if variance else np.full_like(table.snr, np.nan)
    snr = CurvePanel(
        _("Signal-to-noise ratio"),
        _("step t"),
        _("ratio"),
        (
            Line(_("of this image, v <i>ᾱ</i><sub>t</sub> / (1 − <i>ᾱ</i><sub>t</sub>)"), at, of_image[at]),
            Line(_("of data of variance 1"), at, table.snr[at], dashed=True),
        ),
        shown,
        log_y=True,
        y_range=noising.snr_range(np.append(table.snr, of_image)),
    )
    return parts, snr


def _spread(strips: dict[str, Strip], table: noising.Table, shown: NDArray[np.int64]) -> CurvePanel:
    return CurvePanel(
        _("Standard deviation of the noise"),
        _("step t"),
        _("of xₜ − √ᾱₜ x₀, in pixel values"),
        (
            Line(_("one jump"), shown, strips["jump"].spread),
            Line(_("t steps"), shown, strips["steps"].spread),
            Line(_("calculated, <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt>"), shown, table.sigma[shown]),
        ),
        shown,
        y_range=(0.0, 1.1),
    )


def _equations(table: noising.Table, shown: NDArray[np.int64]) -> tuple[EquationPanel, EquationPanel]:
    now = [str(t) for t in shown]
    before = [str(max(0, t - 1)) for t in shown]

    def decimals(values: NDArray[np.floating]) -> list[str]:
        return [f"{value:.4f}" for value in values[shown]]

    closed = EquationPanel(
        _("One jump, from x₀"),
        _formula(
            "<i>x</i><sub>t</sub> = <sqrt><i>ᾱ</i><sub>t</sub></sqrt> <i>x</i><sub>0</sub>"
            " + <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt> <i>ε</i>",
            "<i>x</i><sub>{t}</sub> = {signal} <i>x</i><sub>0</sub> + {sigma} <i>ε</i>",
        ),
        {
            "t": now,
            "signal": decimals(table.signal),
            "sigma": decimals(table.sigma),
            "alpha_bar": decimals(table.alpha_bar),
        },
        now={"ᾱ_t": "alpha_bar"},
    )
    step = EquationPanel(
        _("One step, from xₜ₋₁"),
        _formula(
            "<i>x</i><sub>t</sub> = <sqrt>1 − <i>β</i><sub>t</sub></sqrt> <i>x</i><sub>t−1</sub>"
            " + <sqrt><i>β</i><sub>t</sub></sqrt> <i>ε</i><sub>t</sub>",
            "<i>x</i><sub>{t}</sub> = {keep} <i>x</i><sub>{before}</sub> + {add} <i>ε</i><sub>{t}</sub>",
        ),
        {
            "t": now,
            "before": before,
            "keep": decimals(table.keep),
            "add": decimals(table.add),
            "beta": decimals(table.add**2),
        },
        now={"β_t": "beta"},
    )
    return step, closed


def _formula(letters: str, numbers: str) -> str:
    """Letters, and the same with numbers; beside each other where there is room."""
    return f"<line>{letters}</line> <line>{numbers}</line>"
