"""The start page, the links from lab to lab, and the captions of their main figures."""

from __future__ import annotations

from importlib import import_module

import pytest

from playground.labs.home import text, view
from playground.labs.shared.text import looking_at

MAIN_CAPTIONS = {"schedules": "CURVES", "likelihood": "BARS", "points": "STAGE", "training": "PREVIEWS"}
"""Where it is no LOOKING_AT."""


def test_next_leads_through_every_lab_in_the_order_of_the_start_page() -> None:
    addresses = [address for address, *_rest in text.LABS]
    visited = [addresses[0]]
    while (following := view.next_links(visited[-1])[0].address) and len(visited) <= len(addresses):
        visited.append(following)
    assert visited == addresses
    shown = [lab for _group, labs in view.lab_groups() for lab in labs]
    assert [lab.address for lab in shown] == addresses
    assert [lab.title.split(".")[0] for lab in shown] == [str(number + 1) for number in range(len(addresses))]


@pytest.mark.parametrize("lab", ["home", *(address for address, *_rest in text.LABS)])
def test_the_main_caption_of_a_lab_is_three_short_lines(lab: str) -> None:
    module = import_module(f"playground.labs.{lab}.text")
    main = getattr(module, MAIN_CAPTIONS.get(lab, "LOOKING_AT"))
    for caption in main.values() if isinstance(main, dict) else (main,):
        assert len(caption) == 3
        assert all(len(part.split()) <= 23 and part[-1] in ".?" for part in caption)
        shown = looking_at(caption).split("<br>")
        assert [line.split(":")[0] for line in shown] == ["**See", "**Try", "**Why"]
