"""What xray.js draws of one forward pass of a network, as JSON: numbers packed, a byte for each value."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.language import _
from playground.components.payloads.xray import (
    AttentionMaps,
    ChannelMaps,
    SignedMap,
    TimeMaps,
    UnsignedMap,
    XRay,
    XRayBlock,
)
from playground.labs.shared.pictures_html import data_uri
from playground.labs.xray import text

if TYPE_CHECKING:
    from engine.analysis.xray import Block, ForwardRecord, NetworkLayout
    from playground.labs.xray.job import Inspection

MOST_CHANNELS = 16
"""Of a block, those that vary most are shown."""
MOST_BYTES = 1_500_000
"""Of all channel maps together, and of all attention together."""


def payload(inspection: Inspection, block: str = "") -> XRay:
    """Everything that is shown of a forward pass; beside packed numbers stands the value of 127 or 255.

    `block` is shown first; without it the one that was chosen when the inspection began; where the network has neither,
    `first_block`.
    """
    off = set(inspection.controls.skips_off)
    blocks, forward = inspection.layout.blocks, inspection.forward
    total = sum(block.parameters for block in blocks)
    chosen = block or inspection.controls.block
    sent: XRay = {
        "id": "",
        "base": inspection.controls.choice,
        "block": chosen if any(one.name == chosen for one in blocks) else first_block(inspection.layout),
        "title": inspection.title,
        "parameters": total,
        "at": _("t = {t} of {T}", t=inspection.t, T=inspection.T),
        "blocks": [_block(block) for block in blocks],
        "skips": [
            {"number": s.number, "source": s.source, "target": s.target, "title": skip_title(s), "off": s.number in off}
            for s in inspection.layout.skips
        ],
        "maps": _maps(blocks, forward),
        "attention": _attention(blocks, forward),
        "pictures": [
            {"key": key, "title": title, "src": data_uri(picture, 1), "size": list(picture.shape[:2])}
            for key, title, picture in (
                ("x", _("<i>x</i><sub>t</sub>, the input"), inspection.x),
                ("x0", _("<i>x̂</i><sub>0</sub>, the prediction"), inspection.x0),
                ("noise", _("<i>ε̂</i>, the predicted noise"), inspection.noise),
            )
        ],
        "time": _time(inspection),
        "words": text.IN_THE_DRAWING,
    }
    sent["id"] = hashlib.blake2b(json.dumps(sent).encode(), digest_size=8).hexdigest()
    return sent


def first_block(layout: NetworkLayout) -> str:
    """The block that is shown before the reader has chosen one: the first that sees the picture in many channels."""
    return next(block.name for block in layout.blocks if block.kind == "residual")


def skip_title(skip: Any) -> str:
    """A skip in words."""
    return _(
        "Skip {number}, {height} × {width}, {channels} channels",
        number=skip.number,
        height=skip.size[0],
        width=skip.size[1],
        channels=skip.channels,
    )


def block_title(block: Block) -> str:
    """A block in words, with its size."""
    size = (
        _(", {height} × {width} pixels", height=block.size[0], width=block.size[1])
        if block.kind not in ("time", "class")
        else ""
    )
    heads = _(", {heads} heads", heads=block.heads) if block.heads > 1 else ""
    return _(
        "{kinds}{parts}{size}, {channels} channels{heads}",
        kinds=text.KINDS[block.kind][1],
        parts=text.PARTS[block.part],
        size=size,
        channels=block.channels,
        heads=heads,
    )


def _block(block: Block) -> XRayBlock:
    return {
        "name": block.name,
        "kind": block.kind,
        "part": block.part,
        "size": list(block.size),
        "channels": block.channels,
        "parameters": block.parameters,
        "short": text.KINDS[block.kind][0],
        "title": block_title(block),
        "help": text.KINDS[block.kind][2],
    }


def _maps(blocks: Sequence[Block], forward: ForwardRecord) -> dict[str, ChannelMaps]:
    """Of each block the channels that vary most over the picture, −127 … 127 for −max … max."""
    budget = MOST_BYTES // max(1, len(blocks))
    made: dict[str, ChannelMaps] = {}
    for block in blocks:
        values = forward.activations[block.name][0].float().numpy()
        vector = values.ndim == 1
        if vector:  # an embedding: all its numbers as one map
            values = values.reshape(1, *_folded(len(values)))
            order = np.array([0])
        else:
            order = np.argsort(-values.var(axis=(1, 2)), kind="stable")
        most = max(1, min(MOST_CHANNELS, budget // max(1, values[0].size)))
        shown = values[order[:most]]
        made[block.name] = {
            "channels": [] if vector else order[:most].tolist(),
            "of": len(values),
            **_signed(shown),
        }
    return made


def _folded(count: int) -> tuple[int, int]:
    rows = max(rows for rows in range(1, int(count**0.5) + 1) if count % rows == 0)
    return rows, count // rows


def _signed(values: npt.NDArray[np.float32]) -> SignedMap:
    most = float(np.abs(values).max()) or 1.0
    return {"shape": list(values.shape), "max": most, "i8": _packed(np.rint(values / most * 127).astype(np.int8))}


def _unsigned(values: npt.NDArray[np.float32]) -> UnsignedMap:
    most = float(values.max()) or 1.0
    return {"shape": list(values.shape), "max": most, "u8": _packed(np.rint(values / most * 255).astype(np.uint8))}


def _packed(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _attention(blocks: Sequence[Block], forward: ForwardRecord) -> list[AttentionMaps]:
    """The mean of the heads, then as many single heads as may be sent; each row scaled by its own largest value."""
    budget = MOST_BYTES // max(1, len(forward.attention))
    made: list[AttentionMaps] = []
    for block in blocks:
        if block.kind != "attention" or block.name not in forward.attention:
            continue
        weights = forward.attention[block.name][0].float().numpy()
        most = max(1, min(len(weights), budget // weights[0].size)) if len(weights) > 1 else 0
        rows = np.concatenate([weights.mean(axis=0, keepdims=True), weights[:most]])
        top = rows.max(axis=2, keepdims=True)
        made.append(
            {
                "name": block.name,
                "title": block_title(block),
                "size": list(block.size),
                "heads": most,
                "of": len(weights),
                "u8": _packed(np.rint(rows / top * 255).astype(np.uint8)),
                "top": _packed(top.astype("<f4")),
            }
        )
    return made


def _time(inspection: Inspection) -> TimeMaps:
    """From t = T on, as the steps of sampling go."""
    times = np.array(inspection.times)[::-1]
    similarity = inspection.conditioning.similarity.float().numpy()
    norms = np.stack([values.float().numpy() for values in inspection.conditioning.norms.values()])
    blocks = {
        one.name: _("{name}, {place}", name=text.SIDES[one.part], place=f"{one.size[0]} × {one.size[1]}")
        for one in inspection.layout.blocks
    }
    return {
        "t": times.tolist(),
        "at": int(np.abs(times - inspection.t).argmin()),
        "similarity": _signed(np.ascontiguousarray(similarity[::-1, ::-1])),
        "norms": _unsigned(np.ascontiguousarray(norms[:, ::-1])),
        "blocks": [blocks[name] for name in inspection.conditioning.norms],
    }
