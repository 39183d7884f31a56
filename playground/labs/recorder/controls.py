"""The controls of the Recorder: which training, and what is sampled after each of its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.language import N_, _
from engine.recipes.sampling_fields import SamplingFields
from playground.labs.shared.controls import ControlRules, Controls, like, seed_setting, setting
from playground.labs.shared.naming import data_title, when

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

RECORDED = "recorded"
OF_SAMPLES = ("count", "seed", "scale")


class RecorderControls(Controls):
    """Which training is shown, and what is sampled at each stage of it."""

    run: str = setting(
        RECORDED, "Training run", "The recording that ships, or a run of the Training lab.", max_length=200
    )
    show: Literal["x0", "x"] = setting(
        "x0",
        "Displayed image",
        "The prediction of the clean image at each step, or the noisy image itself.",
        titles={"x0": "Prediction x̂₀", "x": "Noisy image xₜ"},
    )
    count: int = setting(
        10,
        "Images",
        "Of each class in turn, where the model has classes. More take proportionally longer; 10 is usual.",
        ge=1,
        le=20,
    )
    seed: int = seed_setting("Of the noise, which is the same at every stage of the training.")
    scale: float = like(SamplingFields, "scale", default=1.0)


NOT_OF_THE_RECORDING = N_("No effect now: the recording was made with 10 images, seed 0 and guidance scale 1.")


def without_effect(controls: RecorderControls) -> dict[str, str]:
    """Controls that change nothing with these settings, each with the reason."""
    return dict.fromkeys(OF_SAMPLES, _(NOT_OF_THE_RECORDING)) if controls.run == RECORDED else {}


def runs(visitor: Visitor) -> dict[str, str]:
    """Name and title of every training run that this visitor can choose."""
    found = {RECORDED: _("Recorded: tiny network, digits")}
    for one in visitor.runs.snapshots():
        if one.can_sample:
            found[one.id] = _(
                "{data_title}, {when} (step {step:,})",
                when=when(one.id),
                data_title=data_title(one.config.data),
                step=one.step,
            )
    return found


def rules(visitor: Visitor) -> ControlRules[RecorderControls]:
    """How the controls are drawn for this visitor."""
    return ControlRules(
        disabled=without_effect,
        options=lambda _: {"run": runs(visitor)},
        bounds=visitor.bounds("recorder"),
        at_first=lambda now: {"run": {now.run: ""}},
    )


def sampled_with(controls: RecorderControls) -> RecorderControls:
    """The settings on which the samples depend, the others at their defaults."""
    return controls.model_copy(update={"show": RecorderControls().show})
