"""What a page has computed outlives a reload: a new session that opens the same link begins with it.

On one's own machine only. In public mode a session's results are its own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import streamlit as st

from playground.policy import mode

RESULTS = {
    "sampling": ("job", "live"),
    "guidance": ("job", "latest"),
    "likelihood": ("job",),
    "points": ("job", "key", "shown", "training"),
    "xray": ("inspection", "draw"),
    "microscope": ("job",),
    "recorder": ("job",),
}
"""For each lab, what its session holds of them."""
MOST = 8
_kept: OrderedDict[tuple[str, frozenset[tuple[str, str]]], dict[str, Any]] = OrderedDict()
_lock = threading.Lock()


def recall(lab: str, link: Mapping[str, str]) -> None:
    """Give a new session what was computed for this link."""
    if lab not in RESULTS or f"{lab}/controls" in st.session_state:
        return
    with _lock:
        results = _kept.get((lab, frozenset(link.items())), {})
    for name, value in results.items():
        st.session_state[name] = value


def remember(lab: str) -> None:
    """Keep what the session has computed for the link that it has now."""
    link = st.session_state.get(f"{lab}/link")
    if lab not in RESULTS or link is None or mode.is_public() or st.session_state.get(f"{lab}/of", link) != link:
        return
    names = [f"{lab}/{name}" for name in RESULTS[lab]]
    results = {name: st.session_state[name] for name in names if name in st.session_state}
    with _lock:
        _kept[lab, frozenset(link.items())] = results
        _kept.move_to_end((lab, frozenset(link.items())))
        while len(_kept) > MOST:
            _kept.popitem(last=False)


def begun(lab: str) -> None:
    """What is computed from now on belongs to the link of now."""
    st.session_state[f"{lab}/of"] = st.session_state.get(f"{lab}/link")


def clear() -> None:
    """Forget everything."""
    with _lock:
        _kept.clear()
