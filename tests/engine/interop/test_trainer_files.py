"""denoising-diffusion-pytorch: what its own Trainer saves, opened here and asked the same things."""

from __future__ import annotations

import json
import pickle
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from denoising_diffusion_pytorch import (
    ContinuousTimeGaussianDiffusion,
    GaussianDiffusion,
    LearnedGaussianDiffusion,
    Trainer,
    Unet,
    Unet1D,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.interop import trainer_files
from engine.interop.trainer_files import OBJECTIVES, TrainerSettings
from engine.models.opened import ModelError
from engine.process import TARGETS
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.schedule import NoiseSchedule
from engine.storage.checked_files import CheckpointError

SIZE = TrainerSettings(image_size=8)
SMALL: dict[str, Any] = {"dim": 8, "dim_mults": (1, 2), "channels": 1, "attn_dim_head": 8, "attn_heads": 2}


def _diffusion(unet: dict[str, Any] | None = None, kind: type = GaussianDiffusion, **changed: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(Unet(**{**SMALL, **(unet or {})}), image_size=8, **{"timesteps": 50, **changed}).eval()


@cache
def _unet() -> Unet:
    return Unet(**SMALL)


def _saved(folder: Path, diffusion: Any, settings: dict[str, Any] | None = None) -> Path:
    """A file as the Trainer writes them, without the trouble of training."""
    state = diffusion.state_dict()
    averaged = {**{f"online_model.{k}": v for k, v in state.items()}, **{f"ema_model.{k}": v for k, v in state.items()}}
    averaged |= {"initted": torch.tensor(True), "step": torch.tensor(100)}
    path = folder / "model-1.pt"
    torch.save({"step": 100, "model": state, "opt": {}, "ema": averaged, "scaler": None, "version": "2.3.4"}, path)
    path.with_suffix(".json").write_text(json.dumps(settings or {"image_size": 8}))
    return path


def _x(count: int = 3, channels: int = 1) -> torch.Tensor:
    return torch.randn(count, channels, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("objective", list(OBJECTIVES))
@pytest.mark.parametrize("beta_schedule", ["linear", "cosine", "sigmoid"])
def test_it_says_what_the_package_says(tmp_path: Path, objective: str, beta_schedule: str) -> None:
    theirs = _diffusion(objective=objective, beta_schedule=beta_schedule)
    opened = trainer_files.load(_saved(tmp_path, theirs))
    denoiser = opened.denoiser
    assert denoiser.target == TARGETS[OBJECTIVES[objective]]
    assert denoiser.schedule.name == beta_schedule  # recognised, so with all its digits
    assert opened.shape == (1, 8, 8)
    x, t = _x(), torch.tensor([2, 25, 49])
    with torch.no_grad():
        expected = theirs.model_predictions(x, t - 1)
        got = denoiser(x, denoiser.schedule.level(t))
    torch.testing.assert_close(got.x0, expected.pred_x_start, rtol=2e-3, atol=2e-4)
    torch.testing.assert_close(got.noise, expected.pred_noise, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_the_same_pictures(tmp_path: Path, objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its steps of DDPM, on the same noise: its own loop draws one batch after the other from torch's generator."""
    theirs = _diffusion(objective=objective, beta_schedule="cosine", timesteps=30)
    path = _saved(tmp_path, theirs)
    generators, randn = [torch.Generator().manual_seed(seed) for seed in (4, 5)], torch.randn

    def draw(*_: Any, **__: Any) -> torch.Tensor:
        return torch.stack([randn(1, 8, 8, generator=one) for one in generators])

    module = "denoising_diffusion_pytorch.denoising_diffusion_pytorch.torch"
    monkeypatch.setattr(f"{module}.randn", draw)
    monkeypatch.setattr(f"{module}.randn_like", draw)
    expected = theirs.p_sample_loop((2, 1, 8, 8))
    monkeypatch.undo()
    *_, last = Recipe(model=str(path), sampler="ddpm", steps=30, seeds=(4, 5)).frames()
    torch.testing.assert_close((last.x + 1) / 2, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "unet",
    [
        {"dim_mults": (1, 2, 4), "full_attn": (False, True, True)},
        {"init_dim": 12, "channels": 3},
        {"dim_mults": (1,)},
        {"attn_heads": (1, 4), "attn_dim_head": (4, 16)},
        {"flash_attn": True, "dropout": 0.2},
    ],
    ids=str,
)
def test_networks_are_told_from_their_weights(tmp_path: Path, unet: dict[str, Any]) -> None:
    theirs = _diffusion(unet)
    opened = trainer_files.load(_saved(tmp_path, theirs)).denoiser
    x, t = _x(2, unet.get("channels", 1)), torch.tensor([1, 40])
    with torch.no_grad():
        torch.testing.assert_close(
            opened.output(x, opened.schedule.level(t)), theirs.model(x, t - 1), rtol=1e-5, atol=1e-5
        )


def test_the_sines_of_the_time_stand_in_the_settings(tmp_path: Path) -> None:
    theirs = _diffusion({"sinusoidal_pos_emb_theta": 100})
    path = _saved(tmp_path, theirs, {"image_size": [8, 16], "sinusoidal_pos_emb_theta": 100})
    opened = trainer_files.load(path)
    assert opened.shape == (1, 8, 16)
    x, t = _x(2), torch.tensor([1, 40])
    with torch.no_grad():
        got = opened.denoiser.output(x, opened.denoiser.schedule.level(t))
        torch.testing.assert_close(got, theirs.model(x, t - 1), rtol=1e-5, atol=1e-5)


def test_self_conditioning_asks_twice_as_training_does(tmp_path: Path) -> None:
    theirs = _diffusion({"self_condition": True}, objective="pred_v")
    opened = trainer_files.load(_saved(tmp_path, theirs)).denoiser
    x, t = _x(3), torch.tensor([1, 20, 49])
    with torch.no_grad():
        guess = theirs.model_predictions(x, t - 1).pred_x_start
        expected = theirs.model_predictions(x, t - 1, guess).pred_x_start
        torch.testing.assert_close(opened(x, opened.schedule.level(t)).x0, expected, rtol=2e-3, atol=2e-4)


def test_a_learned_variance(tmp_path: Path) -> None:
    theirs = _diffusion({"learned_variance": True}, LearnedGaussianDiffusion, objective="pred_noise")
    opened = trainer_files.load(_saved(tmp_path, theirs)).denoiser
    assert opened.learned_variance
    x, t = _x(2), 30
    with torch.no_grad():
        mean, variance, log_variance, x0 = theirs.p_mean_variance(x=x, t=torch.full((2,), t - 1), clip_denoised=False)
        said = opened(x, opened.schedule.level(t))
    assert said.variance_mix is not None
    beta, small = opened.schedule.beta[t].log(), opened.schedule.posterior_variance[t].log()
    mixed = said.variance_mix * beta + (1 - said.variance_mix) * small
    torch.testing.assert_close(mixed.float(), log_variance, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(said.x0, x0, rtol=2e-3, atol=2e-4)
    assert (mean.shape, variance.shape) == (x.shape, x.shape)


@pytest.mark.parametrize("objective", list(OBJECTIVES))
@pytest.mark.parametrize("gamma", [None, 5, 1])
@pytest.mark.parametrize("beta_schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("timesteps", [20, 1000])
def test_objectives_are_told_from_the_weights_of_the_loss(
    objective: str, gamma: int | None, beta_schedule: str, timesteps: int
) -> None:
    theirs = GaussianDiffusion(
        _unet(),
        image_size=8,
        objective=objective,
        beta_schedule=beta_schedule,
        timesteps=timesteps,
        min_snr_loss_weight=gamma is not None,
        min_snr_gamma=gamma or 5,
    )
    assert trainer_files._objective(theirs.state_dict()) == objective


def test_where_the_objective_cannot_be_told_it_is_asked_for(tmp_path: Path) -> None:
    theirs = _diffusion(objective="pred_x0")
    del theirs.loss_weight
    with pytest.raises(CheckpointError, match='"objective"'):
        trainer_files.load(_saved(tmp_path, theirs))
    opened = trainer_files.load(_saved(tmp_path, theirs, {"image_size": 8, "objective": "pred_x0"}))
    assert opened.denoiser.target == TARGETS["clean"]
    (tmp_path / "model-1.json").unlink()
    with pytest.raises(CheckpointError, match=r'model-1\.json beside it, such as.*"image_size".*"objective"'):
        trainer_files.load(tmp_path / "model-1.pt")


def test_what_its_trainer_saves_opens_and_the_average_is_taken(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k in range(100):
        Image.new("L", (8, 8), k).save(pictures / f"{k}.png")
    diffusion = _diffusion(timesteps=20)
    trainer = Trainer(diffusion, str(pictures), results_folder=str(tmp_path / "results"), calculate_fid=False)
    with torch.no_grad():
        for weight in trainer.ema.ema_model.model.parameters():
            weight.add_(0.01)
    trainer.ema.initted.fill_(True)
    trainer.save(7)
    (tmp_path / "results" / "model-7.json").write_text('{"image_size": 8}')
    model = open_model(str(tmp_path / "results" / "model-7.pt"))
    assert model is not None
    assert (model.shape, model.class_names, model.schedule.T) == ((1, 8, 8), (), 20)
    x = _x(1)
    with torch.no_grad():
        averaged = trainer.ema.ema_model.model(x, torch.tensor([9]))
        plain = diffusion.model(x, torch.tensor([9]))
        got = model.denoiser.output(x, model.schedule.level(10))  # type: ignore[attr-defined]
    torch.testing.assert_close(got, averaged, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(averaged, plain, atol=1e-3)


def test_an_average_that_never_began_is_left_alone(tmp_path: Path) -> None:
    theirs = _diffusion()
    path = _saved(tmp_path, theirs)
    content = torch.load(path, weights_only=True)
    content["ema"]["initted"] = torch.tensor(False)
    content["ema"]["ema_model.model.final_conv.bias"] = torch.full((1,), 9.0)
    torch.save(content, path)
    assert float(trainer_files.read_state(path)["model.final_conv.bias"].abs().max()) < 9


# --- what does not open -----------------------------------------------------------------------------------------------


def _refused(path: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as error:
        trainer_files.load(path, SIZE)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


class _Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return (os.mkdir, (str(self.path),))


def test_programs_in_the_file_are_never_run(tmp_path: Path) -> None:
    harm, path = tmp_path / "harm", tmp_path / "model-1.pt"
    torch.save({"model": _Harm(harm)}, path)
    _refused(path, "more than weights")
    good = _diffusion().state_dict()
    torch.save({"model": good, "ema": None, "more": _Harm(harm)}, path)
    _refused(path, "more than weights")
    path.write_bytes(pickle.dumps({"model": _Harm(harm)}))
    _refused(path, "no file of torch.save")
    torch.save({"model": good, "more": _Harm(harm)}, path, _use_new_zipfile_serialization=False)
    _refused(path, "no file of torch.save")
    assert not harm.exists()
    assert pickle.loads(pickle.dumps(_Harm(harm))) is None  # it would have been made, had it been run
    assert harm.exists()


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ([1, 2], "is no checkpoint of"),
        ({"model": 3}, "is no checkpoint of"),
        ({"model": {"a": torch.zeros(1)}}, "is no checkpoint of"),
        ({"state_dict": {"conv.weight": torch.zeros(1)}}, "is no checkpoint of"),
    ],
)
def test_files_of_something_else(tmp_path: Path, content: Any, match: str) -> None:
    torch.save(content, tmp_path / "model-1.pt")
    _refused(tmp_path / "model-1.pt", match)


def test_other_models_of_the_package(tmp_path: Path) -> None:
    continuous = ContinuousTimeGaussianDiffusion(Unet(**SMALL, random_fourier_features=True), image_size=8)
    _refused(_saved(tmp_path, continuous), "continuous time")
    sequences = Unet1D(dim=8, dim_mults=(1, 2), channels=1)
    theirs = _diffusion()
    tables = {k: v for k, v in theirs.state_dict().items() if not k.startswith("model.")}
    torch.save({"model": {**tables, **{f"model.{k}": v for k, v in sequences.state_dict().items()}}}, tmp_path / "a.pt")
    _refused(tmp_path / "a.pt", "sequences")
    torch.save({"model": {**tables, "model.conv.weight": torch.zeros(1)}}, tmp_path / "a.pt")
    _refused(tmp_path / "a.pt", "not the plain Unet")
    state = {**theirs.state_dict(), "model.null_classes_emb": torch.zeros(1)}
    torch.save({"model": state}, tmp_path / "a.pt")
    _refused(tmp_path / "a.pt", "network with classes")


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path, state = tmp_path / "a.pt", _diffusion().state_dict()
    for changed, match in (
        ({"model.final_res_block.block1.norm.g": torch.zeros(1, 9, 1, 1)}, "do not fit.*norm.g"),
        ({"model.extra": torch.zeros(1)}, "do not fit.*extra"),
        ({"model.time_mlp.1.weight": torch.zeros(1, 1)}, "Unet of denoising-diffusion-pytorch"),
        ({"model.downs.0.3.1.weight": torch.zeros(13, 32, 1, 1)}, "Unet of denoising-diffusion-pytorch"),
        ({"model.final_conv.bias": torch.full((1,), float("nan"))}, "not numbers"),
        ({"betas": torch.full((50,), 2.0)}, "noise schedule"),
        ({"betas": torch.zeros(5, 5)}, "noise schedule"),
        # Terabytes that take no room: every number of them is the same one.
        ({"model.downs.0.3.1.weight": torch.zeros(1).expand(8 * 10**6, 32, 1, 1)}, "share their numbers"),
        ({"model.final_conv.bias": torch.zeros(1).expand(10**12)}, "share their numbers"),
    ):
        torch.save({"model": {**state, **changed}}, path)
        _refused(path, match)
    with pytest.raises(CheckpointError, match="cannot be halved 1 times"):
        trainer_files.from_state(state, TrainerSettings(image_size=9))
    with pytest.raises(CheckpointError, match="auto_normalize"):
        trainer_files.from_state(state, TrainerSettings(image_size=8, auto_normalize=False))


def test_the_noise_target_at_zero_terminal_snr(tmp_path: Path) -> None:
    theirs = _diffusion(objective="pred_noise")
    schedule = NoiseSchedule.cosine(50).with_zero_terminal_snr()
    theirs.betas.copy_(schedule.beta[1:])
    path = _saved(tmp_path, theirs, {"image_size": 8, "objective": "pred_noise"})
    with pytest.raises(ModelError, match="zero terminal SNR"):
        open_model(str(path))


def test_archives_that_would_swell(tmp_path: Path) -> None:
    path, packed = _saved(tmp_path, _diffusion()), tmp_path / "packed.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    _refused(packed, "no file of torch.save")


def test_without_the_package_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _saved(tmp_path, _diffusion())
    monkeypatch.setattr(trainer_files, "find_spec", lambda name: None)
    _refused(path, "install it with “uv pip install denoising-diffusion-pytorch”")


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_garbled_files_only_ever_give_a_clear_refusal(tmp_path: Path, data: st.DataObject) -> None:
    whole = tmp_path / "whole.pt"
    if not whole.exists():
        torch.save({"model": _diffusion().state_dict()}, whole)
    garbled = bytearray(whole.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(garbled) - 1), max_size=8)):
        garbled[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(garbled)) | st.just(len(garbled)))
    path = tmp_path / "garbled.pt"
    path.write_bytes(garbled[:end])
    with suppress(CheckpointError):
        trainer_files.load(path, SIZE)
