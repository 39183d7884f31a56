"""The Forward and the Schedules lab: what they compute, and their pages driven without a browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.process import diffuse, markov_step
from engine.schedule import MAX_BETA, SCHEDULES, VISIBLE_SNR, NoiseSchedule
from playground.components.payloads.panels import CurvePanel, EquationPanel, HistogramPanel
from playground.labs.forward import job, view
from playground.labs.forward import text as forward_text
from playground.labs.forward.controls import ForwardControls
from playground.labs.schedules import controls as schedule_controls
from playground.labs.schedules import drawn, figures
from playground.labs.schedules import job as schedules
from playground.labs.schedules import view as schedule_view
from playground.labs.schedules.controls import ScheduleControls
from playground.labs.shared import noising, picture
from playground.labs.shared.controls import checked, from_link, to_link
from playground.labs.shared.picture import PictureChoice

RESTING = [ForwardControls(), ForwardControls(data="emoji", class_index=0, schedule="cosine", T=60, process="both")]


# --- Forward ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [10, 57, 300])
def test_both_ways_are_the_engine_s(name: str, steps: int) -> None:
    x0 = noising.to_unit(picture.chosen(PictureChoice())).reshape(-1)
    shown = noising.shown_times(steps, job.MOST_FRAMES)
    schedule = SCHEDULES[name](steps)
    jump = job.jump(x0, name, steps, 5, 1)
    noise = torch.from_numpy(noising.normals(5, "jump", 1, x0.size).copy())
    for frame, t in enumerate(shown):
        expected = diffuse(torch.from_numpy(x0)[None], schedule.level(int(t)), noise)
        np.testing.assert_allclose(jump.x[frame], expected[0].numpy(), atol=2e-5)

    chain = job.steps(x0, name, steps, 5, 1)
    fresh = torch.from_numpy(noising.normals(5, "steps", steps, x0.size).copy())
    x = torch.from_numpy(x0)[None]
    where = {int(t): frame for frame, t in enumerate(shown)}
    for t in range(1, steps + 1):
        x = markov_step(x, schedule.level(t - 1), schedule.level(t), fresh[t - 1 : t])
        if t in where:
            np.testing.assert_allclose(chain.x[where[t]], x[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_both_ways_have_the_same_law(name: str) -> None:
    """Mean and variance of what is left without the picture, and that neighbouring pixels know nothing of each other."""
    size, steps = 20_000, 40
    x0 = np.zeros(size, dtype=np.float32)
    shown = noising.shown_times(steps, job.MOST_FRAMES)
    sigma = noising.table(name, steps).sigma[shown]
    for strip in (job.jump(x0, name, steps, 1, 1), job.steps(x0, name, steps, 1, 1)):
        noise = np.broadcast_to(strip.noise, (len(shown), size))[1:]
        assert np.abs(noise.mean(axis=1)).max() < 4.5 / np.sqrt(size)
        assert np.abs(noise.var(axis=1) - 1).max() < 4.5 * np.sqrt(2 / size)
        assert np.abs((noise[:, 1:] * noise[:, :-1]).mean(axis=1)).max() < 4.5 / np.sqrt(size)
        np.testing.assert_allclose(strip.spread, sigma, rtol=4.5 / np.sqrt(2 * size))
    assert strip.spread[0] == 0


def test_histograms_are_densities() -> None:
    values = np.random.default_rng(0).normal(size=(3, 5000)).astype(np.float32)
    density = noising.densities(values)
    np.testing.assert_allclose(density.sum(axis=1) * np.diff(noising.EDGES)[0], 1)
    expected = [np.histogram(np.clip(row, -3.999, 3.999), noising.EDGES, density=True)[0] for row in values]
    assert np.abs(density - expected).max() < 2e-3  # float32 may put a value on the other side of an edge


@pytest.mark.parametrize("controls", RESTING)
def test_timeline_of_forward(controls: ForwardControls) -> None:
    timeline = view.timeline(controls, picture.chosen(controls))
    assert [lane.key for lane in timeline.lanes] == {"jump": ["jump"], "steps": ["steps"], "both": ["jump", "steps"]}[
        controls.process
    ]
    assert timeline.positions[0].text == f"t = 0 of {controls.T}"
    assert timeline.positions[-1].t == controls.T
    kinds = [type(panel) for panel in timeline.panels]
    assert {HistogramPanel, CurvePanel, EquationPanel} <= set(kinds)
    for panel in timeline.panels:
        if isinstance(panel, HistogramPanel | CurvePanel):
            assert panel.title
            assert panel.x_label
            assert panel.y_label
    assert timeline.to_payload()


@pytest.mark.parametrize("controls", [*RESTING, ForwardControls(data="emoji", class_index=3, schedule="sigmoid")])
def test_what_is_said_of_signal_and_noise_holds_for_the_picture_that_is_shown(controls: ForwardControls) -> None:
    """x_t has the variance ᾱ_t v + 1 − ᾱ_t over its pixels: measured with the engine's `diffuse` and much noise."""
    chosen = picture.chosen(controls)
    timeline = view.timeline(controls, chosen)
    x0 = torch.from_numpy(noising.to_unit(chosen).reshape(1, -1)).double()
    noise = torch.randn(200, x0.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    schedule = SCHEDULES[controls.schedule](controls.T)
    for i, position in enumerate(timeline.positions[1:], 1):
        x = diffuse(x0.expand_as(noise), schedule.level(torch.tensor(position.t)), noise)
        signal = float(schedule.alpha_bar[position.t]) * float(x0.var(unbiased=False))
        share = 100 * signal / float(x.var(dim=1).mean())
        said = float(timeline.captions[i].split(": ")[1].removeprefix("under ").split(" %")[0])
        assert said == pytest.approx(share, abs=1, rel=0.1), position
    start = timeline.start_at
    assert isinstance(start, int)
    assert "About as much noise as signal" in timeline.captions[start]


def test_a_picture_of_one_brightness_has_no_variance() -> None:
    timeline = view.timeline(ForwardControls(T=20), np.full((8, 8, 1), 200, np.uint8))
    assert all("0.001 %" in caption for caption in timeline.captions[1:])
    assert timeline.to_payload()


def test_every_t_is_shown_up_to_250_and_251_above() -> None:
    for steps, count in ((10, 11), (250, 251), (260, 251), (1000, 251)):
        shown = noising.shown_times(steps, job.MOST_FRAMES)
        assert len(shown) == count
        assert (shown[0], shown[-1]) == (0, steps)
        assert (np.diff(shown) > 0).all()


def test_equations_hold_the_numbers_of_the_schedule() -> None:
    controls = ForwardControls(process="steps", T=50)
    timeline = view.timeline(controls, picture.chosen(controls))
    step, closed = [panel for panel in timeline.panels if isinstance(panel, EquationPanel)]
    schedule = NoiseSchedule.linear(50)
    assert float(closed.values["signal"][20]) == pytest.approx(float(schedule.alpha_bar[20].sqrt()), abs=5e-5)
    assert float(step.values["add"][20]) == pytest.approx(float(schedule.beta[20].sqrt()), abs=5e-5)
    assert (step.values["t"][20], step.values["before"][20]) == ("20", "19")


def test_same_settings_same_pixels_and_another_seed_others() -> None:
    controls = ForwardControls(T=20)
    chosen = picture.chosen(controls)
    first = view.timeline(controls, chosen).lanes[0].sheets
    view._timeline.cache_clear()
    assert view.timeline(controls, chosen).lanes[0].sheets == first
    assert view.timeline(checked(controls, seed=1), chosen).lanes[0].sheets != first
    assert view.timeline(controls, 255 - chosen).lanes[0].sheets != first


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "part"),
    [
        ({"T": "5"}, "a whole number from 10 to 1000"),
        ({"T": "abc"}, "a whole number from 10 to 1000"),
        ({"T": "nan"}, "a whole number from 10 to 1000"),
        ({"class_index": "99"}, "10 classes"),
        ({"data": "emoji", "class_index": "9"}, "8 classes"),
        ({"data": "emoji", "class_index": "0", "number": "400"}, "104 images"),
        ({"data": "cats"}, "digits, emoji, upload"),
        ({"seed": "-1"}, "a whole number"),
        ({"process": "<b>x</b>"}, "jump, steps, both"),
    ],
)
def test_bad_links_of_forward(link: dict[str, str], part: str) -> None:
    controls, problems = from_link(ForwardControls, link)
    assert len(problems) == 1
    assert part in problems[0]
    assert controls.T == 200
    if controls.data != "upload":
        picture.chosen(controls)


