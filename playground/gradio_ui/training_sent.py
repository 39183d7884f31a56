"""What a tab has been sent of the Training page, so that only what is new is sent, and nothing old after something new."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr


@dataclass
class Seen:
    """Kept for one visit; a page that is loaded again begins anew."""

    turn: int = 0
    """Counts what the reader does. A look that began before it must not be shown after it."""
    link: dict[str, str] | None = None
    """What the reader has chosen to see, once that is known: a look that is under way still brings what was chosen before."""
    keys: dict[int, Hashable] = field(default_factory=dict)
    """What each component was sent last."""
    list_open: bool = False
    list_page: int = 1
    deleted: tuple[tuple[str, str], ...] = ()
    """Id and title of what the reader has deleted in this visit, and can have back."""


class Sent:
    """Gathers what a tab is to be sent.

    Args:
        seen: by that tab.
        outputs: the components that may be sent something.
    """

    def __init__(self, seen: Seen, outputs: Sequence[Any]) -> None:
        self._seen, self._turn = seen, seen.turn
        self._keys = dict(seen.keys)
        self._values: dict[int, Any] = {component._id: gr.skip() for component in outputs}

    def new(self, component: Any, key: Hashable, make: Callable[[], Any]) -> None:
        """Send what `make` gives, unless what it was sent last had the same key."""
        if self._keys.get(component._id) != key:
            self._keys[component._id] = key
            self._values[component._id] = make()

    def text(self, component: Any, value: str) -> None:
        """Send a text, unless it is there."""
        self.new(component, value, lambda: value)

    def visible(self, component: Any, whether: bool) -> None:
        """Show or hide it, unless it is so."""
        self.new(component, whether, lambda: gr.update(visible=whether))

    def values(self) -> list[Any]:
        """For the outputs. Nothing where the reader has done something meanwhile: that has its own answer."""
        if self._seen.turn != self._turn:
            return [gr.skip()] * len(self._values)
        self._seen.keys = self._keys
        return list(self._values.values())
