"""The client's files as text. Both front ends hand the same JavaScript and CSS to the browser.

The files are ES modules that import each other (`import { a, b } from "./draw.js"`), but both frameworks take one text
for a component. So imports are written out in place: each file once, before the first that needs it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent / "src"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)


@cache
def script(name: str) -> str:
    """The component `name` (such as "timeline", "livechart" or "stacked") in one piece, defining `mount`, exporting nothing."""
    parts: list[str] = []
    _collect(f"{name}.js", parts, set())
    return "\n".join(parts)


def javascript(name: str) -> str:
    """The same as a module that exports `mount`."""
    return script(name) + "\nexport { mount };\n"


@cache
def css() -> str:
    """The stylesheet of all components."""
    return (_HERE / "components.css").read_text(encoding="utf-8")


def _collect(file: str, parts: list[str], seen: set[str]) -> None:
    seen.add(file)
    text = (_HERE / file).read_text(encoding="utf-8")
    for needed in _IMPORT.findall(text):
        if needed not in seen:
            _collect(needed, parts, seen)
    parts.append(_EXPORT.sub("", _IMPORT.sub("", text)))
