"""The task of a variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_uint8
from engine.language import N_, _
from engine.models import vae
from engine.models.presets import preset_for
from engine.models.vae import VAE, TrainedVAE, VAECard, VAEConfig
from engine.training.config import TrainConfig
from engine.training.objective import VAELoss
from engine.training.tasks.task import PREVIEWS, Pictures, Provenance, Saved, device_of

OF_NOISE = ("target", "schedule", "T", "weighting", "learned_variance", "vlb_weight", "importance", "zero_terminal_snr")


class VAETask:
    """See `Task`. The network is as wide and as deep as the downward and upward paths of the U-Net."""

    noun = N_("VAE")
    use = N_("It samples in one pass of its decoder: open it in the Likelihood lab.")
    has_milestones = drops_labels = False
    has_held_out_loss = True
    min_loss_decrease = 0.05
    """Smaller than for other tasks: the minimum of a VAE's bound is unknown and far from 0."""
    skipped_rules = frozenset({"label dropout", "few pictures"})

    def without_effect(self, config: TrainConfig) -> dict[str, str]:
        return dict.fromkeys((*OF_NOISE, "label_dropout"), _("A VAE has no noise levels and no labels."))

    def loss_unit(self, config: TrainConfig) -> str:
        return _("its bound in bits per dimension")

    def network(self, config: TrainConfig, data: ImageSet) -> VAE:
        widths = preset_for(config.preset, data.size).widths
        return VAE(VAEConfig(size=data.size, channels=data.channels, latent=config.latent, widths=widths))

    def model(self, config: TrainConfig, data: ImageSet, net: VAE) -> TrainedVAE:
        return TrainedVAE(net, VAECard(data=config.data))

    def evaluate(self, config: TrainConfig, net: VAE, pictures: Tensor) -> object:
        return net(pictures, pictures.new_zeros(len(pictures), config.latent))

    def objective(self, config: TrainConfig, model: TrainedVAE) -> VAELoss:
        return VAELoss(model.net, config.latent)

    def bayes_optimal(self, config: TrainConfig, data: ImageSet) -> None:
        return None

    @torch.no_grad()
    def preview(self, config: TrainConfig, model: TrainedVAE, data: ImageSet, stop: Callable[[], bool]) -> Pictures:
        """The means of p(x | z) for draws of z from the prior."""
        z = torch.randn((PREVIEWS, config.latent), generator=torch.Generator().manual_seed(0))
        pictures = to_uint8(model.net.decode(z.to(device_of(model))).mean.cpu())
        pictures.setflags(write=False)
        return pictures

    def accuracy(self, config: TrainConfig, model: TrainedVAE, step: int, stop: Callable[[], bool], most: int) -> None:
        return None

    def save(self, folder: Path, model: TrainedVAE, weights: Mapping[str, Tensor], about: Provenance) -> None:
        card = VAECard(
            title=f"{about.title}, VAE",
            data=about.config.data,
            step=about.step,
            training=about.config.model_dump(),
            command=about.command,
        )
        vae.save(folder, model.net.config, weights, card)

    def is_saved_in(self, folder: Path) -> bool:
        return vae.is_saved_in(folder)

    def open(self, folder: Path) -> Saved:
        card = vae.load(folder).card
        return Saved(card.title, card.step, "; the Likelihood lab opens its run")
