"""Which visitor a training run belongs to.

A run belongs to the visitor whose secret started it: 32 hexadecimal digits that the browser makes and keeps. Beside the run
lies a salted hash of the secret, never the secret itself, so that the run is found again after a restart, and reading the disk
gives nothing by which to pass for another visitor.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from functools import lru_cache
from pathlib import Path

from engine.storage.files import write_text

FILE = "owner"
"""In the run's folder: salt and hash, both in hexadecimal digits, with a blank between them."""
SECRET = re.compile(r"[0-9a-f]{32}")
SALT_BYTES = 16


def checked_secret(secret: object) -> str:
    """The secret where it has the form of one, else "", which owns nothing."""
    return secret if isinstance(secret, str) and SECRET.fullmatch(secret) else ""


def is_owner(secret: str, folder: Path | None) -> bool:
    """Whether the run in this folder belongs to the visitor with this secret.

    Args:
        secret: the visitor's, checked; "" owns nothing.
        folder: of the run; None for what is no id of a run, and belongs to nobody.
    """
    if not secret or folder is None:
        return False
    try:
        salt, kept = _read(folder / FILE)
    except (OSError, ValueError):  # it has no owner, or the file cannot be read any more
        return False
    return hmac.compare_digest(kept, _hash(salt, secret))


def write_owner(secret: str, folder: Path) -> None:
    """Let the run in this folder belong to that visitor. Raises OSError where the write fails."""
    salt = secrets.token_bytes(SALT_BYTES)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / FILE, f"{salt.hex()} {_hash(salt, secret)}\n")


@lru_cache(maxsize=10_000)
def _read(file: Path) -> tuple[bytes, str]:
    """Salt and hash, which never change once written. Raises OSError and ValueError, and reads again the next time."""
    salt, kept = file.read_text("ascii").split()
    return bytes.fromhex(salt), kept


def _hash(salt: bytes, secret: str) -> str:
    # The secret has 128 random bits: nothing slower is needed to keep it from being guessed.
    return hashlib.sha256(salt + secret.encode("ascii")).hexdigest()
