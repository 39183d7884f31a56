"""What a tab was sent of the Training page, so that only changes are sent, and nothing old after something new."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from playground.components.payloads.chart import LiveChart
from playground.components.payloads.panels import Algorithm
from playground.components.payloads.timeline import Timeline
from playground.gradio_ui import compat, components
from playground.labs.training import visit
from playground.labs.training.view import Figure
from playground.labs.training.visit import Visit
from playground.policy.visitor import Visitor


@dataclass
class TabState:
    """Kept for one visit; a page that is loaded again begins anew, and so does a browser that sends another's session."""

    visitor: Visitor | None = None
    """Whose visit it is."""
    turn: int = 0
    """Counts the visitor's actions. An update that began before one must not be shown after it."""
    visit: Visit | None = None
    """What the visitor has chosen and done, after the page has opened: an update under way still brings the link of before."""
    keys: dict[int, Hashable] = field(default_factory=dict)
    """What each component was sent last."""
    list_open: bool = False
    list_page: int = 1

    def of(self, requested: Any, visitor: Visitor) -> TabState:
        """Itself; with what the link requests where the page has not opened yet for this visitor."""
        if self.visitor != visitor:
            self.visitor, self.visit, self.keys, self.list_open, self.list_page = visitor, None, {}, False, 1
        if self.visit is None:
            self.visit = Visit(visit.chosen(requested, visitor.runs.ids())[0])
        return self

    def link(self) -> dict[str, str]:
        """The parameters of the link that open what is shown."""
        return self.visit.choice.link() if self.visit else {}


class Sent:
    """Gathers what a tab is sent.

    Args:
        tab: by that tab.
        outputs: the components that may be sent something.
    """

    def __init__(self, tab: TabState, outputs: Sequence[Any]) -> None:
        self._tab, self._turn = tab, tab.turn
        self._keys = dict(tab.keys)
        self._values: dict[int, Any] = {compat.component_id(component): gr.skip() for component in outputs}

    def new(self, component: Any, key: Hashable, make: Callable[[], Any]) -> None:
        """Send what `make` returns, unless what it was sent last had the same key."""
        if self._keys.get(compat.component_id(component)) != key:
            self._keys[compat.component_id(component)] = key
            self._values[compat.component_id(component)] = make()

    def text(self, component: Any, value: str) -> None:
        """Send a text, unless it is there."""
        self.new(component, value, lambda: value)

    def visible(self, component: Any, is_visible: bool) -> None:
        """Show or hide it, unless it is so."""
        self.new(component, is_visible, lambda: gr.update(visible=is_visible))

    def figure(self, component: Any, figure: Figure[LiveChart] | Figure[Timeline] | Figure[Algorithm]) -> None:
        """Send a chart or a timeline, unless its version is there."""
        self.new(component, figure.version, lambda: components.value(figure.draw()))

    def values(self) -> list[Any]:
        """For the outputs; nothing where the visitor has acted meanwhile: that action has its own answer."""
        if self._tab.turn != self._turn:
            return [gr.skip()] * len(self._values)
        self._tab.keys = self._keys
        return list(self._values.values())
