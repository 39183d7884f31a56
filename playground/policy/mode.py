"""Whether this playground is open to strangers. Set once, when it starts."""

from __future__ import annotations

_public = False


def public() -> bool:
    """Whether what visitors may do is bounded, and what they own is theirs alone."""
    return _public


def set_public(value: bool) -> None:
    """Say so, before the first page is built."""
    global _public
    _public = value
