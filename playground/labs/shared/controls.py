"""Controls are declared once, as a pydantic model; everything else about them is derived from it here.

Both front ends draw their widgets from `describe`, the link is `to_link` (only what differs from the default), and
`from_link` turns a link into settings again, naming each value that it could not take.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from engine.language import N_, _, joined
from engine.settings import Settings, current

Kind = Literal["choice", "switch", "whole", "number", "text"]


class Problem(str):
    """The message about a value that could not be taken: what is wrong with it, and how it was mended.

    Args:
        wrong, mended: a sentence each.
    """

    wrong: str

    def __new__(cls, wrong: str, mended: str = "") -> Self:
        problem = super().__new__(cls, joined(wrong, mended))
        problem.wrong = wrong
        return problem


class Controls(Settings):
    """The settings of a lab. Every field has a default, a title and a description; frozen, so that it can be a key."""

    first_visit: ClassVar[Mapping[str, Any]] = {}
    """Values with which a lab opens without a link, where they are not the defaults. They are always in the link."""

    def settled(self) -> tuple[Self, list[Problem]]:
        """These settings with values that do not go together mended, and one sentence for each that was mended.

        A lab overrides it where the range of one control depends on another, such as the classes of a data set.
        """
        return self, []

    def after(self, before: Self) -> Self:
        """These settings, into which the reader has changed those of `before` with the widgets; a lab may add to a change."""
        return self


C = TypeVar("C", bound=Controls)


@dataclass(frozen=True)
class Control:
    """One widget, in words that any front end understands."""

    name: str
    kind: Kind
    title: str
    help: str
    default: Any
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: tuple[tuple[Any, str], ...] = ()
    """(value, title) of each choice."""
    group: str = ""
    """Controls of one group stand together; "" is the first and always open."""
    slider: bool = True
    """Whether a number is set with a slider (a range to explore) or typed (a seed)."""

    @property
    def is_segmented(self) -> bool:
        """Whether its choices stand in one row: they are few, and short enough for the sidebar or a group in it."""
        titles = [title for _, title in self.options]
        return 0 < len(titles) <= 4 and sum(map(len, titles)) <= (24 if self.group else 30)


@dataclass(frozen=True)
class ControlRules(Generic[C]):
    """How the controls of a lab are drawn for given settings."""

    hidden: Callable[[C], Collection[str]] = lambda _: ()
    """Names of controls that are not drawn; they keep their value."""
    disabled: Callable[[C], Mapping[str, str]] = lambda _: {}
    """Names of controls that have no effect, and why."""
    options: Callable[[C], Mapping[str, Mapping[Any, str]]] = lambda _: {}
    """For controls whose choices are known at run time only, their values with their titles."""
    limits: Callable[[C], Mapping[str, tuple[float, float]]] = lambda _: {}
    """Least and largest value of numbers whose range depends on the other settings, within their own range."""
    at_first: Callable[[C], Mapping[str, Mapping[Any, str]]] | None = None
    """`options` while Gradio builds the page, where those would load torch; `options` by default."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """Largest values where many visitors share one machine; said beside the control."""


LARGEST_SEED = 2**31 - 1
BOUNDS = ("ge", "le", "max_length")
"""Constraints that a control takes from the field that it is like."""


def ui(
    *, titles: Mapping[Any, str] | None = None, step: float | None = None, group: str = "", slider: bool = True
) -> dict[str, Any]:
    """What `describe` needs beyond pydantic's own words, to be given as `json_schema_extra`.

    Args:
        titles: what the reader reads for each value of a choice.
        step: of a slider.
        group: the heading under which it stands; "" stands first.
        slider: False for numbers that are typed.
    """
    titled = [[value, title] for value, title in (titles or {}).items()]
    return {"ui": {"titles": titled, "step": step, "group": group, "slider": slider}}


def setting(default: Any, title: str, help: str, **more: Any) -> Any:
    """A control; `more` are bounds as pydantic has them, and hints as for `ui`."""
    bounds = {name: more.pop(name) for name in BOUNDS if name in more}
    return Field(default, title=title, description=help, json_schema_extra=ui(**more), **bounds)


def seed_setting(help: str, title: str = "Seed", **more: Any) -> Any:
    """A control for the seed of random draws, which is typed."""
    return setting(0, title, help, **{"ge": 0, "le": LARGEST_SEED, "slider": False, **more})


def like(
    model: type[BaseModel],
    name: str,
    *,
    title: str | None = None,
    help: str | None = None,
    default: Any = None,
    **more: Any,
) -> Any:
    """A control with the range, the default and the words of a field of another model.

    Args:
        model, name: the field.
        title, help, default: in place of the field's own.
        more: as for `setting`, in place of the field's own.
    """
    field = model.model_fields[name]
    bounds = {bound: getattr(one, bound) for one in field.metadata for bound in BOUNDS if hasattr(one, bound)}
    default = field.default if default is None else default
    return setting(
        default, title or field.title or name, help or field.description or "", **bounds | hints_of(field) | more
    )


def hints_of(field: FieldInfo) -> dict[str, Any]:
    """The arguments of `ui` that a field was declared with."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    hints: Any = extra.get("ui", {})
    return {**hints, "titles": dict(hints.get("titles", ()))}


