"""What the reader's own browser computes: the switch for it, and the figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.gradio_ui import components
from playground.labs.shared import text


class InBrowser:
    """Draws both where the caller's `with` stands.

    Args:
        lab: whose.
        name: of the component.
    """

    def __init__(self, lab: str, name: str) -> None:
        self.switch = gr.Checkbox(
            False,
            interactive=False,  # before the page is loaded it would take other settings than those of the link
            label=text.IN_BROWSER,
            info=text.IN_BROWSER_HELP,
            elem_id=f"{lab}-in-browser",
            elem_classes="dp-in-browser",
        )
        self.figure: Any = components.component(name, f"{lab}-live")
        self.given = gr.State(None)
        """What the browser was given."""

    def on_load(self, show: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        """`show`, after whose values comes one for the switch: it can be used from then on."""
        return lambda *given: [*show(*given), gr.update(interactive=True)]

    @property
    def inputs(self) -> list[Any]:
        """Whether it is wanted, and what the browser was given."""
        return [self.switch, self.given]

    @property
    def outputs(self) -> list[Any]:
        """The figure, and what the browser is given."""
        return [self.figure, self.given]
