"""The Microscope: what it shows adds up, forks come back from their link, and what cannot be is told in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.recipes.fork import Fork, recipe_of
from engine.samplers import SAMPLERS
from playground.components.payloads.microscope import Branch, Cursor, Equation, read_cursor
from playground.labs.microscope import forks, link, reference, text, view
from playground.labs.microscope import job as lab
from playground.labs.microscope import steps as cutting
from playground.labs.microscope.branches import Microscopy
from playground.labs.microscope.controls import MicroscopeControls, rules
from playground.labs.microscope.forks import MAX_FORKS, Branching, ForkSettings
from playground.labs.microscope.job import Examination
from playground.labs.sampling.controls import SamplingControls
from playground.labs.sampling.recipes import recipes
from playground.labs.shared import models
from playground.labs.shared.view import Notice
from playground.policy.visitor import HOST, visitor_of

QUICK = {"model": "ideal:digits", "steps": 6, "frame": 2}


def examined(before: Microscopy | None = None, **values: object) -> Microscopy:
    controls = MicroscopeControls.model_validate({**QUICK, **values})
    *_, last = lab.work(*lab.task_of(controls, HOST, before))
    assert last.done == last.total
    return last.result


def equations(branch: Branch) -> Iterator[tuple[Equation, np.ndarray]]:
    """Each equation with the sum of its products, as the browser adds them up."""
    for cut in branch.steps:
        for equation in cut.equations:
            products = []
            for term in equation.terms:
                weight = term.coefficient if term.coefficient_map is None else branch.pool[term.coefficient_map]
                products.append(weight * branch.pool[term.picture.index])
            yield equation, np.sum(products, axis=0)


@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_what_is_shown_adds_up_at_every_pixel_and_leads_to_the_next_picture(sampler: str) -> None:
    found = examined(sampler=sampler, eta=0.5)
    branch = found.branches[0].branch
    for equation, total in equations(branch):
        np.testing.assert_allclose(total, branch.pool[equation.result.index], atol=2e-4)
    for cut, following in zip(branch.steps[:-1], branch.steps[1:], strict=True):
        parts = [term.picture for term in following.equations[0].terms] + list(following.other_pictures)
        (x,) = [shown for shown in parts if shown.kind == "x"]
        assert cut.equations[0].result.index == x.index
    assert branch.steps[-1].equations[0].result.index == branch.final


def test_a_network_with_a_learned_variance_has_a_weight_for_each_pixel() -> None:
    learned = [
        name for name in models.choices(HOST) if getattr(HOST.open_model(name).denoiser, "learned_variance", False)
    ]
    branch = examined(model=learned[0], sampler="ddpm", variance="learned").branches[0].branch
    assert any(term.coefficient_map is not None for cut in branch.steps for term in cut.equations[0].terms)
    for equation, total in equations(branch):
        np.testing.assert_allclose(total, branch.pool[equation.result.index], atol=2e-4)


def test_the_picture_is_the_one_of_the_sampling_lab() -> None:
    controls = SamplingControls(**{name: QUICK[name] for name in ("model", "steps")}, count=5, seed=3)
    recipe = recipes(controls, 10)["A"]
    *_, last = recipe.frames(HOST.open_model("ideal:digits"))
    parameters = link.parameters_of(recipe, 10, 4, 2)
    assert parameters["picture"] == "4"
    found = examined(**{name: value for name, value in parameters.items() if name not in ("picture", "frame", "seed", "steps")},
                     picture=4, seed=3)  # fmt: skip
    torch.testing.assert_close(found.branches[0].latest[0], last.x[4])


def test_a_long_walk_is_thinned_and_begins_and_ends_where_it_does() -> None:
    branch = examined(steps=90, scale=1.0).branches[0].branch
    assert len(branch.steps) == cutting.MAX_STEPS
    assert (branch.steps[0].step, branch.steps[-1].step) == (0, 89)
    assert len(cutting.shown_steps(100, (3, 64, 64))) < 20


# --- the exact denoiser's thoughts --------------------------------------------------------------------------------------


def test_what_the_exact_denoiser_has_in_mind_adds_up_and_narrows_down() -> None:
    found = examined(labels="one", label=3)
    cuts = found.branches[0].branch.steps
    for cut in cuts:
        weights = [weight for _, weight in cut.posterior_weights]
        assert weights == sorted(weights, reverse=True)
        assert 0 < sum(weights) <= 1 + 1e-9
        for number, _ in cut.posterior_weights:
            assert found.figure.captions[number] == "3"
    assert sum(weight for _, weight in cuts[0].posterior_weights) < 0.2
    assert cuts[-1].posterior_weights[0][1] > 0.99
    thoughts, level = found.posterior_weights, HOST.open_model("ideal:digits").schedule.level(400)
    assert thoughts.exact is not None
    whole = thoughts.exact.weights(found.branches[0].starts[3].x, level)
    assert float(whole.sum()) == pytest.approx(1, abs=1e-5)


def test_an_ideal_model_thinks_what_it_says() -> None:
    """Its own x̂0 is the exact one, up to the clipping of rounding."""
    for cut in examined(scale=1.0).branches[0].branch.steps:
        assert float(dict(cut.facts)["RMS difference to the exact x̂₀"]) == pytest.approx(0, abs=1e-3)


# --- the real picture -----------------------------------------------------------------------------------------------------


def test_the_mean_of_the_posterior_adds_up_and_errors_are_those_of_the_model() -> None:
    found = examined(sampler="ddpm", scale=1.0)
    assert found.reference is not None
    assert found.errors is not None
    for equation, total in equations(found.reference):
        np.testing.assert_allclose(total, found.reference.pool[equation.result.index], atol=2e-4)
    assert not found.errors.as_ddpm
    assert all(kl >= -1e-9 for kl in found.errors.kl[:-1])
    assert math.isnan(found.errors.kl[-1])  # the step to the clean picture has no density
    assert len(view.error_table(found.errors).data.decode().splitlines()) == 7
    errors = found.errors
    for t, x0, noise in zip(errors.t, errors.x0, errors.noise, strict=True):
        level = HOST.open_model("ideal:digits").schedule.level(t)
        ratio = float((level.alpha_bar / level.variance).sqrt())
        assert noise == pytest.approx(x0 * ratio, rel=1e-2, abs=1e-4)


def test_on_a_picture_it_has_seen_the_ideal_denoiser_knows_the_answer_long_before_the_end() -> None:
    seen, unseen = (examined(known=known, scale=1.0, steps=12).errors for known in ("training", "held out"))
    assert seen is not None
    assert unseen is not None
    assert seen.x0[-1] == pytest.approx(0, abs=1e-4)
    assert unseen.x0[-1] > 0.05


def test_a_model_without_known_pictures_is_compared_with_none() -> None:
    controls = MicroscopeControls.model_validate(QUICK)
    from dataclasses import replace

    model = replace(HOST.open_model("ideal:digits"), data="")
    *_, last = lab.work(model, lab.task_of(controls, HOST)[1])
    assert last.result.reference is None
    assert [notice.text for notice in view.errors_view(last.result).notices] == [text.NO_DATA]
    assert not last.result.branches[0].branch.steps[0].posterior_weights
    assert reference.reference_image(model, ("training", 0)) is None


# --- forks --------------------------------------------------------------------------------------------------------------


def test_forks_share_the_picture_where_they_leave_and_are_computed_once() -> None:
    found = examined(forks="0@2:sampler=ddpm,seed=7;1@1:label=8")
    walk, first, second = (branched.branch for branched in found.branches)
    torch.testing.assert_close(found.branches[1].starts[0].x, found.branches[0].starts[2].x, rtol=0, atol=0)
    torch.testing.assert_close(found.branches[2].starts[0].x, found.branches[1].starts[1].x, rtol=0, atol=0)
    assert (walk.parent, first.parent, second.parent) == (None, 0, 1)
    assert (first.label, second.label) == ("DDPM, seed 7", "class 8")
    assert first.steps[0].progress == walk.steps[2].progress
    # What the page shows is what the record says.
    *_, last = found.branches[2].recipe.frames(HOST.open_model("ideal:digits"))
    torch.testing.assert_close(last.x, found.branches[2].latest, rtol=0, atol=1e-6)

    again = examined(found, forks="0@2:sampler=ddpm,seed=7;1@1:label=8;0@4:scale=5")
    for old, new in zip(found.branches, again.branches, strict=False):
        assert old.branch.pool is new.branch.pool
    assert again.reference is found.reference


def refusal(answer: object) -> str:
    assert isinstance(answer, Notice)
    return answer.text


def test_nothing_changed_is_no_fork_and_too_many_are_refused() -> None:
    found = examined()
    now = MicroscopeControls.model_validate(QUICK)
    begun = forks.settings_of(found.root)
    assert "same trajectory" in refusal(view.forked(found, now, begun))
    changed = view.forked(found, now, begun.model_copy(update={"sampler": "ddpm", "seed": 4}))
    assert not isinstance(changed, Notice)
    assert (changed.forks, changed.branch, changed.frame) == ("0@2:sampler=ddpm,seed=4", 1, 0)
    assert view.without_last(changed).forks == ""
    of_reference = view.forked(found, now.model_copy(update={"branch": 1}), begun)
    assert "choose a step on one of the trajectories" in refusal(of_reference)
    assert "wait" in refusal(view.forked(None, now, begun))
    too_fine = forks.recipes(
        found.root.model_copy(update={"schedule": "linear", "T": 50}), (Branching(0, 1, (("steps", "51"),)),)
    )
    with pytest.raises(ValueError, match="do not fit"):
        too_fine[-1].check(found.model)
    many = examined(forks=";".join(f"0@1:seed={k},sampler=ddpm" for k in range(MAX_FORKS)))
    assert "remove one" in refusal(view.fork_place(many, 0, 0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "written like"),
        ("1@2:seed=3", "each after the one that it leaves"),
        ("0@2:seed=-3", "cannot be used"),
        ("0@2:colour=red", "cannot be used"),
        ("0@2:sampler=euler", "there is no sampler"),
        (";".join(["0@1:seed=1"] * 8), "At most 7 forks"),
    ],
)
def test_a_bad_fork_in_a_link_is_told_and_the_page_opens_without(text: str, told: str) -> None:
    from playground.labs.shared.controls import from_link

    controls, problems = from_link(MicroscopeControls, {"forks": text, "steps": "6"})
    assert (controls.forks, controls.steps) == ("", 6)
    assert len(problems) == 1
    assert told in problems[0]


@pytest.mark.parametrize("step", [6, 7, 900])
def test_a_fork_where_no_step_is_left_is_told(step: int) -> None:
    controls = MicroscopeControls.model_validate({**QUICK, "forks": f"0@{step}:seed=3"})
    job = Examination(*lab.task_of(controls, HOST))
    job.wait(60)
    assert job.state.status == "failed"
    assert job.state.error.startswith(f"There is nothing to fork at step {step}")
    assert job.state.result is not None  # and the walk itself is there


def test_a_model_that_is_gone_is_told_and_not_replaced() -> None:
    options = rules(HOST, lambda _: {"digits": "Digits"}).options(MicroscopeControls(model="run:gone"))
    assert "run:gone" in options["model"]
    with pytest.raises(ValueError, match=r"There is no training run"):
        HOST.open_model("run:gone")


CHANGES = st.lists(
    st.sampled_from(
        [
            ("sampler", "ddpm"),
            ("sampler", "dpm++2m-sde"),
            ("eta", "0.25"),
            ("seed", "12"),
            ("label", "-1"),
            ("scale", "4"),
        ]
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(tuple)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 1000), CHANGES), max_size=MAX_FORKS))
def test_forks_come_back_from_their_text(several: list[tuple[int, int, tuple[tuple[str, str], ...]]]) -> None:
    written = tuple(Branching(parent % (k + 1), step, changes) for k, (parent, step, changes) in enumerate(several))
    assert forks.read(forks.write(written)) == written
    root = recipes(SamplingControls(), 10)["A"]
    walks = forks.recipes(root, written)
    for fork, walk in zip(written, walks[1:], strict=True):
        assert isinstance(walk, Fork)
        assert walk.parent == walks[fork.parent]
        assert walk.step == fork.step


@given(
    st.sampled_from(list(SAMPLERS)), st.integers(1, 1000), st.floats(0, 1), st.floats(0, 20), st.integers(-1, 9),
    st.integers(0, 2**53 - 100),
)  # fmt: skip
def test_the_form_asks_for_what_it_says(
    sampler: str, steps: int, eta: float, scale: float, label: int, seed: int
) -> None:
    root = recipes(SamplingControls(count=1), 10)["A"]
    wanted = ForkSettings(sampler=sampler, steps=steps, eta=eta, scale=scale, label=label, seed=seed)
    fork = forks.fork_of(wanted, 0, 3, root)
    assert forks.read(forks.write((fork,))) == (fork,)
    after = recipe_of(forks.recipes(root, (fork,))[1])
    assert (after.sampler, after.steps, after.eta, after.seeds) == (sampler, steps, eta, (seed,))
    if label >= 0:
        assert (after.labels, after.scale) == ((label,), scale)


def test_what_is_taken_away_makes_the_same_pixels(tmp_path: object) -> None:
    from engine.recipes.fork import from_json, from_png

    found = examined(forks="0@2:sampler=ddpm,seed=7")
    png, record = (file.data for file in view.download(found, 1).files)
    assert from_png(png) == from_json(record.decode()) == found.branches[1].recipe


# --- the browser ----------------------------------------------------------------------------------------------------------


def test_where_the_reader_looks_is_only_believed_of_these_walks() -> None:
    good = {"version": "a/", "branch": 1, "step": 3, "row": 4, "column": 5}
    assert read_cursor(good, "a/") == Cursor(1, 3, 4, 5)
    for wrong in (
        None,
        3,
        {},
        {**good, "version": "a/0@1:"},
        {**good, "step": "3"},
        {**good, "row": 10**9},
        {**good, "branch": -5},
    ):
        assert read_cursor(wrong, "a/") is None


def test_the_payload_is_json_and_short() -> None:
    import json

    found = examined(model="digits", steps=50, forks="0@25:sampler=ddpm")
    size = len(json.dumps(found.figure.to_payload(), allow_nan=False))
    assert size < 6_000_000


@pytest.mark.parametrize("public", [True, False])
def test_a_model_that_is_not_offered_can_be_chosen_nowhere_in_public(
    public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playground.gradio_ui import microscope as page
    from playground.policy import mode

    monkeypatch.setattr(mode, "_public", public)
    offered = page._rules(visitor_of("somebody")).options(MicroscopeControls(model="/etc"))["model"]
    assert ("/etc" in offered) is not public


@pytest.mark.parametrize("steps", [6, 20, 40])
def test_it_opens_at_a_step_that_takes_more_than_the_prediction(steps: int) -> None:
    """The step into t = 0 is x₀ = 1 · x̂₀ and nothing else: no default ends there, whatever the number of steps."""
    found = examined(steps=steps, frame=MicroscopeControls().frame)
    terms = found.branches[0].branch.steps[found.cursor.step].equations[0].terms
    assert len(terms) > 1
    assert 0 < found.cursor.step < steps - 1
