"""The glossary: one sentence a term, a paper that is listed, and a page that is up to date."""

from __future__ import annotations

import html
import re
from importlib import import_module

import pytest

from docs import make_glossary
from playground.labs.home.text import LABS
from playground.labs.shared import glossary


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
