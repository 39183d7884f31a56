"""Checkpoints: what we write opens at diffusers, and what diffusers writes opens here."""

from __future__ import annotations

from pathlib import Path

import diffusers
import pytest
import torch

from engine.interop import pretrained
from engine.interop.pretrained import Card, CheckpointError
from engine.process import TARGETS
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import NoiseSchedule

from checkpoints_to_try import CONFIG, denoiser_of, edit, save_sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint of ours."""
    return save_sound(tmp_path / "sound")


# --- to diffusers and back --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize("schedule", [NoiseSchedule.linear(300), NoiseSchedule.cosine(1000), NoiseSchedule.sigmoid(50)])
def test_what_we_save_opens_at_diffusers(tmp_path: Path, target: str, schedule: NoiseSchedule) -> None:
    ours = denoiser_of(target, schedule)
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card())
    theirs = diffusers.UNet2DModel.from_pretrained(tmp_path, subfolder="unet", local_files_only=True).eval()
    x, classes = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 2, 3])
    t = torch.tensor([1, 20, 50])
    with torch.no_grad():
        expected = theirs(x, (t - 1).float(), class_labels=classes).sample
        label = torch.where(classes == 3, -1, classes)
        torch.testing.assert_close(ours.output(x, schedule.level(t), label), expected, rtol=1e-5, atol=1e-5)
    for scheduler in (diffusers.DDPMScheduler, diffusers.DDIMScheduler):
        read = scheduler.from_pretrained(tmp_path, subfolder="scheduler", local_files_only=True)
        assert read.config.num_train_timesteps == schedule.T
        assert (
            read.config.prediction_type == {"noise": "epsilon", "clean": "sample", "velocity": "v_prediction"}[target]
        )
        torch.testing.assert_close(read.betas, schedule.beta[1:].float(), rtol=1e-6, atol=0)
        torch.testing.assert_close(read.alphas_cumprod.double(), schedule.alpha_bar[1:], rtol=1e-3, atol=1e-6)


def test_what_we_save_is_a_pipeline_of_theirs(tmp_path: Path) -> None:
    plain = CONFIG.model_copy(update={"num_class_embeds": None})
    ours = denoiser_of("noise", NoiseSchedule.linear(20), plain)
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card())
    pipeline = diffusers.DDPMPipeline.from_pretrained(tmp_path, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(batch_size=1, num_inference_steps=3, generator=torch.Generator().manual_seed(0), output_type="np")
    assert images.images.shape == (1, 8, 8, 1)


def test_what_we_save_we_open_with_all_that_it_says(folder: Path) -> None:
    opened, ours = pretrained.load(folder), denoiser_of()
    assert opened.shape == (1, 8, 8)
    assert opened.unet == CONFIG
    assert opened.card.class_names == ("a", "b", "c")
    assert opened.denoiser.classes == 3
    assert opened.denoiser.target == TARGETS["velocity"]
    assert torch.equal(opened.denoiser.schedule.beta, ours.schedule.beta)
    assert not opened.denoiser.net.training
    frames = [
        list(sample(d, d.schedule, DDIM(0.5), shape=(1, 8, 8), steps=5, seeds=[1, 2], label=torch.tensor([0, 2])))
        for d in (opened.denoiser, ours)
    ]
    torch.testing.assert_close(frames[0][-1].x, frames[1][-1].x, rtol=0, atol=1e-5)
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize("beta_schedule", ["linear", "squaredcos_cap_v2", "scaled_linear", "sigmoid"])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_what_their_pipeline_saves_opens_here(tmp_path: Path, beta_schedule: str, prediction_type: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = diffusers.UNet2DModel(
            sample_size=16,
            in_channels=3,
            out_channels=3,
            block_out_channels=(32, 64),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        ).eval()
    scheduler = diffusers.DDPMScheduler(200, beta_schedule=beta_schedule, prediction_type=prediction_type)
    diffusers.DDPMPipeline(theirs, scheduler).save_pretrained(tmp_path)
    opened = pretrained.load(tmp_path)
    ours = opened.denoiser
    x, t = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([1, 200])
    with torch.no_grad():
        expected = theirs(x, (t - 1).float()).sample
    torch.testing.assert_close(ours.output(x, ours.schedule.level(t)), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.schedule.beta[1:], scheduler.betas.double(), rtol=2e-4, atol=1e-8)
    assert ours.target == TARGETS["noise" if prediction_type == "epsilon" else "velocity"]
    assert ours.classes == 0


def test_their_zero_terminal_snr_opens_here(folder: Path) -> None:
    file = folder / "scheduler" / "scheduler_config.json"
    edit(file, trained_betas=None, beta_schedule="linear", rescale_betas_zero_snr=True, num_train_timesteps=100)
    ours = pretrained.load(folder).denoiser.schedule
    theirs = diffusers.DDIMScheduler(100, rescale_betas_zero_snr=True)
    assert ours.terminal_snr == 0
    torch.testing.assert_close(ours.alpha_bar[1:], theirs.alphas_cumprod.double(), rtol=1e-4, atol=1e-6)
    edit(file, prediction_type="epsilon")
    with pytest.raises(CheckpointError, match="pure noise"):
        pretrained.load(folder)
