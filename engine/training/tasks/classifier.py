"""The task of a classifier of noisy pictures, for classifier guidance (Dhariwal & Nichol 2021, arXiv:2105.05233)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.prepared import augmented_pictures, held_out_pictures
from engine.language import N_, Message, _
from engine.models import noisy_classifier
from engine.models.noisy_classifier import (
    LevelClassifier,
    NoisyClassifierCard,
    NoisyClassifierConfig,
    TrainedClassifier,
)
from engine.models.presets import preset_for
from engine.schedule import Level
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import (
    ClassifierAccuracy,
    bayes_optimal_cross_entropy,
    evaluate_by_level,
    exact_classifier,
)
from engine.training.config import TrainConfig
from engine.training.objective import ClassificationLoss
from engine.training.tasks.task import ONLY_DENOISER, ONLY_VAE, Provenance, Saved, device_of

OF_DENOISERS = ("target", "weighting", "learned_variance", "vlb_weight")


class ClassifierTask:
    """See `Task`. The network is as wide and as deep as the downward path of the U-Net."""

    noun = N_("classifier")
    use = N_("It classifies images and draws none: use it to guide a denoiser.")
    has_held_out_loss = has_milestones = drops_labels = False
    min_loss_decrease = 0.2
    skipped_rules = frozenset({"label dropout", "few pictures"})

    def without_effect(self, config: TrainConfig) -> dict[str, str]:
        off = {"latent": _(ONLY_VAE)} | dict.fromkeys(OF_DENOISERS, _(ONLY_DENOISER))
        return off | {"label_dropout": _("A classifier needs the label of every image.")}

    def loss_unit(self, config: TrainConfig) -> str:
        return _("cross-entropy in nats")

    def network(self, config: TrainConfig, data: ImageSet) -> LevelClassifier:
        classes, preset = len(data.class_names), preset_for(config.preset, data.size)
        if classes < 2:
            raise ValueError(Message("A classifier needs a data set of at least two classes."))
        return LevelClassifier(
            NoisyClassifierConfig(
                size=data.size,
                channels=data.channels,
                classes=classes,
                widths=preset.widths,
                layers_per_block=preset.layers_per_block,
            )
        )

    def model(self, config: TrainConfig, data: ImageSet, net: LevelClassifier) -> TrainedClassifier:
        return TrainedClassifier(net, NoisyClassifierCard(data=data.name, class_names=data.class_names))

    def evaluate(self, config: TrainConfig, net: LevelClassifier, pictures: Tensor) -> object:
        return net(pictures, Level(pictures.new_zeros(len(pictures))))

    def objective(self, config: TrainConfig, model: TrainedClassifier) -> ClassificationLoss:
        return ClassificationLoss(model.net)

    def bayes_optimal(self, config: TrainConfig, data: ImageSet) -> BayesOptimalLoss | None:
        return bayes_optimal_cross_entropy(data, config.noise_schedule())

    def preview(self, config: TrainConfig, model: TrainedClassifier, data: ImageSet, stop: Callable[[], bool]) -> None:
        return None

    def accuracy(
        self, config: TrainConfig, model: TrainedClassifier, step: int, stop: Callable[[], bool], most: int
    ) -> ClassifierAccuracy | None:
        pictures, device = held_out_pictures(config), device_of(model)
        if not len(pictures) or stop():
            return None

        def logits_of(x_t: Tensor, level: Level) -> Tensor:
            logits: Tensor = model.net(x_t.to(device), level)
            return logits

        exact = _exact_accuracy(config.settings_of_loss(), most)
        measured = evaluate_by_level(logits_of, pictures, config.noise_schedule(), most=most, stop=stop)
        return None if measured is None else ClassifierAccuracy(step, min(most, len(pictures)), *measured, exact)

    def save(self, folder: Path, model: TrainedClassifier, weights: Mapping[str, Tensor], about: Provenance) -> None:
        accuracy = about.accuracy if about.accuracy and about.accuracy.step == about.step else None
        card = NoisyClassifierCard(
            title=f"{about.title}, classifier of noisy images",
            data=about.config.data,
            class_names=about.data.class_names,
            step=about.step,
            training=about.config.model_dump(),
            held_out=accuracy.pictures if accuracy else 0,
            held_out_accuracy_by_level=accuracy.accuracy_by_level if accuracy else (),
            held_out_loss_by_level=accuracy.loss_by_level if accuracy else (),
            command=about.command,
        )
        noisy_classifier.save(folder, model.net.config, weights, card)

    def is_saved_in(self, folder: Path) -> bool:
        return noisy_classifier.is_saved_in(folder)

    def open(self, folder: Path) -> Saved:
        card = noisy_classifier.load(folder).card
        return Saved(card.title, card.step, "; guidance takes it by its folder")


@lru_cache(maxsize=16)
def _exact_accuracy(config: TrainConfig, most: int) -> tuple[float, ...]:
    """Accuracy in each timestep bin of the exact classifier of the training pictures; () where these are too many."""
    data = augmented_pictures(config)
    if data is None:
        return ()
    measured = evaluate_by_level(exact_classifier(data), held_out_pictures(config), config.noise_schedule(), most=most)
    assert measured is not None  # nothing stops it
    return measured[0]
