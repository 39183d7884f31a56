"""The classifier of noisy pictures: it sees the level, its gradient reaches the picture, the loop trains it, disks keep it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import cli
from engine.data.catalogue import load
from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.data.shipped import DATASETS
from engine.guidance import ClassifierGuided, Guided
from engine.ideal import ExactDenoiser
from engine.interop import pretrained
from engine.models import classifier as clean_classifier
from engine.models import noisy_classifier as module
from engine.models.classifier import Classifier, ClassifierCard, ClassifierConfig
from engine.models.noisy_classifier import (
    LevelClassifier,
    NoisyClassifierCard,
    NoisyClassifierConfig,
    TrainedClassifier,
    noise_angle,
)
from engine.models.opened import ModelError
from engine.registry import open_classifier
from engine.runs.service import TrainingService
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import Level, NoiseSchedule
from engine.storage.checked_files import CheckpointError
from engine.training import resume
from engine.training.classifier_accuracy import bayes_optimal_cross_entropy, evaluate_by_level, exact_classifier
from engine.training.config import TrainConfig
from engine.training.loop import train
from engine.training.state import begin
from engine.training.timestep_bins import TIMESTEP_BINS

from runs_to_try import DATA, config_of, same

SECONDS = 60.0
SCHEDULE = NoiseSchedule.cosine(100)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _reader(**changed: object) -> LevelClassifier:
    values = {"size": 8, "channels": 1, "classes": 2, "widths": (16, 32)}
    torch.manual_seed(0)
    return LevelClassifier(NoisyClassifierConfig.model_validate({**values, **changed})).eval()


# --- the network ------------------------------------------------------------------------------------------------------


def test_it_sees_the_level_and_its_gradient_reaches_the_picture() -> None:
    net = _reader()
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
    one, other = net(x, SCHEDULE.level(10)), net(x, SCHEDULE.level(90))
    assert one.shape == (3, 2)
    logits_of_picture = [
        (said - net.prior) / SCHEDULE.alpha_bar[t].sqrt().float() for said, t in ((one, 10), (other, 90))
    ]
    assert not torch.allclose(
        *logits_of_picture, atol=1e-4
    )  # it looks in another way, and does not only speak less loudly
    each = net(x, SCHEDULE.level(torch.tensor([10, 90, 10])))
    assert torch.allclose(each[0], one[0], atol=1e-5)
    assert torch.allclose(each[1], other[1], atol=1e-5)
    (gradient,) = torch.autograd.grad(one.log_softmax(1)[:, 0].sum(), x)
    assert gradient.shape == x.shape
    assert bool((gradient.flatten(1).abs().amax(1) > 0).all())
    # Each picture's gradient is its own.
    (alone,) = torch.autograd.grad(net(x[:1], SCHEDULE.level(10)).log_softmax(1)[:, 0].sum(), x)
    assert torch.allclose(alone[0], gradient[0], atol=1e-5)
    assert torch.equal(alone[1:], torch.zeros_like(alone[1:]))


def test_the_less_signal_is_left_the_smaller_are_the_logits() -> None:
    """The gradient of log p(y | x_t) fades as √ᾱ, as that of any exact one does, and guidance by it stays within reason."""
    net, exact = _reader(), exact_classifier(DATA)
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    for classifier in (net, exact):
        sizes = []
        for log_snr in (-12.0, -16.0):
            level = Level(torch.tensor(log_snr, dtype=torch.float64))
            guided = ClassifierGuided(ExactDenoiser(to_unit(DATA.images)), classifier, 1.0)
            sizes.append(float(guided.gradient(x, level, torch.tensor([0, 1, 0, 1])).norm()))
        assert sizes[0] / sizes[1] == pytest.approx(math.exp(2), rel=0.05)
    nothing = Level(torch.tensor(-math.inf, dtype=torch.float64))
    assert torch.allclose(net(x, nothing), net.prior.expand(4, 2))


def test_how_noisy_is_a_share_of_a_right_angle_and_t_on_the_cosine_schedule() -> None:
    T = 1000
    u = noise_angle(NoiseSchedule.cosine(T, s=0.0).level(torch.arange(0, T)))
    assert u == pytest.approx(np.arange(T) / T, abs=1e-9)
    ends = noise_angle(Level(torch.tensor([math.inf, -math.inf], dtype=torch.float64)))
    assert ends.tolist() == [0.0, 1.0]
    assert noise_angle(SCHEDULE.with_zero_terminal_snr().level(100)) == 1


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 3, 8, 8), (2, 1, 16, 16), (2, 1, 8, 4)])
def test_pictures_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is for pictures of 1 × 8 × 8"):
        _reader()(torch.zeros(shape), SCHEDULE.level(3))


@pytest.mark.parametrize("wrong", [{"widths": (16, 20)}, {"size": 9}, {"classes": 1}, {"widths": ()}, {"extra": 1}])
def test_shapes_that_cannot_be_built_are_refused_in_one_line(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        _reader(**wrong)
    assert "for UNetConfig" not in str(error.value)


# --- training ---------------------------------------------------------------------------------------------------------


def _config(**changed: object) -> TrainConfig:
    return config_of(task="classifier", **changed)


def test_the_loss_is_the_cross_entropy_of_the_true_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a network that says 1 : 3 for every picture; and no label is ever hidden from it."""
    config = _config(steps=1, report_every=1, batch=512, label_dropout=1.0)
    state = begin(config, DATA)
    anchor = next(state.net.parameters())
    logits = torch.tensor([0.0, math.log(3)])
    monkeypatch.setattr(state.net, "forward", lambda x, level: logits.expand(len(x), 2) + 0 * anchor.sum())
    (report,) = train(config, DATA, state)
    assert report.loss == pytest.approx(0.5 * math.log(4) + 0.5 * math.log(4 / 3), abs=0.1)
    assert report.loss_by_level == pytest.approx([report.loss] * TIMESTEP_BINS, abs=0.35)
    with pytest.raises(TypeError, match="no denoiser"):
        _ = state.denoiser


