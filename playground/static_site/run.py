"""A training run as a page: its samples during training, its curves, and its network, which the browser samples from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.language import _
from engine.models.opened import Model, ModelError
from engine.recipes.recipe import Recipe
from engine.runs.entry import Snapshot
from engine.runs.service import TrainingService, no_run
from engine.storage.files import runs_root
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.encoding import Payload
from playground.components.payloads.timeline import Timeline
from playground.labs.training.view import run_view
from playground.static_site import sampling
from playground.static_site.page import Page
from playground.static_site.sampling import SamplingPage

RUN = "run:"
COUNT = 9
OPENS_WITH = f"count={COUNT}&steps=20"
"""Settings of its page."""


@dataclass(frozen=True)
class RunPage(Payload):
    """What src/run.js shows: `samples` during training, None where there are none."""

    sampling: SamplingPage
    samples: Timeline | None
    charts: tuple[LiveChart, ...]


@dataclass(frozen=True)
class Words:
    """The title of the page, and the line below it."""

    TITLE: str
    LEAD: str


def is_run(named: str) -> bool:
    """Whether this names a run: "run:ID", or its folder."""
    return named.startswith(RUN) or (Path(named) / "run.json").is_file()


def page(named: str) -> Page:
    """The page of a run, in the language that is spoken now.

    Raises:
        ModelError: where there is no such run, or it has learned no denoiser yet.
        ProgramError: where the browser cannot evaluate its network.
    """
    folder = runs_root() / named.removeprefix(RUN) if named.startswith(RUN) else Path(named)
    runs = TrainingService(folder.parent)
    try:
        snapshot = runs.snapshot(folder.name)
        if snapshot is None:
            raise ModelError(no_run(folder.name))
        return _page(snapshot, runs.model(folder.name))
    finally:
        runs.close()


def _page(snapshot: Snapshot, model: Model) -> Page:
    labels = tuple(k % len(model.class_names) for k in range(COUNT)) if model.class_names else ()
    recipe = Recipe(model=model.name, seeds=tuple(range(COUNT)), labels=labels, steps=20)
    sampled = sampling.page_of(recipe, model)
    shown = run_view(snapshot)
    assert isinstance(sampled.data, SamplingPage)
    samples = shown.samples.draw() if shown.samples else None
    data = RunPage(sampled.data, samples, tuple(chart.draw() for chart in shown.charts))
    about = _("A network that was trained in this playground. It is in this file: your browser samples from it.")
    lead = f"{about} {shown.status}"
    return replace(sampled, name="run", text=Words(shown.title, lead), data=data)
