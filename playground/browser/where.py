"""What where.js shows: the choice between this browser and the server, and the sampler in this browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playground.browser.live import LiveSampler
from playground.components.payloads.encoding import Payload

Place = Literal["", "browser", "server"]
"""Where is sampled; "" as long as the page does not know what the reader wants, which the browser remembers or tries out."""


@dataclass(frozen=True)
class Where(Payload):
    """The choice, and what is sampled in the browser.

    why: why only the server can, "" where the browser can as well.
    server_ms, waiting: what the server takes for an image and network evaluation, None where it was not measured; and how many
        jobs wait there.
    sampler: None where the server samples.
    drawn: grows with each press of Draw.
    """

    chosen: Place
    why: str = ""
    server_ms: float | None = None
    waiting: int = 0
    sampler: LiveSampler | None = None
    drawn: int = 0