def test_it_learns_to_read_digits() -> None:
    """Within a few steps far below log 10, what guessing costs, and the better the cleaner."""
    data = load("digits").training
    config = TrainConfig(
        task="classifier", steps=60, batch=16, report_every=20, learning_rate=5e-3, warmup=5, ema_decay=0.9
    )
    state = begin(config, data)
    reports = list(train(config, data, state))
    assert reports[-1].loss < 0.75 * math.log(10)
    clean, noisy = reports[-1].loss_by_level[:3], reports[-1].loss_by_level[-2:]
    assert np.nanmean(clean) < np.nanmean(noisy)


def test_resumed_is_uninterrupted_bit_for_bit(tmp_path: Path) -> None:
    config = _config()
    whole = begin(config, DATA)
    expected = [(r.step, r.loss, r.gradient_norm) for r in train(config, DATA, whole)]
    first = begin(config, DATA)
    got = [next((r.step, r.loss, r.gradient_norm) for r in train(config, DATA, first))]
    resume.save(tmp_path, first)
    second = begin(config, DATA)
    resume.load(tmp_path, second)
    got += [(r.step, r.loss, r.gradient_norm) for r in train(config, DATA, second)]
    assert got == expected
    assert same(second.average, whole.average)
    with pytest.raises(resume.ResumeError):
        resume.load(tmp_path, begin(config_of(), DATA))


def test_pictures_without_classes_are_refused() -> None:
    one_kind = ImageSet("p", "P", DATA.images, DATA.labels * 0, ("all",), DATA.held_out, "", "", "")
    with pytest.raises(ValueError, match="at least two classes"):
        begin(_config(), one_kind)


# --- how well it reads ------------------------------------------------------------------------------------------------


def test_the_floor_is_what_the_exact_posterior_costs() -> None:
    """Two pictures, one of each class: −log p(y | x_t) is that of binary guessing at the distance between them."""
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    data = ImageSet("two", "Two", images, np.array([0, 1]), ("a", "b"), np.zeros(2, bool), "", "", "")
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = torch.exp(-(z**2) / 2) / torch.exp(-(z**2) / 2).sum()
    snr = (SCHEDULE.alpha_bar / (1 - SCHEDULE.alpha_bar)).clamp(max=1e9)[1:]
    # The logit of the true class is 2 (snr + √snr z).
    nats = (torch.nn.functional.softplus(-2 * (snr[:, None] + snr.sqrt()[:, None] * z)) * weight).sum(1)
    floor = bayes_optimal_cross_entropy(data, SCHEDULE, samples=4000)
    assert floor.loss_by_level == pytest.approx(nats.reshape(10, 10).mean(1).tolist(), abs=0.03)
    assert floor.loss == pytest.approx(float(nats.mean()), abs=0.01)


