"""Whether this playground is public: open to visitors who do not know each other. Decided once, when it starts."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.language import _, listed

VARIABLE = "DIFFUSION_PLAYGROUND_PUBLIC"
"""Environment variable: 1 switches public mode on, 0 off."""
FLAGS = {"--public": True, "--no-public": False}

_public = False


def is_public() -> bool:
    """Whether what visitors may do is bounded, and each sees only what is theirs."""
    return _public


def set_public(value: bool) -> None:
    """Decide it, before the first page is built."""
    global _public
    _public = value


def on_spaces() -> bool:
    """Whether this is a Space of the Hugging Face Hub."""
    return bool(os.environ.get("SPACE_ID"))


def default_public() -> bool:
    """What holds where the command line does not say: the environment variable, else whether this is a Space."""
    value = os.environ.get(VARIABLE, "").strip().lower()
    return value not in ("0", "false", "no", "off") if value else on_spaces()


def read_arguments(arguments: Sequence[str]) -> bool:
    """Whether these command-line arguments ask for public mode; the last flag counts. Raises ValueError for any other."""
    unknown = [argument for argument in arguments if argument not in FLAGS]
    if unknown:
        raise ValueError(
            _(
                "“{unknown}” is not an option of the playground: it takes {flags}.",
                unknown=unknown[0][:40],
                flags=listed(list(FLAGS), either=True),
            )
        )
    return FLAGS[arguments[-1]] if arguments else default_public()
