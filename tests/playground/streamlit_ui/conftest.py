"""Each test begins as the first visitor."""

from __future__ import annotations

import pytest

from playground.streamlit_ui import memory


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    memory.clear()
