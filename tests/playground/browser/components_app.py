"""The components in a Streamlit page, for test_timeline_component.py."""

import time

import numpy as np
import streamlit as st

from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.panels import CurvePanel, EquationPanel, HistogramPanel, Line
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.shared.job import Job, Partial
from playground.streamlit_ui import components, following

st.set_page_config(layout="wide")
N = 201


def frames(lo, hi, b=16):
    level = np.arange(lo, hi)[:, None, None, None] / N
    noise = np.stack([np.random.default_rng(k).normal(size=(b, 28, 28)) for k in range(lo, hi)])
    ring = np.hypot(*(np.mgrid[:28, :28] - 13.5))
    clean = np.stack([np.exp(-((ring - 4 - k % 7) ** 2) / 3) for k in range(b)]) * 2 - 1
    return np.clip(((1 - level) * clean + level * noise + 1) * 127.5, 0, 255).astype(np.uint8)


def timeline(lo, hi, live, id, total=N):
    lanes = tuple(
        Lane.of_pictures(k, t, frames(lo, hi), first=lo, help=h)
        for k, t, h in (
            ("x_t", "<i>x</i><sub>t</sub>", "what the sampler holds"),
            ("x0", "<i>x̂</i><sub>0</sub>", "what it expects"),
        )
    )
    n = np.arange(lo, hi)
    edges = np.linspace(-3, 3, 41)
    density = np.stack([np.histogram(f / 127.5 - 1, edges, density=True)[0] for f in frames(lo, hi)])
    normal = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    ab = np.cos(n / N * np.pi / 2) ** 2
    panels = (
        EquationPanel(
            "The step",
            "<i>x</i><sub>t</sub> = {a} <i>x</i><sub>0</sub> + <sqrt>1 − <i>ᾱ</i></sqrt> <i>ε</i>, {s}",
            {"a": [f"{v:.3f}" for v in np.sqrt(ab)], "s": [f"{v:.3f}" for v in np.sqrt(1 - ab)]},
        ),
        HistogramPanel(
            "Pixel values",
            "pixel value",
            "density",
            edges,
            density,
            Line("N(0, 1)", edges, normal),
        ),
        CurvePanel(
            "What is left", "t", "", (Line("<i>ᾱ</i>", np.arange(N), np.cos(np.arange(N) / N * np.pi / 2) ** 2),), n
        ),
    )
    return Timeline(
        id,
        lanes,
        tuple(Position(int(i), f"t = {i} of {N - 1}") for i in n),
        live=live,
        first=lo,
        total=total,
        pick=True,
        panels=panels,
        fps=24,
    )


@st.cache_data
def whole():
    return timeline(0, N, False, "whole")


@st.fragment(run_every=0.35)
def stream():
    state = st.session_state
    lo = state.get("sent", 0)
    hi = min(lo + 2, 41)
    if lo < 41:
        state.sent = hi
        tl = timeline(lo, hi, True, "stream", 41)
    else:
        tl = timeline(0, 41, False, "stream", None)
    components.timeline(tl, key="stream")


def work():
    result = timeline(0, N, False, "job")
    yield Partial(1, 2, result)
    time.sleep(3)
    yield Partial(2, 2, result)


if st.query_params.get("show") == "job":
    if "work" not in st.session_state:
        st.session_state.work = Job(work)
    following.follow(st.session_state.work, lambda tl: components.timeline(tl, key="job"))
elif st.query_params.get("show") == "stream":
    stream()
elif st.query_params.get("show") == "charts":
    x = np.arange(1, 301)
    series = (Series("loss", x, 1 / x, "dots"), Series("floor", x, 0 * x + 0.01, "dashed"))
    components.live_chart(
        LiveChart(
            "Loss",
            "step",
            "loss",
            series,
            log_y=True,
        ),
        key="chart",
    )
    components.live_chart(LiveChart("Later", "step", "loss", (), empty="Nothing yet."), key="empty")
    u = np.linspace(0, 1, 51)
    start = ((0.0, 1.0), (0.3, 0.8), (0.7, 0.3), (1.0, 0.0))
    points = components.curve_editor(start, (Line("cosine", u, np.cos(u * np.pi / 2) ** 2),), key="curve")
    st.text(f"points {[list(p) for p in points]}")
else:
    st.button("Something else")
    state = components.timeline(whole(), key="whole")
    st.text(f"picked {state.pick.picture if state.pick else None}")
