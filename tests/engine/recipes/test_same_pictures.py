"""Whole pictures: the same folder and the same noise through diffusers' pipelines and through ours.

The folder is made by diffusers in the exact configuration of google/ddpm-cifar10-32. Each picture has a generator of its own
on either side, so that both draw the very same noise. Where fewer than T steps are taken, theirs is told to space them as ours
does ("trailing"); its own spacing ("leading") never visits the noisiest level, though it begins with pure noise.

One fault of theirs is met, and not copied: with "fixed_large" the last of fewer than T steps adds noise to the finished
picture.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.interop.pretrained import Card
from engine.recipes.fork import from_png
from engine.recipes.recipe import Recipe, png_bytes
from engine.registry import open_model
from engine.samplers import Ancestral
from engine.sampling import sample
from engine.schedule import NoiseSchedule

from checkpoints_to_try import CONFIG, denoiser_of

CIFAR10: dict[str, Any] = {
    "sample_size": 32,
    "in_channels": 3,
    "out_channels": 3,
    "act_fn": "silu",
    "attention_head_dim": None,
    "block_out_channels": (128, 256, 256, 256),
    "center_input_sample": False,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    "downsample_padding": 0,
    "flip_sin_to_cos": False,
    "freq_shift": 1,
    "layers_per_block": 2,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-6,
    "norm_num_groups": 32,
    "time_embedding_type": "positional",
}
SMALL = {
    **CIFAR10,
    "sample_size": 8,
    "block_out_channels": (16, 32, 32, 32),
    "norm_num_groups": 16,
    "layers_per_block": 1,
}
NOISE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 1e-4,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "variance_type": "fixed_large",
    "clip_sample": True,
}


def _folder(path: Path, config: dict[str, Any], **noise: Any) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = diffusers.UNet2DModel(**config)
    scheduler = diffusers.DDPMScheduler(**{**NOISE, **noise})
    (_fit_last_layer if config is CIFAR10 else _train)(unet, scheduler)
    diffusers.DDPMPipeline(unet, scheduler).save_pretrained(path)
    return path


def _noisy(unet: Any, scheduler: Any, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """One-coloured pictures with noise in them, the noise, and diffusers' times."""
    size, T = unet.config.sample_size, len(scheduler.betas)
    x0 = 1.6 * torch.rand(count, 3, 1, 1, generator=generator).expand(count, 3, size, size) - 0.8
    noise = torch.randn(x0.shape, generator=generator)
    t = torch.randint(0, T, (count,), generator=generator)
    return scheduler.add_noise(x0, noise, t), noise, t


def _train(unet: Any, scheduler: Any) -> None:
    """A little training. An untrained network sees no noise in pure noise, takes it for a picture, and on the way multiplies
    every rounding by 1 / √ᾱ_T = 158: two correct programs then differ by more than 1e-4, and so does diffusers from itself
    in float64. After these few steps it is below 1e-5."""
    generator, steps = torch.Generator().manual_seed(0), 50
    adam = torch.optim.Adam(unet.parameters(), lr=3e-3)
    for step in range(steps):
        x, noise, t = _noisy(unet, scheduler, 8, generator)
        adam.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        adam.zero_grad()
        (unet(x, t).sample - noise).square().mean().backward()
        adam.step()


