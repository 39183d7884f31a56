"""One page of the site: its words, its controls, and what is computed for it when the site is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from playground.components.payloads.encoding import Payload
from playground.static_site.controls import SiteControls


class Words(Protocol):
    """What stands over a page that is no lab's."""

    @property
    def TITLE(self) -> str: ...
    @property
    def LEAD(self) -> str: ...


Packing = Callable[[], str]
"""Makes what is stored under a name: stored.py."""


@dataclass(frozen=True, eq=False)
class Page:
    """A page in the language that is spoken now.

    name: of the lab, as in the addresses of the apps; "" for Start.
    text: the lab's own texts: TITLE and LEAD.
    looking_at: what is shown, one thing to try, and why it is so.
    data: what src/NAME.js is given to draw.
    controls: of the lab; None for a page without.
    needs: what it reads besides, by name, in any language.
    spoken: the same, in the language that is spoken.
    """

    name: str
    text: ModuleType | Words
    looking_at: tuple[str, ...] = ()
    data: Payload | None = None
    controls: SiteControls | None = None
    needs: Mapping[str, Packing] = field(default_factory=dict)
    spoken: Mapping[str, Packing] = field(default_factory=dict)

    def to_payload(self) -> dict[str, Any]:
        """What src/shell.js reads."""
        data, controls = (None if one is None else one.to_payload() for one in (self.data, self.controls))
        return {"lab": (self.name or "start") if data is not None else None, "controls": controls, "data": data}
