"""What xray.js draws, from what was seen inside a network; and the table of what each part is good for."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playground.labs.shared import exports
from playground.labs.shared.exports import File
from playground.labs.shared.pictures_html import data_uri
from playground.labs.xray import text

if TYPE_CHECKING:
    from engine.analysis.xray import Block, ForwardRecord, NetworkLayout
    from playground.labs.xray.job import Seen, Variant

MOST_CHANNELS = 16
"""Of a block, those that vary most are shown."""
MOST_BYTES = 1_500_000
"""Of all channel maps together, and of all attention together: what one look may send."""


def payload(seen: Seen, block: str = "") -> dict[str, Any]:
    """Everything of one look as JSON: numbers packed, a byte for each value, beside the value that 127 or 255 stands for.

    `block` is shown first; without it the one that was chosen when the look began; of neither this network's, `first_block`.
    """
    off = set(seen.controls.skips_off)
    blocks, inside = seen.anatomy.blocks, seen.inside
    total = sum(block.parameters for block in blocks)
    at = int(np.argmin(np.abs(np.array(seen.times) - seen.t)))
    chosen = block or seen.controls.block
    sent = {
        "base": seen.controls.choice,
        "block": chosen if any(one.name == chosen for one in blocks) else first_block(seen.anatomy),
        "title": seen.title,
        "parameters": total,
        "at": f"t = {seen.t} of {seen.T}",
        "blocks": [_block(block) for block in blocks],
        "skips": [
            {"number": s.number, "source": s.source, "target": s.target, "title": skip_title(s), "off": s.number in off}
            for s in seen.anatomy.skips
        ],
        "maps": _maps(blocks, inside),
        "attention": _attention(blocks, inside),
        "pictures": [
            {"key": key, "title": title, "src": data_uri(picture, 1), "size": list(picture.shape[:2])}
            for key, title, picture in (
                ("x", "<i>x</i><sub>t</sub>, what goes in", seen.x),
                ("x0", "<i>x̂</i><sub>0</sub>, its guess", seen.x0),
                ("noise", "<i>ε̂</i>, the noise it sees", seen.noise),
            )
        ],
        "time": _time(seen, at),
        "words": text.IN_THE_DRAWING,
    }
    sent["id"] = hashlib.blake2b(json.dumps(sent).encode(), digest_size=8).hexdigest()
    return sent


def first_block(anatomy: NetworkLayout) -> str:
    """The block that is shown before the reader has chosen one: the first that sees the picture in many channels."""
    return next(block.name for block in anatomy.blocks if block.kind == "residual")


def skip_title(skip: Any) -> str:
    """A skip in words."""
    return f"Skip {skip.number}, {skip.size[0]} × {skip.size[1]}, {skip.channels} channels"


def block_title(block: Block) -> str:
    """A block in words, with its size."""
    size = f", {block.size[0]} × {block.size[1]} pixels" if block.kind not in ("time", "class") else ""
    heads = f", {block.heads} heads" if block.heads > 1 else ""
    return f"{text.KINDS[block.kind][1]}{text.PARTS[block.part]}{size}, {block.channels} channels{heads}"


def _block(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "kind": block.kind,
        "part": block.part,
        "resolution": block.resolution,
        "size": list(block.size),
        "channels": block.channels,
        "parameters": block.parameters,
        "short": text.KINDS[block.kind][0],
        "title": block_title(block),
        "help": text.KINDS[block.kind][2],
    }


def _maps(blocks: Sequence[Block], inside: ForwardRecord) -> dict[str, Any]:
    """Of each block the channels that vary most over the picture, −127 … 127 for −max … max."""
    budget = MOST_BYTES // max(1, len(blocks))
    made = {}
    for block in blocks:
        values = inside.activations[block.name][0].float().numpy()
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


def _signed(values: npt.NDArray[np.float32]) -> dict[str, Any]:
    most = float(np.abs(values).max()) or 1.0
    return {"shape": list(values.shape), "max": most, "i8": _packed(np.rint(values / most * 127).astype(np.int8))}


def _unsigned(values: npt.NDArray[np.float32]) -> dict[str, Any]:
    most = float(values.max()) or 1.0
    return {"shape": list(values.shape), "max": most, "u8": _packed(np.rint(values / most * 255).astype(np.uint8))}


def _packed(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _attention(blocks: Sequence[Block], inside: ForwardRecord) -> list[dict[str, Any]]:
    """The mean of the heads, then as many single heads as may be sent; each row scaled by its own largest value."""
    budget = MOST_BYTES // max(1, len(inside.attention))
    made = []
    for block in blocks:
        if block.kind != "attention" or block.name not in inside.attention:
            continue
        weights = inside.attention[block.name][0].float().numpy()
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


def _time(seen: Seen, at: int) -> dict[str, Any]:
    norms = np.stack([values.float().numpy() for values in seen.voice.norms.values()])
    names = {block.name: text.SIDES[block.part] for block in seen.anatomy.blocks}
    sizes = {block.name: block.size for block in seen.anatomy.blocks}
    return {
        "t": list(seen.times),
        "at": at,
        "similarity": _signed(seen.voice.similarity.float().numpy()),
        "norms": _unsigned(norms),
        "blocks": [f"{names[name]}, {sizes[name][0]} × {sizes[name][1]}" for name in seen.voice.norms],
    }


# --- what each part is good for -----------------------------------------------------------------------------------


def table(variants: Sequence[Variant]) -> str:
    """The variants below each other, each with what it says and draws, as HTML."""
    most = max((variant.change for variant in variants), default=0.0) or 1.0
    return f'<div class="dp-variants">{"".join(_row(variant, most) for variant in variants)}</div>' if variants else ""


def _row(variant: Variant, most: float) -> str:
    bar = f'<span class="dp-change"><i style="width:{100 * variant.change / most:.0f}%"></i></span>'
    change = (
        f"{bar}<small>ε̂ changes by {variant.change:.3f}</small>" if variant.key != "own" else "<small>&nbsp;</small>"
    )
    shown = [_picture(variant.x0, "x̂₀", 64), _picture(variant.noise, "ε̂", 64)]
    samples = [_picture(picture, "", 48) for picture in variant.samples] if variant.samples is not None else []
    drawn = f'<div class="dp-drawn">{"".join(samples)}</div>' if samples else ""
    return (
        f'<div class="dp-variant"><div><b>{html.escape(variant.title)}</b>{change}</div>'
        f'<div class="dp-said">{"".join(shown)}</div>{drawn}</div>'
    )


def _picture(picture: npt.NDArray[np.uint8], caption: str, width: int) -> str:
    zoom = max(1, round(2 * width / picture.shape[1]))
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure><img alt="{caption}" width="{width}" src="{data_uri(picture, zoom)}">{below}</figure>'


def style() -> str:
    """The look of `table`."""
    return f"<style>{CSS}</style>"


CSS = """
.dp-variants { display: grid; gap: 0; }
.dp-variant { display: grid; grid-template-columns: minmax(180px, 280px) auto minmax(0, 1fr); gap: 8px 24px;
  align-items: center; padding: 10px 0; border-top: 1px solid color-mix(in srgb, currentColor 14%, transparent); }
