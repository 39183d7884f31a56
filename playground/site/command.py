"""python -m playground.browser build DIR [--language en|zh]: the playground as pages that need no server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.language import LANGUAGES
from engine.storage.disk_errors import sentence
from playground.site.build import TAGS, build


def main(arguments: list[str]) -> int:
    """Returns the exit status: 1 where the site cannot be written, with a sentence that says why."""
    parser = argparse.ArgumentParser(prog="python -m playground.browser build", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="for the pages; what is in it besides stays")
    parser.add_argument("--language", choices=LANGUAGES, help="one language alone; by default all")
    given = parser.parse_args(arguments)
    try:
        build(given.folder, (given.language,) if given.language else TAGS)
    except OSError as problem:
        print(sentence(problem, f"“{given.folder}” cannot be written"), file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in given.folder.rglob("*") if path.is_file())
    print(f"{given.folder / 'index.html'}: {size / 1e6:.1f} MB. It opens from the folder, and from any web server.")
    return 0
