"""The VAE of the Likelihood lab: which there are, reconstructions, an interpolation between two images, a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.panels import CurvePanel, Line
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.likelihood.controls import ANY_VAE, LikelihoodControls
from playground.labs.shared.naming import data_title, shipped_title, when

if TYPE_CHECKING:
    from torch import Tensor

    from engine.latent import DiagonalGaussian
    from playground.policy.visitor import Visitor

STOPS = 41
"""Of the interpolation."""
GRID = 9
REACH = 2.5
"""The grid goes so many standard deviations of the prior either way."""
BACK = 8
"""Images that are reconstructed."""
USED = 0.1
"""Nats: a latent dimension of a smaller KL carries next to nothing."""
MEASURED = 200

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Views:
    """What there is to see of a VAE."""

    back: tuple[Pictures, Pictures]
    """Held-out pictures and what comes back, each (B, H, W, C)."""
    drawn: Pictures
    """From the prior, (B, H, W, C)."""
    grid: Pictures
    """(GRID · H, GRID · W, C): two latent dimensions vary, the others stay those of the first picture."""
    interpolation: Timeline
    used: int
    latent: int
    """So many latent dimensions have a KL above USED, of so many."""
    axes: tuple[int, int]
    """Which of them go across and down, 1 … latent by their KL, the largest first."""
    problems: tuple[str, ...] = ()


def vaes(visitor: Visitor) -> dict[str, str]:
    """Name and title of every VAE that this visitor may choose."""
    from engine.models.vae import VAES

    shipped = {
        name: _("Trained VAE: {name}", name=shipped_title(name.removesuffix("-vae")))
        for name, folder in VAES.items()
        if folder.is_dir()
    }
    runs = {
        f"run:{one.id}": _("Your VAE of {when}, step {step:,}", when=when(one.id), step=one.step)
        for one in visitor.runs.snapshots()
        if one.can_encode
    }
    return {ANY_VAE: _("the one of these images"), **shipped, **runs}


def chosen(name: str, data: str, visitor: Visitor) -> tuple[str, str]:
    """The VAE that is meant, "" for none, and a sentence where there is something to say."""
    from engine.models.vae import VAES

    if name != ANY_VAE:
        return name, ""
    shipped = f"{data}-vae"
    if shipped in VAES and VAES[shipped].is_dir():
        return shipped, ""
    for one in visitor.runs.snapshots():
        if one.can_encode and one.config.data == data:
            return f"run:{one.id}", ""
    return "", _("There is no VAE of {data} yet: the Training lab trains one, with “Task: VAE”.", data=data_title(data))


def views(controls: LikelihoodControls, visitor: Visitor) -> Views | str:
    """All that is shown of the VAE, or a sentence why there is nothing. Raises ValueError where it cannot be opened or used."""
    import torch

    from engine.data.catalogue import load
    from engine.data.pixels import to_uint8, to_unit

    name, problem = chosen(controls.vae, controls.data, visitor)
    if not name:
        return problem
    trained, part = visitor.open_vae(name), load(controls.data).held_out_part
    net, latent = trained.net, trained.net.config.latent
    numbers, axes, problems = _in_range(controls, len(part), latent)
    spread = np.linspace(0, len(part) - 1, BACK).round().astype(int)
    with torch.no_grad():
        kl = _kl_of_each(net.encode(to_unit(part.images[:MEASURED])))
        order = torch.argsort(kl, descending=True)
        z = net.encode(to_unit(part.images[numbers])).mean
        weight = torch.linspace(0, 1, STOPS)[:, None]
        path = (1 - weight) * z[0] + weight * z[1]
        cells = _cells(z[0], [int(order[axis - 1]) for axis in axes])
        prior = torch.randn((BACK, latent), generator=torch.Generator().manual_seed(controls.seed))
        back = to_uint8(net.decode(net.encode(to_unit(part.images[spread])).mean).mean)
        interpolated, gridded, drawn = (to_uint8(net.decode(points).mean) for points in (path, cells, prior))
    ends = part.images[numbers].astype(np.float64)
    mixed = [((1 - w) * ends[0] + w * ends[1]).round().astype(np.uint8) for w in weight[:, 0].tolist()]
    return Views(
        (part.images[spread], back),
        drawn,
        _tiled(gridded),
        _interpolation(f"{name}-{numbers}", interpolated, mixed, path[:, order].numpy()),
        int((kl > USED).sum()),
        latent,
        axes,
        tuple(problems),
    )


def _in_range(controls: LikelihoodControls, images: int, latent: int) -> tuple[list[int], tuple[int, int], list[str]]:
    """The numbers of the two images and the two latent dimensions that there are, and a sentence for each that is not."""
    problems = [
        _(
            "{title}: there are {images} held-out images, numbered from 0. The last one is shown.",
            title=title,
            images=images,
        )
        for number, title in ((controls.first, _("From image")), (controls.second, _("To image")))
        if number >= images
    ]
    if max(controls.across, controls.down) > latent:
        problems.append(_("This VAE has {latent} latent dimensions. The last one is shown.", latent=latent))
    numbers = [min(number, images - 1) for number in (controls.first, controls.second)]
    return numbers, (min(controls.across, latent), min(controls.down, latent)), problems


def _cells(z: Tensor, axes: list[int]) -> Tensor:
    """Latent variables of the grid, (GRID², latent): those of z, but for two dimensions, across and down."""
    import torch

    steps = torch.linspace(-REACH, REACH, GRID)
    cells = z.repeat(GRID * GRID, 1)
    cells[:, axes[0]] = steps.repeat(GRID)
    cells[:, axes[1]] = steps.repeat_interleave(GRID)
    return cells


def _interpolation(key: str, through: Pictures, mixed: list[Pictures], path: NDArray[np.float32]) -> Timeline:
    at = np.arange(STOPS)
    shown = min(4, path.shape[1])
    lines = tuple(Line(_("latent dimension {k}", k=k + 1), at, path[:, k]) for k in range(shown))
    return Timeline(
        f"interpolation-{key}",
        (
            Lane.of_pictures(
                "latent",
                _("Interpolation of the latent variables"),
                through[:, None],
                help=_("The decoder's image at each stop."),
            ),
            Lane.of_pictures(
                "pixels",
                _("Interpolation of the pixels"),
                [one[None] for one in mixed],
                help=_("The pixels themselves are mixed."),
            ),
        ),
        tuple(Position(k, _("{k:.0f} % of the path", k=100 * k / (STOPS - 1))) for k in range(STOPS)),
        panels=(CurvePanel(_("The latent dimensions of the largest KL"), _("stop"), _("value"), lines, at),),
        fps=15,
        label=_("From one image to another"),
    )


def _kl_of_each(posterior: DiagonalGaussian) -> Tensor:
    """KL of each latent dimension to N(0, 1), the mean over the images, shape (latent,)."""
    mean, log_variance = posterior
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)


def _tiled(pictures: Pictures) -> Pictures:
    """GRID × GRID of them as one."""
    _, height, width, channels = pictures.shape
    rows = pictures.reshape(GRID, GRID, height, width, channels).swapaxes(1, 2)
    return rows.reshape(GRID * height, GRID * width, channels)
