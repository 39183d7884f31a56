"""The glossary: one sentence a term, a paper that is listed, and a page that is up to date."""

from __future__ import annotations

import contextlib
import html
import re
from importlib import import_module

import pytest

from docs import make_glossary
from playground.labs.home.text import LABS
from playground.labs.shared import glossary
from playground.labs.shared.controls import Controls, describe
from playground.labs.shared.text import with_subscripts


def test_every_term_is_defined_once_in_one_sentence() -> None:
    rows = glossary.SOURCE.read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 == len(glossary.terms())
    for term in glossary.terms().values():
        assert term.sentence.endswith(".")
        assert ". " not in term.sentence, term.name
        assert term.definition.startswith(term.sentence)


def test_every_paper_of_a_term_is_listed_and_every_listed_one_is_cited() -> None:
    cited = {term.paper for term in glossary.terms().values() if term.paper}
    assert cited == set(make_glossary.PAPERS)
    assert all(term.place for term in glossary.terms().values() if term.paper)


@pytest.mark.parametrize("lab", [lab[0] for lab in LABS])
def test_every_lab_defines_its_terms(lab: str) -> None:
    names = import_module(f"playground.labs.{lab}.text").TERMS
    shown = glossary.definitions(names)
    assert len(names) == len(set(names)) == shown.count('tabindex="0"') > 4
    for name in names:
        words = html.escape(glossary.terms()[name].sentence)
        assert re.sub(r"_(\w+)", r"<sub>\1</sub>", re.sub(r"_\{(.*?)\}", r"<sub>\1</sub>", words)) in shown


def test_the_page_is_made_from_the_terms() -> None:
    """To be made again by `python docs/make_glossary.py` where this fails."""
    assert make_glossary.PAGE.read_text(encoding="utf-8") == make_glossary.page()


def test_what_is_drawn_without_markup_has_no_underscores() -> None:
    """x_T is drawn with a subscript in the line below a figure; the words of controls are plain, so they write it xₜ."""
    assert with_subscripts("x_T, x_{T−1} & 1 < 2") == "x<sub>T</sub>, x<sub>T−1</sub> &amp; 1 &lt; 2"
    for controls in subclasses(Controls):
        for control in describe(controls):
            assert not re.search(r"(?<!\w)\w_[\w{]", f"{control.title} {control.help}"), control


def subclasses(of: type[Controls]) -> list[type[Controls]]:
    """All that there are, of every lab."""
    for lab, *_ in LABS:
        with contextlib.suppress(ModuleNotFoundError):
            import_module(f"playground.labs.{lab}.controls")
    return [one for direct in of.__subclasses__() for one in (direct, *subclasses(direct))]
