"""In which language somebody reads.

Texts are written in English, and an English text is the key of its translations, which stand in gettext catalogues
(https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html). A text is translated when it is shown, never when it is
made: two readers of one server may read two languages.

    _("Step {step} of {total}", step=3, total=50)         what is said now, in the language of who reads now
    plural("{count} run", "{count} runs", 3)              the same for a number of things
    Message("There is no run {name}.", name=name)         said now and read later: the message of an error, a result of a job
    told("There is no run a.")                            kept as English text, as on the disk, and read later
    TITLE = N_("Sampling")                                 a constant, in a module that ends with `translated(__name__)`
"""

from __future__ import annotations

import gettext
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache, update_wrapper
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

LANGUAGES = {"en": "English", "zh": "中文"}
"""By their tags, each by its own name."""
ENGLISH = "en"

_spoken: ContextVar[str | None] = ContextVar("language", default=None)
_asked: list[Callable[[], str | None]] = []
_folders: list[Path] = []


def language() -> str:
    """The tag of the language of who reads now, one of `LANGUAGES`."""
    found = (ask() for ask in _asked)
    return next((tag for tag in found if tag is not None), _spoken.get() or ENGLISH)


def chosen(*wishes: str | None) -> str | None:
    """The first of these that is spoken here: tags such as "zh-CN", or a browser's list of them; None where none is."""
    for wish in wishes:
        for tag in (wish or "").split(","):
            name = tag.split(";")[0].strip().replace("_", "-").split("-")[0].lower()
            if name in LANGUAGES:
                return name
    return None


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """What is said within is said in that language, unless a front end knows of another reader."""
    token = _spoken.set(tag)
    try:
        yield
    finally:
        _spoken.reset(token)


def speak(tag: str) -> None:
    """The same from now on in this context, such as that of a thread."""
    _spoken.set(tag)


def asks(who_reads: Callable[[], str | None]) -> None:
    """Register how a front end knows the language of its reader; None where it has no reader now."""
    _asked.append(who_reads)


def catalogues(folder: Path) -> None:
    """Register a folder with LANGUAGE/messages.po."""
    _folders.append(folder)


@cache
def _catalogue(tag: str) -> gettext.NullTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    found: gettext.NullTranslations | None = None
    for folder in _folders:
        packed = BytesIO()
        with (folder / tag / "messages.po").open("rb") as file:
            write_mo(packed, read_po(file, locale=tag))
        packed.seek(0)
        one = gettext.GNUTranslations(packed)
        if found is not None:
            one.add_fallback(found)
        found = one
    return found or gettext.NullTranslations()


def _(text: str, /, **values: object) -> str:
    """The text in the language of who reads now. {name} stands for a value, with a format as in `str.format`."""
    tag = language()
    if tag != ENGLISH and text:
        text = _catalogue(tag).gettext(text)
    return text.format(**values) if values else text


def plural(one: str, many: str, count: int, /, **values: object) -> str:
    """The same for a number of things, which the text may name as {count}."""
    tag = language()
    text = _catalogue(tag).ngettext(one, many, count) if tag != ENGLISH else one if count == 1 else many
    return text.format(count=count, **values)


def listed(parts: Sequence[str], *, either: bool = False) -> str:
    """Words in a row: "a, b and c", or with `either` "a, b or c"."""
    if len(parts) < 2:
        return "".join(parts)
    first = _(", ").join(parts[:-1])
    return (
        _("{first} or {last}", first=first, last=parts[-1])
        if either
        else _("{first} and {last}", first=first, last=parts[-1])
    )


class Message:
    """A text that is made now and read later. `str` and f-strings give it in the language of who reads then.

    Its values may be messages themselves.
    """

    def __init__(self, text: str, /, **values: object) -> None:
        self.text = text
        self.values = {
            name: message_of(value) if isinstance(value, Exception) else value for name, value in values.items()
        }

    def __str__(self) -> str:
        return _(self.text, **self.values)

    def __repr__(self) -> str:
        return f"Message({self.text!r}, **{self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.text, self.values) == (other.text, other.values)

    def __hash__(self) -> int:
        return hash((self.text, tuple(sorted(self.values))))


def message_of(error: Exception) -> Message | str:
    """What an error says, without the error, which keeps all that its functions held: its message where it has one."""
    first = error.args[0] if len(error.args) == 1 else None
    return first if isinstance(first, Message) else str(error)


