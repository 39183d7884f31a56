"""Why a file cannot be read or written, in words: OSError, the list in shutil.Error and the text of SafetensorError alike."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from engine.language import N_, _

REASONS = {
    errno.ENOSPC: N_("the disk is full"),
    errno.EDQUOT: N_("the share of the disk that is allowed here is used up"),
    errno.EFBIG: N_("a file would be larger than is allowed here"),
    errno.EACCES: N_("permission denied"),
    errno.EPERM: N_("permission denied"),
    errno.EROFS: N_("the disk can only be read"),
    errno.ENOENT: N_("there is no such file or folder"),
    errno.ENOTDIR: N_("there is a file where its folder should be"),
    errno.EEXIST: N_("there is a file of that name"),
    errno.EISDIR: N_("this is a folder"),
    errno.ENAMETOOLONG: N_("the name is too long for this disk"),
    errno.EMFILE: N_("too many files are open"),
    errno.EIO: N_("the disk does not work"),
    errno.ESTALE: N_("the disk is out of reach"),
}
"""Errors of disks, in words for a reader."""
_ELSEWHERE = N_("Choose a place that you may write to.")
ADVICE = {
    errno.ENOSPC: N_("Free some room there, or choose another disk."),
    errno.EDQUOT: N_("Delete something of yours there, or choose another disk."),
    errno.EFBIG: N_("Raise the limit (ulimit -f), or choose another disk."),
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
}
"""What helps against those that a write meets."""
_NUMBER = re.compile(r"(?:os error |\[Errno )(\d+)")
_PART = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part")


def os_error(error: Exception, path: Path | None = None) -> OSError:
    """The error as an OSError with its number, and with the path that the reader knows.

    Args:
        error: an OSError, which may be a `shutil.Error`, or a SafetensorError.
        path: what was to be written; None for the path that the error names.
    """
    number, name = getattr(error, "errno", None), path or getattr(error, "filename", None)
    if path is None and number in ADVICE:  # of a copy or a new name, what is written comes second
        name = getattr(error, "filename2", None) or name
    text = getattr(error, "strerror", None) or ""
    if number is None:
        reasons = error.args[0] if isinstance(error, shutil.Error) and isinstance(error.args[0], list) else [(error,)]
        name = name or str(reasons[0][0] if len(reasons[0]) > 1 else "") or None
        text = str(reasons[0][-1])
        found = _NUMBER.search(text)
        number = int(found[1]) if found else errno.EIO
        text = os.strerror(number) if found else text.partition("\n")[0]
    return OSError(number, text, *([str(name)] if name else []))


def reason(error: Exception) -> str:
    """Why, as a part of a sentence."""
    known = os_error(error)
    text = known.strerror or ""
    words = REASONS.get(known.errno or 0, "") if text == os.strerror(known.errno or 0) else ""  # else a text of our own
    return _(words) if words else text[:1].lower() + text[1:].rstrip(".")


def advice(error: Exception) -> str:
    """A step that helps, as a sentence after a blank; empty where none is known."""
    step = ADVICE.get(os_error(error).errno or 0)
    return f" {_(step)}" if step else ""


def sentence(error: Exception, what: str = "") -> str:
    """Why, and a step that helps.

    Args:
        error: as for `os_error`.
        what: what cannot be done, with its verb: "The zip cannot be written"; empty for the path that the error names.
    """
    name = os_error(error).filename
    what = what or (f"“{_shown(name)}”" if name else "")
    why = reason(error)
    return (f"{what}: {why}." if what else f"{why[:1].upper()}{why[1:]}.") + advice(error)


def is_refused_write(error: Exception) -> bool:
    """Whether the disk refuses a write: it is full, can only be read, or is not the reader's."""
    return isinstance(error, OSError) and os_error(error).errno in ADVICE


def _shown(name: str | bytes) -> str:
    """A path without the hidden name that a file has until it is whole."""
    path = Path(os.fsdecode(name))
    return str(Path(*(_PART.sub(r"\1", part) for part in path.parts)))
