"""Texts and names that other people's computers wrote: encodings, marks, normal forms."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a text may begin with, and how it is encoded then. UTF-32 before UTF-16, whose mark is its beginning."""
_BLANKS = "\t\n\r\f"
NAME_ENCODINGS = {
    "cp932": "Japanese",
    "gb18030": "Chinese, simplified",
    "big5": "Chinese, traditional",
    "euc_kr": "Korean",
    "cp866": "Cyrillic",
    "cp437": "Western",
}
"""How names are encoded in zips that do not say so and are not UTF-8, with the writing."""


def decoded(data: bytes) -> str:
    """The text in a file: UTF-8, UTF-16 or UTF-32, else cp1252, in which spreadsheets write.

    Raises:
        ValueError: where it is no text.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        # Five bytes have no character in cp1252; latin-1 has a control character there.
        text = data.decode("cp1252" if encoding == "utf-8" else "latin-1", errors="replace")
    text = text.removeprefix("\ufeff").rstrip("\0\x1a")  # DOS ended a text with 1A
    if any(unicodedata.category(c) == "Cc" and c not in _BLANKS for c in text[:100_000]):
        raise ValueError("no text")
    return text


def _unmarked(data: bytes) -> str:
    """UTF-16 where every other byte of the beginning is zero, as in Western text, else UTF-8."""
    head = data[:200]
    pairs = len(head) // 2
    if pairs and head[1::2].count(0) > 0.9 * pairs and 0 not in head[::2]:
        return "utf-16-le"
    if pairs and head[::2].count(0) > 0.9 * pairs and 0 not in head[1::2]:
        return "utf-16-be"
    return "utf-8"


def plain_name(name: str, longest: int = 60) -> str:
    """A name as it may be shown and stored: composed (NFC), without control characters, and what is no Unicode as cp1252."""
    try:
        raw = name.encode("utf-8", "surrogateescape")  # what the disk has, where that is no Unicode
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "replace")
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("cp1252", "replace")
    name = unicodedata.normalize("NFC", name)
    return "".join(c for c in name if unicodedata.category(c)[0] != "C")[:longest].strip() or "unnamed"


def names_of(raw: Sequence[bytes]) -> tuple[list[str], str]:
    """Names that do not say how they are encoded, and the encoding: UTF-8 where all of them are, else the likeliest.

    Returns:
        The names, and a key of `NAME_ENCODINGS`, or "utf-8".
    """
    try:
        return [name.decode("utf-8") for name in raw], "utf-8"
    except UnicodeDecodeError:
        parts = {part for name in raw for part in name.split(b"/") if not part.isascii()}
        encoding = _likeliest(b"\n".join(sorted(parts))[:20_000])
    return [name.decode(encoding, "replace") for name in raw], encoding


def _likeliest(text: bytes) -> str:
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # it comes with requests, which a front end needs
        return "cp437"
    best = from_bytes(text * max(1, 200 // len(text)), cp_isolation=list(NAME_ENCODINGS), threshold=0.9).best()
    return best.encoding if best is not None and best.encoding in NAME_ENCODINGS else "cp437"
