"""The models that a reader can choose from, and the opened one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.language import _
from playground.labs.shared import opening
from playground.labs.shared.naming import data_title, shipped_title, when

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot
    from playground.policy.visitor import Visitor


def choices(visitor: Visitor, opened: tuple[str, ...] = ()) -> dict[str, str]:
    """Name and title of every model that this visitor may choose: what ships, the ideal ones, the runs, those opened by hand.

    Args:
        visitor: who chooses.
        opened: names of the last.
    """
    runs = _runs(visitor, lambda snapshot: snapshot.can_sample)
    return {**shipped(), **runs, **{name: opening.title_of(name) for name in opened}}


def shipped() -> dict[str, str]:
    """Name and title of every model that is there for everyone: what ships, and the ideal ones."""
    from engine.data.catalogue import load
    from engine.data.shipped import DATASETS
    from engine.interop.pretrained import CHECKPOINTS

    trained = {
        name: _("Trained network: {name}", name=shipped_title(name))
        for name, folder in CHECKPOINTS.items()
        if folder.is_dir()
    }
    return {
        **trained,
        **{f"ideal:{name}": _("Exact denoiser: {title}", title=_(load(name).title).lower()) for name in DATASETS},
    }


def classifier_choices(visitor: Visitor) -> dict[str, str]:
    """Name and title of every classifier of noisy pictures that this visitor may choose, and of none."""
    from engine.data.shipped import DATASETS
    from engine.models.noisy_classifier import NOISY_CLASSIFIERS

    shipped = {
        name: _("Trained: {name}", name=shipped_title(name))
        for name, folder in NOISY_CLASSIFIERS.items()
        if folder.is_dir()
    }
    exact = {f"ideal:{name}": _("Exact: {name}", name=shipped_title(name)) for name in DATASETS}
    return {"": "none", **shipped, **exact, **_runs(visitor, lambda snapshot: snapshot.can_guide)}


def _runs(visitor: Visitor, fits: Callable[[Snapshot], bool]) -> dict[str, str]:
    """Name and title of those training runs, newest first."""
    return {
        f"run:{one.id}": _(
            "Your run of {when}: {data_title}, step {step:,}",
            when=when(one.id),
            data_title=data_title(one.config.data),
            step=one.step,
        )
        for one in visitor.runs.snapshots()
        if fits(one)
    }


def fitting(data: str, available: dict[str, str]) -> str:
    """The name of a model of this data set: the network that ships for it, or else its ideal denoiser."""
    return data if data in available else f"ideal:{data}"


def drawing_link(snapshot: Snapshot) -> dict[str, str]:
    """The link into the Sampling lab that draws with a run, or is guided by it; nothing where it has learned nothing yet."""
    if snapshot.can_guide:
        return {
            "model": fitting(snapshot.config.data, shipped()),
            "classifier": f"run:{snapshot.id}",
            "scale": "0",  # the classifier alone guides, so that its effect is seen
        }
    return {"model": f"run:{snapshot.id}"} if snapshot.can_sample else {}


def class_count_of(classifier: str, visitor: Visitor) -> int:
    """How many classes a classifier has; 0 for none, or where it cannot be opened, which a recipe's check says."""
    try:
        return len(visitor.open_guide(classifier).class_names) if classifier else 0
    except ValueError:
        return 0


def classes_of(name: str, visitor: Visitor) -> int:
    """How many classes a model knows; 0 where it cannot be opened, which is said elsewhere."""
    try:
        return len(visitor.open_model(name).class_names)
    except ValueError:
        return 0


def class_names_of(name: str, classifier: str, visitor: Visitor) -> tuple[str, ...]:
    """The classes of a model, or of the classifier that guides it; none where they cannot be opened."""
    try:
        names = visitor.open_model(name).class_names
        return names or (visitor.open_guide(classifier).class_names if classifier else ())
    except ValueError:
        return ()


def has_learned_variance(name: str, visitor: Visitor) -> bool:
    """Whether a model predicts the variance of its steps."""
    try:
        return bool(getattr(visitor.open_model(name).denoiser, "learned_variance", False))
    except ValueError:
        return False


def needs_label(name: str, visitor: Visitor) -> bool:
    """Whether a model needs a class for each picture, and so cannot be guided."""
    try:
        return visitor.open_model(name).needs_label
    except ValueError:
        return False


def inside_link(snapshot: Snapshot) -> dict[str, str]:
    """The parameters with which the Likelihood lab opens a run's VAE."""
    return {"vae": f"run:{snapshot.id}", **({"data": "emoji"} if snapshot.config.data == "emoji" else {})}