@pytest.mark.parametrize("text", ["", "0,1", "0,1;1", "0,1; a,b; 1,0", "0,0.9; 0.5,0.5; 1,0", "0,1; 0.3,1.2; 1,0",
                                  "0,1; 0.3,0.2; 0.2,0.1; 1,0", "0,1; 0.3,0.2; 0.6,0.5; 1,0", "0,1; 0.5,0.5; 0.9,0",
                                  "0,1; nan,0.5; 1,0", "0,1;" * 20])  # fmt: skip
def test_bad_points_are_refused_with_a_sentence(text: str) -> None:
    controls, problems = from_link(ScheduleControls, {"points": text, "T": "50"})
    assert controls == ScheduleControls(T=50)
    assert len(problems) == 1
    assert "not usable here" not in problems[0]


def test_links_come_back() -> None:
    changed = ScheduleControls(T=50, drawn=True, points="0,1;0.25,0.5;1,0.125", rescale=False, s=0.02, zero="all")
    assert from_link(ScheduleControls, to_link(changed)) == (changed, [])
    assert to_link(ScheduleControls()) == {}
    upload = ForwardControls(data="upload", process="both")
    assert from_link(ForwardControls, to_link(upload)) == (upload, [])


# --- Schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [10, 11, 64, 1000])
@pytest.mark.parametrize(
    "text", [drawn.EXAMPLE, "0,1; 0.5,1; 0.6,0; 1,0", "0,1; 0.5,0.5; 1,0.5", "0,1; 0.001,0; 1,0", "0,1; 0.999,1; 1,0"]
)
def test_drawn_schedule_follows_the_curve_where_a_schedule_can(steps: int, text: str) -> None:
    points = drawn.parse_points(text)
    schedule = drawn.from_points(points, steps)
    beta = schedule.beta[1:]
    assert (beta >= 0.999 * drawn.MIN_BETA).all()
    assert (beta <= MAX_BETA + 1e-9).all()
    if text == drawn.EXAMPLE:
        from playground.components.payloads.curve import curve_values

        wanted = curve_values(points, np.arange(steps) / steps)
        np.testing.assert_allclose(schedule.alpha_bar.numpy()[:-1], wanted, atol=1e-12)
    assert drawn.parse_points(drawn.format_points(points)) == points