def joined(*sentences: str) -> str:
    """Sentences one after the other, with a blank between them where a language has one."""
    text = ""
    for sentence in filter(None, sentences):
        text += f" {sentence}" if text and text[-1].isascii() else sentence
    return text


def told(english: str) -> str:
    """An English text that was kept, such as in the folder of a run, in the language of who reads now.

    Its sentences are found in the catalogue, also those with values; one that is not there stays English.
    """
    tag, parts, said = language(), _SENTENCE_END.split(english), []
    if tag == ENGLISH:
        return english
    while parts:
        for count in range(len(parts), 0, -1):
            known = _told(tag, " ".join(parts[:count]))
            if known or count == 1:
                said.append(known or parts[0])
                parts = parts[count:]
                break
    return joined(*said)


_SENTENCE_END = re.compile(r"(?<=[.”]) (?=[A-Z0-9“])")
_NO_END = r"(?:(?!\. [A-Z“]).)"
"""A character of a value: no sentence ends within one."""
_VALUE = re.compile(r"\{(\w+)[^{}]*\}")
_LEAST_KNOWN = 15
"""Letters of a text with values, besides those, without which it could be any sentence."""


@lru_cache(maxsize=256)
def _told(tag: str, english: str) -> str:
    plain = _catalogue(tag).gettext(english)
    if plain != english or not english:
        return plain if english else ""
    for shape, text in _with_values(tag):
        if found := shape.fullmatch(english):
            values = {
                name: _told(tag, value) or _told(tag, value[:1].upper() + value[1:]) or value
                for name, value in found.groupdict().items()
            }
            return _VALUE.sub(r"{\1}", text).format(**values)
    return ""


@cache
def _with_values(tag: str) -> list[tuple[re.Pattern[str], str]]:
    """Texts with values as patterns, with their translations; those that say most come first."""
    found = []
    for key, text in getattr(_catalogue(tag), "_catalog", {}).items():
        english = key[0] if isinstance(key, tuple) else key
        known = _VALUE.sub("", english)
        if known != english and len(known) >= _LEAST_KNOWN:
            found.append((len(known), english, text))
    return [(_pattern(english), text) for _, english, text in sorted(found, reverse=True)]


def _pattern(english: str) -> re.Pattern[str]:
    shape, at, names = "", 0, set()
    for value in _VALUE.finditer(english):
        name = value[1]
        shape += re.escape(english[at : value.start()].replace("{{", "{").replace("}}", "}"))
        shape += f"(?P={name})" if name in names else f"(?P<{name}>{_NO_END}*?)"
        at = value.end()
        names.add(name)
    return re.compile(shape + re.escape(english[at:].replace("{{", "{").replace("}}", "}")), re.DOTALL)


class _Constant(str):
    """A text that `translated` translates whenever it is read."""


def N_(text: str) -> str:  # as in every catalogue of gettext: short, since it stands before each text
    """Marks a constant of a module that ends with `translated(__name__)`."""
    return _Constant(text)


def translated(module: str) -> None:
    """From now on the constants of that module that are marked with `N_` are read in the language of who reads.

    They may stand in tuples, lists and dictionaries. Within the module itself, say `_(NAME)`.
    """
    sys.modules[module].__class__ = _Translated


class _Translated(ModuleType):
    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return _shown(value) if name.isupper() and language() != ENGLISH else value


def _shown(value: Any) -> Any:
    if isinstance(value, _Constant):
        return _(value)
    if type(value) in (tuple, list):
        return type(value)(_shown(part) for part in value)
    if type(value) is dict:
        return {key: _shown(part) for key, part in value.items()}
    return value


class _Cached(Generic[P, R]):
    def __init__(self, function: Callable[P, R], maxsize: int) -> None:
        def in_language(tag: str, *args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        update_wrapper(self, function)
        self._kept = lru_cache(maxsize=maxsize)(in_language)
        self.cache_clear = self._kept.cache_clear

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._kept(language(), *args, **kwargs)  # type: ignore[arg-type]  # what lru_cache takes can be hashed


def cached(maxsize: int) -> Callable[[Callable[P, R]], _Cached[P, R]]:
    """`functools.lru_cache` for results that hold texts: one for each language."""
    return lambda function: _Cached(function, maxsize)
