"""The site as one file: a lesson with its labs, a recipe, or a training run. It opens offline, also as an attachment."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from engine.language import language
from engine.recipes.fork import from_file, recipe_of
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from playground.course.lesson import lessons
from playground.static_site import build, course, html, pages, points, run, sampling
from playground.static_site.address import in_one_file
from playground.static_site.page import Packing, Page
from playground.static_site.stored import as_element


def one_file(named: str) -> str:
    """The HTML of a page of one file, in the language that is spoken now.

    Args:
        named: the number of a lesson; "run:ID" or the folder of a run; a recipe's JSON or a PNG of ours; or a model's name.

    Raises:
        ProgramError: where the browser cannot evaluate the network.
        RecipeError, ModelError, OSError: where it cannot be opened.
    """
    if named.isdigit() and int(named) in lessons():
        return of_lesson(int(named))
    if run.is_run(named):
        page = run.page(named)
        return _written([page], str(page.text.TITLE), in_one_file(f"./{page.name}?{run.OPENS_WITH}"))
    return of_recipe(_recipe(named))


def of_lesson(number: int) -> str:
    """A lesson with the labs of its steps."""
    labs = dict.fromkeys(step.lab for step in lessons()[number].steps)
    shown = [course.page(in_one_file, [number]), *(_lab(lab, number) for lab in labs)]
    rails = {"lessons": lambda: course.rails(in_one_file, [number])}
    title = course.rail(number, in_one_file, [number]).title
    return _written(shown, title, in_one_file(f"./{next(iter(labs))}?lesson={number}"), rails)


def _lab(lab: str, number: int) -> Page:
    """A lab with what the steps of a lesson need of it."""
    steps = [step for step in lessons()[number].steps if step.lab == lab]
    if lab == "points":
        return points.page(tuple(dict.fromkeys(str(step.settings.get("data", points.SETS[0])) for step in steps)))
    if lab != "sampling":
        return pages.page(lab, in_one_file)
    models = dict.fromkeys(str(step.settings.get("model", sampling.MODEL)) for step in steps)
    return sampling.page(tuple(models))


def of_recipe(recipe: Recipe) -> str:
    """A recipe, to be sampled again and changed."""
    page = sampling.page_of(recipe, open_model(recipe.model))
    known = {control.name for control in page.controls.controls} if page.controls else set()
    settings = {name: value for name, value in sampling.settings_of(recipe).items() if name in known}
    return _written([page], str(page.text.TITLE), in_one_file(f"./{page.name}?{urlencode(settings)}"))


def _recipe(named: str) -> Recipe:
    """Of a file, or nine samples of a model with labels 0 … 8 where it has some."""
    path = Path(named)
    if path.is_file():
        return recipe_of(from_file(path.read_bytes()))
    labels = tuple(range(9)) if len(open_model(named).class_names) >= 9 else ()
    return Recipe(model=named, seeds=tuple(range(9)), labels=labels, steps=20)


def _written(shown: Sequence[Page], title: str, first: str, more: Mapping[str, Packing] | None = None) -> str:
    """The file with these pages.

    Args:
        shown: the pages.
        title: of the window.
        first: address of what it opens with.
        more: what it needs besides, in the language that is spoken.
    """
    tag = language()
    items: dict[str, Packing] = {f"{tag}/{name}": make for name, make in (more or {}).items()}
    for page in shown:
        items |= {f"{tag}/page-{page.name or 'start'}": build.payload(page)}
        items |= {f"{tag}/{name}": make for name, make in page.spoken.items()} | dict(page.needs)
    names = [page.name for page in shown]
    header = html.header("", names, in_one_file, {}) if len(names) > 1 else ""
    templates = "".join(
        f'<template data-page="{page.name}">\n{html.article(page, in_one_file)}</template>\n' for page in shown
    )
    stored = "".join(as_element(name, make()) for name, make in items.items())
    script = build.script().replace("</script", "<\\/script")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    body = f'{header}<div id="course-rail"></div>\n<main></main>\n{templates}{stored}<script>{script}</script>\n'
    head = f"<style>{build.style()}</style>\n"
    return html.document(title, body, head=head, scripts=f"'sha256-{digest}'", files="", about={"first": first})
