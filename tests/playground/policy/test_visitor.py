"""What a visitor may name and ask for: everything on one's own machine, what ships and one's own runs in public."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.recipes.recipe import Recipe
from engine.runs import service as training_service
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig
from playground.policy.ownership import write_owner
from playground.policy.visitor import HOST, Visitor

ANNA, BERT = Visitor("a" * 32, public=True), Visitor("b" * 32, public=True)
RUN = "20260101-000000-00000000"
SHIPPED = [Recipe(), Recipe(model="ideal:emoji"), Recipe(classifier="ideal:digits")]
OF_ANNA = [Recipe(model=f"run:{RUN}"), Recipe(model=f"run:{RUN}@best"), Recipe(classifier=f"run:{RUN}")]
PATHS = [
    Recipe(model="/etc"),
    Recipe(model="../x"),
    Recipe(model="google/ddpm-cifar10-32"),
    Recipe(classifier="upload:x"),
]
TOO_MUCH = [Recipe(seeds=tuple(range(17))), Recipe(steps=251)]


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs with the owner of one of Anna's."""
    monkeypatch.setattr(training_service, "_service", TrainingService(tmp_path))
    write_owner(ANNA.secret, tmp_path / RUN)
    return tmp_path


@pytest.mark.parametrize("recipe", [*SHIPPED, *OF_ANNA, *PATHS, *TOO_MUCH])
def test_on_ones_own_machine_every_recipe_may_be_drawn(recipe: Recipe) -> None:
    HOST.check_recipe(recipe)


@pytest.mark.parametrize("recipe", SHIPPED)
def test_in_public_everyone_may_draw_with_what_ships(recipe: Recipe) -> None:
    for visitor in (ANNA, BERT, Visitor(public=True)):
        visitor.check_recipe(recipe)


@pytest.mark.parametrize("recipe", OF_ANNA)
def test_in_public_a_run_may_be_named_by_its_owner_alone(recipe: Recipe) -> None:
    ANNA.check_recipe(recipe)
    for visitor in (BERT, Visitor(public=True)):
        with pytest.raises(ValueError, match="here"):
            visitor.check_recipe(recipe)


@pytest.mark.parametrize("recipe", [*PATHS, *TOO_MUCH])
def test_in_public_no_path_may_be_named_and_nothing_above_the_limits_asked_for(recipe: Recipe) -> None:
    with pytest.raises(ValueError, match="here"):
        ANNA.check_recipe(recipe)


def test_two_sides_count_together() -> None:
    one = Recipe(seeds=tuple(range(16)), steps=200)
    ANNA.check_drawing({"A": one})
    with pytest.raises(ValueError, match="for one request"):
        ANNA.check_drawing({"A": one, "B": one})


@pytest.mark.parametrize(
    "name", [recipe.model for recipe in PATHS[:3]] + ["upload:0123456789abcdef", f"run:{RUN}", "run:../x"]
)
def test_what_may_not_be_named_is_not_opened_and_no_path_is_said(name: str, runs: Path) -> None:
    for ask in (BERT.open_model, BERT.open_guide, BERT.open_vae, BERT.check_data):
        with pytest.raises(ValueError) as refusal:  # noqa: PT011  (several sentences)
            ask(name)
        assert str(runs) not in str(refusal.value)
        assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "config",
    [TrainConfig(steps=3001), TrainConfig(data="/etc"), TrainConfig(data="hub:a/b"), TrainConfig(compile=True)],
)
def test_training_is_bounded_in_public_alone(config: TrainConfig) -> None:
    HOST.check_training(config)
    ANNA.check_training(TrainConfig(steps=3000))
    with pytest.raises(ValueError, match="here"):
        ANNA.check_training(config)


def test_what_opens_a_path_is_for_the_host_alone() -> None:
    HOST.check_host()
    with pytest.raises(ValueError, match="not possible here"):
        ANNA.check_host()


def test_no_secret_is_printed() -> None:
    assert ANNA.secret not in repr(ANNA)
