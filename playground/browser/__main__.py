"""python -m playground.browser RECIPE OUT.html [--language zh], or build DIR

`build DIR` writes the playground as pages that need no server (playground/site). Otherwise it writes one page with a sampler
and its network inside: it opens from a folder, without a server and offline. RECIPE is a recipe's JSON, a PNG of ours, or the
name of a model (see `engine models`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.language import ENGLISH, LANGUAGES, speaking
from engine.models.opened import ModelError
from engine.recipes.fork import from_file, recipe_of
from engine.recipes.recipe import Recipe, RecipeError
from engine.registry import open_model
from engine.storage.files import write_text
from playground.browser.instructions import ProgramError
from playground.browser.live import live_sampler
from playground.browser.offered import Enclosed
from playground.browser.page import page


def main(arguments: list[str]) -> int:
    """Returns the exit status: 1 where there is no such page, with a sentence that says why."""
    if arguments[:1] == ["build"]:
        from playground.site.command import main as build

        return build(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m playground.browser", description=__doc__.split("Otherwise it ")[1])
    parser.add_argument("recipe", help="a recipe (JSON or PNG), or the name of a model")
    parser.add_argument("out", type=Path, help="the page to be written")
    parser.add_argument("--language", choices=LANGUAGES, default=ENGLISH)
    given = parser.parse_args(arguments)
    try:
        recipe = _recipe(given.recipe)
        with speaking(given.language):
            text = page(live_sampler(recipe, open_model(recipe.model), Enclosed()))
        write_text(given.out, text)
    except (ProgramError, ModelError, RecipeError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.1f} MB")
    return 0


def _recipe(named: str) -> Recipe:
    """Of a file, or nine samples of a model with labels 0 … 8 where it has some."""
    path = Path(named)
    if path.is_file():
        return recipe_of(from_file(path.read_bytes()))
    labels = tuple(range(9)) if len(open_model(named).class_names) >= 9 else ()
    return Recipe(model=named, seeds=tuple(range(9)), labels=labels, steps=20)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
