"""Training with the same network and batch: this engine's loop, the bare network, and the loops that people would use instead.

Each maker gives back work that takes some more steps, where it left off. The networks begin with other random weights, which
changes nothing about their speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader

from benchmarks.sides import Work
from engine.data.catalogue import load
from engine.data.prepared import training_pictures
from engine.training.config import TrainConfig
from engine.training.loop import train
from engine.training.state import begin
from engine.training.tasks.denoiser import unet_config


def write_pictures(folder: Path, count: int) -> Path:
    """So many digits as PNG files, which is how both peers want them; `folder`."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(load("digits").training.images[:count]):
        Image.fromarray(picture[..., 0]).save(folder / f"{number:05}.png")
    return folder


def engine(*, preset: str, batch: int, steps: int) -> Work:
    """This engine's loop, as `python -m engine train` and the page drive it."""
    config = TrainConfig.model_validate({"preset": preset, "batch": batch, "report_every": steps, "steps": 1_000_000})
    data = training_pictures(config)
    reports = train(config, data, begin(config, data))

    def work() -> None:
        next(reports)

    return work


def bare(*, preset: str, batch: int, steps: int) -> Work:
    """Forward and backward of that network on one batch of noise, and nothing else."""
    config = TrainConfig.model_validate({"preset": preset, "batch": batch})
    data = training_pictures(config)
    net = begin(config, data).net
    x, timestep, label = (
        torch.randn(batch, data.channels, data.size, data.size),
        torch.zeros(batch),
        torch.arange(batch) % 10,
    )

    def work() -> None:
        for _ in range(steps):
            net.zero_grad(set_to_none=True)
            net(x, timestep, label).square().mean().backward()

    return work


def _their_unet(preset: str) -> nn.Module:
    """diffusers' network of the same shape, without classes, which neither example has."""
    import diffusers

    config = unet_config(TrainConfig.model_validate({"preset": preset}), 28, 1, 0)
    depth = len(config.block_out_channels)
    net: nn.Module = diffusers.UNet2DModel(
        **config.model_dump(exclude={"attention"}),
        down_block_types=("DownBlock2D",) * depth,
        up_block_types=("UpBlock2D",) * depth,
    )
    return net


def diffusers_example(*, preset: str, batch: int, steps: int, folder: str) -> Work:
    """The loop of diffusers' examples/unconditional_image_generation/train_unconditional.py with its defaults.

    Written out without Accelerate, which on one CPU does nothing but cost, and with --use_ema, since both others average too.
    """
    from datasets import load_dataset
    from diffusers import DDPMScheduler, UNet2DModel
    from diffusers.optimization import get_scheduler
    from diffusers.training_utils import EMAModel
    from torchvision import transforms

    model: Any = _their_unet(preset)
    ema = EMAModel(
        model.parameters(),
        decay=0.9999,
        use_ema_warmup=True,
        inv_gamma=1.0,
        power=3 / 4,
        model_cls=UNet2DModel,
        model_config=model.config,
    )
    noise_scheduler = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear", prediction_type="epsilon")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
    augmentations = transforms.Compose(
        [
            transforms.Resize(28, interpolation=transforms.InterpolationMode.BILINEAR),
            transforms.CenterCrop(28),
            transforms.ToTensor(),
            transforms.Normalize([0.5], [0.5]),
        ]
    )
    dataset = load_dataset("imagefolder", data_dir=folder, split="train", cache_dir=f"{folder}-cache")
    dataset.set_transform(
        lambda examples: {"input": [augmentations(image.convert("L")) for image in examples["image"]]}
    )
    batches = _endless(DataLoader(dataset, batch_size=batch, shuffle=True, num_workers=0, drop_last=True))
    lr_scheduler = get_scheduler("cosine", optimizer=optimizer, num_warmup_steps=500, num_training_steps=100_000)
    model.train()

    def work() -> None:
        for _ in range(steps):
            clean = next(batches)["input"]
            noise = torch.randn(clean.shape)
            timesteps = torch.randint(0, noise_scheduler.config.num_train_timesteps, (len(clean),)).long()
            noisy = noise_scheduler.add_noise(clean, noise, timesteps)
            loss = mse_loss(model(noisy, timesteps).sample.float(), noise.float())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            lr_scheduler.step()
            optimizer.zero_grad()
            ema.step(model.parameters())
            loss.detach().item()  # for its bar of progress

    return work


class _AsTheirs(nn.Module):
    """diffusers' network as `GaussianDiffusion` asks for one."""

    channels, out_dim, self_condition, random_or_learned_sinusoidal_cond = 1, 1, False, False

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, x: Tensor, time: Tensor, x_self_cond: Tensor | None = None) -> Tensor:
        return self.unet(x, time).sample


def lucidrains_trainer(*, preset: str, batch: int, steps: int, folder: str) -> Work:
    """denoising-diffusion-pytorch's `Trainer` with the same network. The processes that load its pictures are not counted."""
    return trainer_steps(trainer_of(_AsTheirs(_their_unet(preset)), folder, batch), steps)


def trainer_of(net: nn.Module, folder: str, batch: int, **diffusion: Any) -> Any:
    """Its `Trainer` for digits, which are not mirrored, with nothing saved on the way."""
    from denoising_diffusion_pytorch import GaussianDiffusion, Trainer

    return Trainer(
        GaussianDiffusion(net, image_size=28, **diffusion),
        folder,
        train_batch_size=batch,
        train_lr=8e-5,  # as in its README
        augment_horizontal_flip=False,
        train_num_steps=0,
        save_and_sample_every=10**9,
        results_folder=f"{folder}-results",
        calculate_fid=False,
    )


def trainer_steps(trainer: Any, steps: int) -> Work:
    """Some more steps of a `Trainer`."""

    def work() -> None:
        trainer.train_num_steps = trainer.step + steps
        trainer.train()

    return work


def _endless(batches: Any) -> Iterator[Any]:
    while True:
        yield from batches


MAKERS: dict[str, Callable[..., Work]] = {
    "diffusers' example": diffusers_example,
    "denoising-diffusion-pytorch's Trainer": lucidrains_trainer,
}
