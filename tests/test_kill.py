"""kill -9 on a real training, at moments that nobody chose: the continuation is the run that was never killed, to the bit.

tests/kills_to_try.py does it more often and prints what each kill has cost.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from kills_to_try import SETTINGS, differences, kill, to_the_end


@pytest.mark.skipif(not hasattr(__import__("signal"), "SIGKILL"), reason="this system knows no kill -9")
def test_what_kill_9_leaves_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    settings, dice = [*SETTINGS, "steps=240"], random.Random(time.time_ns())
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    kills = [kill(killed, settings, dice, within=1.5, save_every=0.3) for _ in range(2)]
    assert any(each is not None and each.training for each in kills)
    assert f"resuming at step {kills[-1].kept}" in to_the_end(killed, settings) or not kills[-1] or not kills[-1].kept
    to_the_end(whole, settings)
    assert differences(killed, whole) == []
