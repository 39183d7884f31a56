"""What a visitor of the Training page has chosen and done: the run or the comparison that is shown, and what was deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from engine.language import N_, _
from playground.labs.training import runs as names
from playground.labs.training import text

if TYPE_CHECKING:
    from playground.policy.visitor_runs import VisitorRuns

Against = Literal["steps", "pictures", "time"]
AGAINST: dict[Against, tuple[str, str, str]] = {
    "steps": (N_("Training steps"), N_("training step"), N_("at the same training step")),
    "pictures": (N_("Images processed"), N_("images processed"), N_("after the same number of images")),
    "time": (N_("Training time"), N_("training time in seconds"), N_("after the same training time")),
}
"""What progress is counted in: its title, the label of the axis, and how two runs are compared by it."""
LINKED = ("run", "compare", "against")
"""Parameters of the link that say what is shown."""
PER_PAGE = 8
MOST_COMPARED = 4
MOST_DELETED = 20
"""Deleted runs of one visit that Undo is offered for."""
LONGEST_NAME = 80


@dataclass(frozen=True)
class Choice:
    """What the page shows: one run, or several compared."""

    run: str = ""
    """"" for none."""
    compared: tuple[str, ...] = ()
    against: Against = "steps"

    @property
    def is_comparison(self) -> bool:
        """Whether several runs are shown side by side."""
        return len(self.compared) > 1

    def link(self) -> dict[str, str]:
        """The parameters that open it again; "" for those that are not needed."""
        against = self.against if self.compared and self.against != "steps" else ""
        return {"run": self.run, "compare": ",".join(self.compared), "against": against}


@dataclass(frozen=True)
class Deleted:
    """A run that was deleted in this visit and can be restored."""

    id: str
    title: str


@dataclass(frozen=True)
class Visit:
    """One visit of the page; frozen, each action returns the next one."""

    choice: Choice = field(default_factory=Choice)
    deleted: tuple[Deleted, ...] = ()

    def act(self, do: str, of: str, runs: VisitorRuns) -> tuple[Visit, str]:
        """Carry out an action of the page on the visitor's runs.

        Args:
            do: "pause", "resume", "stop", "delete" a run, "undo" its deletion, "rename" the one that is shown; "open", "tick",
                "against", "back" change what is shown. Anything else changes nothing.
            of: a run's id, a name, or a member of `AGAINST`; values of any visitor, unchecked.
            runs: the visitor's.

        Returns:
            The next visit, and one sentence where the action was refused ("" otherwise).
        """
        self = replace(self, choice=chosen(self.choice.link(), runs.ids())[0])
        if do == "delete":
            return self._delete(of, runs)
        if do == "undo":
            if of not in (one.id for one in self.deleted):  # restored already, by the same press
                return self, ""
            rest = replace(self, deleted=tuple(one for one in self.deleted if one.id != of))
            problem = _refusal(lambda: runs.restore(of))
            return (rest if problem else replace(rest, choice=Choice(of))), problem
        changes: dict[str, Callable[[], object]] = {
            "pause": lambda: runs.pause(of),
            "resume": lambda: runs.resume(of),
            "stop": lambda: runs.stop(of),
            "rename": lambda: runs.rename(self.choice.run, of[:LONGEST_NAME].strip()),
        }
        if do in changes:
            return self, _refusal(changes[do])
        return replace(self, choice=self._chosen(do, of, runs)), ""

    def _chosen(self, do: str, of: str, runs: VisitorRuns) -> Choice:
        choice = self.choice
        if do == "open":
            return Choice(of)
        if do == "back":
            return Choice(choice.run)
        if do == "against":
            return replace(choice, against=_against(of))
        if do == "tick" and of in runs.ids():
            return replace(choice, compared=toggled(choice.compared, of))
        return choice

    def _delete(self, run_id: str, runs: VisitorRuns) -> tuple[Visit, str]:
        snapshot = runs.snapshot(run_id)
        if snapshot is None:
            return self, ""
        if problem := _refusal(lambda: runs.delete(run_id)):
            return self, problem
        others = tuple(one for one in self.deleted if one.id != run_id)
        return replace(self, deleted=(*others, Deleted(run_id, names.title(snapshot)))[-MOST_DELETED:]), ""


def _refusal(change: Callable[[], object]) -> str:
    try:
        change()
    except ValueError as error:
        return str(error)
    return ""


def chosen(requested: object, ids: Sequence[str]) -> tuple[Choice, list[str]]:
    """What a link requests, the newest run where it names none, and a sentence for each value that could not be taken.

    Args:
        requested: the parameters by name; any value.
        ids: of the visitor's runs, newest first.
    """
    items = requested.items() if isinstance(requested, dict) else ()
    given = {name: value for name, value in items if isinstance(value, str)}
    run = given.get("run", "")
    problems = [text.NOT_HERE] if run and run not in ids else []
    compared, more = _compared(given.get("compare", ""), ids)
    shown = run if run in ids else next(iter(ids), "")
    return Choice(shown, compared, _against(given.get("against", ""))), problems + more


def _against(name: str) -> Against:
    return next((known for known in AGAINST if known == name), "steps")


def _compared(link: str, ids: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    requested = list(dict.fromkeys(part for part in link.split(",") if part))
    here = [run_id for run_id in requested if run_id in ids]
    problems = []
    if missing := len(requested) - len(here):
        runs = _("1 training run that is") if missing == 1 else _("{missing} training runs that are", missing=missing)
        problems.append(_("The link compares {runs} not here.", runs=runs))
    if len(here) > MOST_COMPARED:
        problems.append(
            _(
                "The link compares {count} training runs; the first {most_compared} are shown.",
                count=len(here),
                most_compared=MOST_COMPARED,
            )
        )
    return tuple(here[:MOST_COMPARED]), problems


def toggled(compared: Sequence[str], run_id: str) -> tuple[str, ...]:
    """With this run, or without it where it was compared; at most `MOST_COMPARED`."""
    if run_id in compared:
        return tuple(other for other in compared if other != run_id)
    return (*compared, run_id)[:MOST_COMPARED]


def page_count(count: int) -> int:
    """How many pages a list of so many runs has; at least one."""
    return max(1, -(-count // PER_PAGE))


def on_page(ids: Sequence[str], number: int) -> list[str]:
    """The runs on page 1, 2, …; a number beyond the last gives the last."""
    last = min(max(1, number), page_count(len(ids)))
    return list(ids[(last - 1) * PER_PAGE : last * PER_PAGE])
