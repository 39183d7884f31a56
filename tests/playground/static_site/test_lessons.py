"""The lessons on the site: what a step asks of a page that is computed from tables, the page can do."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from playground.course.lesson import lessons
from playground.course.view import RailStep, rail
from playground.static_site import pages
from playground.static_site.address import in_folder
from playground.static_site.controls import SiteControl

LABS = ("forward", "schedules")


def steps() -> list[RailStep]:
    """Those of all lessons in these labs."""
    found = [rail(str(number)) for number in lessons()]
    return [step for one in found if one is not None for step in one.steps if step.lab in LABS]


def takes(control: SiteControl, value: str, settings: dict[str, str]) -> bool:
    """Whether a control of the page has this value, as src/controls.js reads it."""
    options = control.choices.get(settings.get(control.follows, ""), control.options)
    if options:
        return value in [one for one, _title in options]
    if control.kind in ("whole", "number"):
        return control.low is not None and control.high is not None and control.low <= float(value) <= control.high
    return True


@pytest.mark.parametrize("lab", LABS)
def test_every_step_finds_its_settings(lab: str) -> None:
    controls = pages.page(lab, in_folder).controls
    assert controls is not None
    known = {one.name: one for one in controls.controls}
    of_lab = [step for step in steps() if step.lab == lab]
    assert of_lab
    for step in of_lab:
        asked = {name: value for name, (value,) in parse_qs(urlsplit(step.address).query).items()}
        settings = {one.name: asked.get(one.name, one.default) for one in known.values()}
        assert all(takes(known[name], value, settings) for name, value in settings.items()), step.address
        assert not asked.keys() & controls.elsewhere.keys(), step.address
        wanted = {done.fact.split(".")[1]: done.is_ for done in step.done if done.is_ is not None}
        assert all(takes(known[name], value, settings) for name, value in wanted.items()), step.address
