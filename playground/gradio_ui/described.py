"""What the components are is told to Gradio once, not once for each visitor.

Gradio describes every component of all pages anew for each new session, in the loop that answers everybody: 0.1 s for each of
forty who come at once, and the last of them would hear nothing for four. It does so for its deep links alone, whose values it
keeps there as well: all that a session has seen, megabytes of it. This app has links of its own and needs neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.blocks import BlocksConfig


def describe_once(demo: gr.Blocks) -> None:
    """Call it when all pages are built."""
    demo.default_config = _Described(demo.default_config, {}, {})


class _Common(dict[str, Any]):
    """A description that sessions have in common: what is written into its properties goes into a copy, and is forgotten."""

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        return dict(found) if name == "props" else found


class _Described(BlocksConfig):
    """The components of the app. Its copies are those of its sessions, which are given descriptions in common."""

    def __init__(self, config: BlocksConfig, common: dict[int, _Common], built: Mapping[int, Any]) -> None:
        vars(self).update(vars(config))
        self._common, self._built = common, built

    def __copy__(self) -> _Described:
        return _Described(super().__copy__(), self._common, self._built or dict(self.blocks))

    def config_for_block(  # type: ignore[override]  # a static method there
        self, _id: int, rendered_ids: list[int], block: Any, renderable: Any = None
    ) -> dict[str, Any]:
        describe = super().config_for_block
        if not self._built or renderable is not None:  # not for a session
            return describe(_id, rendered_ids, block, renderable)
        if self._built.get(_id) is not block:  # which the session has changed
            return _Common(describe(_id, rendered_ids, block))
        if _id not in self._common:
            self._common[_id] = _Common(describe(_id, rendered_ids, block))
        return self._common[_id]
