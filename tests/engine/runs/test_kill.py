"""kill -9 on a real training, at moments that nobody chose: the continuation is the run that was never killed, to the bit.

tests/kills_to_try.py does it more often and prints what each kill has cost.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from kills_to_try import SETTINGS, differences, kill, to_the_end


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(__import__("signal"), "SIGKILL"), reason="this system knows no kill -9")
def test_what_kill_9_leaves_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    settings, rng = [*SETTINGS, "steps=120"], random.Random(time.time_ns())
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    first, second = (
        kill(killed, settings, rng, starting=starting, within=0.5, save_every=0.2) for starting in (False, True)
    )
    assert first is not None
    assert second is not None
    assert first.training
    assert (f"resuming at step {second.kept}" in to_the_end(killed, settings)) == bool(second.kept)
    to_the_end(whole, settings)
    assert differences(killed, whole) == []
