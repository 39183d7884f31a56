"""Recipe: everything that determines a result. The same recipe gives the same pictures wherever it is opened.

To the bit that holds for the same number of torch threads: with another one, sums are rounded in another order, and after 50
steps of DDIM the numbers of a picture differ by about 1e-6, which its 256 levels as a rule do not show.

A recipe is written as a link, as text in an exported PNG, as JSON, as the arguments of `python -m engine sample`, and as a few
lines of Python.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from pydantic import BaseModel, Field, ValidationError, model_validator
from torch import Tensor

from engine.denoiser import NO_LABEL, Clipped, Denoiser, QuantileClipped
from engine.guidance import EVERYWHERE, ClassifierGuided, Guided
from engine.ideal import ExactDenoiser
from engine.language import Message, _
from engine.models.opened import Model
from engine.recipes.sampling_fields import Label, SamplingFields, Seed
from engine.registry import open_guide, open_model
from engine.samplers import SAMPLERS, Sampler
from engine.sampling import Frame, Start, sample
from engine.schedule import SCHEDULES, NoiseSchedule
from engine.storage import budgets
from engine.storage.checked_files import first_problem
from engine.storage.files import atomic_write

MAX_IMAGES = 1024
PNG_KEY = "diffusion-playground-recipe"


class RecipeError(ValueError):
    """A recipe that cannot be read or sampled; the message is one for the reader."""


CLIPPING: dict[str, Callable[[Denoiser], Denoiser]] = {
    "range": Clipped,
    "quantile": QuantileClipped,
    "none": lambda denoiser: denoiser,
}
"""How x̂0 is kept in the range of pictures, by name: clipping, dynamic thresholding, or not at all."""


class Recipe(SamplingFields):
    """One result of sampling. Raises pydantic's ValidationError for values out of range."""

    labels: tuple[Label, ...] = Field((), max_length=MAX_IMAGES, description="One for each image, −1 for none.")
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, max_length=MAX_IMAGES, description="One for each image.")

    @model_validator(mode="after")
    def _one_label_each(self) -> Recipe:
        if self.labels and len(self.labels) != len(self.seeds):
            raise ValueError(
                Message(
                    "{seeds} seeds need {seeds} labels or none at all, not {labels}",
                    seeds=len(self.seeds),
                    labels=len(self.labels),
                )
            )
        if self.scale_from > self.scale_to:
            raise ValueError(Message("the guidance interval cannot start above its end"))
        return self

    def noise_schedule(self, model: Model) -> NoiseSchedule:
        """The schedule of the trajectory."""
        return model.schedule if self.schedule == "own" else SCHEDULES[self.schedule](self.T)

    def denoiser(self, model: Model, scale: Tensor | None = None) -> Denoiser:
        """The model with guidance, then clipping; `scale`, shape (B,), replaces the recipe's."""
        denoiser = model.denoiser
        if self.smoothing and isinstance(denoiser, ExactDenoiser):
            denoiser = replace(denoiser, std=self.smoothing)
        if self.labels and model.class_names:
            denoiser = Guided(
                denoiser, self.scale if scale is None else scale, (self.scale_from, self.scale_to), self.rescale
            )
        elif self.labels:
            denoiser = Guided(denoiser, 0)  # without classes: the label is for the classifier alone
        if self.labels and self.classifier and self.classifier_scale:
            denoiser = ClassifierGuided(denoiser, open_guide(self.classifier).classifier, self.classifier_scale)
        return CLIPPING[self.clip](denoiser)

    def frames(
        self,
        model: Model | None = None,
        *,
        run_of: Callable[[str], Model] | None = None,
        device: torch.device | str = "cpu",
        scale: Tensor | None = None,
        start: Start | None = None,
        wrap_sampler: Callable[[Sampler], Sampler] = lambda sampler: sampler,
    ) -> Iterator[Frame]:
        """Sample, one frame at a time.

        Args:
            model: opened already; None to open it by name.
            run_of: opens training runs, see `open_model`.
            device: of the model's network; `open_model` opens on the CPU.
            scale: of guidance, shape (B,), one for each image in place of the recipe's one for all.
            start: to continue from a frame of another trajectory, see `engine.recipes.fork`.
            wrap_sampler: wraps the sampler, for example in `engine.analysis.step_decomposition.DecomposingSampler`.

        Raises:
            RecipeError: where the recipe does not fit the model, before anything is computed.
            ModelError: where there is no such model or classifier.
        """
        model = model or open_model(self.model, run_of)
        self.check(model)
        return sample(
            self.denoiser(model, scale),
            self.noise_schedule(model),
            wrap_sampler(SAMPLERS[self.sampler](self.eta, self.variance)),
            shape=model.shape,
            steps=self.steps,
            seeds=self.seeds,
            label=torch.tensor(self.labels, device=device) if self.labels else None,
            start=start,
            spacing=self.spacing,
            device=device,
        )

    def check(self, model: Model) -> None:
        """Raise RecipeError where this recipe does not fit that model, ModelError where its classifier does not exist."""
        T = self.noise_schedule(model).T
        if self.steps > T:
            raise RecipeError(
                Message(
                    "{steps} steps do not fit into a schedule of T = {T}: take {T} or fewer.", steps=self.steps, T=T
                )
            )
        guide = open_guide(self.classifier) if self.classifier and self.labels else None
        if guide is not None and (misfit := guide.misfit(model)):
            raise RecipeError(misfit)
        names = model.class_names or (guide.class_names if guide is not None else ())
        if any(label >= len(names) for label in self.labels):
            known = Message("only the classes 0 … {last}", last=len(names) - 1) if names else Message("no classes")
            raise RecipeError(
                Message("“{title}” knows {known}: choose another label or none.", title=model.title, known=known)
            )
        if model.needs_label and (not self.labels or NO_LABEL in self.labels):
            raise RecipeError(
                Message(
                    "“{title}” was trained with a label for every picture: give each of them a class.",
                    title=model.title,
                )
            )
        if model.needs_label and self.scale != 1:
            raise RecipeError(
                Message(
                    "“{title}” has no class for “none”, which guidance compares with: take a guidance scale of 1.",
                    title=model.title,
                )
            )
        if self._guidance and all(label == NO_LABEL for label in self.labels):
            raise RecipeError(
                Message(
                    "There is no label that {guidance} could guide towards: give the pictures labels, or leave it out.",
                    guidance=self._guidance,
                )
            )
        if self.smoothing and not isinstance(model.denoiser, ExactDenoiser):
            raise RecipeError(Message("“{title}” is no exact denoiser: only those can be smoothed.", title=model.title))
        if self.uses_variance and self.variance == "learned" and not getattr(model.denoiser, "learned_variance", False):
            raise RecipeError(
                Message(
                    "“{title}” has no learned variance: choose the small one, the large one or none.", title=model.title
                )
            )

    @property
    def _guidance(self) -> str:
        """What asks for guidance, in words; "" for nothing. The default scale is only meant where there are labels."""
        if self.scale not in (0, 1, type(self).model_fields["scale"].default):
            return _("a guidance scale of {scale:g}", scale=self.scale)
        if self.classifier and self.classifier_scale:
            return _("the classifier “{name}”", name=self.classifier)
        if (self.scale_from, self.scale_to, self.rescale) != (*EVERYWHERE, 0.0):
            return _("an interval or a rescaling of guidance")
        return ""

    def python(self) -> str:
        """A program that makes the same pictures and saves them."""
        changed = self.model_dump(exclude_defaults=True, mode="json")
        arguments = "".join(f"    {name}={literal(value)},\n" for name, value in changed.items())
        return (
            "from engine.data.pixels import to_uint8\n"
            "from engine.recipes.recipe import Recipe, save_png\n\n"
            f"recipe = Recipe(\n{arguments})\n"
            "for frame in recipe.frames():\n"
            '    print(f"step {frame.step} of {frame.steps}, t = {frame.t}")\n'
            'save_png("pictures.png", to_uint8(frame.x), recipe)\n'
        )


