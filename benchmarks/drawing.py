"""The two sides of a comparison of sampling: this engine, and what people would use instead, with the same weights.

`DDIMPipeline` and `DDPMPipeline` know no classes. For them `unlabelled` writes the same network without: the embedding of "no
class", which is added to the time's, goes into the bias of the time's last layer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.sides import Work
from engine.denoiser import NetDenoiser
from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import SAMPLERS
from engine.sampling import sample

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
CIFAR10: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": (128, 256, 256, 256),
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": None,
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "layers_per_block": 2,
    "norm_eps": 1e-6,
    "norm_num_groups": 32,
}
"""google/ddpm-cifar10-32: 35.7 million weights."""


def unlabelled(source: Path, folder: Path) -> Path:
    """The diffusers folder `source` as one that knows no classes and answers as that one does without any; `folder`."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("card.json"))
    config = json.loads((folder / "unet/config.json").read_text(encoding="utf-8"))
    classes = config.pop("num_class_embeds")
    (folder / "unet/config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = load_file(folder / WEIGHTS)
    weights["time_embedding.linear_2.bias"] += weights.pop("class_embedding.weight")[classes - 1]
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def large(folder: Path) -> Path:
    """A diffusers folder with the network of google/ddpm-cifar10-32 and random weights; `folder`."""
    import diffusers

    torch.manual_seed(0)
    scheduler = diffusers.DDPMScheduler(1000, variance_type="fixed_small")
    diffusers.DDPMPipeline(diffusers.UNet2DModel(**CIFAR10), scheduler).save_pretrained(folder)
    return folder


def engine(*, model: str, device: str = "cpu", **settings: Any) -> Work:
    """A recipe of this engine, from the opened model to the last frame."""
    opened, recipe = on_device(open_model(model), device), Recipe(model=model, **settings)

    def work() -> npt.NDArray[np.float32]:
        frames = sample(
            recipe.denoiser(opened),
            recipe.noise_schedule(opened),
            SAMPLERS[recipe.sampler](recipe.eta, recipe.variance),
            shape=opened.shape,
            steps=recipe.steps,
            seeds=recipe.seeds,
            label=torch.tensor(recipe.labels, device=device) if recipe.labels else None,
            device=device,
        )
        *_, last = frames
        return _pixels(last.x)

    return work


def pipeline(*, folder: str, kind: str, steps: int, images: int, device: str = "cpu") -> Work:
    """`DDIMPipeline` or `DDPMPipeline` of diffusers, with the spacing, and a generator for each picture, as ours."""
    import diffusers

    theirs = getattr(diffusers, kind).from_pretrained(folder, local_files_only=True).to(device)
    theirs.set_progress_bar_config(disable=True)
    theirs.scheduler = type(theirs.scheduler).from_config(theirs.scheduler.config, timestep_spacing="trailing")
    more = {"use_clipped_model_output": True} if kind == "DDIMPipeline" else {}

    def work() -> npt.NDArray[np.float32]:
        generators = [torch.Generator().manual_seed(seed) for seed in range(images)]
        drawn = theirs(
            batch_size=images, generator=generators, num_inference_steps=steps, output_type="np", **more
        ).images
        return np.moveaxis(drawn, -1, 1).astype(np.float32)

    return work


def two_calls(*, folder: str, scale: float, steps: int, labels: tuple[int, ...], device: str = "cpu") -> Work:
    """Guidance as denoising-diffusion-pytorch has it, with the label and without it one after the other; diffusers' network."""
    import diffusers

    unet = diffusers.UNet2DModel.from_pretrained(folder, subfolder="unet", local_files_only=True).to(device).eval()
    scheduler = diffusers.DDIMScheduler.from_pretrained(
        folder, subfolder="scheduler", local_files_only=True, timestep_spacing="trailing"
    )
    wanted = torch.tensor(labels, device=device)
    none = torch.full_like(wanted, unet.config.num_class_embeds - 1)
    shape = (unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)

    @torch.no_grad()
    def work() -> npt.NDArray[np.float32]:
        generators = [torch.Generator().manual_seed(seed) for seed in range(len(labels))]
        x = torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(device)
        scheduler.set_timesteps(steps)
        for t in scheduler.timesteps:
            with_label = unet(x, t, class_labels=wanted).sample
            without = unet(x, t, class_labels=none).sample
            guided = without + scale * (with_label - without)
            x = scheduler.step(guided, t, x, use_clipped_model_output=True).prev_sample
        return _pixels(x)

    return work


def forwards(*, model: str, rows: int, count: int, device: str = "cpu") -> Work:
    """The bare network, so many times on a batch of so many rows."""
    evaluate = forward(on_device(open_model(model), device), rows, device)

    def work() -> None:
        for _ in range(count):
            evaluate()

    return work


def forward(model: Model, rows: int, device: str = "cpu") -> Callable[[], Tensor]:
    """One evaluation of the model's network on a batch. Raises ValueError for a model that is no network."""
    if not isinstance(model.denoiser, NetDenoiser):
        raise ValueError(f"“{model.title}” is no network: choose one that was trained.")
    net, classes = model.denoiser.net, len(model.class_names)
    x = torch.randn(rows, *model.shape, generator=torch.Generator().manual_seed(0)).to(device)
    timestep = torch.full((rows,), model.schedule.T / 2, device=device)
    label = torch.arange(rows, device=device) % classes if classes else None
    return torch.no_grad()(lambda: net(x, timestep, label))


def on_device(model: Model, device: str) -> Model:
    """The model with its network there."""
    if device == "cpu" or not isinstance(model.denoiser, NetDenoiser):
        return model
    return replace(model, denoiser=replace(model.denoiser, net=model.denoiser.net.to(device)))


def _pixels(x: Tensor) -> npt.NDArray[np.float32]:
    """In 0 … 1, as diffusers' pipelines answer."""
    pixels: npt.NDArray[np.float32] = (x / 2 + 0.5).clamp(0, 1).float().cpu().numpy()
    return pixels
