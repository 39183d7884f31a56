"""What is measured for docs/results.md: the networks, and the cells of each section in the order of their worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.data.catalogue import load
from engine.evaluation.cells import Cell, EvaluatedModel, prepare_model
from engine.evaluation.drawing import DrawSettings, evaluations
from engine.evaluation.grid_bound import BoundCell
from engine.interop import pretrained
from engine.models import classifier
from engine.samplers import Variance
from engine.training.config import TrainConfig

HERE = Path(__file__).resolve().parent
RECIPES = HERE / "recipes"
SHIPPED = "digits"
STUDIES = ("cosine", "linear", "learned")
"""Small networks that differ in one thing only; each is trained by the recipe of its name."""

SAMPLES = 500
FEW = 100
"""Samples of a cell with 1000 steps, which takes ten times as long as one with 100."""
STEPS = (10, 20, 50, 100)
LONG = 1000
ETAS = (0.0, 0.2, 0.5, 1.0)
SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
GUIDED_STEPS = 50
NFE = (10, 20, 50)
"""How often the samplers of section e may ask the network, for each picture."""
FEW_NFE = (10, 20)


@dataclass(frozen=True)
class Part:
    """Some cells of one section that are measured together."""

    title: str
    cells: tuple[Cell, ...] = ()
    bounds: tuple[BoundCell, ...] = ()

    @property
    def models(self) -> set[str]:
        """The names of the networks that it needs."""
        return {cell.model for cell in (*self.cells, *self.bounds)}


def draw_cell(
    model: str,
    sampler: str,
    steps: int,
    *,
    eta: float = 0.0,
    variance: Variance = "small",
    scale: float = 1.0,
    spacing: str = "uniform",
    samples: int = SAMPLES,
) -> Cell:
    """One way of drawing."""
    settings = DrawSettings(
        samples=samples, sampler=sampler, steps=steps, eta=eta, variance=variance, scale=scale, spacing=spacing
    )
    return Cell(model, settings)


def paper_row(name: str, steps: int, model: str = SHIPPED) -> Cell:
    """A cell of table 1 of the DDIM paper.

    Args:
        name: "0", "0.2", "0.5" or "1" for eta; "large" for DDPM with the larger variance.
        steps: 10 … 1000.
    """
    samples = FEW if steps == LONG else SAMPLES
    if name == "large":
        return draw_cell(model, "ddpm", steps, variance="large", samples=samples)
    return draw_cell(model, "ddim", steps, eta=float(name), samples=samples)


PAPER_ROWS = (*(f"{eta:g}" for eta in ETAS), "large")


def schedule_cell(model: str, sampler: str, steps: int) -> Cell:
    """A cell of section b: linear against cosine."""
    return draw_cell(model, sampler, steps)


def variance_cell(model: str, variance: Variance, steps: int) -> Cell:
    """A cell of section c: fixed against learned variance."""
    return draw_cell(model, "ddpm", steps, variance=variance)


def guidance_cell(scale: float) -> Cell:
    """A cell of section d."""
    return draw_cell(SHIPPED, "ddim", GUIDED_STEPS, scale=scale)


SOLVERS = ("ddim", "heun", "dpm++2m", "dpm++2m-sde")


@cache
def solver_cell(sampler: str, nfe: int, spacing: str = "uniform") -> Cell:
    """A cell of section e: as many steps as take at most `nfe` network evaluations; Heun takes two in most steps."""
    schedule = pretrained.load(SHIPPED).denoiser.schedule
    steps = nfe
    while evaluations(draw_cell(SHIPPED, sampler, steps, spacing=spacing).settings, schedule) > nfe:
        steps -= 1
    return draw_cell(SHIPPED, sampler, steps, spacing=spacing)


FIXED: tuple[Variance, ...] = ("small", "large")


def plan() -> list[Part]:
    """All parts, those that matter most first."""
    return [
        Part("a. 10 to 50 steps", tuple(paper_row(row, steps) for steps in (10, 20, 50) for row in PAPER_ROWS)),
        Part("b. bits", bounds=tuple(BoundCell(model, v) for model in ("cosine", "linear") for v in FIXED)),
        Part(
            "b. linear against cosine",
            tuple(schedule_cell(m, s, n) for n in STEPS for s in ("ddim", "ddpm") for m in ("cosine", "linear")),
        ),
        Part("c. bits", bounds=tuple(BoundCell("learned", v) for v in (*FIXED, "learned"))),
        Part(
            "c. learned variance",
            tuple(variance_cell("learned", v, n) for n in STEPS for v in ("learned", "small", "large")),
        ),
        Part("c. fixed variance", tuple(variance_cell("cosine", "large", n) for n in STEPS)),
        Part("d. guidance", tuple(guidance_cell(scale) for scale in (0, 8, 2, 4, 1, 3, 6, 1.5, 0.5))),
        Part("a. 100 steps", tuple(paper_row(row, 100) for row in PAPER_ROWS)),
        Part("a. 1000 steps", tuple(paper_row(row, LONG) for row in ("0", "large", "1", "0.5", "0.2"))),
        Part("a. bits", bounds=tuple(BoundCell(SHIPPED, v) for v in FIXED)),
        Part("e. samplers", tuple(solver_cell(s, n) for n in NFE for s in SOLVERS)),
        Part("e. steps even in log-SNR", tuple(solver_cell(s, n, "log-snr") for n in FEW_NFE for s in SOLVERS)),
    ]


def config_of(study: str) -> TrainConfig:
    """The recipe of a small network."""
    return TrainConfig.model_validate_json((RECIPES / f"{study}.json").read_bytes())


def is_trained(study: str, folder: Path) -> bool:
    """Whether the folder holds the network that the recipe describes, trained to its end."""
    try:
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        same = TrainConfig.model_validate(card["training"]) == config_of(study)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return same and card.get("step") == config_of(study).steps


class Networks:
    """The networks, opened when they are asked for.

    Args:
        folder: where the small ones lie or are to be trained, one folder each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: dict[str, EvaluatedModel] = {}
        self._judge = classifier.load(SHIPPED)

    def get(self, name: str) -> EvaluatedModel | None:
        """The network, or None where it is not there, or not trained to its end."""
        if name in self._opened:
            return self._opened[name]
        if name != SHIPPED and not is_trained(name, self.folder / name):
            return None
        checkpoint = pretrained.load(SHIPPED if name == SHIPPED else self.folder / name)
        made = prepare_model(name, checkpoint, load("digits"), self._judge, like=self._opened.values())
        self._opened[name] = made
        return made