def literal(value: object) -> str:
    """A value of a recipe, as JSON has it, written as Python."""
    return repr(tuple(value)) if isinstance(value, list) else repr(value)


def png_bytes(
    pictures: npt.NDArray[np.uint8], recipe: BaseModel | None, *, columns: int | None = None, zoom: int = 1
) -> bytes:
    """Pictures side by side as a PNG that carries its recipe.

    Args:
        pictures: uint8, shape (B, H, W, C).
        recipe: a Recipe or an `engine.recipes.fork.Fork`, written into the file; None for none.
        columns: how many in a row; by default as square as can be.
        zoom: each pixel becomes zoom × zoom.
    """
    count, height, width, channels = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:count] = pictures
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels).repeat(zoom, 0).repeat(zoom, 1)
    info = PngInfo()
    if recipe is not None:
        info.add_text(PNG_KEY, recipe.model_dump_json(exclude_defaults=True))
    out = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def save_png(path: str, pictures: npt.NDArray[np.uint8], recipe: BaseModel, *, zoom: int = 1) -> None:
    """Write `png_bytes` to a file. Raises OSError where that is not possible."""
    with atomic_write(Path(path)) as part:
        part.write_bytes(png_bytes(pictures, recipe, zoom=zoom))


def text_in_png(data: bytes) -> str:
    """The JSON inside an exported picture. Raises RecipeError where there is none."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            text = image.info.get(PNG_KEY)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RecipeError(Message("This is no PNG picture that can be read.")) from error
    if not isinstance(text, str):
        raise RecipeError(
            Message("This picture carries no recipe: it was not exported from the playground, or was edited since.")
        )
    return text


def from_json(text: str) -> Recipe:
    """A recipe from JSON. Raises RecipeError with the first thing that is wrong with it."""
    return read_json(text, lambda data: Recipe)


def read_json(text: str, kind_of: Callable[[object], type[BaseModel]]) -> Any:
    """What `from_json` reads, of the kind that the values have."""
    if len(text) > budgets.JSON_BYTES:
        raise RecipeError(Message("The recipe is far too long for what it should hold."))
    try:
        data = json.loads(text)
        return kind_of(data).model_validate(data)
    except ValidationError as error:
        raise RecipeError(Message("The recipe cannot be used: {problem}.", problem=first_problem(error))) from error
    # Python refuses to read a whole number of thousands of digits, with a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise RecipeError(Message("The recipe is not JSON that can be read.")) from error
