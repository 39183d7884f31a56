"""The state of a training on disk: weights, averaged weights, moments of AdamW, the gradient scale of fp16, and the losses that
importance sampling draws by. Random draws need no state: see `engine.training.batch`.

Tensors go into one safetensors file, so nothing is ever unpickled.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from engine.language import Message
from engine.storage.checked_files import load_tensors, save_tensors
from engine.training.state import TrainState

FILE = "resume.safetensors"


class ResumeError(ValueError):
    """The saved state does not belong to this run or is damaged."""


def save(folder: Path, state: TrainState) -> None:
    """Write all that `load` needs, whole or not at all. Raises OSError where the disk does not let us."""
    tensors: dict[str, Tensor] = {"step": torch.tensor(state.step)}
    tensors |= {f"weight/{name}": weight for name, weight in state.net.state_dict().items()}
    tensors |= {f"average/{name}": weight for name, weight in state.average.items()}
    for name, parameter in state.net.named_parameters():
        tensors |= {f"adam/{key}/{name}": value for key, value in state.optimizer.state.get(parameter, {}).items()}
    if state.scaler.is_enabled():
        scale = state.scaler.state_dict()
        tensors["scaler"] = torch.tensor([scale["scale"], scale["_growth_tracker"]], dtype=torch.float64)
    if state.history is not None:
        tensors |= {"history/losses": state.history.losses, "history/seen": state.history.counts}
    save_tensors(folder / FILE, tensors)


def load(folder: Path, state: TrainState) -> None:
    """Bring a fresh state of the same config to where the saved one was, in place.

    Raises:
        ResumeError: where the file is missing, damaged, or of another network.
    """
    try:
        tensors = load_tensors(folder / FILE)
        state.net.load_state_dict(_part(tensors, "weight/"))
        for name, weight in state.average.items():
            weight.copy_(tensors[f"average/{name}"])
        for name, parameter in state.net.named_parameters():
            moments = {key: tensors[f"adam/{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            state.optimizer.state[parameter] = {
                # Laid out in memory as the parameter is, as AdamW makes them.
                key: value.to(parameter.device) if key == "step" else torch.empty_like(parameter).copy_(value)
                for key, value in moments.items()
            }
        if state.history is not None:
            state.history.restore(tensors["history/losses"], tensors["history/seen"])
        if state.scaler.is_enabled():
            scale, since = (float(value) for value in tensors["scaler"])
            state.scaler.load_state_dict({**state.scaler.state_dict(), "scale": scale, "_growth_tracker": int(since)})
        state.step = int(tensors["step"])
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ResumeError(
            Message(
                "The run cannot be resumed from “{folder}”: {file} is missing, damaged or of another network.",
                folder=folder,
                file=FILE,
            )
        ) from error


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