def test_reading_counts_what_is_right_part_by_part() -> None:
    exact = exact_classifier(DATA)
    measured = evaluate_by_level(exact, DATA, SCHEDULE, most=40)
    assert measured is not None
    accuracy, nats = measured
    assert accuracy[:5] == (1.0,) * 5
    assert accuracy[-1] < 1
    assert nats[0] == pytest.approx(0, abs=1e-6)
    assert measured == evaluate_by_level(exact, DATA, SCHEDULE, most=40)
    assert evaluate_by_level(exact, DATA, SCHEDULE, stop=lambda: True) is None

    def wrong(x_t: Tensor, level: Level) -> Tensor:
        return -exact(x_t, level)

    opposite = evaluate_by_level(wrong, DATA, SCHEDULE, most=40)
    assert opposite is not None
    assert opposite[0] == pytest.approx([1 - share for share in accuracy])


def test_what_ships_has_the_accuracy_of_its_card_and_guides() -> None:
    trained = open_classifier("digits")
    card, data = trained.card, load("digits")
    assert trained.shape == (1, 28, 28)
    assert trained.class_names == data.class_names
    assert card.held_out == 1000
    measured = evaluate_by_level(trained, data.held_out_part, NoiseSchedule.cosine(1000), most=100)
    assert measured is not None
    accuracy = measured[0]
    assert len(card.held_out_accuracy_by_level) == TIMESTEP_BINS
    for mine, theirs in zip(accuracy, card.held_out_accuracy_by_level, strict=True):
        assert mine == pytest.approx(theirs, abs=4 * math.sqrt(max(theirs * (1 - theirs), 0.01) / 100))
    # With a denoiser that does not look at the label, the pictures become the digit that was asked for.
    exact = ExactDenoiser(to_unit(data.training.images), torch.tensor(data.training.labels))
    label, judge = torch.tensor([3, 8, 1, 0, 7, 5, 2, 9]), clean_classifier.load("digits")
    for denoiser in (exact, pretrained.load("digits").denoiser):
        *_, last = sample(
            ClassifierGuided(Guided(denoiser, 0.0), trained, 8.0), NoiseSchedule.cosine(1000), DDIM(),
            shape=(1, 28, 28), steps=15, seeds=range(8), label=label,
        )  # fmt: skip
        assert int((judge.read(last.x)[0] == label).sum()) >= 6
        assert float(last.x.abs().max()) < 2


# --- folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    net = _reader()
    module.save(tmp_path / "nc", net.config, net.state_dict(), NoisyClassifierCard(title="T", class_names=("a", "b")))
    return tmp_path / "nc"


def test_what_is_written_is_read(folder: Path) -> None:
    trained, net = open_classifier(str(folder)), _reader()
    x, level = torch.randn(2, 1, 8, 8), SCHEDULE.level(40)
    assert torch.allclose(trained(x, level), net(x, level), atol=1e-6)
    assert isinstance(trained, TrainedClassifier)
    assert trained.class_names == ("a", "b")
    assert not any(p.requires_grad for p in trained.net.parameters())
    (folder / "card.json").write_text(json.dumps({"class_names": ["only one"]}))
    assert open_classifier(str(folder)).class_names == ("0", "1")


@pytest.mark.parametrize("part", ["config.json", "card.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut short", "other"])
def test_what_is_wrong_with_a_folder_is_one_sentence(folder: Path, part: str, damage: str) -> None:
    file = folder / part
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if damage == "cut short" else b'{"class_names": 7, "kind": 3}')
    with pytest.raises(CheckpointError, match=r"\.$") as error:
        open_classifier(str(folder))
    assert "\n" not in str(error.value)


def test_other_kinds_of_folders_are_named(tmp_path: Path, folder: Path) -> None:
    shape = ClassifierConfig(size=8, channels=1, classes=2, widths=(8,))
    clean_classifier.save(tmp_path / "clean", shape, Classifier(shape).state_dict(), ClassifierCard())
    with pytest.raises(CheckpointError, match="holds another network"):
        open_classifier(str(tmp_path / "clean"))
    with pytest.raises(CheckpointError, match="holds a diffusion model"):
        open_classifier(str(pretrained.CHECKPOINTS["digits"]))
    with pytest.raises(CheckpointError, match="holds another network"):
        clean_classifier.load(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "widths": [16, 64]}))
    with pytest.raises(CheckpointError, match="do not fit"):
        open_classifier(str(folder))
    (folder / "config.json").write_text(json.dumps({**config, "widths": [2048] * 3, "layers_per_block": 8}))
    with pytest.raises(CheckpointError, match="too large"):
        open_classifier(str(folder))


