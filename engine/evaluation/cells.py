"""The cells of a grid of measurements: every valid combination of settings, and its key."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.data.image_set import ImageSet
from engine.evaluation.drawing import DrawSettings, EvaluationError
from engine.evaluation.evaluate import Reference, check, read_reference
from engine.interop.pretrained import Checkpoint
from engine.models.classifier import Judge

MEASURED = 3
"""Counted up when a result holds other things than before: earlier lines are then measured again."""


@dataclass(frozen=True, eq=False)
class EvaluatedModel:
    """A model with what it is measured against."""

    name: str
    checkpoint: Checkpoint
    data: ImageSet
    judge: Judge
    reference: Reference
    fingerprint: str
    """Of the weights and schedule, the pictures and the classifier: what the numbers depend on besides the settings."""


def prepare_model(
    name: str, checkpoint: Checkpoint, data: ImageSet, judge: Judge, like: Iterable[EvaluatedModel] = ()
) -> EvaluatedModel:
    """Get a model ready to be measured.

    Args:
        name: under which it appears in the results.
        checkpoint, data, judge: as for `engine.evaluation.evaluate.evaluate`.
        like: others that were made ready: where one has the same data and judge, the real pictures are not read again.
    """
    same = next((other.reference for other in like if other.data is data and other.judge is judge), None)
    prints = hashlib.sha256()
    denoiser = checkpoint.denoiser
    for part in (denoiser.net, judge.net):
        for key, weight in part.state_dict().items():
            prints.update(key.encode() + weight.detach().cpu().contiguous().numpy().tobytes())
    prints.update(denoiser.schedule.beta.numpy().tobytes() + repr((denoiser.target, denoiser.classes)).encode())
    for array in (data.images, data.labels, data.held_out):
        prints.update(array.tobytes())
    return EvaluatedModel(name, checkpoint, data, judge, same or read_reference(data, judge), prints.hexdigest()[:16])


@dataclass(frozen=True)
class Cell:
    """One measurement: a model by its name, and how to draw from it."""

    model: str
    settings: DrawSettings


def cells(
    models: Mapping[str, EvaluatedModel], values: Mapping[str, Sequence[object]], *, samples: int, batch: int = 50
) -> tuple[list[Cell], list[str]]:
    """Every combination that means something, once.

    Combinations that draw the same pictures, as eta for a sampler without it, are one cell. Those that a model cannot be
    drawn by are left out.

    Args:
        models: by name.
        values: for names of `DrawSettings`, all values to combine.
        samples, batch: of every cell.

    Returns:
        The cells, and a sentence for each combination that was left out.

    Raises:
        ValidationError: (pydantic's) for a value out of range or a name that there is not.
        EvaluationError: where a model does not fit its data, or nothing is left.
    """
    found: dict[tuple[str, DrawSettings], Cell] = {}
    left_out: dict[str, None] = {}
    for name, model in models.items():
        for combination in itertools.product(*values.values()):
            chosen = dict(zip(values, combination, strict=True))
            settings = DrawSettings.model_validate({**chosen, "samples": samples, "batch": batch})
            plain = settings.canonical(classes=model.checkpoint.denoiser.classes)
            try:
                check(model.checkpoint, model.data, settings)
            except EvaluationError as error:
                left_out.setdefault(str(error) if len(models) == 1 else f"“{name}”: {error}")
                continue
            # The batch is the one thing that plain() forgets and drawing needs.
            found.setdefault((name, plain), Cell(name, plain.model_copy(update={"batch": batch})))
    if not found:
        raise EvaluationError(next(iter(left_out), "There is nothing to measure."))
    return list(found.values()), list(left_out)


def key_of(cell: Cell, model: EvaluatedModel) -> str:
    """Key of one measurement: 16 hexadecimal digits."""
    settings = cell.settings.canonical(classes=model.checkpoint.denoiser.classes)
    values = settings.model_dump(mode="json", exclude={"batch"})
    return key_of_identity({"settings": values, "measured": MEASURED}, model)


def key_of_identity(what: Mapping[str, object], model: EvaluatedModel) -> str:
    """Key of what is measured of a model: 16 hexadecimal digits."""
    identity = {**what, "of": model.fingerprint, "data": model.data.name}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def describe(settings: DrawSettings, *, classes: int) -> str:
    """How the pictures are drawn, as short as can be: "ddim, 50 steps, eta 0.5, scale 2"."""
    words = [settings.sampler, f"{settings.steps} steps"]
    if settings.spacing != "uniform":
        words.append(settings.spacing)
    if settings.uses_eta:
        words.append(f"eta {settings.eta:g}")
    if settings.uses_variance:
        words.append(f"{settings.variance} variance")
    if classes:
        words.append(f"scale {settings.scale:g}")
    return ", ".join(words)
