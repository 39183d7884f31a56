"""The models that a reader can choose from, and the opened one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from playground.labs.shared import opening
from playground.labs.shared.naming import data_title, when

if TYPE_CHECKING:
    from engine.registry import Model
    from engine.runs.snapshot import Snapshot


Mine = Callable[[str], bool]
"""Whether a run is there for the reader, by its id."""


def everyones(_: str) -> bool:
    """On one's own machine, every run is there."""
    return True


def choices(opened: tuple[str, ...] = (), mine: Mine = everyones) -> dict[str, str]:
    """Name and title of every model that there is now: what ships, the ideal ones, the runs, and those opened by hand.

    Args:
        opened: names of the last.
        mine: says of a run's id whether it is there for this reader (`playground.policy.ownership.VisitorRuns.may`).
    """
    from engine.data.catalogue import DATASETS, load
    from engine.interop.pretrained import CHECKPOINTS

    shipped = {name: f"Trained network: {name}" for name, folder in CHECKPOINTS.items() if folder.is_dir()}
    ideal = {f"ideal:{name}": f"Ideal denoiser: {load(name).title.lower()}" for name in DATASETS}
    runs = _runs(lambda snapshot: snapshot.can_sample, mine)
    return {**shipped, **ideal, **runs, **{name: opening.title_of(name) for name in opened}}


def classifier_choices(mine: Mine = everyones) -> dict[str, str]:
    """Name and title of every classifier of noisy pictures that can guide, and of none; `mine` as for `choices`."""
    from engine.data.catalogue import DATASETS
    from engine.models.noisy_classifier import NOISY_CLASSIFIERS

    shipped = {name: f"Trained: {name}" for name, folder in NOISY_CLASSIFIERS.items() if folder.is_dir()}
    exact = {f"ideal:{name}": f"Exact: {name}" for name in DATASETS}
    return {"": "none", **shipped, **exact, **_runs(lambda snapshot: snapshot.can_guide, mine)}


def _runs(wanted: Callable[[Snapshot], bool], mine: Mine) -> dict[str, str]:
    """Name and title of those training runs, newest first."""
    from engine.runs.service import service

    training = service()
    found = {run_id: training.snapshot(run_id) for run_id in training.ids() if mine(run_id)}
    return {
        f"run:{run_id}": f"Your run of {when(run_id)}: {data_title(snapshot.config.data)}, step {snapshot.step:,}"
        for run_id, snapshot in found.items()
        if snapshot is not None and wanted(snapshot)
    }


def fitting(data: str, available: dict[str, str]) -> str:
    """The name of a model of this data set: the network that ships for it, or else its ideal denoiser."""
    return data if data in available else f"ideal:{data}"


def drawing_link(snapshot: Snapshot) -> dict[str, str]:
    """The link into the Sampling lab that draws with a run, or is guided by it; nothing where it has learned nothing yet."""
    if snapshot.can_guide:
        return {
            "model": fitting(snapshot.config.data, choices(mine=lambda _: False)),
            "classifier": f"run:{snapshot.id}",
        }
    return {"model": f"run:{snapshot.id}"} if snapshot.can_sample else {}


def classes_told_apart(classifier: str) -> int:
    """How many classes a classifier can guide to; 0 for none, or where it cannot be opened (which a recipe's check tells)."""
    from engine.classifier_registry import open_guide

    try:
        return len(open_guide(classifier).class_names) if classifier else 0
    except ValueError:
        return 0


def classes_of(name: str) -> int:
    """How many classes a model knows; none where it cannot be opened, which is said elsewhere."""
    try:
        return len(open_model(name).class_names)
    except ValueError:
        return 0


def needs_label(name: str) -> bool:
    """Whether a model can only be asked with a class for each picture, and so cannot be guided."""
    try:
        return open_model(name).needs_label
    except ValueError:
        return False


def open_model(name: str) -> Model:
    """The model of that name, where it is on this machine. Raises engine.registry.ModelError with one clear sentence."""
    from engine import registry
    from engine.runs.service import service

    return registry.open_model(name, service().model, download=False)


def inside_link(snapshot: Snapshot) -> dict[str, str]:
    """The parameters with which the Likelihood lab opens a run's VAE."""
    return {"vae": f"run:{snapshot.id}", **({"data": "emoji"} if snapshot.config.data == "emoji" else {})}
