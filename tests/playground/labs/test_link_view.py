"""Links that show some controls of a lab and lock others."""

from __future__ import annotations

import pytest

from playground.course.view import controls_of
from playground.labs.forward.controls import ForwardControls, rules
from playground.labs.home.text import LABS
from playground.labs.shared import link_view


def test_what_a_link_does_not_show_is_hidden_and_what_it_locks_has_a_reason() -> None:
    link = {**link_view.only(["T", "seed"]), **link_view.locked(["seed"]), "T": "300"}
    seen = link_view.restricted(rules(), ForwardControls, link)
    now = ForwardControls()
    assert set(ForwardControls.model_fields) - set(seen.hidden(now)) == {"T", "seed"}
    assert seen.disabled(now) == {"seed": link_view.LOCKED}
    assert seen.options(now) == rules().options(now)


def test_a_link_may_show_nothing_and_a_plain_one_changes_nothing() -> None:
    seen = link_view.restricted(rules(), ForwardControls, link_view.only([]))
    assert set(seen.hidden(ForwardControls())) == set(ForwardControls.model_fields)
    assert not link_view.has_settings(link_view.only([]))
    assert link_view.has_settings(link_view.only(["T"]))
    plain = rules()
    assert link_view.restricted(plain, ForwardControls, {"T": "300"}) is plain


def test_a_reason_of_the_lab_stands_before_that_of_the_link() -> None:
    seen = link_view.restricted(rules(), ForwardControls, link_view.locked(["number"]))
    assert seen.disabled(ForwardControls(data="upload"))["number"] != link_view.LOCKED


@pytest.mark.parametrize("lab", [address for address, *_ in LABS])
def test_no_setting_is_called_like_what_a_link_says_besides(lab: str) -> None:
    assert not set(controls_of(lab).model_fields) & set(link_view.PARAMETERS)
