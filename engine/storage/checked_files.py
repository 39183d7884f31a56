"""Untrusted files, JSON and safetensors, checked before they are used.

Every kind of checkpoint goes through here. Pickles are never opened, and nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.language import N_, Message
from engine.storage import budgets
from engine.storage.disk_errors import os_error
from engine.storage.file_kinds import because
from engine.storage.files import atomic_write, head_of, open_regular, read_regular
from engine.storage.texts import decoded

UNION_TAGS = ("Fork", "Recipe")
"""What pydantic puts between the names of fields where a value may be of several kinds."""
LONGEST_PLACE = 60
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


class CheckpointError(ValueError):
    """A folder that cannot be opened as a model; the message is one sentence for the reader."""


def checked_folder(path: Path, name: str) -> Path:
    """The folder itself. Raises `CheckpointError` where there is none, or a pickle in its place."""
    # os.path rather than pathlib: whatever a reader types, a name too long for a file is simply no folder.
    if os.path.isfile(path) and path.suffix in PICKLES:
        raise CheckpointError(
            Message(
                "“{name}” is a pickle, which can run any program when it is opened: only safetensors are read.",
                name=path.name,
            )
        )
    if not os.path.isdir(path):
        raise CheckpointError(Message("There is no checkpoint folder “{name}”.", name=name[:200]))
    return path


def read_json(path: Path, kind: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        kind: what the folder should have been, for the message where the file is missing: "no … : x is missing".

    Raises:
        CheckpointError: where it is missing, too large, damaged, or not an object.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        if not path.is_file() and path.exists():  # a pipe or a device would be read for ever
            raise CheckpointError(Message("{where} is no file.", where=where))
        if path.stat().st_size > budgets.JSON_BYTES:
            raise CheckpointError(Message("{where} is far too large for what it should hold.", where=where))
        data = read_regular(path, budgets.JSON_BYTES)
    except FileNotFoundError as error:
        raise CheckpointError(
            Message("This is no {kind}: {where} is missing.", kind=Message(kind), where=where)
        ) from error
    except OSError as error:
        raise CheckpointError(
            Message("{where} cannot be read: {why}.", where=where, why=error.strerror or error)
        ) from error
    try:
        value = json.loads(decoded(data))
    # Python refuses to read a whole number of thousands of digits, with a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            Message(
                "{where} cannot be read{why}.",
                where=where,
                why=because(data) or Message(": it is damaged or cut short"),
            )
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(Message("{where} does not hold a JSON object.", where=where))
    return value


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file atomically; folders are made. Raises OSError where the write fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part)
        except SafetensorError as error:
            raise os_error(error, path) from error


def check_header(path: Path) -> None:
    """Refuse a safetensors file whose names and shapes alone would fill the memory.

    Raises:
        CheckpointError: where they do.
        OSError: where it cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        if int.from_bytes(file.read(8), "little") > budgets.TENSOR_HEADER:
            raise CheckpointError(damaged(path))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file. Raises as `check_header`, and SafetensorError."""
    check_header(path)
    return load_file(path)


def load_weights(net: nn.Module, path: Path, name_of: Callable[[str], str] = str) -> None:
    """Fill a network from a safetensors file that holds exactly its weights.

    Args:
        net: to be filled.
        path: the file.
        name_of: the network's name of a weight, by its name in the file.

    Raises:
        CheckpointError: where the file is missing, a pickle, damaged, of another network, or holds NaN or infinity.
    """
    if path.exists() and not path.is_file():
        raise CheckpointError(Message("{folder}/{file} is no file.", folder=path.parent.name, file=path.name))
    if not path.is_file():
        pickled = [p.name for p in path.parent.iterdir() if p.suffix in PICKLES] if path.parent.is_dir() else []
        if pickled:
            raise CheckpointError(
                Message(
                    "The weights are only there as a pickle ({file}), which can run any program when it is opened: "
                    "only safetensors are read.",
                    file=pickled[0],
                )
            )
        raise CheckpointError(
            Message("The weights are missing: there is no {folder}/{file}.", folder=path.parent.name, file=path.name)
        )
    expected = net.state_dict()
    try:
        check_header(path)
        with safe_open(path, framework="pt") as stored:
            # Names and shapes are in the header: a file that does not fit is refused before any weight is read.
            names = {name_of(name): name for name in stored.keys()}  # noqa: SIM118
            shapes = {ours: tuple(stored.get_slice(name).get_shape()) for ours, name in names.items()}
            if shapes != {name: tuple(weight.shape) for name, weight in expected.items()}:
                odd = sorted(set(shapes) ^ set(expected)) or [
                    n for n in shapes if shapes[n] != tuple(expected[n].shape)
                ]
                raise CheckpointError(
                    Message(
                        "The weights do not fit the network that config.json describes: see “{weight}”.", weight=odd[0]
                    )
                )
            stored_weights = {name: stored.get_tensor(names[name]) for name in expected}
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(damaged(path)) from error
    check_numbers(stored_weights, expected)
    net.load_state_dict({name: stored_weights[name].to(like.dtype) for name, like in expected.items()})


def check_numbers(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise CheckpointError for weights that are NaN, infinite, or whole numbers where the network has others."""
    for name, weight in weights.items():
        if expected[name].is_floating_point() and not weight.is_floating_point():
            raise CheckpointError(
                Message(
                    "The weight “{name}” is stored as whole numbers ({dtype}): it is no trained one.",
                    name=name,
                    dtype=weight.dtype,
                )
            )
        if not bool(torch.isfinite(weight).all()):
            raise CheckpointError(
                Message(
                    "The weight “{name}” holds values that are not numbers: that training went wrong before it was saved.",
                    name=name,
                )
            )


