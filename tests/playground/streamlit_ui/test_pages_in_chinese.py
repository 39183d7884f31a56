"""Every page as a Chinese reader meets it: nothing is left in English but names, code, and what goes into files."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from streamlit.testing.v1 import AppTest

from playground import preload
from playground.labs.shared.job import Job

SECONDS = 60.0
HAN = "[\u4e00-\u9fff]"
LABS: dict[str, dict[str, str]] = {
    "forward": {},
    "schedules": {},
    "sampling": {"model": "ideal:digits", "steps": "2", "count": "2"},
    "guidance": {"rows": "seed", "row_values": "0", "columns": "scale", "column_values": "0,2", "steps": "2"},
    "likelihood": {"pictures": "2", "blocks": "2"},
    "points": {"count": "100", "particles": "20", "steps": "5"},
    "xray": {},
    "microscope": {"steps": "4"},
    "training": {},
    "recorder": {},
}
"""With settings with which they compute little."""
LEFT_OUT = re.compile(r"<(style|script|sub)\b.*?</\1>|<[^>]*>|`[^`]*`|:material/\w+:|\b(https?|hf):\S+", re.DOTALL)
ENGLISH = re.compile(r"[A-Za-z]{2,},? [a-z]{2,},? [a-z]{2,}")
"""Three words in a row."""
WORD = re.compile(r"(?<![\w./-])[a-z]{4,}(?![\w./(-])")
HALF_WIDTH = re.compile(rf"{HAN} ?[:;!?]|{HAN}, |[,;:] ?{HAN}|{HAN} ?\((?={HAN})")
KNOWN = {
    "sigmoid",
    "torch",
    "diffusers",
    "scheduler",
    "safetensors",
    "mlxtend",
    "logistic",
    "playground",
    "ddim",
    "ddpm",
}
KNOWN |= {"start", "stop", "step"}
"""Names, and words that are typed."""
PROGRAM = re.compile(r"^(import|from|bar,)|\n(import|from) |=\"|\bpython -m|owner/name|^/home/")


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr(preload, "start", lambda: ready)


def _page() -> None:
    from importlib import import_module

    import streamlit as st

    from playground.streamlit_ui import reader

    reader.begin()
    import_module(f"playground.streamlit_ui.{st.session_state['lab']}").show()


@pytest.mark.parametrize("lab", LABS)
def test_nothing_of_a_page_is_left_in_english(lab: str) -> None:
    page = AppTest.from_function(_page, default_timeout=SECONDS)
    page.session_state["lab"] = lab
    for name, value in {"lang": "zh", **LABS[lab]}.items():
        page.query_params[name] = value
    page.run()
    for job in [one for one in page.session_state._state.filtered_state.values() if isinstance(one, Job)]:
        job.wait(SECONDS)
    page.run()
    assert [problem.value for problem in page.exception] == []
    sent = [element.proto for place in (page.main, page.sidebar) for element in place if element.proto is not None]
    texts = {text for one in sent for text in _texts(MessageToDict(one))}
    assert any(re.search(HAN, text) for text in texts)
    assert {text: found for text in texts if (found := _english(text))} == {}


def _texts(value: object) -> Iterator[str]:
    """All texts in what a page is sent, also those within JSON."""
    if isinstance(value, str):
        if value.startswith("{"):
            try:
                yield from _texts(json.loads(value))
                return
            except json.JSONDecodeError:
                pass
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _english(text: str) -> str:
    """What of a text is not Chinese; "" where all is."""
    plain = LEFT_OUT.sub("", text)
    if PROGRAM.search(plain) or len(plain) > 3000:
        return ""
    found = ENGLISH.search(plain)
    if found is None and re.search(HAN, plain):
        found = HALF_WIDTH.search(plain) or next((one for one in WORD.finditer(plain) if one[0] not in KNOWN), None)
    return "" if found is None else found[0]
