"""python -m playground.languages update | check"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from engine.language import ENGLISH, LANGUAGES
from engine.storage.files import atomic_write
from playground.languages.extraction import template

FOLDER = Path(__file__).parent
OTHERS = tuple(tag for tag in LANGUAGES if tag != ENGLISH)


def main(arguments: list[str]) -> int:
    """Returns the exit status: 1 where `check` finds something."""
    if arguments not in (["update"], ["check"]):
        print(__doc__, file=sys.stderr)
        return 2
    texts = template()
    if arguments == ["update"]:
        for tag in OTHERS:
            catalog = read(tag)
            catalog.update(texts, no_fuzzy_matching=True, update_creation_date=False)
            catalog.obsolete.clear()
            write(catalog, tag)
        return 0
    problems = [f"{tag}: {problem}" for tag in OTHERS for problem in faults(read(tag), texts)]
    print("\n".join(problems) or f"{len(texts)} texts, all in {', '.join(OTHERS)}.")
    return 1 if problems else 0


def read(tag: str) -> Catalog:
    """The catalogue of a language; an empty one where there is none yet."""
    path = FOLDER / tag / "messages.po"
    if not path.exists():
        return Catalog(locale=tag, project="diffusion-playground", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=tag)


def write(catalog: Catalog, tag: str) -> None:
    """Its texts in the order of their files, so that a lab's stand together."""
    (FOLDER / tag).mkdir(exist_ok=True)
    with atomic_write(FOLDER / tag / "messages.po") as part, part.open("wb") as file:
        write_po(file, catalog, width=120, include_lineno=False, sort_by_file=True, omit_header=False)


def faults(catalog: Catalog, texts: Catalog) -> Iterator[str]:
    """What is wrong with a catalogue, one sentence for each: texts that are missing or unsure, values that differ."""
    for text in texts:
        if not text.id:
            continue
        found = catalog.get(text.id)
        if found is None or not _complete(found):
            yield f"no translation of {text.id!r}"
        elif found.fuzzy:
            yield f"unsure: {text.id!r}"
        elif wrong := _other_values(found):
            yield f"{text.id!r}: {wrong}"
    for found in catalog:
        if found.id and found.id not in texts:
            yield f"no text any more: {found.id!r}"


def _complete(message: Message) -> bool:
    return all(_each(message.string))


def _other_values(message: Message) -> str:
    """Placeholders that are not those of the English text; "" for none."""
    texts, strings = _each(message.id), _each(message.string)
    known = set().union(*(_values(text) for text in texts))
    for string in strings:
        try:
            given = _values(string)
        except ValueError as error:
            return f"{string!r} cannot be read: {error}"
        missing = set() if len(texts) > 1 else known - given
        if missing or given - known:
            return f"{string!r} has other values: {sorted(given ^ known)}"
    return ""


def _each(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The forms of a text: one, or one for each number of things."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def _values(text: str) -> set[str]:
    """Names with their formats, such as "loss:.4f"; of a text that is no format, none."""
    try:
        return {f"{name}:{form}" for _text, name, form, _as in Formatter().parse(text) if name is not None}
    except ValueError:
        return set()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
