"""How a classifier lies on disk: config.json, model.safetensors and card.json, each whole or not there at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from engine.storage.checked_files import (
    CheckpointError,
    checked_folder,
    first_problem,
    load_weights,
    read_json,
    save_tensors,
)
from engine.storage.files import write_json

WEIGHTS = "model.safetensors"
MAX_PARAMETERS = 500_000_000

Config = TypeVar("Config", bound=BaseModel)
Card = TypeVar("Card", bound=BaseModel)
Net = TypeVar("Net", bound=nn.Module)


def save(folder: Path, config: BaseModel, weights: Mapping[str, Tensor], card: BaseModel) -> None:
    """Write one; files of an earlier one are replaced. Raises OSError where the disk does not let us."""
    save_tensors(folder / WEIGHTS, weights)
    write_json(folder / "config.json", config.model_dump())
    write_json(folder / "card.json", card.model_dump())


def load(
    folder: Path,
    name: str,
    kind: str,
    config_type: type[Config],
    card_type: type[Card],
    build: Callable[[Config], Net],
    device: torch.device | str = "cpu",
) -> tuple[Net, Card]:
    """Open one, frozen and ready to read.

    Args:
        folder: what `save` wrote.
        name: what the reader calls it.
        kind: what the folder should be, for the message where it is not.
        config_type, card_type: what its two JSON files hold.
        build: makes the network of a config.
        device: where it goes.

    Raises:
        CheckpointError: with one clear sentence, for a folder that is missing, incomplete, damaged or of another kind.
    """
    path = checked_folder(folder, name)
    file = "config.json"
    try:
        config = config_type.model_validate(read_json(path / file, kind))
        file = "card.json"
        card = card_type.model_validate(read_json(path / file, kind))
    except ValidationError as error:
        raise CheckpointError(f"{file} in “{path.name}” makes no sense: {first_problem(error)}.") from error
    with torch.device("meta"):
        net = build(config)
    size = sum(parameter.numel() for parameter in net.parameters())
    if size > MAX_PARAMETERS:
        raise CheckpointError(f"A network of {size / 1e6:,.0f} million parameters is too large for this playground.")
    net = net.to_empty(device="cpu")
    load_weights(net, path / WEIGHTS)
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return net.eval().requires_grad_(False), card
