"""The doctor: rules that find the problems of a run, and a change of its settings that helps.

A rule is a function of the run, its curves and the facts. It gives a finding only where it is sure: after a false
alarm a reader ignores the next one. A new rule is a function and a line in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.doctor import of_curves, of_settings
from engine.doctor.curves import Curves
from engine.doctor.finding import Copies, Facts, Finding, Setting, Severity
from engine.training.tasks import task_of

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

Rule = Callable[["Snapshot", Curves, Facts], Finding | None]

RULES: dict[str, Rule] = {
    "diverged": of_curves.diverged,
    "rising": of_curves.rising,
    "not falling": of_curves.not_falling,
    "memorised": of_curves.memorised,
    "held-out rising": of_curves.held_out_rising,
    "above the floor": of_curves.above_bayes_optimal,
    "clipped": of_curves.clipped,
    "waiting": of_curves.waiting,
    "terminal SNR": of_settings.terminal_snr,
    "warm-up": of_settings.warmup,
    "EMA": of_settings.ema_decay,
    "label dropout": of_settings.label_dropout,
    "few pictures": of_settings.few_pictures,
    "precision": of_settings.precision,
}
"""By name, in the order in which their findings are shown within a severity."""

HIDES: dict[str, tuple[str, ...]] = {
    "diverged": ("rising", "not falling", "above the floor", "clipped"),
    "rising": ("not falling", "above the floor", "clipped"),
    "not falling": ("above the floor", "clipped"),
    "memorised": ("few pictures", "held-out rising"),
    "held-out rising": ("few pictures",),
    "warm-up": ("not falling", "above the floor"),
}
"""By rule: the rules whose findings it explains already, so that they are left out."""

NOTHING_KNOWN = Facts()
_ORDER: tuple[Severity, ...] = ("wrong", "doubtful", "note")


def examine(snapshot: Snapshot, facts: Facts = NOTHING_KNOWN) -> tuple[Finding, ...]:
    """All findings of a run, gravest first; takes a few milliseconds.

    Args:
        snapshot: the run as it is now, in any state.
        facts: what else is known.
    """
    curves = Curves.of(snapshot.reports, without_ends=snapshot.config.weighting == "bound")
    rules = {name: rule for name, rule in RULES.items() if name not in task_of(snapshot.config).skipped_rules}
    found = {name: finding for name, rule in rules.items() if (finding := rule(snapshot, curves, facts))}
    explained = {hidden for name in found for hidden in HIDES.get(name, ())}
    shown = [finding for name, finding in found.items() if name not in explained]
    return tuple(sorted(shown, key=lambda finding: _ORDER.index(finding.severity)))


__all__ = ["RULES", "Copies", "Facts", "Finding", "Setting", "Severity", "examine"]
