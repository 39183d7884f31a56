"""Where the reader of a tab samples: in their browser, or on the server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.gradio_ui.widgets import PanelState
from playground.labs.shared import link_view

if TYPE_CHECKING:
    from playground.browser.where import Place


@dataclass(frozen=True)
class Here:
    """What the tab knows: "" until the browser has told it, and how often Draw was pressed there."""

    place: Place = ""
    drawn: int = 0

    def again(self) -> Here:
        """Once Draw was pressed."""
        return replace(self, drawn=self.drawn + 1)

    def at(self, place: object) -> Here | None:
        """Once the reader has chosen; None for what is no place."""
        if place == "browser":
            return replace(self, place="browser")
        return replace(self, place="server") if place == "server" else None


def is_restricted(state: PanelState[Any]) -> bool:
    """Whether the page of that state has no choice: in a lesson it is the server."""
    return link_view.is_restricted(state.view)