def describe(model: type[Controls]) -> tuple[Control, ...]:
    """Every control of a lab, in the order of its fields."""
    return tuple(_control(name, field) for name, field in model.model_fields.items())


def to_link(controls: Controls) -> dict[str, str]:
    """The query parameters that open this state: what differs from the default, and what a first visit opens with."""
    defaults = {name: field.default for name, field in type(controls).model_fields.items()}
    values = controls.model_dump()
    return {
        name: to_text(value)
        for name, value in values.items()
        if value != defaults[name] or name in controls.first_visit
    }


def from_link(model: type[C], parameters: Mapping[str, str]) -> tuple[C, list[Problem]]:
    """The state that a link asks for, and each value that could not be taken.

    A bad value gets its default and leaves the others alone; a name that is no control is left alone too. A link that asks
    for nothing is a first visit.
    """
    if not current(parameters).keys() & model.model_fields.keys():
        return model(**model.first_visit), []
    return _taken(model, parameters, model(), _from_text, OF_LINK)


def from_values(model: type[C], values: Mapping[str, Any], kept: C | None = None) -> tuple[C, list[Problem]]:
    """The same for values that come from widgets, or from a program, and so have types already.

    Args:
        model: the lab's controls.
        values: by the names of the controls.
        kept: the settings as they were before; what cannot be taken stays as it was.
    """
    return _taken(model, values, kept or model(), _from_value, OF_VALUES)


def demanded(model: type[C], values: Mapping[str, Any]) -> C:
    """The settings that a program asks for, which must know whether it got them: nothing is mended.

    Raises:
        ValueError: with one sentence about the first value that cannot be taken, or the first name that is no control.
    """
    for name in current(values):
        if name not in model.model_fields:
            known = _(", ").join(model.model_fields)
            raise ValueError(
                _("There is no setting “{shortened}”, but {known}.", shortened=_shortened(str(name)), known=known)
            )
    controls, problems = from_values(model, values)
    return _as_asked(controls, problems)


def demanded_by_link(model: type[C], parameters: Mapping[str, str]) -> C:
    """The same for a link, in which names that are no controls are left alone."""
    return _as_asked(*from_link(model, parameters))


def _as_asked(controls: C, problems: list[Problem]) -> C:
    if problems:
        raise ValueError(problems[0].wrong)
    return controls


@dataclass(frozen=True)
class _Words:
    """The sentences about a value that could not be taken."""

    not_allowed: str
    refused: str
    mended: str


OF_LINK = _Words(
    N_("The link asks for {title} = “{value}”, which is not {allowed}."),
    N_("The link asks for {title} = “{value}”. {why}"),
    N_("It was set to {value}."),
)
OF_VALUES = _Words(
    N_("You asked for {title} = “{value}”, which is not {allowed}."),
    N_("You asked for {title} = “{value}”. {why}"),
    N_("It stays at {value}."),
)


def _taken(
    model: type[C],
    given: Mapping[str, Any],
    kept: C,
    read: Callable[[Any, FieldInfo], Any],
    words: _Words,
) -> tuple[C, list[Problem]]:
    given = current(given)
    good: dict[str, Any] = {}
    problems = []
    for name, info in model.model_fields.items():
        if name not in given:
            continue
        try:
            good[name] = getattr(model.model_validate({name: read(given[name], info)}), name)
        except (ValidationError, ValueError) as refusal:
            good[name] = getattr(kept, name)
            control = _control(name, info)
            why, asked = reason(refusal), {"title": control.title, "value": _shortened(to_text(given[name]))}
            wrong = (
                _(words.refused, **asked, why=why) if why else _(words.not_allowed, **asked, allowed=_allowed(control))
            )
            problems.append(Problem(wrong, _(words.mended, value=_titled(control, good[name]))))
    try:
        controls, mended = model.model_validate(good).settled()
        return controls, [*problems, *mended]
    except ValidationError:  # good one by one, but not together
        unfit = Problem(_("These settings do not fit together."), _("The lab opens with its own."))
        return model(), [*problems, unfit]


