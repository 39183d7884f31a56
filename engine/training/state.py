"""The state of a training: all that a step changes, so all that resuming needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from engine.data.image_set import ImageSet
from engine.denoiser import NetDenoiser
from engine.training.config import TrainConfig
from engine.training.importance import LossHistory
from engine.training.tasks import new_model
from engine.training.tasks.task import Trained, with_weights


@dataclass(eq=False)
class TrainState:
    """A model in training."""

    model: Trained
    """The model with the network that is trained."""
    average: dict[str, Tensor]
    """The EMA weights by name; samples are drawn with them."""
    optimizer: torch.optim.AdamW
    scaler: torch.amp.GradScaler
    """Keeps the small gradients of fp16 above 0; for other precisions it does nothing."""
    history: LossHistory | None = None
    """The losses of importance sampling; None where t is drawn uniformly."""
    step: int = 0
    """Steps taken."""
    last_finite: dict[str, Tensor] = field(default_factory=dict)
    """The EMA weights at the last report, which are known to give a finite loss; to return to where training diverges."""

    @property
    def net(self) -> nn.Module:
        """The network in `model`."""
        net: nn.Module = self.model.net
        return net

    @property
    def denoiser(self) -> NetDenoiser:
        """The model, where it is a denoiser. Raises TypeError where it is not."""
        if not isinstance(self.model, NetDenoiser):
            raise TypeError("This run trains no denoiser.")
        return self.model

    def restore_last_finite(self) -> None:
        """Restore the EMA weights from `last_finite`."""
        for name, weight in self.last_finite.items():
            self.average[name].copy_(weight)

    def averaged(self) -> Trained:
        """A copy of the model with the averaged weights, frozen."""
        return with_weights(self.model, self.average)


def begin(config: TrainConfig, data: ImageSet, device: torch.device | str = "cpu") -> TrainState:
    """A new model and its optimizer, from the config's seed alone.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    model = new_model(config, data, device)
    net: nn.Module = model.net
    # Fused, AdamW takes a third of the time on a CPU.
    fused = torch.device(device).type in ("cpu", "cuda")
    return TrainState(
        model,
        {name: weight.detach().clone() for name, weight in net.state_dict().items()},
        torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=fused),
        torch.amp.GradScaler(torch.device(device).type, enabled=config.precision == "fp16"),
        LossHistory(config.T) if config.importance else None,
    )
