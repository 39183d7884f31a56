"""What holds for every test. It is read before anything loads torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import hypothesis
import pytest

# Tests run two at a time, and their networks are small: a second thread in each costs more than it brings.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Servers that tests start speak English in any terminal.
os.environ["LC_ALL"] = "C.UTF-8"
# How long an example takes says how busy the computer is.
hypothesis.settings.register_profile("any computer", deadline=None)
hypothesis.settings.load_profile("any computer")


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """Streamlit puts the script that it runs in place of the main module, which a process that is started later imports."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main
