"""The controls of the site are those of the labs: the same names and defaults, and rules that say what the labs say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.course.view import controls_of
from playground.labs.microscope.controls import IN_THE_FIGURE
from playground.labs.sampling.controls import SamplingControls, hidden, without_effect
from playground.labs.shared.controls import checked, describe, to_text
from playground.static_site import pages
from playground.static_site.address import in_folder, in_one_file
from playground.static_site.controls import SiteControls

WITH_CONTROLS = ["microscope", "forward", "schedules", "sampling", "recorder"]

IN_FIGURE = {"microscope": {*IN_THE_FIGURE, "count"}}


def _controls(name: str) -> SiteControls:
    controls = pages.page(name, in_folder).controls
    assert controls is not None
    return controls


@pytest.mark.parametrize("name", WITH_CONTROLS)
def test_names_and_defaults_are_those_of_the_lab(name: str) -> None:
    of_lab = {control.name: control for control in describe(controls_of(name))}
    shown = _controls(name)
    for control in shown.controls:
        assert control.default == to_text(of_lab[control.name].default)
        assert control.title == of_lab[control.name].title
    assert {one.name for one in shown.controls} | set(shown.elsewhere) | IN_FIGURE.get(name, set()) == set(of_lab)


@given(st.data())
def test_what_has_no_effect_in_the_lab_has_none_on_the_page(data: st.DataObject) -> None:
    """Of the settings that the page has, with its network; the reasons may differ in words."""
    page = _controls("sampling")
    choices = {one.name: [value for value, _title in one.options] for one in page.controls if one.options}
    drawn = {name: data.draw(st.sampled_from(values), name) for name, values in choices.items() if name != "model"}
    drawn |= {"compare": data.draw(st.booleans())}
    now = checked(SamplingControls(), **{name: _typed(name, value) for name, value in drawn.items()})
    settings = {name: to_text(value) for name, value in now.model_dump().items()}
    idle = [(name, rule.why) for rule in page.rules for name in rule.names if settings[rule.setting] not in rule.values]
    shown = {one.name for one in page.controls}
    away = {name for name, why in idle if not why}
    assert away == hidden(now) & shown
    assert {name for name, why in idle if why} - away == without_effect(now, 10).keys() & shown - away


def _typed(name: str, value: object) -> object:
    kind = SamplingControls.model_fields[name].annotation
    return kind(value) if kind in (int, float) else value


def test_addresses() -> None:
    assert in_folder("./learn") == "learn.html"
    assert in_folder("./") == "index.html"
    assert in_folder("./forward?T=9&lesson=1#timeline=3") == "forward.html?T=9&lesson=1#timeline=3"
    assert in_one_file("./forward?T=9#timeline=3") == "?page=forward&T=9#timeline=3"
    assert in_one_file("./learn") == "?page=learn"
