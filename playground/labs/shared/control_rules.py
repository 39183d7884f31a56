"""Which controls are hidden, disabled or limited, where that depends on the settings; both front ends draw by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from playground.labs.shared.controls import Controls

C = TypeVar("C", bound=Controls)


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
