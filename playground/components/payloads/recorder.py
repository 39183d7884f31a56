"""What recorder.js shows: one field of pictures over two times, how long it had trained and how far it had denoised."""

from __future__ import annotations

from dataclasses import dataclass

from playground.components.payloads.encoding import MessagePayload
from playground.components.payloads.timeline import Lane, Position


@dataclass(frozen=True)
class TrainingSamplingMap(MessagePayload):
    """A tile for each pair of times, one training step after the other.

    Args:
        id: the browser keeps both playheads as long as it stays the same.
        lane: tiles in the order of `trained`, and for each of them in that of `denoised`.
        trained, denoised: the two times. While more are computed, `trained` has those that are there so far.
        total: how many there will be.
        names: of the pictures, "" for none.

    Raises:
        ValueError: where the tiles are not as many as the pairs, or the moments more than there will be.
    """

    id: str
    lane: Lane
    trained: tuple[Position, ...]
    denoised: tuple[Position, ...]
    total: int
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.lane.index) != len(self.trained) * len(self.denoised):
            raise ValueError(
                f"{len(self.lane.index)} tiles for {len(self.trained)} × {len(self.denoised)} pairs of times."
            )
        if len(self.trained) > self.total:
            raise ValueError(f"{len(self.trained)} of {self.total} moments cannot be.")
