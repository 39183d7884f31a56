"""The Schedules page: what the lab shows, without its numbers, and the data from which the browser computes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.language import _
from engine.schedule import MAX_BETA, PURE_NOISE_SNR, VISIBLE_SNR
from playground.components.payloads.encoding import Payload
from playground.components.payloads.timeline import Timeline
from playground.labs.schedules import drawn, figures, text, view
from playground.labs.schedules.controls import NAMES, TITLES, ScheduleControls, without_effect
from playground.static_site.controls import Rule, SiteControls
from playground.static_site.figures import without_pictures
from playground.static_site.page import Page
from playground.static_site.tables import NEEDS, OFFSETS, STEPS, PictureSet, lab_controls, picture_sets


@dataclass(frozen=True)
class ScheduleLimits(Payload):
    """Constants of the engine and of the lab: of a drawn curve, and of the three zones of the terminal SNR."""

    most_beta: float = MAX_BETA
    least_beta: float = drawn.MIN_BETA
    least_alpha_bar: float = drawn.LEAST_ALPHA_BAR
    pure_noise_snr: float = PURE_NOISE_SNR
    visible_snr: float = VISIBLE_SNR


@dataclass(frozen=True)
class VerdictWords(Payload):
    """What is said of a schedule's terminal SNR; the sentence has places for leak, pixels and times."""

    icon: str
    headline: str
    sentence: str


@dataclass(frozen=True)
class SchedulesPage(Payload):
    """What static_site/src/schedules.js shows.

    pictures: by the name of the data set.
    figure: of all schedules, in the order of `titles`, with the numbers of a small T.
    colors: of the schedules.
    example: points of a drawn curve.
    verdicts: by the state of a schedule, see `playground.labs.schedules.job.Verdict`.
    words: by what they are for; captions are three lines.
    """

    pictures: Mapping[str, PictureSet]
    figure: Timeline
    titles: Mapping[str, str]
    colors: Mapping[str, str]
    example: str
    limits: ScheduleLimits
    verdicts: Mapping[str, VerdictWords]
    words: Mapping[str, str]
    captions: Mapping[str, tuple[str, ...]]


def page() -> Page:
    """The page in the language that is spoken now."""
    return Page("schedules", text, (), data(), controls(), NEEDS)


def data() -> SchedulesPage:
    """What the page is given."""
    shown = view.timeline(ScheduleControls(drawn=True, T=STEPS[0]))
    states = {"fine": text.FINE, "zero": text.ZERO, **text.SIGNAL_LEFT}
    return SchedulesPage(
        picture_sets(),
        replace(shown, lanes=tuple(map(without_pictures, shown.lanes))),
        {name: _(TITLES[name]) for name in NAMES},
        figures.COLORS,
        drawn.EXAMPLE,
        ScheduleLimits(),
        {state: VerdictWords(text.STATES[state], text.headline(head), said) for state, (head, said) in states.items()},
        {
            "none": text.NONE,
            "gauges": text.GAUGES,
            "draw": text.DRAW,
            "rescale": text.RESCALE,
            "zero": text.USE_ZERO,
        },
        {"strips": (text.STRIPS,), "gauges": (text.GAUGE,), "drawn": (text.DRAWN,), "curves": text.CURVES},
    )


def controls() -> SiteControls:
    """Those of the lab, with the pictures, the T and the offsets that the page has."""
    idle = without_effect(ScheduleControls(linear=False, cosine=False))
    rules = [
        Rule(("rescale",), "linear", ("1",), idle["rescale"]),
        Rule(("s",), "cosine", ("1",), idle["s"]),
        Rule(("points",), "drawn", ("1",)),
    ]
    return lab_controls(ScheduleControls, options={"s": {s: f"{s:g}" for s in OFFSETS}}, rules=rules)
