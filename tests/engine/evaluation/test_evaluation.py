"""The classifier that ships, the evaluation of a model by it, and the commands, on networks that fit in a second."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.cli import main
from engine.cli.train import BEGINS
from engine.data.catalogue import load
from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.denoiser import NetDenoiser
from engine.evaluation import model_card
from engine.evaluation.drawing import DrawSettings, EvaluationError, Progress, in_proportion
from engine.evaluation.evaluate import Evaluation, Reference, evaluate
from engine.evaluation.metrics import Share, accuracy, frechet_distance
from engine.interop import pretrained
from engine.models import classifier
from engine.process import Clean
from engine.runs.folder import RunFolder
from engine.schedule import NoiseSchedule
from engine.storage.checked_files import CheckpointError
from engine.training import loop, preflight
from engine.training.classifier import ClassifierTraining, augment_affine, describe, fresh_classifier, training_part
from engine.training.classifier import train_classifier as run_training
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.state import TrainState

from checkpoints_to_try import tiny_model


@pytest.fixture(scope="module")
def judge() -> classifier.Judge:
    return classifier.load("digits")


def last(events: object) -> Evaluation:
    *progress, end = events  # type: ignore[misc]
    assert all(isinstance(event, Progress) for event in progress)
    assert isinstance(end, Evaluation)
    return end


# --- the classifier ---------------------------------------------------------------------------------------------------


def test_the_classifier_that_ships_reads_held_out_digits(judge: classifier.Judge) -> None:
    held_out = load("digits").held_out_part
    read_as, features = judge.read(to_unit(held_out.images))
    share = accuracy(read_as, torch.tensor(held_out.labels))
    assert share.total == 1000
    assert share.share >= 0.98
    assert share.share == pytest.approx(judge.card.held_out_accuracy, abs=0.0021)  # other machines round otherwise
    assert features.shape == (1000, 64)
    assert sum(file.stat().st_size for file in classifier.CLASSIFIERS["digits"].iterdir()) < 1_000_000


def test_its_features_tell_real_from_spoiled(judge: classifier.Judge) -> None:
    digits = load("digits")
    held_out = to_unit(digits.held_out_part.images)
    unseen = ~training_part(digits, ClassifierTraining.model_validate(judge.card.training)) & ~digits.held_out
    real = judge.read(held_out)[1]
    floor = frechet_distance(judge.read(to_unit(digits.only(unseen).images))[1], real)
    noise = 0.1 * torch.randn(held_out.shape, generator=torch.Generator().manual_seed(0))
    spoiled = {
        "blurred": torch.nn.functional.avg_pool2d(held_out, 3, stride=1, padding=1),
        "noisy": held_out + noise,
        "mirrored": held_out.flip(3),
        "without eights": held_out[torch.tensor(digits.held_out_part.labels) != 8],
    }
    for name, pictures in spoiled.items():
        assert frechet_distance(judge.read(pictures)[1], real) > 5 * floor, name


def test_it_never_learns_from_held_out_pictures() -> None:
    digits = load("digits")
    learned = training_part(digits, ClassifierTraining())
    assert not (learned & digits.held_out).any()
    assert np.bincount(digits.labels[learned]).tolist() == [300] * 10
    assert (learned == training_part(digits, ClassifierTraining())).all()
    assert (learned != training_part(digits, ClassifierTraining(seed=1))).any()


def test_reading_does_not_depend_on_the_batch(judge: classifier.Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = to_unit(load("digits").images[::300])
    together = judge.read(pictures)
    monkeypatch.setattr(classifier, "BATCH", 3)
    apart = judge.read(pictures)
    assert torch.equal(together[0], apart[0])
    torch.testing.assert_close(together[1], apart[1], atol=1e-4, rtol=1e-4)


def test_distortion_by_nothing_changes_nothing_and_a_shift_shifts() -> None:
    pictures = to_unit(load("digits").images[::500])
    still = ClassifierTraining(turn=0, shear=0, zoom=0, shift=0)
    torch.testing.assert_close(
        augment_affine(pictures, still, torch.Generator().manual_seed(0)), pictures, atol=1e-4, rtol=0
    )
    moved = augment_affine(pictures, ClassifierTraining(), torch.Generator().manual_seed(0))
    assert moved.shape == pictures.shape
    assert moved.abs().max() <= 1 + 1e-5
    assert (moved - pictures).abs().mean() > 0.01


def small_set() -> ImageSet:
    digits = load("digits")
    few = np.zeros(len(digits), dtype=bool)
    for k in range(10):
        few[np.flatnonzero((digits.labels == k) & ~digits.held_out)[:20]] = True
        few[np.flatnonzero((digits.labels == k) & digits.held_out)[:4]] = True
    return digits.only(few)


def test_training_is_the_same_twice_and_leaves_the_global_random_state() -> None:
    data, config = small_set(), ClassifierTraining(epochs=2, batch=32)
    before = torch.random.get_rng_state()
    nets = [fresh_classifier(config, data) for _ in range(2)]
    losses = [[report.loss for report in run_training(config, data, net)] for net in nets]
    assert torch.equal(before, torch.random.get_rng_state())
    assert losses[0] == losses[1]
    assert losses[0][1] < losses[0][0]
    for a, b in zip(nets[0].state_dict().values(), nets[1].state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_classifier_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    data, config = small_set(), ClassifierTraining(epochs=1, batch=32)
    net = fresh_classifier(config, data)
    for _ in run_training(config, data, net):
        pass
    card = describe(config, data, net, seconds=1.0, command="x")
    assert (card.trained_on, card.held_out) == (150, 40)
    classifier.save(tmp_path / "c", net.config, net.state_dict(), card)
    again = classifier.load(tmp_path / "c")
    assert again.card == card
    pictures = to_unit(data.images)
    assert torch.equal(again.read(pictures)[1], classifier.Judge(net, card).read(pictures)[1])


def broken(path: Path, how: str) -> None:
    weights, config = path / "model.safetensors", path / "config.json"
    if how == "cut short":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "empty":
        weights.write_bytes(b"")
    elif how == "no weights":
        weights.unlink()
    elif how == "pickle":
        weights.unlink()
        torch.save({}, path / "model.pt")
    elif how == "other network":
        config.write_text(config.read_text().replace("64", "65"))
    elif how == "absurd":
        config.write_text(config.read_text().replace("64", "100000000"))
    elif how == "no json":
        config.write_text("{")
    elif how == "long number":
        config.write_text('{"size": ' + "9" * 10_000 + "}")
    elif how == "no config":
        config.unlink()
    elif how == "card":
        (path / "card.json").write_text('{"held_out_accuracy": 7}')


@pytest.mark.parametrize(
    "how",
    [
        "cut short",
        "empty",
        "no weights",
        "pickle",
        "other network",
        "absurd",
        "no json",
        "long number",
        "no config",
        "card",
    ],
)
def test_a_broken_classifier_is_refused_in_one_sentence(tmp_path: Path, how: str, judge: classifier.Judge) -> None:
    folder = tmp_path / "c"
    classifier.save(folder, judge.net.config, judge.net.state_dict(), judge.card)
    classifier.load(folder)
    broken(folder, how)
    with pytest.raises(CheckpointError) as refusal:
        classifier.load(folder)
    assert "\n" not in str(refusal.value)


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, judge: classifier.Judge) -> None:
    weights = {name: weight.clone() for name, weight in judge.net.state_dict().items()}
    weights["head.bias"][0] = float("nan")
    classifier.save(tmp_path, judge.net.config, weights, judge.card)
    with pytest.raises(CheckpointError, match="not numbers"):
        classifier.load(tmp_path)


# --- evaluation -------------------------------------------------------------------------------------------------------


def test_evaluation_counts_reports_and_repeats(tmp_path: Path, judge: classifier.Judge) -> None:
    model = pretrained.load(tiny_model(tmp_path / "m"))
    settings = DrawSettings(samples=40, steps=3, batch=15)
    events = list(evaluate(model, load("digits"), judge, settings))
    assert [e.done for e in events[:-1] if isinstance(e, Progress)] == list(range(1, 10))  # 3 batches of 3 steps
    q = last(events).quality
    assert (q.step, q.data, q.held_out_count, q.floor_count) == (7, "digits", 1000, 40)
    assert q.accuracy is not None
    assert q.accuracy.total == 40
    assert sum(share.count for share in q.accuracy_by_class.values()) == q.accuracy.count
    assert sum(q.misread.values()) == 40 - q.accuracy.count
    # Untrained: nothing like a digit, and far from the floor.
    assert q.frechet.value > 5 * q.frechet_floor.value
    again = last(evaluate(model, load("digits"), judge, settings.model_copy(update={"batch": 40})))
    assert np.abs(again.pictures.astype(int) - last(events).pictures).max() <= 1


def test_samples_that_are_real_digits_score_as_real(judge: classifier.Judge, tmp_path: Path) -> None:
    """A denoiser that always answers with training digits: read rightly, near the floor, and caught as copying."""
    digits = load("digits")
    training = digits.training

    class ByHeart(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.anchor = torch.nn.Parameter(torch.zeros(1))
            self.asked = 0

        def forward(self, x: torch.Tensor, timestep: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
            members = [np.flatnonzero(training.labels == k) for k in range(10)]
            # With guidance the batch is doubled: the second half repeats the first, labels hidden.
            wanted = classes[: len(x) // 2]
            rows = [members[int(k)][i // 10] for i, k in enumerate(wanted)]
            return to_unit(training.images[rows]).repeat(2, 1, 1, 1)

    model = pretrained.load(tiny_model(tmp_path / "m"))
    denoiser = NetDenoiser(ByHeart(), NoiseSchedule.cosine(100), Clean(), 10)
    cheat = pretrained.Checkpoint(denoiser, model.unet, model.card)
    settings = DrawSettings(samples=400, steps=2, batch=400)
    q = last(evaluate(cheat, digits, judge, settings)).quality
    assert q.accuracy is not None
    assert q.accuracy.share > 0.97
    assert q.frechet.value < 3 * q.frechet_floor.value
    assert q.memorising.near_copies.measured.share == 1
    assert q.memorising.median == 0


def test_a_model_without_classes_has_no_accuracy_but_the_rest(tmp_path: Path, judge: classifier.Judge) -> None:
    model = pretrained.load(tiny_model(tmp_path / "m", classes=0))
    q = last(evaluate(model, load("digits"), judge, DrawSettings(samples=20, steps=1))).quality
    assert q.accuracy is None
    assert q.accuracy_by_class == {}
    assert q.frechet.value > 0


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ({"size": 16}, {}, "draws pictures of 1 × 16 × 16"),
        ({"classes": 3}, {}, "has 3 classes"),
        ({}, {"samples": 25}, "as many of each"),
        ({}, {"steps": 101}, "100 steps at most"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_drawn(
    tmp_path: Path, judge: classifier.Judge, model: dict[str, int], settings: dict[str, int], message: str
) -> None:
    loaded = pretrained.load(tiny_model(tmp_path / "m", **model))  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match=message):
        next(evaluate(loaded, load("digits"), judge, DrawSettings(**{"samples": 20, **settings})))  # type: ignore[arg-type]


def test_a_network_that_must_have_a_label_is_measured_without_guidance(tmp_path: Path, judge: classifier.Judge) -> None:
    """As class-conditional networks of diffusers are: none of their classes stands for "none"."""
    folder = tiny_model(tmp_path / "m", classes=9)  # ten outputs, of which ours takes the last for "none"
    (folder / "card.json").unlink()
    theirs = pretrained.load(folder)
    with pytest.raises(EvaluationError, match="choose a scale of 1"):
        next(evaluate(theirs, load("digits"), judge, DrawSettings(samples=20, steps=1)))
    q = last(evaluate(theirs, load("digits"), judge, DrawSettings(samples=20, steps=1, scale=1))).quality
    assert q.accuracy is not None


def test_a_classifier_of_other_pictures_is_refused(tmp_path: Path, judge: classifier.Judge) -> None:
    model, settings = pretrained.load(tiny_model(tmp_path / "m")), DrawSettings(samples=20, steps=1)
    other = classifier.Judge(judge.net, judge.card.model_copy(update={"data": "letters"}))
    with pytest.raises(EvaluationError, match="reads “letters”"):
        next(evaluate(model, load("digits"), other, settings))
    silent = classifier.Judge(judge.net, judge.card.model_copy(update={"training": {"epochs": -1}}))
    with pytest.raises(EvaluationError, match="does not say"):
        next(evaluate(model, load("digits"), silent, settings))


# --- the commands -----------------------------------------------------------------------------------------------------


def test_evaluate_writes_result_and_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, result = tiny_model(tmp_path / "m"), tmp_path / "deep" / "q.json"
    words = [
        "evaluate",
        "--model",
        str(folder),
        "--samples",
        "20",
        "--steps",
        "2",
        "--json",
        str(result),
        "--write-card",
    ]
    assert main(words) == 0
    assert "Fréchet" in capsys.readouterr().out
    quality = json.loads(result.read_text())
    assert quality["accuracy"]["total"] == 20
    card = pretrained.load(folder).card
    assert {k: v for k, v in card.quality.items() if k != "training_seconds"} == quality
    assert (card.title, card.step) == ("Tiny", 7)
    text = (folder / "README.md").read_text()
    assert "20 samples" in text
    assert "python -m engine evaluate --model DIR --samples 20" in text
    assert str(tmp_path) not in text + (folder / "card.json").read_text()
    assert Image.open(folder / "samples.png").size == (2 * 28, 10 * 28)


def test_the_time_of_training_counts_steps_once(tmp_path: Path) -> None:
    card = pretrained.Card(step=30, training={"batch": 64})
    assert model_card.training_seconds(tmp_path, card) is None
    # 10 steps at 64 pictures a second, 20 at 32; step 20 was taken twice, and 40 is later than the weights.
    speeds = [(10, 64.0), (20, 1.0), (20, 32.0), (30, 32.0), (40, 1.0)]
    lines = [json.dumps({"step": step, "images_per_second": speed}) for step, speed in speeds]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert model_card.training_seconds(tmp_path, card) == 10 + 2 * 20
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines[:2]) + "\n")
    assert model_card.training_seconds(tmp_path, card) is None


def recipe(path: Path, **changes: object) -> str:
    values = {"preset": "tiny", "steps": 2, "batch": 4, "T": 50, "report_every": 1, "warmup": 0, **changes}
    path.write_text(json.dumps(values))
    return str(path)


def test_train_then_train_on_then_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "new" / "run")
    assert main(["train", recipe(tmp_path / "r.json"), "--out", out]) == 0
    assert main(["train", recipe(tmp_path / "r.json", steps=3), "--out", out]) == 0
    assert "resuming at step 2" in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "new" / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert None in lines[0]["loss_by_level"]  # 4 pictures cannot fill 10 parts; JSON knows no NaN
    assert main(["evaluate", "--model", out, "--samples", "20", "--steps", "1", "--scale", "1", "--write-card"]) == 0
    written = RunFolder.at(Path(out)).checkpoint / "README.md"
    assert "On the 4,000 training pictures" in written.read_text()
    threads = torch.get_num_threads()
    assert f", on {threads} thread{'s' if threads > 1 else ''} of a CPU." in written.read_text()


def test_a_run_that_diverges_keeps_its_last_good_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = loop.train

    def spoil(config: TrainConfig, data: ImageSet, state: TrainState, machine: object) -> Iterator[Report]:
        for report in real(config, data, state, machine):
            yield report
            with torch.no_grad():
                next(state.denoiser.net.parameters()).fill_(float("nan"))

    monkeypatch.setattr(loop, "train", spoil)
    monkeypatch.setattr(
        preflight, "_timed", lambda *_, **__: ([preflight._Seconds(0.1, 0.1)] * 2, 4)
    )  # or it would be refused before it starts
    assert main(["train", recipe(tmp_path / "r.json"), "--out", str(tmp_path / "run")]) == 2
    assert "Try a learning rate below" in capsys.readouterr().err
    assert pretrained.load(tmp_path / "run").card.step == 1  # and every weight is a number, or this would be refused
    assert not list((tmp_path / "run").rglob("resume"))


def test_train_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.catalogue.load", lambda name: small_set())
    assert main(["train-classifier", "--out", str(tmp_path / "c"), "--epochs", "1"]) == 0
    assert re.search(r"accuracy [\d.]+% on \d+ held-out pictures", capsys.readouterr().out)
    assert classifier.load(tmp_path / "c").card.data == "digits"


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "--model", "/no/such/folder"],
        ["evaluate", "--model", "{tmp}/file.pt"],
        ["evaluate", "--model", "{model}", "--samples", "15"],
        ["evaluate", "--model", "{model}", "--eta", "nan"],
        ["evaluate", "--model", "{model}", "--steps", "5000"],
        ["evaluate", "--model", "{model}", "--data", "faces"],
        ["evaluate", "--model", "{model}", "--data", "emoji"],
        ["evaluate", "--model", "{model}", "--classifier", "/no/such/folder"],
        ["evaluate", "--model", "{model}", "--device", "abacus"],
        ["evaluate", "--model", "{plain}", "--samples", "20", "--steps", "1", "--scale", "3"],
        ["evaluate", "--model", "{plain}", "--samples", "20", "--steps", "1", "2", "--scale", "1", "3"],
        ["evaluate", "--model", "{model}", "--samples", "20", "--steps", "1", "--json", "{tmp}"],
        ["train-classifier", "--data", "faces", "--out", "{tmp}/c"],
        ["train", "/no/such/recipe.json", "--out", "{tmp}/run"],
        ["train", "{tmp}", "--out", "{tmp}/run"],
        ["train", "{tmp}/file.pt", "--out", "{tmp}/run"],
        ["train", "{tmp}/bad.json", "--out", "{tmp}/run"],
        ["train", "{tmp}/faces.json", "--out", "{tmp}/run"],
        ["train", "{tmp}/good.json", "--out", "{tmp}/file.pt"],
        ["train", "{tmp}/good.json", "--out", "{tmp}/torn"],
    ],
)
def test_bad_words_give_one_sentence_and_status_2(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    model, plain = tiny_model(tmp_path / "model"), tiny_model(tmp_path / "plain", classes=0)
    (tmp_path / "file.pt").write_bytes(b"\x80\x04nonsense")
    recipe(tmp_path / "good.json")
    recipe(tmp_path / "bad.json", steps=-5)
    recipe(tmp_path / "faces.json", data="faces")
    (tmp_path / "torn" / "resume").mkdir(parents=True)
    (tmp_path / "torn" / "resume" / "resume.safetensors").write_bytes(b"torn")
    assert main([word.format(tmp=tmp_path, model=model, plain=plain) for word in words]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if "left" not in line and line != BEGINS]
    assert len(error) == 1
    assert error[0].startswith(f"python -m engine {words[0]}: ")


# --- classes that are not equally common ------------------------------------------------------------------------------


@hypothesis.settings(deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=12).filter(any), st.integers(1, 300))
def test_classes_are_as_common_as_in_the_set(counts: list[int], samples: int) -> None:
    """Among the first k samples each is never a whole picture ahead, nor two behind; where all are equal they take turns."""
    chosen = in_proportion(samples, counts)
    so_far = np.cumsum(np.eye(len(counts))[chosen], 0)
    wanted = np.arange(1, samples + 1)[:, None] * np.array(counts) / sum(counts)
    assert np.all(so_far - wanted < 1)
    assert np.all(so_far[:, np.array(counts) == 0] == 0)
    assert in_proportion(7, [5, 5, 5]).tolist() == [0, 1, 2, 0, 1, 2, 0]
    whole = in_proportion(sum(counts), counts)
    assert np.bincount(whole, minlength=len(counts)).tolist() == counts


def test_what_samples_are_compared_with_has_the_proportions_of_the_set() -> None:
    features, labels = torch.arange(100.0)[:, None], torch.tensor([0] * 60 + [1] * 40)
    reference = Reference(torch.zeros(12, 1), torch.tensor([0] * 4 + [1] * 8), features, labels, Share(1, 1, 1, 1, 1))
    assert reference.class_counts == [4, 8]
    for samples, kept in ((12, [4, 8]), (30, [10, 20]), (1000, [20, 40])):
        chosen, classes = reference.first_unseen(samples)
        assert torch.bincount(classes).tolist() == kept
        assert chosen[:, 0].tolist() == [*range(kept[0]), *range(60, 60 + kept[1])]
