"""Takes the settings of a run over into the controls, with a change that the doctor proposes or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from engine.language import _
from playground.labs.shared.controls import checked
from playground.labs.training import doctor
from playground.labs.training.controls import TrainingControls

if TYPE_CHECKING:
    from engine.doctor.finding import Setting
    from engine.runs.entry import Snapshot
    from engine.training.config import TrainConfig

SET_BY_THE_PAGE = ("warmup", "report_every", "sample_every")
"""Settings of a run that the page computes from the others."""


def taken_over(snapshot: Snapshot, number: str) -> tuple[TrainingControls, str]:
    """The controls with the settings of a run, and a sentence about them.

    Args:
        snapshot: the run.
        number: of the doctor's finding whose change is made; anything else makes none.
    """
    found = doctor.findings(snapshot)
    is_known = number.isascii() and number.isdigit() and int(number[:4]) < len(found)
    change = found[int(number[:4])].change if is_known else {}
    controls, left_out = controls_of(snapshot.config, change)
    return controls, message(change, left_out)


def controls_of(config: TrainConfig, change: Mapping[str, Setting]) -> tuple[TrainingControls, list[str]]:
    """The controls with the settings of a run and a change.

    Returns:
        The controls, and the names of the run's settings that the page has no control for, or not that value.
    """
    controls, left_out = TrainingControls(), []
    for name, value in (config.model_dump() | dict(change)).items():
        if name in TrainingControls.model_fields:
            try:
                controls = checked(controls, **{name: value})
            except ValidationError:
                left_out.append(name)
        elif name not in SET_BY_THE_PAGE and value != type(config).model_fields[name].default:
            left_out.append(name)
    return controls.settled()[0], left_out


def message(change: Mapping[str, Setting], left_out: Sequence[str]) -> str:
    """What was done to the controls, for the reader."""
    with_change = _(", with {in_words}", in_words=in_words(change)) if change else ""
    text = _(
        "The controls now have the settings of this run{with_change}. Press **Start training** to start a "
        "run with them.",
        with_change=with_change,
    )
    if left_out:
        names = _(", ").join(_lower(title_of(name)) for name in left_out)
        text += _(" The page has no control for: {names}.", names=names)
    return text


def can_take(change: Mapping[str, Setting]) -> bool:
    """Whether the page has a control for every setting and value in it, or computes the setting itself."""
    known = {name: value for name, value in change.items() if name not in SET_BY_THE_PAGE}
    if not change or not known.keys() <= TrainingControls.model_fields.keys():
        return False
    try:
        checked(TrainingControls(), **known)
    except ValidationError:
        return False
    return True


def in_words(change: Mapping[str, Setting]) -> str:
    """ "learning rate 0.001"."""
    return _(", ").join(f"{_lower(title_of(name))} {value_of(value)}" for name, value in change.items())


def _lower(title: str) -> str:
    """With a small first letter, unless it begins with an abbreviation."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def title_of(name: str) -> str:
    """The title of a setting of a run."""
    from engine.training.config import TrainConfig

    field = TrainingControls.model_fields.get(name) or TrainConfig.model_fields[name]
    return field.title or name


def value_of(value: Setting) -> str:
    """The value of a setting as the reader reads it."""
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, int):
        return f"{value:,}" if value < 10**9 else str(value)
    return f"{value:g}" if isinstance(value, float) else value


def for_the_shell(change: Mapping[str, Setting]) -> str:
    """The change as the command line takes it: "--set clip_norm=5"."""
    written = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in change.items()}
    return " ".join(f"--set {name}={value}" for name, value in written.items())
