"""What the components are is told to Gradio once, not once for each visitor.

Gradio describes every component of all pages anew for each new session, in the loop that answers everybody: 0.1 s for each of
forty who come at once, and the last of them would hear nothing for four. The descriptions of untouched components are the same
for all.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig


def describe_once(demo: gr.Blocks) -> None:
    """Call it when all pages are built. A component that a session has changed is described anew, as before."""
    demo.default_config = _Described(demo.default_config, dict(demo.default_config.blocks), {})


class _Described(BlocksConfig):
    """A session's components, of which those that are `built` have the descriptions of all sessions in common."""

    def __init__(self, config: BlocksConfig, built: dict[int, Any], known: dict[int, dict[str, Any]]) -> None:
        vars(self).update(vars(config))
        self._built, self._known = built, known

    def __copy__(self) -> _Described:
        return _Described(super().__copy__(), self._built, self._known)

    def config_for_block(  # type: ignore[override]  # a static method there
        self, _id: int, rendered_ids: list[int], block: Any, renderable: Any = None
    ) -> dict[str, Any]:
        describe = super().config_for_block
        if renderable is not None or self._built.get(_id) is not block:
            return describe(_id, rendered_ids, block, renderable)
        if _id not in self._known:
            self._known[_id] = describe(_id, rendered_ids, block)
        # Gradio writes the session's values into the properties: they are each session's own.
        return {name: dict(value) if name == "props" else value for name, value in self._known[_id].items()}
