"""What where.js shows: the choice between this browser and the server, and the sampler in this browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playground.browser.live import LiveSampler
from playground.browser.offered import SentFile, SentNetwork
from playground.browser.program import Program
from playground.components.payloads.encoding import Payload
from playground.components.payloads.timeline import Axes, Position

Place = Literal["", "browser", "server"]
"""Where is sampled; "" as long as the page does not know what the reader wants, which the browser remembers or tries out."""


@dataclass(frozen=True)
class SweepBatch:
    """Cells that are sampled in one batch, `engine.recipes.sweep.Batch`; a label and a scale for each image.

    cells: their numbers; the images of each follow each other.
    shown: of each position of the timeline the step whose pictures are shown there.
    """

    program: Program
    seeds: tuple[int, ...]
    labels: tuple[int, ...]
    scales: tuple[float, ...]
    cells: tuple[int, ...]
    shown: tuple[int, ...]


@dataclass(frozen=True)
class LiveSweep(Payload):
    """A grid of cells, each of as many images side by side, sampled in the browser. show: "x0" or "x"."""

    id: str
    network: SentNetwork
    classifier: SentNetwork | None
    script: SentFile
    batches: tuple[SweepBatch, ...]
    axes: Axes
    images: int
    positions: tuple[Position, ...]
    show: str


@dataclass(frozen=True)
class Where(Payload):
    """The choice, and what is sampled in the browser.

    why: why only the server can, "" where the browser can as well.
    server_ms, waiting: what the server takes for an image and network evaluation, None where it was not measured; and how many
        jobs wait there.
    sampler, sweep: what is sampled, of a lab one of both; None where the server samples.
    drawn: grows with each press of Draw.
    """

    chosen: Place
    why: str = ""
    server_ms: float | None = None
    waiting: int = 0
    sampler: LiveSampler | None = None
    sweep: LiveSweep | None = None
    drawn: int = 0
