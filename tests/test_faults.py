"""A short form of `python -m benchmarks faults`: some cases of each kind, and that a campaign goes on where it was ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.faults import KINDS, campaign, read
from benchmarks.faults.commands import problem_of

MOST = {"kills": 1, "signals": 1, "disks": 1, "forged": 20, "inputs": 60}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("DIFFUSION_PLAYGROUND_DATA", "DIFFUSION_PLAYGROUND_RUNS", "OMP_NUM_THREADS"):  # the campaign sets them
        monkeypatch.setenv(name, "")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind == "kills" else []) for kind in MOST]
)
def test_some_faults_of_each_kind_are_handled(kind: str, tmp_path: Path) -> None:
    outcomes = list(campaign([kind], tmp_path / "results", time.monotonic() + 300, MOST[kind]))
    assert len(outcomes) >= MOST[kind]
    assert [one for one in outcomes if one.lost] == []


def test_a_campaign_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    file, end = tmp_path / "results", time.monotonic() + 300
    first = next(campaign(["inputs"], file, end, 20))
    assert read(file) == [first]
    rest = list(campaign(["inputs"], file, end, 20))
    assert first.case not in {one.case for one in rest}
    assert len(read(file)) == 1 + len(rest)
    assert list(campaign(["forged"], file, time.monotonic() - 1)) == []


def test_what_counts_as_lost() -> None:
    assert problem_of(2, "python -m engine sample: There is no such file.\n", [2]) == ""
    assert "traceback" in problem_of(2, "Traceback (most recent call last):\nValueError: a b c\n", [2])
    assert "exit status 1" in problem_of(1, "a b c\n", [2])
    assert "no sentence" in problem_of(2, "Error\n", [2])
    assert set(MOST) < set(KINDS)