def damaged(path: Path) -> Message:
    """The sentence for a file that does not hold what it should: what it is, where that shows."""
    kind = because(head_of(path))
    if kind:
        return Message("{name} holds no weights{kind}.", name=path.name, kind=kind)
    return Message("{name} is damaged or cut short.", name=path.name)


REFUSALS = {
    "greater_than_equal": N_("{where} must be greater than or equal to {ge}"),
    "less_than_equal": N_("{where} must be less than or equal to {le}"),
    "greater_than": N_("{where} must be greater than {gt}"),
    "less_than": N_("{where} must be less than {lt}"),
    "finite_number": N_("{where} must be a finite number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), N_("{where} must be a valid integer")),
    **dict.fromkeys(("float_type", "float_parsing"), N_("{where} must be a valid number")),
    **dict.fromkeys(("bool_type", "bool_parsing"), N_("{where} must be a valid boolean")),
    **dict.fromkeys(("tuple_type", "list_type"), N_("{where} must be a list")),
    "string_type": N_("{where} must be a valid string"),
    "string_too_long": N_("{where} must have at most {max_length} characters"),
    "string_too_short": N_("{where} must have at least {min_length} characters"),
    "too_long": N_("{where} must have at most {max_length} values, not {actual_length}"),
    "too_short": N_("{where} must have at least {min_length} values, not {actual_length}"),
    "literal_error": N_("{where} must be {expected}"),
    "unknown": N_("{where}: there is no {what} “{name}”, but {known}"),
    "missing": N_("{where}: Field required"),
    "extra_forbidden": N_("{where}: Extra inputs are not permitted"),
}
"""What pydantic says most often, by the type of its error."""
NO_OBJECT = N_("{where} must be an object of names and values")


def first_problem(error: ValidationError) -> Message | str:
    """The first error of pydantic, as part of a sentence; that of a check of our own is a sentence by itself."""
    first = error.errors()[0]
    names = [str(part) for part in first["loc"] if part not in UNION_TAGS]
    where = ".".join(names)
    where = where if len(where) <= LONGEST_PLACE else f"… {names[-1][-LONGEST_PLACE:]}"
    it = where or Message("it")
    if first["type"] in ("model_type", "dict_type", "model_attributes_type"):
        return Message(NO_OBJECT, where=it)
    if first["type"] in REFUSALS:
        facts = {name: _in_words(name, value) for name, value in first.get("ctx", {}).items()}
        return Message(REFUSALS[first["type"]], where=it, **facts)
    why = str(first.get("ctx", {}).get("error") or first["msg"]).rstrip(".。")
    if why.startswith("Input should "):
        return f"{it} must {why.removeprefix('Input should ')}"
    return f"{where}: {why}" if where else why


def _in_words(name: str, fact: Any) -> Any:
    """A fact of an error of pydantic as it is read: names in a row as each language writes a row."""
    if name == "what":
        return Message(fact)
    if name not in ("expected", "known"):
        return fact
    *first, last = fact.replace(" or ", ", ").split(", ")
    if not first:
        return last
    row = reduce(lambda row, one: Message("{first}, {second}", first=row, second=one), first)
    return Message(
        "{first} or {last}" if name == "expected" else "{first}, {second}", first=row, last=last, second=last
    )


def sentence_of(error: ValueError) -> str:
    """An error as a sentence for the reader: pydantic's own text is none."""
    return f"{first_problem(error)}." if isinstance(error, ValidationError) else str(error)
