"""The symbols of equations: each that a text shows is explained, and the code that it names is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unicodedata import normalize

import pytest

from playground.labs.shared import glossary, symbols

SHOWN = re.compile(r"<i>([^<{}]+)</i>(?:<sub>([^<]*)</sub>)?")
TEXTS = [file for kind in ("*.py", "*.js", "*.toml") for file in (symbols.ROOT / "playground").rglob(kind)]


def test_every_symbol_that_a_text_shows_is_in_the_table() -> None:
    known = symbols.symbols()
    missing = {
        (letter, low, file.name)
        for file in TEXTS
        for letter, low in SHOWN.findall(file.read_text(encoding="utf-8"))
        if not {f"{normalize('NFC', letter.strip())}_{low}", normalize("NFC", letter.strip())} & set(known)
    }
    assert not missing


@pytest.mark.parametrize("key", symbols.symbols())
def test_a_symbol_is_defined_once_and_its_code_exists(key: str) -> None:
    symbol = symbols.symbols()[key]
    file, line = symbols.place_of(symbol.code).split(":")
    written = (symbols.ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert re.search(rf"\b{symbol.code.rpartition('.')[2]}\b", written)
    if symbol.term:
        assert symbol.term in glossary.terms()
        assert (symbol.name, symbol.sentence, symbol.source) == ("", "", "")
    else:
        assert symbol.name
        assert symbol.sentence.endswith(".")
        assert symbol.source.split(" 20")[0] in {term.paper.split(" 20")[0] for term in glossary.terms().values()}


def test_the_table_is_what_the_browser_takes() -> None:
    shown = json.loads(symbols.table())
    assert set(shown) == set(symbols.symbols())
    assert all(set(each) == {"name", "about", "source", "code"} for each in shown.values())
    assert "</" not in symbols.table()


def test_what_is_not_in_the_code_is_not_found() -> None:
    for name in ("engine.process.no_such_function", "engine.no_such_file.at_all", "engine.schedule.Level.no"):
        with pytest.raises(LookupError):
            symbols.place_of(name)
    assert Path(symbols.place_of("engine.schedule.Level.alpha_bar").split(":")[0]).name == "schedule.py"
