"""The task of a denoiser: a U-Net predicts the noise, x_0 or v of a noised picture (Ho et al. 2020, arXiv:2006.11239)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_uint8
from engine.denoiser import Clipped, NetDenoiser
from engine.guidance import Guided
from engine.interop import pretrained
from engine.language import N_, _
from engine.models.presets import preset_for
from engine.models.unet import UNet, UNetConfig
from engine.process import Prediction
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import Level
from engine.storage.saved_network import is_diffusers
from engine.training.bayes_optimal import BayesOptimalLoss, bayes_optimal_loss
from engine.training.config import NO_SIGNAL, TrainConfig
from engine.training.distributed import hardware_of
from engine.training.objective import DenoisingLoss, weights
from engine.training.tasks.task import ONLY_VAE, PREVIEWS, Pictures, Provenance, Saved, device_of

PREVIEW_STEPS = 20
PREVIEW_GUIDANCE = 2.0
"""Guidance scale of the previews, where label dropout makes guidance possible."""
WEIGHTED = {"plain": "", "min-snr": N_(", min-SNR weights"), "bound": N_(", the bound's weights")}


class DenoiserTask:
    """See `Task`."""

    noun = N_("denoiser")
    use = ""
    has_held_out_loss = has_milestones = drops_labels = True
    min_loss_decrease = 0.2
    skipped_rules: frozenset[str] = frozenset()

    def without_effect(self, config: TrainConfig) -> dict[str, str]:
        off = {"latent": _(ONLY_VAE)}
        if not config.learned_variance:
            off["vlb_weight"] = _("Only a learned variance is trained by the bound.")
        if config.target == "noise":
            off["zero_terminal_snr"] = _(NO_SIGNAL)
        return off

    def loss_unit(self, config: TrainConfig) -> str:
        return _("mean squared error") + _(WEIGHTED[config.weighting])

    def network(self, config: TrainConfig, data: ImageSet) -> UNet:
        return UNet(unet_config(config, data.size, data.channels, len(data.class_names)))

    def model(self, config: TrainConfig, data: ImageSet, net: UNet) -> NetDenoiser:
        schedule, target, classes = config.noise_schedule(), config.prediction_target(), len(data.class_names)
        return NetDenoiser(net, schedule, target, classes, learned_variance=config.learned_variance)

    def evaluate(self, config: TrainConfig, net: UNet, pictures: Tensor) -> object:
        count = len(pictures)
        classes = None if net.class_embedding is None else pictures.new_zeros(count, dtype=torch.int64)
        return net(pictures, pictures.new_zeros(count), classes)

    def objective(self, config: TrainConfig, model: NetDenoiser) -> DenoisingLoss:
        weight = weights(config.weighting, model.schedule, model.target)
        return DenoisingLoss(model, weight, config.vlb_weight)

    def bayes_optimal(self, config: TrainConfig, data: ImageSet) -> BayesOptimalLoss | None:
        return bayes_optimal_loss(data, config.noise_schedule(), config.prediction_target(), config.weighting)

    def preview(
        self, config: TrainConfig, model: NetDenoiser, data: ImageSet, stop: Callable[[], bool]
    ) -> Pictures | None:
        denoiser, classes = _OnAnyDevice(model), len(data.class_names)
        scale = PREVIEW_GUIDANCE if config.label_dropout > 0 else 1.0
        frames = sample(
            Clipped(Guided(denoiser, scale) if classes else denoiser),
            config.noise_schedule(),
            DDIM(),
            shape=(data.channels, data.size, data.size),
            steps=min(PREVIEW_STEPS, config.T),
            seeds=range(PREVIEWS),
            label=torch.arange(PREVIEWS) % classes if classes else None,
        )
        for frame in frames:
            if stop():
                return None
            last = frame
        pictures = to_uint8(last.x)
        pictures.setflags(write=False)
        return pictures

    def accuracy(self, config: TrainConfig, model: NetDenoiser, step: int, stop: Callable[[], bool], most: int) -> None:
        return None

    def save(self, folder: Path, model: NetDenoiser, weights: Mapping[str, Tensor], about: Provenance) -> None:
        card = pretrained.Card(
            title=about.title,
            data=about.config.data,
            class_names=about.data.class_names,
            step=about.step,
            training=about.config.model_dump(),
            machine=hardware_of(model.net),
        )
        pretrained.save(folder, model, weights, card)

    def is_saved_in(self, folder: Path) -> bool:
        return is_diffusers(folder)

    def open(self, folder: Path) -> Saved:
        card = pretrained.load(folder).card
        hint = "; diffusers opens it with UNet2DModel.from_pretrained(…, subfolder='unet')"
        return Saved(card.title, card.step, hint)


def unet_config(config: TrainConfig, size: int, channels: int, classes: int) -> UNetConfig:
    """The U-Net of a run, for pictures of this size; with a learned variance it has twice as many output channels."""
    net = preset_for(config.preset, size).config(size, channels, classes)
    return net.model_copy(update={"out_channels": 2 * channels}) if config.learned_variance else net


@dataclass(frozen=True, eq=False)
class _OnAnyDevice:
    """A denoiser on any device that takes and returns tensors on the CPU."""

    denoiser: NetDenoiser

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        device = device_of(self.denoiser)
        if device.type == "cpu":
            return self.denoiser(x_t, level, label)
        prediction = self.denoiser(x_t.to(device), level, label)
        return prediction.to("cpu")
