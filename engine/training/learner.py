"""What the loop can train, a denoiser, a classifier of noisy pictures or a VAE, and all that depends on which of them it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.data.image_set import ImageSet
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.models import noisy_classifier, vae
from engine.models.noisy_classifier import LevelClassifier, NoisyClassifierCard
from engine.models.unet import UNet
from engine.models.vae import VAE, VAECard
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.distributed import launched_processes
from engine.training.objective import ClassificationLoss, DenoisingLoss, Objective, VAELoss, weights

Learner = NetDenoiser | LevelClassifier | VAE


def fresh(config: TrainConfig, data: ImageSet, device: torch.device | str = "cpu") -> Learner:
    """One with random weights, from the config's seed alone.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    with torch.random.fork_rng(devices=[]):  # the layers draw their first weights from the global state: give it back
        torch.manual_seed(config.seed)
        net = _network(config, data)
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not isinstance(net, UNet):
        return net
    classes, learned_variance = len(data.class_names), config.learned_variance
    return NetDenoiser(
        net, config.noise_schedule(), config.prediction_target(), classes, learned_variance=learned_variance
    )


def parameter_count(config: TrainConfig, data: ImageSet) -> int:
    """Of the network that `fresh` would make, without making it.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in _network(config, data).parameters())


def _network(config: TrainConfig, data: ImageSet) -> UNet | LevelClassifier | VAE:
    shape = (data.size, data.channels, len(data.class_names))
    match config.task:
        case "classifier":
            return LevelClassifier(config.classifier(*shape))
        case "vae":
            return VAE(config.vae(data.size, data.channels))
        case "denoiser":
            return UNet(config.unet(*shape))


def net_of(learner: Learner) -> nn.Module:
    """The network whose weights are trained."""
    return learner.net if isinstance(learner, NetDenoiser) else learner


def with_weights(learner: Learner, weights: Mapping[str, Tensor]) -> Learner:
    """A copy of its own with these weights, ready to be used and frozen."""
    net = copy.deepcopy(net_of(learner))
    net.load_state_dict(weights)
    net.eval().requires_grad_(False)
    if isinstance(learner, NetDenoiser):
        return replace(learner, net=net)
    assert isinstance(net, LevelClassifier | VAE)
    return net


def objective_of(config: TrainConfig, learner: Learner, net: nn.Module | None = None) -> Objective:
    """What is minimised.

    Args:
        config: the run.
        learner: what learns.
        net: what to call instead of its network, with the same weights: compiled, or the one of many processes.
    """
    net = net_of(learner) if net is None else net
    if isinstance(learner, NetDenoiser):
        weight = weights(config.weighting, learner.schedule, learner.target)
        return DenoisingLoss(replace(learner, net=net), weight, config.vlb_weight)
    if isinstance(learner, VAE):
        return VAELoss(net, learner.config.latent)
    return ClassificationLoss(net)


def machine_of(net: nn.Module) -> str:
    """What a network computes on, in words for its card: what its training cost is counted in."""
    device, count = next(net.parameters()).device, launched_processes()
    if device.type == "cuda":
        one, many = f"one {torch.cuda.get_device_name(device)}", f"{count} × {torch.cuda.get_device_name(device)}"
        return one if count == 1 else many
    threads = torch.get_num_threads() * count
    return f"{threads} thread{'s' if threads > 1 else ''} of a CPU" if device.type == "cpu" else device.type


def save(
    folder: Path,
    learner: Learner,
    weights: Mapping[str, Tensor],
    config: TrainConfig,
    data: ImageSet,
    step: int,
    accuracy: ClassifierAccuracy | None = None,
    command: str = "",
) -> None:
    """Write what was learned: a diffusers folder, or the folder of a classifier or a VAE.

    Args:
        folder: made where it is missing.
        learner, weights: usually the averaged ones.
        config, data, step: for the card.
        reading: of a classifier, what was measured on held-out pictures; counts only if it was at this very step.
        command: what made it.

    Raises:
        OSError: where the disk does not let us.
    """
    title, training = f"{data.title}, {config.preset}", config.model_dump()
    if isinstance(learner, NetDenoiser):
        card = pretrained.Card(
            title=title,
            data=config.data,
            class_names=data.class_names,
            step=step,
            training=training,
            machine=machine_of(net_of(learner)),
        )
        pretrained.save(folder, learner, weights, card)
        return
    if isinstance(learner, VAE):
        about = VAECard(title=f"{title}, VAE", data=config.data, step=step, training=training, command=command)
        vae.save(folder, learner.config, weights, about)
        return
    accuracy = accuracy if accuracy and accuracy.step == step else None
    told = NoisyClassifierCard(
        title=f"{title}, classifier of noisy pictures",
        data=config.data,
        class_names=data.class_names,
        step=step,
        training=training,
        held_out=accuracy.pictures if accuracy else 0,
        held_out_accuracy_by_level=accuracy.accuracy_by_level if accuracy else (),
        held_out_loss_by_level=accuracy.loss_by_level if accuracy else (),
        command=command,
    )
    noisy_classifier.save(folder, learner.config, weights, told)