@torch.no_grad()
def _fit_last_layer(unet: Any, scheduler: Any) -> None:
    """What there is time for with the large network: its last layer, by least squares."""
    features: list[Tensor] = []
    x, noise, t = _noisy(unet, scheduler, 12, torch.Generator().manual_seed(0))
    hook = unet.conv_out.register_forward_hook(lambda module, given, out: features.append(given[0]))
    unet(x, t)
    hook.remove()
    rows = torch.nn.functional.unfold(features[0], 3, padding=1).movedim(1, -1).flatten(0, 1)
    squares = rows.T @ rows + 1e-4 * len(rows) * torch.eye(rows.shape[1])
    fitted = torch.linalg.solve(squares.double(), (rows.T @ noise.flatten(2).movedim(1, -1).flatten(0, 1)).double())
    unet.conv_out.weight.copy_(fitted.T.reshape(unet.conv_out.weight.shape).float())
    unet.conv_out.bias.zero_()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of google/ddpm-cifar10-32, but narrower, for pictures of 8 × 8."""
    return _folder(tmp_path_factory.mktemp("small"), SMALL)


def _theirs(folder: Path, kind: str = "DDPMPipeline", *, trailing: bool = False) -> Any:
    pipeline = getattr(diffusers, kind).from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    if trailing:
        pipeline.scheduler = type(pipeline.scheduler).from_config(
            pipeline.scheduler.config, timestep_spacing="trailing"
        )
    return pipeline


def _generators(seeds: tuple[int, ...]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def _drawn(pipeline: Any, seeds: tuple[int, ...], steps: int, **more: Any) -> Tensor:
    """Their pictures in 0 … 1, shape (B, C, H, W)."""
    out = pipeline(
        batch_size=len(seeds), generator=_generators(seeds), num_inference_steps=steps, output_type="np", **more
    )
    return torch.from_numpy(out.images).movedim(-1, 1)


def _ours(recipe: Recipe) -> Tensor:
    *_, last = recipe.frames()
    return (last.x / 2 + 0.5).clamp(0, 1)


def test_every_step_of_ddpm_as_it_stands(tmp_path: Path) -> None:
    """Their pipeline with nothing changed, at all its T steps: fewer here than a thousand, for the time it takes."""
    folder, seeds = _folder(tmp_path, SMALL, num_train_timesteps=150, beta_end=0.13), (0, 17)
    recipe = Recipe(model=str(folder), sampler="ddpm", variance="large", steps=150, seeds=seeds)
    got = _ours(recipe)
    torch.testing.assert_close(got, _drawn(_theirs(folder), seeds, 150), rtol=0, atol=1e-4)
    assert float(got.std()) > 0.01  # not a black picture beside a black picture


@pytest.mark.parametrize("eta", [0.0, 0.6])
def test_ddim_in_few_steps(small: Path, eta: float) -> None:
    seeds = (3, 4, 5)
    recipe = Recipe(model=str(small), sampler="ddim", eta=eta, steps=25, seeds=seeds)
    expected = _drawn(_theirs(small, "DDIMPipeline", trailing=True), seeds, 25, eta=eta, use_clipped_model_output=True)
    torch.testing.assert_close(_ours(recipe), expected, rtol=0, atol=1e-4)


def test_ddpm_in_few_steps_but_for_the_noise_that_theirs_ends_with(small: Path) -> None:
    seeds, steps = (7, 8), 10
    recipe = Recipe(model=str(small), sampler="ddpm", variance="large", steps=steps, seeds=seeds)
    pipeline, kept = _theirs(small, trailing=True), []
    step = pipeline.scheduler.step

    def watched(output: Tensor, t: Tensor, x: Tensor, generator: Any = None) -> Any:
        states = [one.get_state() for one in generator]
        result = step(output, t, x, generator=generator)
        again = [torch.Generator() for _ in states]
        for one, state in zip(again, states, strict=True):
            one.set_state(state)
        noise = torch.cat([torch.randn(1, *x.shape[1:], generator=one) for one in again])
        kept.append(result.prev_sample - noise * pipeline.scheduler._get_variance(int(t)) ** 0.5)
        return result

    pipeline.scheduler.step = watched
    noisy = _drawn(pipeline, seeds, steps)
    got = _ours(recipe)
    torch.testing.assert_close(got, (kept[-1] / 2 + 0.5).clamp(0, 1), rtol=0, atol=1e-4)
    # At i = 99, from where theirs takes its last step, β since t = 0 is 0.1: an eighth of the range of pixels.
    assert 0.08 < float((noisy - got).std()) < 0.2


def test_the_very_network_of_ddpm_cifar10_and_its_grid_of_sixteen(tmp_path: Path) -> None:
    folder = _folder(tmp_path, CIFAR10)
    model = open_model(str(folder))
    assert isinstance(model.denoiser, NetDenoiser)
    assert model.denoiser.net.parameter_count == 35_746_307
    assert (model.shape, model.class_names, model.schedule.T) == ((3, 32, 32), (), 1000)
    seeds = tuple(range(16))
    recipe = Recipe(model=str(folder), steps=2, seeds=seeds)
    *_, last = recipe.frames(model)
    expected = _drawn(_theirs(folder, "DDIMPipeline", trailing=True), seeds, 2, eta=0.0, use_clipped_model_output=True)
    torch.testing.assert_close((last.x / 2 + 0.5).clamp(0, 1), expected, rtol=0, atol=1e-4)

    png = png_bytes(to_uint8(last.x), recipe)
    assert from_png(png) == recipe
    grid = np.asarray(Image.open(io.BytesIO(png)))
    assert grid.shape == (128, 128, 3)
    theirs = (expected * 255).round().to(torch.int16).movedim(1, -1).numpy()
    for k, picture in enumerate(theirs):
        row, column = divmod(k, 4)
        cell = grid[32 * row : 32 * row + 32, 32 * column : 32 * column + 32].astype(np.int16)
        assert np.abs(cell - picture).max() <= 1


@pytest.mark.parametrize("target", ["noise", "clean", "velocity"])
def test_what_we_save_draws_the_same_at_diffusers(tmp_path: Path, target: str) -> None:
    ours = denoiser_of(target, NoiseSchedule.cosine(60), CONFIG.model_copy(update={"num_class_embeds": None}))
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card())
    seeds = (0, 1, 2)
    recipe = Recipe(model=str(tmp_path), sampler="ddpm", steps=60, seeds=seeds)
    torch.testing.assert_close(_ours(recipe), _drawn(_theirs(tmp_path), seeds, 60), rtol=0, atol=1e-4)


@pytest.mark.parametrize("learned", [False, True])
def test_what_we_save_draws_the_same_by_class(tmp_path: Path, learned: bool) -> None:
    """diffusers has no pipeline that takes classes, so this is the loop of its DDPMPipeline with the labels put in."""
    config = CONFIG.model_copy(update={"out_channels": 2 if learned else 1})
    plain = denoiser_of("noise", NoiseSchedule.linear(50), config)
    ours = NetDenoiser(plain.net, plain.schedule, plain.target, 3, learned_variance=learned)
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card(class_names=("a", "b", "c")))
    seeds, labels = (5, 6), (2, 0)
    unet = diffusers.UNet2DModel.from_pretrained(tmp_path, subfolder="unet", local_files_only=True).eval()
    scheduler = diffusers.DDPMScheduler.from_pretrained(tmp_path, subfolder="scheduler", local_files_only=True)
    generators = _generators(seeds)
    x = torch.cat([torch.randn(1, 1, 8, 8, generator=one) for one in generators])
    scheduler.set_timesteps(50)
    with torch.no_grad():
        for t in scheduler.timesteps:
            output = unet(x, t, class_labels=torch.tensor(labels)).sample
            if learned:  # the noise that its step draws has the output's shape, twice too many channels: ours is put in
                mean = _mean_of_their_step(scheduler, output, t, x)
                noise = torch.cat([torch.randn(1, 1, 8, 8, generator=one) for one in generators]) if t > 0 else 0.0
                x = mean + noise * torch.exp(0.5 * scheduler._get_variance(int(t), output[:, 1:]))
            else:
                x = scheduler.step(output, t, x, generator=generators).prev_sample
    opened = pretrained.load(tmp_path)
    variance = "learned" if learned else "small"
    recipe = Recipe(
        model=str(tmp_path), sampler="ddpm", variance=variance, steps=50, seeds=seeds, labels=labels, scale=1
    )
    torch.testing.assert_close(_ours(recipe), (x / 2 + 0.5).clamp(0, 1), rtol=0, atol=1e-4)
    frames = sample(
        opened.denoiser,
        opened.denoiser.schedule,
        Ancestral(),
        shape=(1, 8, 8),
        steps=1,
        seeds=seeds,
        label=torch.tensor(labels),
    )
    assert next(frames).x0.shape == (2, 1, 8, 8)


def _mean_of_their_step(scheduler: Any, output: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """The mean that DDPMScheduler.step moves to, from a step of the same scheduler without the learned half."""
    plain = diffusers.DDPMScheduler.from_config(scheduler.config, variance_type="fixed_small")
    plain.set_timesteps(50)
    plain._get_variance = lambda *_, **__: torch.zeros(())
    return plain.step(output[:, :1], t, x).prev_sample
