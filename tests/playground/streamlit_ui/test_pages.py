"""The pages of the Streamlit front end, run as scripts: what they say, and that no link breaks them.

Components of the browser are left out by Streamlit's AppTest; tests/playground/browser drives those.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.recipes.recipe import Recipe
from engine.runs import service as training_service
from engine.runs.service import TrainingService
from engine.samplers import DDIM, SAMPLERS, NamedSampler
from engine.schedule import SPACINGS
from playground import preload
from playground.labs.home.text import LABS, LEAD
from playground.labs.shared import models

APP = Path(__file__).parents[3] / "playground" / "streamlit_ui" / "app.py"
SECONDS = 60.0
QUICK = {"model": "ideal:digits", "steps": "2", "count": "2"}


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingService]:
    """A service of this test's own, on an empty folder."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    own = TrainingService()
    monkeypatch.setattr(training_service, "_service", own)
    # Loading behind the first paint freezes the garbage collector and sets threads: nothing for a process full of tests.
    ready = threading.Event()
    ready.set()
    monkeypatch.setattr(preload, "start", lambda: ready)
    yield own
    for run_id in own.ids():
        own.stop(run_id)
        own.wait(run_id, lambda snapshot: not snapshot.active, SECONDS)


def _sampling() -> None:
    from playground.streamlit_ui import sampling

    sampling.show()


def _training() -> None:
    from playground.streamlit_ui import training

    training.show()


def _open(page: object, **link: str) -> AppTest:
    """A page of its own, as opened by a link. AppTest cannot go to a page of st.navigation that is a function."""
    at = AppTest.from_function(page, default_timeout=SECONDS)  # type: ignore[arg-type]
    for name, value in link.items():
        at.query_params[name] = value
    return at.run()


def _fine(at: AppTest) -> AppTest:
    assert [problem.value for problem in at.exception] == []
    return at


def _drawn(at: AppTest) -> AppTest:
    """The Sampling page when its job has ended."""
    at.session_state["sampling/job"].wait(SECONDS)
    return _fine(at.run())


def _text(at: AppTest) -> str:
    elements = (*at.markdown, *at.caption, *at.info, *at.warning, *at.error)
    return "\n".join(str(element.value) for element in elements)


def _links(at: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}


# --- start ------------------------------------------------------------------------------------------------------------


def test_the_first_screen() -> None:
    at = _fine(AppTest.from_file(str(APP), default_timeout=SECONDS).run())
    assert "Diffusion playground" in at.markdown[0].value
    told = _text(at)
    for words in (LEAD, "**See:**", "**Try:**", "**Why:**", *(about for *_, about in LABS)):
        assert words in told
    assert not at.error


def test_the_first_screen_without_its_recording(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from playground.labs.home import view

    view.first_timeline.cache_clear()
    damaged = tmp_path / "damaged.npz"
    for content in (None, b"", b"no archive", b"PK\x03\x04 cut short"):
        if content is not None:
            damaged.write_bytes(content)
        monkeypatch.setattr(view, "RECORDING", damaged)
        at = _fine(AppTest.from_file(str(APP), default_timeout=SECONDS).run())
        assert "missing or damaged" in at.warning[0].value
    view.first_timeline.cache_clear()


# --- sampling ---------------------------------------------------------------------------------------------------------


def test_the_sampling_page_draws_at_the_first_visit() -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK)))
    told = _text(at)
    assert "Done after 2 of 2 steps" in told
    assert "training images nearest to it" in told
    assert not at.warning
    assert not at.error
    assert _links(at) == QUICK
    assert [tab.label for tab in at.tabs] == ["This recipe", "Plain PyTorch", "diffusers"]
    assert Recipe.model_validate_json(at.code[0].value) == at.session_state["sampling/job"].recipes["A"]
    assert "exact denoiser" in at.tabs[1].caption[0].value


def _sampling_reloaded() -> None:
    import streamlit as st

    from playground.streamlit_ui import memory, sampling

    memory.recall("sampling", st.query_params.to_dict())
    sampling.show()
    memory.remember("sampling")


