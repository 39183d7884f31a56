"""Whether a visitor may ask for this: bounded in public mode, and then only what is offered, or the visitor's own.

A name can otherwise stand for any folder of the machine, for a download, or for a stranger's run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.policy import limits, mode

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from engine.training.config import TrainConfig
    from playground.policy.limits import Limits

NOTHING: frozenset[str] = frozenset()


def limits_now() -> Limits:
    """What is bounded here, and how."""
    return limits.PUBLIC if mode.public() else limits.LOCAL


def bounds(lab: str) -> dict[str, int]:
    """Upper ends of a lab's controls here, by the name of the control; none on one's own machine."""
    return dict(limits_now().of_labs.get(lab, {}))


def check_recipe(recipe: Recipe, own_runs: frozenset[str] = NOTHING, *, api: bool = False) -> None:
    """Raise ValueError with one sentence where a recipe asks for too much, or names what is not offered.

    Args:
        recipe: what is asked for.
        own_runs: ids of the visitor's own training runs.
        api: whether it came by the API.
    """
    check_names(recipe, own_runs)
    if problems := limits_now().problems(recipe, api=api):
        raise ValueError(problems[0])


def check_names(recipe: Recipe, own_runs: frozenset[str] = NOTHING) -> None:
    """The same for the names alone, before they are opened."""
    from engine.data.catalogue import DATASETS
    from engine.interop.pretrained import CHECKPOINTS
    from engine.models.noisy_classifier import NOISY_CLASSIFIERS

    ideal = [f"ideal:{name}" for name in DATASETS]
    _check_name(recipe.model, [*CHECKPOINTS, *ideal], own_runs, "model")
    if recipe.classifier:
        _check_name(recipe.classifier, [*NOISY_CLASSIFIERS, *ideal], own_runs, "classifier")


def check_model(name: str, own_runs: frozenset[str] = NOTHING) -> None:
    """The same for the name of a model alone."""
    from engine.data.catalogue import DATASETS
    from engine.interop.pretrained import CHECKPOINTS

    _check_name(name, [*CHECKPOINTS, *(f"ideal:{data}" for data in DATASETS)], own_runs, "model")


def check_training(config: TrainConfig, *, api: bool = False) -> None:
    """The same as `check_recipe` for a training run."""
    from engine.data.catalogue import DATASETS

    _check_name(config.data, list(DATASETS), NOTHING, "set of pictures")
    if problems := limits_now().problems(config, api=api):
        raise ValueError(problems[0])


def _check_name(name: str, offered: list[str], own_runs: frozenset[str], what: str) -> None:
    run_id = name.removeprefix("run:").partition("@")[0] if name.startswith("run:") else None
    if mode.public() and name not in offered and run_id not in own_runs:
        raise ValueError(f"There is no {what} “{name[:40]}” here, but {', '.join(offered)}.")
