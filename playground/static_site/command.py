"""python -m playground.browser build DIR, or build --single WHAT OUT.html: the playground as pages that need no server.

DIR gets the whole site. WHAT becomes one file, with all that it needs inside: the number of a lesson; a training run, as
run:ID or its folder; a recipe, as JSON or a PNG of ours; or the name of a model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.language import ENGLISH, LANGUAGES, speaking
from engine.models.opened import ModelError
from engine.recipes.recipe import RecipeError
from engine.storage.disk_errors import sentence
from engine.storage.files import write_text
from playground.browser.instructions import ProgramError
from playground.static_site.build import TAGS, build
from playground.static_site.one_file import one_file


def main(arguments: list[str]) -> int:
    """Returns the exit status: 1 where there is no such page, or it cannot be written, with a sentence that says why."""
    parser = argparse.ArgumentParser(prog="python -m playground.browser", description=__doc__.split("\n\n")[1])
    command = parser.add_subparsers(required=True, metavar="build").add_parser(
        "build", help="write the site, or a page of one file", description=__doc__.split("\n\n")[1]
    )
    command.add_argument("--single", metavar="WHAT", help="one file of it, in place of the whole site")
    command.add_argument("--language", choices=LANGUAGES, help="one language alone; a file has English by default")
    command.add_argument("out", type=Path, help="the folder of the site, whose other files stay; or the file")
    given = parser.parse_args(arguments)
    try:
        if given.single is None:
            build(given.out, (given.language,) if given.language else TAGS)
        else:
            with speaking(given.language or ENGLISH):
                text = one_file(given.single)
            write_text(given.out, text)
    except (ProgramError, ModelError, RecipeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(sentence(problem, f"“{given.out}” cannot be written"), file=sys.stderr)
        return 1
    print(_written(given.out))
    return 0


def _written(out: Path) -> str:
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    size = sum(path.stat().st_size for path in files) / 1e6
    return f"{out / 'index.html' if out.is_dir() else out}: {size:.1f} MB. It opens from its folder, and from any web server."
