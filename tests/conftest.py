"""What holds for every test. It is read before anything loads torch."""

from __future__ import annotations

import os

import hypothesis

# Tests run two at a time, and their networks are small: a second thread in each costs more than it brings.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says how busy the computer is.
hypothesis.settings.register_profile("any computer", deadline=None)
hypothesis.settings.load_profile("any computer")