def test_a_reload_finds_what_was_sampled_and_another_link_does_not() -> None:
    at = _drawn(_fine(_open(_sampling_reloaded, **QUICK)))
    assert _open(_sampling_reloaded, **QUICK).session_state["sampling/job"] is at.session_state["sampling/job"]
    other = _open(_sampling_reloaded, **{**QUICK, "seed": "5"})
    assert other.session_state["sampling/job"] is not at.session_state["sampling/job"]
    _drawn(other)


def test_the_sampling_page_draws_again_when_asked_and_says_when_it_should() -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK)))
    first = at.session_state["sampling/job"]
    at.slider(key="sampling/steps").set_value(3)
    _fine(at.run())
    assert "The settings have changed" in _text(at)
    assert at.session_state["sampling/job"] is first
    assert _links(at) == {**QUICK, "steps": "3"}
    at.button(key="sampling/start").click()
    _drawn(_fine(at.run()))
    assert at.session_state["sampling/job"] is not first
    assert "Done after 3 of 3 steps" in _text(at)
    assert "The settings have changed" not in _text(at)


def test_two_settings_side_by_side() -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK, compare="1", b_steps="4", b_sampler="ddpm")))
    assert "Done after 6 of 6 steps" in _text(at)
    assert len(at.tabs) == 6
    assert '"sampler": "ddpm"' in at.code[1].value


