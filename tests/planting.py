"""Finds the place in the code that a planted bug replaces, also after the code has been moved, reformatted or renamed.

A bug is written as two pieces of text, the right one and the wrong one. The right one is looked for in the file where it was
last seen, then in all others; first letter by letter, then token by token, whatever the spaces; and last with other names: a
name of the piece that the file no longer has may stand for one that took its place, the same one throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_TOKEN = re.compile(r"""[A-Za-z_]\w*|\d[\w.]*|[rbf]?"(?:\\.|[^"\\\n])*"|\*\*|//|[<>=!+\-*/]=|->|\S""")
_NAME = re.compile(r"[A-Za-z_]\w*$")


class NotFoundOnceError(LookupError):
    """The piece of code is nowhere, or at several places."""


def planted(text: str, right: str, wrong: str) -> str:
    """`text` with its one place that reads like `right` made to read like `wrong`.

    Raises:
        NotFoundOnceError: where there is no such place, or more than one.
    """
    if text.count(right) == 1:
        return text.replace(right, wrong)
    right, wrong = _without_shared_ends(right, wrong)
    for rename in (False, True):
        places = list(_places(text, right, rename=rename))
        if len(places) == 1:
            start, end, names = places[0]
            return text[:start] + _renamed(wrong, names) + text[end:]
        if places:
            raise NotFoundOnceError(f"stands at {len(places)} places")
    raise NotFoundOnceError("stands nowhere")


def plant(engine: Path, file: str, right: str, wrong: str) -> tuple[Path, str]:
    """The file of `engine` that has the place, and its text with the bug in it. Nothing is written.

    Raises:
        NotFoundOnceError: unless there is exactly one place.
    """
    likely = engine / file
    if likely.exists():
        try:
            return likely, planted(likely.read_text(encoding="utf-8"), right, wrong)
        except NotFoundOnceError:
            pass
    found = []
    for path in sorted(engine.rglob("*.py")):
        try:
            found.append((path, planted(path.read_text(encoding="utf-8"), right, wrong)))
        except NotFoundOnceError:
            continue
    if len(found) != 1:
        raise NotFoundOnceError(f"fits {len(found)} files of {engine.name}, not one")
    return found[0]


def _places(text: str, right: str, *, rename: bool) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Start, end and new names of each place in `text` whose tokens are those of `right`."""
    tokens = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]
    pattern = _TOKEN.findall(right)
    present = {token for token, _, _ in tokens}
    for k in range(len(tokens) - len(pattern) + 1):
        names = _matching([token for token, _, _ in tokens[k : k + len(pattern)]], pattern, present if rename else None)
        if names is not None:
            yield tokens[k][1], tokens[k + len(pattern) - 1][2], names


def _matching(tokens: list[str], pattern: list[str], present: set[str] | None) -> dict[str, str] | None:
    """The new name of each name of the pattern that is gone; None where the tokens are others."""
    names: dict[str, str] = {}
    for token, wanted in zip(tokens, pattern, strict=True):
        if token == wanted and wanted not in names:
            continue
        gone = present is not None and wanted not in present and _NAME.match(wanted) and _NAME.match(token)
        if not gone or names.setdefault(wanted, token) != token:
            return None
    return names if len(set(names.values())) == len(names) else None


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda match: names.get(match[0], match[0]), text)


def _without_shared_ends(right: str, wrong: str) -> tuple[str, str]:
    """Both without the white space that they share at either end: it is kept from the file."""
    while right and wrong and right[0] == wrong[0] and right[0].isspace():
        right, wrong = right[1:], wrong[1:]
    while right and wrong and right[-1] == wrong[-1] and right[-1].isspace():
        right, wrong = right[:-1], wrong[:-1]
    return right.strip(), wrong
