"""The client's files as text. Both front ends hand the same JavaScript and CSS to the browser.

The files are ES modules that import each other by name (`import { a, b as c } from "./dom.js";`), but both frameworks take one
text for a component. So each module becomes a function that is called once and returns what it exports, and the modules stand
in an order in which each comes after those that it imports. No module reaches what another one does not export.

Named imports by a relative path are supported, at the beginning of a line, and `export` in front of a function, a class or a
const. Everything else that begins with import or export is refused, as are cycles and names that a module does not export.
Comments do not travel: they are types for the compiler, and reasons for the reader of the file.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from engine.language import _, cached

_HERE = Path(__file__).parent / "src"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.\.?/(?:[\w.]+/)*)(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) (\w+))", re.MULTILINE)
_STATEMENT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_COMMENT_LINES = re.compile(r"^[ \t]*(?://.*|/\*(?:(?!\*/)[\s\S])*\*/[ \t]*)\n", re.MULTILINE)
_TEXT = re.compile(r'\b_\(("(?:[^"\\\n]|\\.)*")')
"""The text of a call of `_`; language.js looks it up."""
_NO_TEXTS = "const TEXTS = {};"
_NO_SYMBOLS = "const SYMBOLS = {};"
_CAST = re.compile(r"/\*\* @(?:type|param) .*?\*/ ?")


@cached(64)
def script(name: str, symbols: str = "{}") -> str:
    """The component `name` (such as "timeline", "livechart" or "stacked") in one piece: it defines `mount` and exports nothing.

    Its texts are in the language that is spoken now.

    Args:
        name: of its file.
        symbols: the table of symbols that are explained in its texts, as JSON; see symbols.js.

    Raises:
        ValueError: modules import each other in a circle, or a module asks for what another does not export.
    """
    return with_symbols(with_texts(bundle(name, _HERE)), symbols)


def with_symbols(text: str, symbols: str) -> str:
    """The modules, with the table of symbols where they look for it."""
    return text.replace(_NO_SYMBOLS, f"const SYMBOLS = {symbols};")


def with_texts(text: str) -> str:
    """The modules, with the translations of their texts where they look for them."""
    texts = {json.loads(found) for found in _TEXT.findall(text)}
    translations = {text: _(text) for text in sorted(texts) if _(text) != text}
    return text.replace(_NO_TEXTS, f"const TEXTS = {json.dumps(translations, ensure_ascii=False)};")


def javascript(name: str, symbols: str = "{}") -> str:
    """The same as a module that exports `mount`."""
    return script(name, symbols) + "\nexport { mount };\n"


@cache
def css() -> str:
    """The stylesheet of all components."""
    return (_HERE / "components.css").read_text(encoding="utf-8")


def bundle(name: str, folder: Path, entry: str = "mount") -> str:
    """The module `name` of any folder with all that it imports, in one piece that defines what it exports as `entry`.

    Raises:
        ValueError: as `script`, where two modules have the same name, or where there is no such export.
    """
    scopes: list[str] = []
    exported: dict[str, set[str]] = {}
    places: dict[str, Path] = {}

    def add(place: Path, importers: tuple[str, ...]) -> None:
        module = place.stem
        if places.setdefault(module, place) != place:
            raise ValueError(f"Two modules have the name {module}.js: {places[module]} and {place}.")
        if module in importers:
            circle = (*importers[importers.index(module) :], module)
            raise ValueError(f"Modules import each other in a circle: {' → '.join(circle)}.")
        if module in exported:
            return
        text = place.read_text(encoding="utf-8")
        for _names, where, needed in _IMPORT.findall(text):
            add((place.parent / where / f"{needed}.js").resolve(), (*importers, module))
        exported[module] = set(_EXPORT.findall(text))
        scopes.append(_scope(module, text, exported))

    add((folder / f"{name}.js").resolve(), ())
    if entry not in exported[name]:
        raise ValueError(f"{name}.js is no component: it does not export {entry}.")
    return "\n".join([*scopes, f"const {{ {entry} }} = {name}_js;"])


def _scope(module: str, text: str, exported: dict[str, set[str]]) -> str:
    """A module as a constant that holds its exports."""

    def resolved(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[1].split(",") if name.strip()]
        missing = {name.split(" as ")[0] for name in names} - exported[match[3]]
        if missing:
            raise ValueError(f"{module}.js imports {', '.join(sorted(missing))}, which {match[3]}.js does not export.")
        return f"const {{ {', '.join(name.replace(' as ', ': ') for name in names)} }} = {match[3]}_js;\n"

    body = _CAST.sub("", _COMMENT_LINES.sub("", _EXPORT.sub("", _IMPORT.sub(resolved, text))))
    if unknown := _STATEMENT.search(body):
        raise ValueError(f"{module}.js: this import or export is not supported: {unknown[0]}")
    return f"const {module}_js = (() => {{\n{body}return {{ {', '.join(sorted(exported[module]))} }};\n}})();"