def test_a_line_in_a_registry_is_a_choice_in_the_sampling_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new sampler or spacing needs nothing but its line: it is offered for A and B, a link may name it, and it draws."""
    mine = NamedSampler("My own sampler", "as DDIM", lambda *_: DDIM())
    monkeypatch.setitem(SAMPLERS, "mine", mine)
    monkeypatch.setitem(SPACINGS, "backwards", SPACINGS["uniform"])
    at = _drawn(_fine(_open(_sampling, **QUICK, sampler="mine", spacing="backwards", compare="1", b_sampler="mine")))
    assert not at.warning
    assert not at.error
    for key in ("sampling/sampler", "sampling/b_sampler"):
        assert [at.selectbox(key=key).options.count(sampler.title) for sampler in SAMPLERS.values()] == [1] * len(
            SAMPLERS
        )
        assert at.selectbox(key=key).value == "mine"
    assert [recipe.sampler for recipe in at.session_state["sampling/job"].recipes.values()] == [
        "mine",
        "mine",
    ]
    assert "Done after 52 of 52 steps" in _text(at)


def test_without_labels_guidance_is_greyed_out_and_the_page_draws() -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK, labels="none", scale="5", rescale="0.5", classifier="digits")))
    assert not at.error
    assert "Done after 2 of 2 steps" in _text(at)
    assert at.slider(key="sampling/scale").disabled
    assert at.session_state["sampling/job"].recipes["A"].scale == Recipe().scale


def test_bad_values_in_a_sampling_link_are_named_and_the_page_opens() -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK, eta="lots", sampler="euler", scale="99", seed="<b>1</b>")))
    told = [warning.value for warning in at.warning]
    assert len(told) == 4
    assert all(sentence.startswith("The link asks for") for sentence in told)
    for word in ("lots", "euler", "99", "It was set to"):
        assert any(word in sentence for sentence in told)
    assert not any("<b>" in sentence.replace("\\<", "") for sentence in told)
    assert at.session_state["sampling/controls"].eta == 0
    assert _links(at) == QUICK


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ({"steps": "900", "schedule": "linear", "T": "50"}, "do not fit into a schedule of T = 50"),
        ({"labels": "one", "label": "77"}, "77"),
    ],
)
def test_settings_that_cannot_be_carried_out_are_told(link: dict[str, str], told: str) -> None:
    at = _fine(_open(_sampling, **{**QUICK, **link}))
    assert told in _text(at)
    assert at.error or at.warning


@pytest.mark.parametrize(
    "model", ["no-such-model", "run:20200101-000000-00000000", "run:../..", "ideal:cats", "a" * 190]
)
def test_a_link_to_a_model_that_is_not_here_opens_the_page(model: str) -> None:
    at = _fine(_open(_sampling, **{**QUICK, "model": model}))
    assert at.warning or at.error


@pytest.mark.parametrize("path", ["/nowhere/at/all", "a" * 400, "/dev/null", "..", "run:x"])
def test_a_folder_that_is_no_checkpoint_is_told(path: str) -> None:
    at = _drawn(_fine(_open(_sampling, **QUICK)))
    at.text_input(key="sampling/folder").set_value(path)
    _fine(at.run())
    assert at.error
    assert at.error[0].value.endswith(".")


# --- training ---------------------------------------------------------------------------------------------------------


def test_the_training_page_says_what_a_run_costs_and_trains(runs: TrainingService) -> None:
    at = _fine(_open(_training, batch="1", T="20", steps="3"))
    assert {metric.label for metric in at.metric} >= {"Parameters", "Estimated duration"}
    assert runs.ids() == []
    at.button(key="training/start").click()
    _fine(at.run())
    (run_id,) = runs.ids()
    finished = runs.wait(run_id, lambda snapshot: not snapshot.active, SECONDS)
    assert (finished.status, finished.config.steps, finished.config.T) == ("finished", 3, 20)
    _fine(at.run())
    assert "exact denoiser" in _text(at)
    assert _links(at)["run"] == run_id
    assert not at.error
    # A reader who opens the link later, in another session, finds the run.
    later = _fine(_open(_training, batch="1", run=run_id))
    assert _links(later)["run"] == run_id
    assert not later.warning


def test_a_classifier_is_trained_and_guides_in_the_sampling_lab(runs: TrainingService) -> None:
    at = _fine(_open(_training, task="classifier", batch="1", T="20", steps="3"))
    assert at.segmented_control(key="training/target").disabled
    at.button(key="training/start").click()
    _fine(at.run())
    (run_id,) = runs.ids()
    finished = runs.wait(run_id, lambda snapshot: not snapshot.active, SECONDS)
    assert (finished.status, finished.can_guide, finished.can_sample) == ("finished", True, False)
    _fine(at.run())
    assert "exact classifier" in _text(at)
    assert not at.button(key="training/use").disabled

    sampling = AppTest.from_function(_sampling, default_timeout=SECONDS)
    for name, value in {**models.drawing_link(finished), "steps": "2", "count": "2"}.items():
        sampling.query_params[name] = value
    _drawn(_fine(sampling.run()))
    controls = sampling.session_state["sampling/controls"]
    assert (controls.model, controls.classifier, controls.scale) == ("digits", f"run:{run_id}", 0)
    assert (controls.steps, controls.count) == (2, 2)
    assert not sampling.error


def test_zero_terminal_snr_goes_with_the_target_that_allows_it() -> None:
    at = _fine(_open(_training, batch="1", zero_terminal_snr="1", target="noise"))
    assert any("predicts the noise learns nothing" in warning.value for warning in at.warning)
    assert not at.session_state["training/controls"].zero_terminal_snr
    assert at.toggle(key="training/zero_terminal_snr").disabled
    assert not at.error
    at = _fine(_open(_training, batch="1", zero_terminal_snr="1"))
    assert at.session_state["training/controls"].zero_terminal_snr
    at.segmented_control(key="training/target").set_value("noise")
    _fine(at.run())
    assert not at.session_state["training/controls"].zero_terminal_snr
    assert not at.error


def test_a_link_to_a_run_that_is_not_here_is_told() -> None:
    at = _fine(_open(_training, batch="1", run="20200101-000000-00000000"))
    assert any("names a training run that is not here" in warning.value for warning in at.warning)


def test_bad_values_in_a_training_link_are_named_and_the_page_opens() -> None:
    at = _fine(_open(_training, batch="1", T="3", preset="huge", learning_rate="nan", run="../../etc"))
    told = [warning.value for warning in at.warning]
    assert sum(sentence.startswith("The link asks for") for sentence in told) == 3
    assert at.session_state["training/controls"].T == 1000
    assert not at.error