@pytest.mark.parametrize("name", ["", "nowhere", "run:", "run:../x", "run:20200101-000000-00000000", "x" * 5000, "\0"])
def test_names_of_nothing_are_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"\.$"):
        open_classifier(name)


# --- runs and the shell -----------------------------------------------------------------------------------------------


def _held_out() -> ImageSet:
    held_out = np.isin(np.arange(len(DATA.images)) % 8, (3, 4))
    return ImageSet("sides", "Sides", DATA.images, DATA.labels, DATA.class_names, held_out, "", "", "")


def test_a_run_trains_a_classifier_and_gives_it_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "sides", _held_out)
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path))
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(data="sides", steps=6, report_every=1, sample_every=3, T=20))
    snapshot = training.wait(run_id, lambda s: not s.active, SECONDS)
    assert (snapshot.status, snapshot.error, snapshot.note) == ("finished", "", "")
    assert (snapshot.can_sample, snapshot.can_guide, snapshot.previews) == (False, True, ())
    assert snapshot.bayes_optimal is not None
    assert 0 <= snapshot.bayes_optimal.loss < math.log(2)
    assert snapshot.accuracy is not None
    assert (snapshot.accuracy.step, snapshot.accuracy.pictures) == (6, 16)
    kept = TrainingService(tmp_path).snapshot(run_id)
    assert kept is not None
    assert (kept.accuracy, kept.bayes_optimal, kept.can_guide) == (snapshot.accuracy, snapshot.bayes_optimal, True)
    from_disk = open_classifier(f"run:{run_id}")
    in_memory = training.classifier(run_id)
    x, level = torch.randn(2, 1, 8, 8), SCHEDULE.level(40)
    assert torch.allclose(from_disk(x, level), in_memory(x, level), atol=1e-6)
    assert in_memory.class_names == from_disk.class_names == ("left", "right")
    assert from_disk.card.held_out == 16
    assert from_disk.card.held_out_accuracy_by_level == snapshot.accuracy.accuracy_by_level
    with pytest.raises(ModelError, match="draws none"):
        training.model(run_id)
    other = training.submit(config_of(data="sides", steps=1, T=20))
    training.wait(other, lambda s: not s.active, SECONDS)
    with pytest.raises(ModelError, match="not a classifier"):
        training.classifier(other)
    with pytest.raises(CheckpointError, match="holds a diffusion model"):
        open_classifier(f"run:{other}")


def test_a_classifier_of_pictures_with_nothing_held_out_is_trained_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "all-for-training", lambda: DATA)
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(data="all-for-training", steps=4, report_every=1, sample_every=1, T=20))
    snapshot = training.wait(run_id, lambda s: not s.active, SECONDS)
    assert (snapshot.status, snapshot.accuracy) == ("finished", None)
    assert training.classifier(run_id).card.held_out == 0


def test_a_damaged_reading_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "sides", _held_out)
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(data="sides", steps=1, T=20))
    training.wait(run_id, lambda s: not s.active, SECONDS)
    file = tmp_path / run_id / "reading.json"
    whole = json.loads(file.read_text())
    for junk in (b"", b"[]", b'{"step": 1}', json.dumps({**whole, "loss_by_level": [1.0]}).encode()):
        file.write_bytes(junk)
        found = TrainingService(tmp_path).snapshot(run_id)
        assert found is not None
        assert (found.accuracy, found.step) == (None, 1)


def test_the_shell_trains_one_by_its_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(DATASETS, "sides", _held_out)
    (tmp_path / "recipe.json").write_text(_config(data="sides", steps=3, T=20).model_dump_json())
    assert cli.main(["train", str(tmp_path / "recipe.json"), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "accuracy on 16 held-out pictures" in printed
    trained = open_classifier(str(tmp_path / "out"))
    assert trained.card.step == 3
    assert trained.card.held_out == 16
    assert trained.card.command == "python -m engine train recipe.json --out DIR"
    assert cli.main(["train", str(tmp_path / "recipe.json"), "--out", str(tmp_path / "out")]) == 0
    assert "resuming at step 3" in capsys.readouterr().out
