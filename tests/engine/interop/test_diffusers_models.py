"""diffusers folders of every kind that works on pixels: written by diffusers itself, opened here, asked the same things."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.interop.diffusers_unet import DiffusersUNet
from engine.interop.pretrained import Card, Checkpoint, CheckpointError
from engine.models.unet import UNet
from engine.process import TARGETS
from engine.recipes.recipe import Recipe, RecipeError
from engine.registry import open_model
from engine.schedule import NoiseSchedule

from checkpoints_to_try import CONFIG, denoiser_of, edit

PLAIN: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 1,
    "out_channels": 1,
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "norm_num_groups": 4,
    "attention_head_dim": 8,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}


def _theirs(**changed: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return diffusers.UNet2DModel(**{**PLAIN, **changed}).eval()


def _saved(folder: Path, unet: Any, **scheduler: Any) -> Path:
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler(**scheduler)).save_pretrained(folder)
    return folder


def _same_answers(opened: Checkpoint, unet: Any, T: int = 1000) -> None:
    """Both networks say the same of the same pictures at the same times."""
    generator = torch.Generator().manual_seed(1)
    x, t = torch.randn(3, *opened.shape, generator=generator), torch.tensor([1, T // 3, T])
    classes = torch.tensor([0, 2, 1]) if opened.denoiser.classes else None
    with torch.no_grad():
        expected = unet(x, (t - 1).to(torch.int64), class_labels=classes).sample
        got = opened.denoiser.output(x, opened.denoiser.schedule.level(t), classes)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


OURS = {
    "plain": {},
    "one head": {"attention_head_dim": None},
    "the paper's padding": {"downsample_padding": 0, "flip_sin_to_cos": False, "freq_shift": 1},
    "relu": {"act_fn": "relu"},
    "dropout": {"dropout": 0.1},
    "three classes": {"num_class_embeds": 3},
    "square, said twice": {"sample_size": (8, 8)},
}

THEIRS = {
    "not square": {"sample_size": (8, 16)},
    "halved by residual blocks": {
        "down_block_types": ("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "ResnetUpsampleBlock2D"),
        "resnet_time_scale_shift": "scale_shift",
    },
    "halved by residual attention": {"downsample_type": "resnet", "upsample_type": "resnet"},
    "halved by filters": {
        "in_channels": 3,
        "out_channels": 3,
        "block_out_channels": (32, 64),
        "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D"),
        "up_block_types": ("AttnSkipUpBlock2D", "SkipUpBlock2D"),
    },
    "halved as by Karras": {
        "block_out_channels": (32, 64),
        "down_block_types": ("KDownBlock2D", "KDownBlock2D"),
        "up_block_types": ("KUpBlock2D", "KUpBlock2D"),
    },
    "lopsided": {"up_block_types": ("UpBlock2D", "AttnUpBlock2D")},
    "time scales and shifts": {"resnet_time_scale_shift": "scale_shift"},
    "no attention in the middle": {"add_attention": False},
    "nothing in the middle": {"mid_block_type": None},
    "a milder middle": {"mid_block_scale_factor": 2.0},
    "another activation": {"act_fn": "mish"},
    "pictures from 0 to 1": {"center_input_sample": True},
    "times by heart": {"time_embedding_type": "learned", "num_train_timesteps": 1000},
    "a wider time": {"time_embedding_dim": 64},
    "classes as numbers": {"class_embed_type": "timestep", "num_class_embeds": 3},
}


@pytest.mark.parametrize(
    ("changed", "kind"),
    [*((c, UNet) for c in OURS.values()), *((c, DiffusersUNet) for c in THEIRS.values())],
    ids=[*OURS, *THEIRS],
)
def test_every_network_of_pixels_opens(tmp_path: Path, changed: dict[str, Any], kind: type) -> None:
    unet = _theirs(**changed)
    opened = pretrained.load(_saved(tmp_path, unet))
    assert isinstance(opened.denoiser.net, kind)
    assert opened.denoiser.classes == changed.get("num_class_embeds", 0)
    size = changed.get("sample_size", 8)
    assert opened.shape == (changed.get("in_channels", 1), *(size if isinstance(size, tuple) else (size, size)))
    _same_answers(opened, unet)


def test_a_network_between_its_times(tmp_path: Path) -> None:
    """Where times were learned by heart, the nearest one is taken."""
    unet = _theirs(time_embedding_type="learned", num_train_timesteps=1000)
    denoiser = pretrained.load(_saved(tmp_path, unet)).denoiser
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for t, nearest in ((99.7, 100), (100.3, 100)):
            torch.testing.assert_close(denoiser.net(x, torch.tensor([t])), unet(x, torch.tensor([nearest])).sample)


# --- classes ----------------------------------------------------------------------------------------------------------


def test_classes_without_one_for_none(tmp_path: Path) -> None:
    denoiser = pretrained.load(_saved(tmp_path, _theirs(num_class_embeds=3))).denoiser
    x, level = torch.zeros(2, 1, 8, 8), denoiser.schedule.level(500)
    assert (denoiser.classes, denoiser.has_null_class) == (3, False)
    denoiser(x, level, torch.tensor([2, 0]))
    for label in (None, torch.tensor([0, -1])):
        with pytest.raises(ValueError, match=r"a label for every picture.*0 … 2"):
            denoiser(x, level, label)
    with pytest.raises(ValueError, match="classes 0 … 2"):
        denoiser(x, level, torch.tensor([3, 0]))


def test_our_own_class_for_none_is_told_by_the_card(tmp_path: Path) -> None:
    ours = denoiser_of()
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card())
    opened = pretrained.load(tmp_path).denoiser
    assert (opened.classes, opened.has_null_class) == (3, True)
    without = NetDenoiser(ours.net, ours.schedule, ours.target, 4, has_null_class=False)
    pretrained.save(tmp_path, without, ours.net.state_dict(), Card())
    opened = pretrained.load(tmp_path).denoiser
    assert (opened.classes, opened.has_null_class) == (4, False)
    (tmp_path / "card.json").unlink()
    opened = pretrained.load(tmp_path).denoiser
    assert (opened.classes, opened.has_null_class) == (4, False)


# --- targets, schedules, variances ------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction_type", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize(
    "scheduler", ["DDPMScheduler", "DDIMScheduler", "PNDMScheduler", "DPMSolverMultistepScheduler"]
)
def test_every_target_under_every_scheduler(tmp_path: Path, scheduler: str, prediction_type: str) -> None:
    theirs = getattr(diffusers, scheduler)(300, beta_schedule="squaredcos_cap_v2", prediction_type=prediction_type)
    _theirs().save_pretrained(tmp_path / "unet")
    theirs.save_pretrained(tmp_path / "scheduler")
    denoiser = pretrained.load(tmp_path).denoiser
    expected = {"epsilon": "noise", "sample": "clean", "v_prediction": "velocity"}[prediction_type]
    assert denoiser.target == TARGETS[expected]
    torch.testing.assert_close(denoiser.schedule.alpha_bar[1:], theirs.alphas_cumprod.double(), rtol=1e-4, atol=1e-6)


SCHEDULES: list[dict[str, Any]] = [
    {"beta_schedule": "linear"},
    {"beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.1, "num_train_timesteps": 100},
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    {"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 50},
    {"beta_schedule": "sigmoid", "num_train_timesteps": 400},
    {"trained_betas": [0.1, 0.2, 0.3, 0.4], "num_train_timesteps": 4},
    {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
]


@pytest.mark.parametrize("config", SCHEDULES, ids=str)
def test_betas_are_those_of_the_config(tmp_path: Path, config: dict[str, Any]) -> None:
    opened = pretrained.load(_saved(tmp_path, _theirs(), **config))
    theirs = diffusers.DDPMScheduler(**config)
    ours = opened.denoiser.schedule
    assert theirs.config.num_train_timesteps == ours.T
    torch.testing.assert_close(ours.alpha_bar[1:], theirs.alphas_cumprod.double(), rtol=2e-4, atol=1e-6)


def test_the_target_as_it_was_said_once(tmp_path: Path) -> None:
    _saved(tmp_path, _theirs())
    file = tmp_path / "scheduler" / "scheduler_config.json"
    edit(file, prediction_type=None, predict_epsilon=False)
    assert pretrained.load(tmp_path).denoiser.target == TARGETS["clean"]


def test_a_learned_variance_opens(tmp_path: Path) -> None:
    unet = _theirs(out_channels=2)
    opened = pretrained.load(_saved(tmp_path, unet, variance_type="learned_range"))
    assert opened.denoiser.learned_variance
    assert opened.shape == (1, 8, 8)
    _same_answers(opened, unet)
    theirs = diffusers.DDPMScheduler(variance_type="learned_range")
    x, t = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)), 400
    with torch.no_grad():
        output = unet(x, t - 1).sample
        mix = opened.denoiser(x, opened.denoiser.schedule.level(t)).variance_mix
    assert mix is not None
    schedule = opened.denoiser.schedule
    log_variance = mix * schedule.beta[t].log() + (1 - mix) * schedule.posterior_variance[t].log()
    theirs.set_timesteps(1000)
    torch.testing.assert_close(log_variance.float(), theirs._get_variance(t - 1, output[:, 1:]), rtol=1e-4, atol=1e-4)


def test_a_learned_variance_of_ours_opens_at_diffusers(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"out_channels": 2, "num_class_embeds": None})
    plain = denoiser_of("noise", NoiseSchedule.linear(1000), config)
    ours = NetDenoiser(plain.net, plain.schedule, plain.target, learned_variance=True)
    pretrained.save(tmp_path, ours, ours.net.state_dict(), Card())
    pipeline = diffusers.DDPMPipeline.from_pretrained(tmp_path, local_files_only=True)
    assert pipeline.scheduler.config.variance_type == "learned_range"
    pipeline.set_progress_bar_config(disable=True)
    # Theirs tells the learned variance from the double number of channels in the step, but draws as much noise as channels.
    opened = pretrained.load(tmp_path)
    assert opened.denoiser.learned_variance
    _same_answers(opened, pipeline.unet)


@pytest.mark.parametrize(
    ("out_channels", "variance_type", "match"),
    [
        (2, "learned", "only learned_range is known"),
        (1, "learned_range", "there is none in them"),
        (2, "fixed_small", "if that is what they are"),
    ],
)
def test_variances_that_do_not_open(tmp_path: Path, out_channels: int, variance_type: str, match: str) -> None:
    _saved(tmp_path, _theirs(out_channels=out_channels), variance_type=variance_type)
    with pytest.raises(CheckpointError, match=match):
        pretrained.load(tmp_path)


# --- layouts ----------------------------------------------------------------------------------------------------------


def _flat(folder: Path) -> None:
    """As the first folders of diffusers were, google/ddpm-cifar10-32 among them: all side by side."""
    for file in [*(folder / "unet").iterdir(), *(folder / "scheduler").iterdir()]:
        file.rename(folder / file.name)
    shutil.rmtree(folder / "unet")
    shutil.rmtree(folder / "scheduler")


def _with_old_names(file: Path) -> None:
    def old(name: str) -> str:
        for then, now in (("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")):
            if ".attentions." in name:
                name = name.replace(f".{now}.", f".{then}.")
        return name

    weights: dict[str, Tensor] = load_file(file)
    renamed = {old(name): weight for name, weight in weights.items()}
    assert any("proj_attn" in name for name in renamed)
    save_file(renamed, file)


def test_folders_and_names_of_old(tmp_path: Path) -> None:
    unet = _theirs()
    _saved(tmp_path, unet)
    _with_old_names(tmp_path / "unet" / pretrained.WEIGHTS)
    _same_answers(pretrained.load(tmp_path), unet)
    _flat(tmp_path)
    _same_answers(pretrained.load(tmp_path), unet)
    config = json.loads((tmp_path / "config.json").read_text())
    for key in ("num_class_embeds", "dropout", "downsample_type", "add_attention", "attn_norm_num_groups"):
        del config[key]  # of which nobody knew then
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model_index.json").unlink()
    _same_answers(pretrained.load(tmp_path), unet)


def test_the_folder_inside_opens_as_well(tmp_path: Path) -> None:
    unet = _theirs()
    _saved(tmp_path, unet)
    _same_answers(pretrained.load(tmp_path / "unet"), unet)


def test_half_precision_opens(tmp_path: Path) -> None:
    unet = _theirs().half()
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(tmp_path, variant="fp16")
    opened = pretrained.load(tmp_path)
    assert next(opened.denoiser.net.parameters()).dtype == torch.float32
    _same_answers(opened, unet.float())


# --- what is of another kind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "match"),
    [
        (
            {"_class_name": "StableDiffusionPipeline", "text_encoder": ["transformers", "CLIPTextModel"]},
            "draws from text",
        ),
        ({"_class_name": "FluxPipeline", "transformer": ["diffusers", "FluxTransformer2DModel"]}, "draws from text"),
        (
            {"_class_name": "LDMPipeline", "vqvae": ["diffusers", "VQModel"], "unet": ["diffusers", "UNet2DModel"]},
            "latents",
        ),
        ({"_class_name": "DanceDiffusionPipeline", "unet": ["diffusers", "UNet1DModel"]}, "UNet1DModel"),
        ({"_class_name": "AudioPipeline"}, "has no “unet”"),
    ],
)
def test_pipelines_of_another_kind(tmp_path: Path, index: dict[str, Any], match: str) -> None:
    _saved(tmp_path, _theirs())
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=match) as error:
        pretrained.load(tmp_path)
    assert str(index["_class_name"]) in str(error.value)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"model_type": "bert", "architectures": ["BertModel"]}, "Transformers.*bert"),
        ({"a": 1}, "does not name its network"),
    ],
)
def test_folders_of_other_libraries(tmp_path: Path, config: dict[str, Any], match: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=match):
        pretrained.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("ScoreSdeVeScheduler", "variance-exploding"),
        ("CMStochasticIterativeScheduler", "consistency"),
        ("FlowMatchEulerDiscreteScheduler", "flow matching"),
        ("EDMEulerScheduler", "EDM"),
        ("VQDiffusionScheduler", "not known here"),
    ],
)
def test_schedulers_of_another_process(tmp_path: Path, name: str, match: str) -> None:
    _saved(tmp_path, _theirs())
    edit(tmp_path / "scheduler" / "scheduler_config.json", _class_name=name)
    with pytest.raises(CheckpointError, match=match):
        pretrained.load(tmp_path)


def test_weights_in_several_files(tmp_path: Path) -> None:
    unet = _theirs()
    _saved(tmp_path, unet)
    (tmp_path / "unet" / pretrained.WEIGHTS).unlink()
    unet.save_pretrained(tmp_path / "unet", max_shard_size="20KB")
    with pytest.raises(CheckpointError, match="split into several files"):
        pretrained.load(tmp_path)


# --- recipes that do not fit them -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "recipe", "match"),
    [
        (None, {"labels": (0,)}, "knows no classes"),
        (None, {"steps": 60}, "60 steps do not fit into a schedule of T = 50"),
        (None, {"sampler": "ddpm", "variance": "learned"}, "learned variance"),
        (3, {"labels": (3,), "scale": 1}, "only the classes 0 … 2"),
        (3, {"scale": 1}, "a label for every picture"),
        (3, {"labels": (-1,), "scale": 1}, "a label for every picture"),
        (3, {"labels": (1,), "scale": 2}, "take a guidance scale of 1"),
        (3, {"labels": (1,), "scale": 0}, "take a guidance scale of 1"),
    ],
)
def test_recipes_that_do_not_fit(tmp_path: Path, classes: int | None, recipe: dict[str, Any], match: str) -> None:
    _saved(tmp_path, _theirs(num_class_embeds=classes), num_train_timesteps=50)
    with pytest.raises(RecipeError, match=match):
        Recipe.model_validate({"model": str(tmp_path), "steps": 2, **recipe}).frames()


def test_a_folder_that_has_changed_is_read_again(tmp_path: Path) -> None:
    _saved(tmp_path, _theirs())
    first = open_model(str(tmp_path))
    assert open_model(str(tmp_path)).denoiser is first.denoiser
    _saved(tmp_path, _theirs(), num_train_timesteps=77)
    assert open_model(str(tmp_path)).schedule.T == 77
