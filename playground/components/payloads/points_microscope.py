"""What the Points lab's microscope shows, as plain frozen data: one particle's steps, each as a weighted sum of vectors.

All steps travel at once, so that scrubbing asks nobody; another particle is another bench.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from playground.components.payloads.microscope import Branch
from playground.components.payloads.numbers import as_float32, as_list
from playground.components.payloads.point_clouds import Array


@dataclass(frozen=True)
class ParticleCursor:
    """Number of the particle, −1 for none, and how many of its steps have been taken."""

    particle: int
    frame: int


@dataclass(frozen=True, eq=False)
class ParticleTrajectory:
    """One sampler's walk of the particle. Its pool has the shape (N, 1, 1, 2), x and y being two pixels of a picture.

    std: of the law that the next place is drawn from, at each cut; 0 where it is not drawn.
    posterior_std: of q(x_s | x_t, x̂0), at each cut. Both in the units of the data.
    """

    branch: Branch
    std: tuple[float, ...]
    posterior_std: tuple[float, ...]

    def to_payload(self) -> dict[str, object]:
        return {
            **self.branch.to_payload(),
            "std": as_list(self.std),
            "posterior_std": as_list(self.posterior_std),
        }


@dataclass(frozen=True, eq=False)
class PointsMicroscope:
    """All of it.

    id: of the stage whose particle it is. `particles`: how many there are.
    ways: one for each cloud; none while no particle is chosen.
    times: t of each frame of the first cloud, the noise first.
    data: float32 (M, 2); the thoughts of a cut name its rows.
    name: of the particle, for the reader.
    """

    id: str
    particles: int
    cursor: ParticleCursor
    times: tuple[int, ...]
    data: Array
    trajectories: tuple[ParticleTrajectory, ...] = ()
    name: str = ""

    def to_payload(self) -> dict[str, object]:
        """What `update` of points_microscope.js takes; made once, for a page may ask again and again."""
        return self._payload

    @cached_property
    def _payload(self) -> dict[str, object]:
        return {
            "id": self.id,
            "particles": self.particles,
            "particle": self.cursor.particle,
            "frame": self.cursor.frame,
            "name": self.name,
            "times": list(self.times),
            "data": as_float32(self.data),
            "ways": [way.to_payload() for way in self.trajectories],
        }


def read_particle_cursor(value: object, stage: str, particles: int) -> ParticleCursor | None:
    """What the browser says of where the reader looks; None where that is nothing, or was about another stage.

    Args:
        value: as it comes.
        stage: the id of the stage that is shown.
        particles: how many it has.
    """
    if not isinstance(value, Mapping) or value.get("id") != stage:
        return None
    particle, frame = value.get("particle"), value.get("frame")
    if type(particle) is not int or type(frame) is not int:
        return None
    return ParticleCursor(particle, frame) if -1 <= particle < particles and 0 <= frame <= 200 else None
