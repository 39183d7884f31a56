"""What the Points lab's microscope shows, as plain frozen data: one particle's steps, each as a weighted sum of vectors.

All steps travel at once, so that scrubbing needs no request; another particle is another payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from playground.components.payloads.encoding import FiniteNumbers, Inlined, PackedFloats, Payload
from playground.components.payloads.microscope import Branch


@dataclass(frozen=True)
class ParticleCursor:
    """Number of the particle, −1 for none, and the number of its steps that have been taken."""

    particle: int
    frame: int


@dataclass(frozen=True, eq=False)
class ParticleTrajectory:
    """One sampler's trajectory of the particle. Its pool has the shape (N, 1, 1, 2): x and y are two pixels of a picture.

    std: of the distribution from which the next position is drawn, at each step; 0 where it is not drawn.
    posterior_std: of q(x_s | x_t, x̂0), at each step. Both in the units of the data.
    """

    branch: Annotated[Branch, Inlined]
    std: FiniteNumbers
    posterior_std: FiniteNumbers


@dataclass(frozen=True, eq=False)
class PointsMicroscope(Payload):
    """Everything that points_microscope.js shows.

    id: of the point clouds whose particle it is. `particles`: how many there are.
    times: t of each frame of the first cloud, the noise first.
    data: float32 (M, 2); posterior weights name its rows.
    trajectories: one for each cloud; none while no particle is chosen.
    name: of the particle's class, for the reader.
    """

    id: str
    particles: int
    cursor: Annotated[ParticleCursor, Inlined]
    times: tuple[int, ...]
    data: PackedFloats
    trajectories: tuple[ParticleTrajectory, ...] = ()
    name: str = ""


def read_particle_cursor(value: object, clouds: str, particles: int) -> ParticleCursor | None:
    """The cursor that the browser reports; None where that is none, or belongs to other point clouds.

    Args:
        value: as it comes.
        clouds: the id of the point clouds that are shown.
        particles: how many they have.
    """
    if not isinstance(value, Mapping) or value.get("id") != clouds:
        return None
    particle, frame = value.get("particle"), value.get("frame")
    if type(particle) is not int or type(frame) is not int:
        return None
    return ParticleCursor(particle, frame) if -1 <= particle < particles and 0 <= frame <= 200 else None
