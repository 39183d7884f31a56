"""python -m playground.browser build …: see playground/static_site/command.py."""

from __future__ import annotations

import sys

from playground.static_site.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