.dp-variant b { display: block; font-weight: 600; line-height: 1.3; }
.dp-variant small { opacity: 0.82; font-size: 0.85rem; }
.dp-change { display: block; height: 6px; margin: 6px 0 2px; border-radius: 3px; max-width: 220px;
  background: color-mix(in srgb, currentColor 12%, transparent); overflow: hidden; }
.dp-change i { display: block; height: 100%; background: currentColor; opacity: 0.7; }
.dp-said, .dp-drawn { display: flex; flex-wrap: wrap; gap: 8px; }
.dp-variant figure { margin: 0; } .dp-variant img { display: block; image-rendering: pixelated; border-radius: 3px; }
.dp-variant figcaption { font-size: 0.85rem; opacity: 0.82; text-align: center; }
@media (max-width: 640px) { .dp-variant { grid-template-columns: minmax(0, 1fr) auto; } .dp-drawn { grid-column: 1 / -1; } }
"""


def files(seen: Seen, variants: Sequence[Variant]) -> list[File]:
    """The numbers of what is shown, to be taken away."""
    blocks = [
        (b.name, b.kind, b.part, b.size[0], b.size[1], b.channels, b.heads, b.parameters) for b in seen.anatomy.blocks
    ]
    head = ("block", "kind", "part", "height", "width", "channels", "heads", "parameters")
    made = [File("Blocks (CSV)", "unet-blocks.csv", "text/csv", exports.csv([head, *blocks]))]
    if variants:
        changes = [(v.title, f"{v.change:.6g}") for v in variants]
        rows = [("variant", "rms change of the noise estimate"), *changes]
        made.append(File("What each part changes (CSV)", "unet-parts.csv", "text/csv", exports.csv(rows)))
    return made
