"""The model card of a checkpoint folder: measured quality in card.json, a README.md, and samples.png."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.data.catalogue import load
from engine.data.shipped import DATASETS
from engine.evaluation.evaluate import Evaluation, Quality
from engine.evaluation.memorization import AgainstChance
from engine.interop.pretrained import Card
from engine.samplers import SAMPLERS
from engine.storage import budgets
from engine.storage.checked_files import CheckpointError, read_json
from engine.storage.files import atomic_files, read_regular, write_json, write_text

PER_CLASS = 10
"""Samples of each class in the picture."""


def write_card(folder: Path, evaluation: Evaluation) -> None:
    """Put what was measured into card.json, and write README.md and samples.png beside it.

    Args:
        folder: of the checkpoint that was measured.
        evaluation: as `engine.evaluation.evaluate.evaluate` gave it.

    Raises:
        CheckpointError: where card.json is missing or damaged.
        OSError: where the disk does not let us.
    """
    card = read_card(folder)
    quality: dict[str, Any] = evaluation.quality.model_dump(mode="json")
    seconds = training_seconds(folder, card)
    quality["training_seconds"] = card.quality.get("training_seconds") if seconds is None else seconds
    card = card.model_copy(update={"quality": quality})
    with atomic_files(folder) as part:
        samples_grid(evaluation, len(card.class_names)).save(part / "samples.png")
        write_text(part / "README.md", render(card, evaluation.quality, folder.name))
        write_json(part / "card.json", card.model_dump())


def read_card(folder: Path) -> Card:
    """What card.json says. Raises CheckpointError where it is missing or damaged."""
    try:
        return Card.model_validate(read_json(folder / "card.json", "checkpoint of ours"))
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"card.json in “{folder.name}” is damaged.") from error


def training_seconds(folder: Path, card: Card) -> float | None:
    """How long the training took, added up from the speeds in metrics.jsonl; None where that file does not cover it.

    Of a run that was interrupted and resumed, steps that were taken twice count once.
    """
    if not (folder / "metrics.jsonl").exists() and folder.parent.name == "checkpoints":  # in the folder of its run
        folder = folder.parent.parent
    try:
        lines = read_regular(folder / "metrics.jsonl", budgets.LOG_BYTES).decode().splitlines()
        reports = {int(r["step"]): float(r["images_per_second"]) for r in map(json.loads, lines)}
        batch = int(card.training["batch"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    steps = sorted(step for step in reports if step <= card.step)
    if not steps or steps[-1] != card.step or not all(reports[step] > 0 for step in steps):
        return None
    lengths = np.diff([0, *steps])
    return round(sum(float(n) * batch / reports[step] for n, step in zip(lengths, steps, strict=True)), 1)


def samples_grid(evaluation: Evaluation, classes: int) -> Image.Image:
    """The first samples by seed, not chosen: a row for each class, or a square where there are none."""
    pictures = evaluation.pictures
    if classes and evaluation.labels is not None:
        of_class = [pictures[evaluation.labels == k] for k in range(classes)]
        columns = min(PER_CLASS, *(len(members) for members in of_class))
        rows = np.stack([members[:columns] for members in of_class])
    else:
        side = math.isqrt(min(len(pictures), PER_CLASS**2))
        rows = pictures[: side * side].reshape(side, side, *pictures.shape[1:]).swapaxes(0, 1)
    count, columns, height, width, channels = rows.shape
    grid: npt.NDArray[np.uint8] = rows.transpose(0, 2, 1, 3, 4).reshape(count * height, columns * width, channels)
    return Image.fromarray(grid[:, :, 0] if channels == 1 else grid)


def render(card: Card, quality: Quality, name: str) -> str:
    """The model card as Markdown. Every number in it was measured; what was not measured is left out.

    Args:
        card: of the checkpoint, with `training_seconds` in its quality where that is known.
        quality: what was measured.
        name: of the folder.
    """
    s, t = quality.settings, card.training
    sections = [
        "---\nlibrary_name: diffusers\npipeline_tag: unconditional-image-generation\n---",
        f"# {card.title or name}",
        _what(card, quality),
        "## How it was trained\n\n" + _training(card, quality),
        "## How good it is\n\n"
        + f"{s.samples:,} samples, seeds 0 … {s.samples - 1}, {_sampling(quality)}, compared with "
        + f"{quality.held_out_count:,} held-out real pictures"
        + (" that neither this model nor the classifier learned from.\n\n" if t else ", new to the classifier.\n\n")
        + _table(quality),
        _notes(quality),
        "![samples](samples.png)\n\nThe first samples by seed, not chosen"
        + (", a row for each class." if quality.accuracy else "."),
        "## The commands\n\n```\n"
        + ("python -m engine train RECIPE.json --out DIR\n" if t else "")
        + f"{quality.command or 'python -m engine evaluate --model DIR --write-card'}\n```"
        + ("\n\nRECIPE.json holds what stands under `training` in card.json." if t else ""),
    ]
    return "\n\n".join(sections) + "\n"


def _what(card: Card, quality: Quality) -> str:
    text = (
        "A denoising diffusion model in pixel space, in the format of diffusers: "
        '`UNet2DModel.from_pretrained(DIR, subfolder="unet")` opens it.'
    )
    if quality.accuracy:
        text += f" It takes a class as `class_labels`; number {len(card.class_names)} stands for none given."
    return text


def _training(card: Card, quality: Quality) -> str:
    lines = []
    if quality.data in DATASETS:
        data = load(quality.data)
        lines.append(f"- On the {len(data.training):,} training pictures of “{data.title}”: {data.source}.")
        lines.append(f"- Licence of the pictures: {data.licence}.")
    t = card.training
    lines.append(
        f"- {card.step:,} steps"
        + (f" of {t['batch']} pictures" if "batch" in t else "")
        + _duration(card.quality.get("training_seconds"))
        + (f", on {card.machine}" if card.machine else "")
        + "."
    )
    if {"preset", "target", "schedule", "T"} <= t.keys():
        lines.append(
            f"- Network “{t['preset']}”, predicting “{t['target']}”, on the {t['schedule']} schedule with T = {t['T']}."
        )
    return "\n".join(lines)


def _duration(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return ""
    return f", in {seconds / 60:.0f} minutes" if seconds >= 120 else f", in {seconds:.0f} seconds"


def _sampling(quality: Quality) -> str:
    s = quality.settings
    how = SAMPLERS[s.sampler].title
    how += f", eta {s.eta:g}" if s.uses_eta else ""
    how += f", variance “{s.variance}”" if s.uses_variance else ""
    return f"{how}, {s.steps} steps" + (f", guidance scale {s.scale:g}" if quality.accuracy else "")


def _table(quality: Quality) -> str:
    rows = [("what", "samples", "to compare with"), ("---", "---", "---"), *results(quality)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def results(quality: Quality) -> list[tuple[str, str, str]]:
    """What was measured as rows of words: what it is, the figure, and what to compare it with."""
    m, real = quality.memorising, quality.classifier_held_out
    rows = []
    if quality.accuracy:
        rows.append(("read as their label by the classifier", str(quality.accuracy), f"{real} of real ones"))
    floor = f"{quality.frechet_floor} between real and real"
    rows += [
        (
            "Fréchet distance in the classifier's features",
            str(quality.frechet),
            floor + (f" ({quality.floor_count:,} pictures)" if quality.floor_count != quality.settings.samples else ""),
        ),
        ("nearer to a training picture than 95 % of real ones are", *_chance(m.nearer_than_5_percent)),
        ("nearer than 99 % are", *_chance(m.nearer_than_1_percent)),
        ("near copies: nearer than half the usual distance", *_chance(m.near_copies)),
        ("nearest real picture is a training one", *_chance(m.nearest_is_training)),
    ]
    return rows


def _notes(quality: Quality) -> str:
    text = (
        "Brackets are 95 % intervals, ± is one standard error. The classifier is a small network of its own, trained "
        "independently of this model. The Fréchet distance is measured in its features, not Inception's, so it compares with "
        "no published FID; that of as many real pictures, new to the classifier, stands beside it. "
        "Pixel distances also fall where samples are smoother than real pictures, not only where they are copied; the last row "
        "is not misled by that."
    )
    if quality.misread:
        most = ", ".join(f"{pair} ({count})" for pair, count in list(quality.misread.items())[:5])
        text += f"\n\nMost often misclassified: {most}."
    if quality.accuracy_by_class:
        worst = min(quality.accuracy_by_class.items(), key=lambda item: item[1].share)
        if worst[1].share < 1:
            text += f" Of all classes “{worst[0]}” has the lowest accuracy: {worst[1]}."
    return text


def _chance(found: AgainstChance) -> tuple[str, str]:
    return str(found.measured), f"{found.chance:.1%} by chance"