def reason(refusal: Exception) -> str:
    """The sentence with which a lab's own check refused a value; "" where pydantic's checks did, which speak of types."""
    if not isinstance(refusal, ValidationError):
        return ""
    for error in refusal.errors():
        if error["type"] == "unknown":  # a name that is in no registry, see engine.recipes.sampling_fields.one_of
            facts = error["ctx"]
            return _(
                "There is no {what} “{name}”, but {known}.",
                what=_(facts["what"]),
                name=facts["name"],
                known=facts["known"],
            )
    causes = (error.get("ctx", {}).get("error") for error in refusal.errors())
    return next((str(cause) for cause in causes if isinstance(cause, ValueError)), "")


def checked(controls: C, **changes: Any) -> C:
    """A copy with some values changed, checked like any other. Raises pydantic's ValidationError."""
    return type(controls).model_validate({**controls.model_dump(), **changes})


def bounded(controls: C, bounds: Mapping[str, float]) -> tuple[C, list[str]]:
    """The settings with no value above the bounds of this place, and a sentence for each that was lowered.

    Args:
        controls: as they were asked for.
        bounds: largest values, by the name of the control (`playground.policy.visitor.Visitor.bounds`).
    """
    problems = []
    for name, most in bounds.items():
        value = getattr(controls, name)
        if value > most:
            title = _(type(controls).model_fields[name].title or name)
            problems.append(
                _("{title} goes up to {most:g} here, where many share one machine.", title=title, most=most)
            )
            controls = checked(controls, **{name: type(value)(most)})
    return controls, problems


def _control(name: str, field: FieldInfo) -> Control:
    hints = hints_of(field)
    titles = hints["titles"]
    bounds = {kind: getattr(m, kind) for m in field.metadata for kind in ("ge", "le") if hasattr(m, kind)}
    options: tuple[tuple[Any, str], ...] = ()
    if get_origin(field.annotation) is Literal:
        options = tuple((value, _(titles.get(value, str(value)))) for value in get_args(field.annotation))
        kind: Kind = "choice"
    elif field.annotation is bool:
        kind = "switch"
    elif field.annotation is int:
        kind = "whole"
    elif field.annotation is float:
        kind = "number"
    else:
        kind = "text"
    return Control(
        name,
        kind,
        _(field.title or name),
        _(field.description or ""),
        field.default,
        bounds.get("ge"),
        bounds.get("le"),
        hints.get("step"),
        options,
        _(hints.get("group", "")),
        hints.get("slider", True),
    )


def to_text(value: Any) -> str:
    """The value of a control as a link has it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)  # the link opens this very state


def _from_text(text: str, field: FieldInfo) -> Any:
    if field.annotation is bool:
        if text.lower() not in ("1", "0", "true", "false"):
            raise ValueError(text)
        return text.lower() in ("1", "true")
    if field.annotation is int:
        return int(text, 10)
    if get_origin(field.annotation) is Literal:
        return next((value for value in get_args(field.annotation) if str(value) == text), text)
    return text


def _from_value(value: Any, field: FieldInfo) -> Any:
    # A slider of a browser knows no whole numbers: 50.0 is 50.
    return int(value) if field.annotation is int and isinstance(value, float) and value.is_integer() else value


def _allowed(control: Control) -> str:
    if control.kind == "choice":
        return _("one of ") + _(", ").join(str(option[0]) for option in control.options)
    if control.kind == "switch":
        return _("0 or 1")
    kind = (
        _("a whole number")
        if control.kind == "whole"
        else _("a number")
        if control.kind == "number"
        else _("usable here")
    )
    if control.low is not None and control.high is not None:
        return _("{kind} from {low} to {high}", kind=kind, low=_number(control.low), high=_number(control.high))
    return kind


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"


def _titled(control: Control, value: Any) -> str:
    return next((title for option, title in control.options if option == value), to_text(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
