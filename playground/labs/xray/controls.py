"""The controls of the Network x-ray: a model, one noisy image, and what is changed in the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from engine.language import _
from engine.recipes.sampling_fields import SamplingFields
from playground.labs.shared.controls import ControlRules, Controls, checked, like, seed_setting, setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from playground.policy.visitor import Visitor

STEPS = 20
"""From noise to image, by DDIM without added noise."""
NONE = -1
"""The label for none."""


class XrayControls(Controls):
    """Which network is inspected, on which noisy image, and what is changed in it."""

    model: str = like(SamplingFields, "model", help="Any model whose network is a U-Net of this project.")
    source: Literal["sample", "picture"] = setting(
        "sample",
        "Noisy image",
        "xₜ of the model's own sampling trajectory, or a training image with noise added.",
        titles={"sample": "from sampling", "picture": "training image"},
    )
    step: int = setting(
        8,
        "Step",
        f"Of {STEPS}, from noise (0) to image: larger ones have less noise. A training image gets the noise level "
        "of that step.",
        ge=0,
        le=STEPS - 1,
    )
    label: int = setting(3, "Class", "The class that the network is conditioned on.", ge=NONE, le=100_000)
    number: int = setting(
        7,
        "Training image number",
        "Index in its class; above the last one it wraps around.",
        ge=0,
        le=10_000_000,
        slider=False,
    )
    seed: int = seed_setting("Of the noise.")
    activation: Literal["own", "silu", "relu"] = setting(
        "own",
        "Activation function",
        "Of the residual blocks: as trained, or another one on the same weights.",
        titles={"own": "as trained", "silu": "SiLU", "relu": "ReLU"},
    )
    off: str = setting("", "Skips switched off", "Numbers of the skips that are replaced by zeros.", max_length=200)
    block: str = setting("", "Block", "The block whose channels are shown.", max_length=100)

    @property
    def skips_off(self) -> tuple[int, ...]:
        """Numbers of the skips that are switched off. Raises ValueError where the text has others than numbers."""
        try:
            return tuple(sorted({int(part) for part in self.off.split(",") if part.strip()}))
        except ValueError:
            raise ValueError(_("Skips are given by their numbers, such as “0,3”.")) from None

    @property
    def choice(self) -> str:
        """What is chosen in the drawing, as one text."""
        return f"{self.block}|{self.off}"


IN_THE_DRAWING = ("off", "block")
"""What is set in the drawing, not by widgets."""


def hidden(controls: XrayControls) -> set[str]:
    """Names of controls that are not drawn with these settings."""
    return {*IN_THE_DRAWING, *(() if controls.source == "picture" else ("number",))}


def options(controls: XrayControls, available: Mapping[str, str], visitor: Visitor) -> dict[str, dict[Any, str]]:
    """Options of the controls whose choices are known at run time only."""
    try:
        names = visitor.open_model(controls.model).class_names if controls.model in available else ()
    except ValueError:
        names = ()
    return {"model": dict(available), "label": {NONE: "none", **dict(enumerate(names))}}


def rules(visitor: Visitor, available: Callable[[str], dict[str, str]]) -> ControlRules[XrayControls]:
    """How the controls are drawn for this visitor; `available` gives the models, given the chosen one."""
    return ControlRules(
        hidden=hidden,
        options=lambda now: options(now, available(now.model), visitor),
        at_first=lambda now: {"model": {now.model: ""}, "label": {now.label: ""}},
        bounds=visitor.bounds("xray"),
    )


def chosen(controls: XrayControls, value: object) -> XrayControls:
    """The settings after what the drawing sends, {"block", "off"}; what cannot be read changes nothing."""
    if not isinstance(value, Mapping):
        return controls
    try:
        changed = checked(controls, block=str(value.get("block") or "")[:100], off=str(value.get("off") or "")[:200])
        _ = changed.skips_off
    except ValueError:
        return controls
    return changed