def test_gauge_warns_where_sampling_from_noise_is_wrong_and_the_button_mends_it() -> None:
    for steps in (10, 50, 300):
        verdict = schedules.verdicts(ScheduleControls(T=steps, rescale=False, cosine=False, sigmoid=False))[0]
        assert verdict.state == "wrong"
        assert verdict.snr == pytest.approx(NoiseSchedule.linear(steps, rescale=False).terminal_snr)
        assert verdict.snr > VISIBLE_SNR
        assert verdict.remedy is not None
        assert schedules.verdicts(verdict.remedy)[0].state == "fine"
    only_drawn = {"linear": False, "cosine": False, "sigmoid": False, "drawn": True, "points": "0,1; 0.5,0.6; 1,0.2"}
    verdict = schedules.verdicts(ScheduleControls(**only_drawn))[0]
    assert verdict.state == "wrong"
    assert "45 %" in verdict.sentence  # √0.2
    assert verdict.remedy is not None
    mended = schedules.verdicts(verdict.remedy)[0]
    assert (mended.state, mended.snr) == ("zero", 0)
    assert "predicts the noise" in mended.sentence


def test_the_mean_of_stable_diffusion_s_x_T_leaks_and_the_verdict_says_by_how_much() -> None:
    """Lin et al. 2023, table 1: SNR_T 0.004682, √ᾱ_T 0.068265; DDPM's own 4.036e-5 and 0.006353."""
    beta = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alpha_bar = [1.0, *(1 - beta).cumprod(0).tolist()]
    schedule = NoiseSchedule.from_alpha_bar(alpha_bar, "stable diffusion")
    assert (schedule.terminal_snr, alpha_bar[-1] ** 0.5) == pytest.approx((0.004682, 0.068265), rel=1e-3)
    of_it = {
        "linear": False,
        "cosine": False,
        "sigmoid": False,
        "drawn": True,
        "points": f"0,1; 0.5,0.3; 1,{alpha_bar[-1]}",
    }
    (verdict,) = schedules.verdicts(ScheduleControls(T=1000, **of_it))
    assert verdict.state == "mean"
    assert verdict.remedy is not None
    assert "6.8 %" in verdict.sentence
    # The mean over the pixels of x_T, of a white image and of a medium grey one: their distance in standard deviations.
    height, width, _ = picture.chosen(PictureChoice()).shape
    noise = torch.randn(4000, height * width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grey, white = (
        diffuse(torch.full_like(noise, x0), schedule.level(torch.tensor(1000)), noise).mean(1) for x0 in (0, 1)
    )
    assert f"{float((white - grey).mean() / grey.std()):.1f} standard deviations" in verdict.sentence
    paper = schedules.verdicts(ScheduleControls(T=1000, cosine=False, sigmoid=False))[0]
    assert paper.state == "fine"
    assert "0.64 %" in paper.sentence


@pytest.mark.parametrize("steps", [10, 200, 1000])
@pytest.mark.parametrize("zero", ["none", "all"])
def test_schedules_of_the_lab_are_the_engine_s_and_every_verdict_is_sound(steps: int, zero: str) -> None:
    controls = ScheduleControls(T=steps, drawn=True, zero=zero)
    shown = schedules.schedules_of(controls)
    assert list(shown) == list(schedule_controls.NAMES)
    for name, make in SCHEDULES.items():
        made = make(steps).with_zero_terminal_snr() if zero == "all" else make(steps)
        assert torch.equal(shown[name].beta, made.beta)
    named = [verdict for verdict in schedules.verdicts(controls) if verdict.name != "drawn"]
    assert {verdict.state for verdict in named} == {"zero" if zero == "all" else "fine"}


def test_strips_and_lanes_share_one_noise() -> None:
    controls = ScheduleControls(T=100, data="emoji", class_index=0, number=4)
    rows = schedules.strips(controls)
    assert {row.shape for row in rows.values()} == {(11, 32, 32, 3)}
    for row in rows.values():
        np.testing.assert_array_equal(row[0], picture.chosen(controls))
    # At the end all are the same noise.
    assert np.abs(rows["linear"][-1].astype(int) - rows["cosine"][-1]).max() <= 3
    timeline = schedule_view.timeline(controls)
    assert [lane.key for lane in timeline.lanes] == ["linear", "cosine", "sigmoid"]
    assert timeline.to_payload()


def test_figures_have_axis_titles_and_one_colour_for_each_schedule() -> None:
    choice = schedule_controls.choice_of(ScheduleControls(T=30, drawn=True, zero="all"))
    for quantity in figures.AXES:
        figure = figures.curves_of(choice, quantity)
        assert figure.layout.xaxis.title.text
        assert figure.layout.yaxis.title.text
        assert figure.layout.yaxis.type == ("log" if quantity in ("beta", "sigma") else "linear")
        assert [trace.name for trace in figure.data] == list(schedules.schedules_of(choice))
        for trace in figure.data:
            assert trace.line.color == figures.COLORS[trace.name]
            assert all(value is None or np.isfinite(value) for value in trace.y)


def test_the_table_of_schedules_holds_every_value_at_every_step() -> None:
    choice = schedule_controls.choice_of(ScheduleControls(T=30, drawn=True, zero="all"))
    shown = schedules.schedules_of(choice)
    rows = list(csv.DictReader(figures.table_of(choice).data.decode().splitlines()))
    assert [(row["schedule"], int(row["t"])) for row in rows] == [(name, t) for name in shown for t in range(31)]
    for row in rows:
        for quantity in figures.AXES:
            value = float(schedules.values_of(shown[row["schedule"]], quantity)[int(row["t"])])
            assert float(row[quantity]) == pytest.approx(value, rel=1e-5) if row[quantity] else np.isinf(value)


def test_ratios_read_well() -> None:
    assert [figures.ratio(value) for value in (0, 0.153, 1.5e-6, 2.0)] == ["0", "0.15", "1.5 · 10⁻⁶", "2"]


# --- the pages --------------------------------------------------------------------------------------------------------


def _forward() -> None:
    from playground.streamlit_ui import forward

    forward.show()


def _schedules() -> None:
    from playground.streamlit_ui import schedules

    schedules.show()


def opened(page: object, **link: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)  # type: ignore[arg-type]
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def widget(kind: Sequence[Any], key: str) -> Any:
    """The widget of a control: its key gets a number behind it whenever code, not the reader, has changed it."""
    return next(found for found in kind if found.key == key or found.key.startswith(f"{key}/"))


def test_forward_page_says_what_is_wrong_with_a_link() -> None:
    app = opened(_forward, T="5", class_index="99", process="steps")
    assert len(app.warning) == 2
    assert widget(app.slider, "forward/T").value == 200
    assert widget(app.selectbox, "forward/class_index").value == 0
    widget(app.slider, "forward/T").set_value(300).run()
    assert not app.exception
    assert not app.warning  # the reader has moved on


def test_forward_page_mends_the_class_when_the_data_change() -> None:
    app = opened(_forward, class_index="9", number="480")
    widget(app.segmented_control, "forward/data").set_value("emoji").run()
    assert not app.exception
    assert not app.warning
    assert widget(app.selectbox, "forward/class_index").value == 0
    assert widget(app.number_input, "forward/number").value == 103


def test_forward_page_keeps_the_picture_when_an_upload_is_bad() -> None:
    app = opened(_forward, data="upload")
    assert app.info
    good = io.BytesIO()
    Image.new("RGB", (90, 60), (200, 30, 30)).save(good, "PNG")
    app.file_uploader(key="forward/file").upload("red.png", good.getvalue(), "image/png").run()
    assert not app.exception
    assert not app.error
    assert (app.session_state["forward/picture"] == [200, 30, 30]).all()
    for name, data in (("empty.png", b""), ("text.png", b"not a picture"), ("cut.png", good.getvalue()[:60])):
        app.file_uploader(key="forward/file").upload(name, data, "image/png").run()
        assert not app.exception
        assert len(app.error) == 1
        assert app.error[0].value.endswith(forward_text.STAYS)
        assert (app.session_state["forward/picture"] == [200, 30, 30]).all()


def test_schedules_page_rescales_at_a_click() -> None:
    app = opened(_schedules, T="50", rescale="0")
    assert "**Signal left at t = T.**" in " ".join(text.value for text in app.markdown)
    app.button(key="schedules/mend linear").click().run()
    assert not app.exception
    assert widget(app.toggle, "schedules/rescale").value is True
    assert "Signal left at t = T" not in " ".join(text.value for text in app.markdown)


def test_schedules_page_takes_typed_points_and_refuses_bad_ones() -> None:
    app = opened(_schedules, drawn="1")
    field = app.text_input(key="schedules/points text")
    field.set_value("0,1; 0.5,0.6; 1,0.2").run()
    assert not app.exception
    assert not app.error
    assert app.session_state["schedules/controls"].points == "0,1; 0.5,0.6; 1,0.2"
    assert app.button(key="schedules/mend drawn")
    app.text_input(key="schedules/points text").set_value("0,1; 0.5,0.6; 0.4,0.2").run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.session_state["schedules/controls"].points == "0,1; 0.5,0.6; 1,0.2"


def test_schedules_page_without_any_schedule_and_with_bad_links() -> None:
    app = opened(_schedules, linear="0", cosine="0", sigmoid="0")
    assert app.info
    app = opened(_schedules, points="0,1;1,[x](http://example.org)", T="9999", zero="some")
    assert len(app.warning) == 3
    assert r"\[x\]" in app.warning[0].value  # what stands in a link is shown as text, not as a link
