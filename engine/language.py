"""In which language somebody reads.

Texts are written in English, and an English text is the key of its translations, which stand in gettext catalogues
(https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html). A text is translated when it is shown, never when it is
made: two readers of one server may read two languages.

    _("Step {step} of {total}", step=3, total=50)         what is said now, in the language of who reads now
    plural("{count} run", "{count} runs", 3)              the same for a number of things
    Message("There is no run {name}.", name=name)         said now and read later: the message of an error, a result of a job
    TITLE = N_("Sampling")                                 a constant, in a module that ends with `translated(__name__)`
"""

from __future__ import annotations

import gettext
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
        self.text, self.values = text, values

    def __str__(self) -> str:
        return _(self.text, **self.values)

    def __repr__(self) -> str:
        return f"Message({self.text!r}, **{self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self.text, self.values) == (other.text, other.values)

    def __hash__(self) -> int:
        return hash((self.text, tuple(sorted(self.values))))


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
