"""docs/make_results.py: a truthful page from whatever was measured, and verdicts that turn with the numbers."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import make_results  # noqa: E402
import results_plan  # noqa: E402
from results_claims import Claim, Comparison, Measured, Verdict, of_share  # noqa: E402
from results_page import page, write  # noqa: E402
from results_plan import FEW, SAMPLES, Part, guidance_cell, is_trained, paper_row, plan, variance_cell  # noqa: E402
from results_rows import Results  # noqa: E402
from results_sections import claims_a, claims_b, claims_c, claims_d, claims_e  # noqa: E402
from results_surprises import claim_f  # noqa: E402

from engine.data.catalogue import load  # noqa: E402
from engine.data.pixels import to_unit  # noqa: E402
from engine.denoiser import Clipped  # noqa: E402
from engine.evaluation.bound import Term  # noqa: E402
from engine.evaluation.cells import Cell  # noqa: E402
from engine.evaluation.grid import Row  # noqa: E402
from engine.evaluation.grid_bound import BoundCell, BoundRow  # noqa: E402
from engine.evaluation.metrics import Estimate, Jackknife, PrecisionRecall, wilson  # noqa: E402
from engine.interop import pretrained  # noqa: E402
from engine.samplers import SAMPLERS  # noqa: E402
from engine.sampling import sample  # noqa: E402
from engine.training.config import TrainConfig  # noqa: E402

from checkpoints_to_try import tiny_model  # noqa: E402

Distance = Callable[[Cell], float]


def as_in_the_papers(cell: Cell) -> float:
    """A made-up distance with the shape that the papers report."""
    s = cell.settings
    noise = 8.0 if s.variance == "large" else 1.0 if s.sampler == "ddim" else 1.4
    distance = 1 + 40 / s.steps * noise * (1 + s.eta) + 3 * abs(s.scale - 1.5)
    if s.variance == "large" and s.steps == 1000:
        distance = 0.5
    distance *= {"linear": 2.0, "learned": 1.0}.get(cell.model, 1.0)
    return distance * {"heun": 0.2, "dpm++2m": 0.3, "dpm++2m-sde": 0.6}.get(
        s.sampler, 0.4 if s.variance == "learned" else 1.0
    )


def jackknife(value: float) -> Jackknife:
    """Some 1 % of error, of the samples alone."""
    return Jackknife(value, tuple(value * (1 + 0.003 * sign) for sign in (-1, 1) * 5), (value,) * 10)


def row(cell: Cell, number: int, distance: Distance) -> Row:
    s = cell.settings
    recall = max(0.02, 0.9 - 0.1 * s.scale)
    value = jackknife(distance(cell))
    return Row(
        key=f"{number:016x}",
        model=cell.model,
        fingerprint=f"print of {cell.model}",
        data="digits",
        settings=s,
        evaluations=s.steps,
        accuracy=wilson(round(s.samples * (1 - 0.5 * math.exp(-s.scale))), s.samples),
        frechet=value,
        frechet_floor=Estimate(0.4, 0.01),
        floor_count=s.samples,
        frechet_of_first={FEW: value} if s.samples > FEW else {},
        floor_of_first={FEW: Estimate(2.0, 0.1)} if s.samples > FEW else {},
        covering=PrecisionRecall(Estimate(0.8, 0.01), Estimate(recall, 0.01)),
        covering_floor=PrecisionRecall(Estimate(0.9, 0.01), Estimate(0.91, 0.01)),
        seconds=100.0,
        seconds_per_picture=Estimate(0.004 * s.steps, 0.001),
        device="cpu",
        threads=1,
        torch="2",
    )


def bound(cell: BoundCell, number: int, bits: float) -> BoundRow:
    nothing = Term(first=1, last=1, nats=0, standard_error=0, bits_per_dim=0, bits_per_dim_error=0, draws=1)
    return BoundRow(
        key=f"b{number:015x}",
        model=cell.model,
        fingerprint=f"print of {cell.model}",
        data="digits",
        variance=cell.variance,
        per_step=cell.per_step,
        seed=0,
        pictures=1000,
        bits_per_dim=bits,
        bits_per_dim_error=0.001,
        prior=nothing,
        parts=(),
        seconds=10.0,
        device="cpu",
        threads=1,
        torch="2",
    )


def file_of(
    path: Path, distance: Distance = as_in_the_papers, keep: Callable[[Cell], bool] = lambda cell: True
) -> Path:
    """All that is planned, as if it had been measured."""
    wanted = dict.fromkeys(cell for part in plan() for cell in part.cells)
    bounds = dict.fromkeys(cell for part in plan() for cell in part.bounds)
    bits = {"cosine": 1.2, "linear": 1.3, "learned": 1.2, "digits": 1.0}
    lines = [row(cell, n, distance).model_dump_json() for n, cell in enumerate(wanted) if keep(cell)]
    lines += [
        bound(cell, n, bits[cell.model] - 0.1 * (cell.variance == "learned")).model_dump_json()
        for n, cell in enumerate(bounds)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def complete(tmp_path: Path) -> Results:
    return Results(file_of(tmp_path / "r.jsonl"))


def all_claims(results: Results) -> list[Claim]:
    return [claim for claims in (claims_a, claims_b, claims_c, claims_d, claims_e) for claim in claims(results)]


# --- verdicts ---------------------------------------------------------------------------------------------------------


def comparison(low: float | None, high: float | None, error: float = 0.1) -> Comparison:
    return Comparison(*(Measured(n, None if v is None else Estimate(v, error)) for n, v in (("a", low), ("b", high))))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.0, 2.0, Verdict.YES),
        (2.0, 1.0, Verdict.NO),
        (1.0, 1.28, Verdict.OPEN),  # two standard errors of the difference are 0.283
        (1.0, 1.29, Verdict.YES),
        (1.28, 1.0, Verdict.OPEN),
        (1.29, 1.0, Verdict.NO),
        (None, 1.0, Verdict.MISSING),
        (1.0, None, Verdict.MISSING),
    ],
)
def test_two_numbers_differ_beyond_two_standard_errors(low: float, high: float, verdict: Verdict) -> None:
    found = comparison(low, high)
    assert found.verdict is verdict
    words = {
        Verdict.YES: "lower by",
        Verdict.NO: "**higher** by",
        Verdict.OPEN: "no difference beyond the errors",
        Verdict.MISSING: "",
    }
    said = found.sentence()
    assert words[verdict] in said
    assert bool(said) == (verdict is not Verdict.MISSING)


def test_what_two_numbers_share_is_no_error_of_their_difference() -> None:
    shared = tuple(0.3 * (-1) ** k for k in range(10))
    low = Jackknife(1.0, tuple(1.0 + e for e in shared), (1.0,) * 10)
    high = Jackknife(1.1, tuple(1.1 + e for e in shared), (1.1,) * 10)
    assert low.standard_error > 0.8
    assert Comparison(Measured("a", low), Measured("b", high)).verdict is Verdict.YES
    assert Comparison(Measured("a", low.estimate), Measured("b", high.estimate)).verdict is Verdict.OPEN
    other = Jackknife(1.1, (1.1,) * 5, (1.1,) * 5)  # of fewer groups: nothing is known to be shared
    assert Comparison(Measured("a", low), Measured("b", other)).verdict is Verdict.OPEN


def test_a_claim_is_what_its_comparisons_are_together() -> None:
    yes, no, unclear, missing = comparison(1, 2), comparison(2, 1), comparison(1, 1), comparison(None, 1)

    def verdict(*comparisons: Comparison) -> Verdict:
        return Claim("", comparisons).verdict

    assert verdict(yes, yes) is Verdict.YES
    assert verdict(yes, missing) is Verdict.YES
    assert verdict(yes, unclear) is Verdict.PARTLY
    assert verdict(unclear) is Verdict.OPEN
    assert verdict(no, unclear) is Verdict.NO
    assert verdict(no, yes, unclear) is Verdict.MIXED
    assert verdict(missing) is verdict() is Verdict.MISSING
    assert "1 of 2 comparisons were not measured" in Claim("They say so.", (yes, missing)).markdown()
    assert Claim("They say so.", (missing,)).markdown() == "- They say so. **Here: not measured.**"


def test_the_error_of_a_share_is_that_of_its_interval() -> None:
    found = of_share(wilson(300, 400))
    assert found is not None
    assert found.value == 0.75
    assert found.standard_error == pytest.approx(math.sqrt(0.75 * 0.25 / 400), rel=0.01)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_numbers_with_the_shape_of_the_papers_agree_with_all_of_them(complete: Results) -> None:
    for claim in all_claims(complete):
        assert claim.verdict is Verdict.YES, claim.markdown()
    text = page(complete)
    assert "All that was planned was measured." in text
    assert "–" not in "".join(
        line
        for line in text.splitlines()
        if line.startswith("| ") and "trained with L_simple" not in line and "real pictures" not in line
    )
    assert "not measured" not in text.lower().replace("does not hold", "")


def test_the_verdicts_turn_with_the_numbers(tmp_path: Path) -> None:
    upside_down = Results(file_of(tmp_path / "r.jsonl", lambda cell: 100 / as_in_the_papers(cell)))
    verdicts = [claim.verdict for claims in (claims_a, claims_b, claims_c, claims_e) for claim in claims(upside_down)]
    of_bits = [Verdict.YES] * 2  # which the distance does not change: those of b and of c
    assert sorted(v.name for v in verdicts if v is not Verdict.NO) == sorted(v.name for v in of_bits)
    flat = Results(file_of(tmp_path / "flat.jsonl", lambda cell: 5.0))
    assert {claim.verdict for claim in claims_a(flat)} == {Verdict.OPEN}
    assert "no difference beyond the errors" in page(flat)
    assert "**Here: agrees.**" not in page(flat).split("## b.")[0]


def test_one_number_turns_the_sentences_that_it_decides(tmp_path: Path) -> None:
    changed = paper_row("large", 10)
    results = Results(file_of(tmp_path / "r.jsonl", lambda cell: 0.1 if cell == changed else as_in_the_papers(cell)))
    verdicts = [claim.verdict for claim in claims_a(results)]
    assert verdicts == [Verdict.MIXED, Verdict.YES, Verdict.NO, Verdict.YES, Verdict.YES]
    assert "| DDPM, larger variance | 0.10 ± 0.00 |" in page(results)


def test_section_f_turns_with_the_numbers(tmp_path: Path) -> None:
    def noisy_is_worse(cell: Cell) -> float:
        return 2.0 if cell.settings.sampler in ("ddpm", "dpm++2m-sde") or cell.settings.eta else 1.0

    results = Results(file_of(tmp_path / "r.jsonl", noisy_is_worse))
    assert claim_f(results).verdict is Verdict.NO
    results = Results(file_of(tmp_path / "s.jsonl", lambda cell: 1 / noisy_is_worse(cell)))
    assert claim_f(results).verdict is Verdict.YES
    assert "DPM-Solver++ 2M SDE 0.50 ± 0.00 against DPM-Solver++ 2M 1.00" in page(results)


def test_without_fresh_noise_a_network_that_was_trained_too_little_draws_grey() -> None:
    """What section f says of the small network that ships, on 20 samples in 20 steps: whatever the order of the solver."""

    def grey(x: Tensor) -> float:
        return float(((x > -0.9) & (x < -0.1)).float().mean())

    def drawn(sampler: str) -> float:
        denoiser = pretrained.load("digits-learned-variance").denoiser
        *_, last = sample(
            Clipped(denoiser),
            denoiser.schedule,
            SAMPLERS[sampler](),
            shape=(1, 28, 28),
            steps=20,
            seeds=range(20),
            label=torch.arange(20) % 10,
        )
        return grey(last.x)

    real = grey(to_unit(load("digits").held_out_part.images))
    assert real == pytest.approx(0.046, abs=0.001)
    assert all(drawn(sampler) > 2.5 * real for sampler in ("ddim", "dpm++2m"))
    assert all(drawn(sampler) < 1.5 * real for sampler in ("ddpm", "dpm++2m-sde"))


def test_what_was_not_measured_is_a_dash_and_is_listed(tmp_path: Path) -> None:
    path = file_of(tmp_path / "r.jsonl", keep=lambda cell: cell.model == "digits" and cell.settings.steps < 1000)
    with path.open("a") as file:
        file.write('{"key": "cut sho')
    results = Results(path)
    text = page(results)
    assert "- a. 1000 steps: 5 of 5 cells" in text
    assert "- c. learned variance: 12 of 12 cells" in text
    assert re.search(r"\| eta 0 \|( [\d.]+ ± [\d.]+ \|){4} – \|", text)
    assert claims_a(results)[3].verdict is Verdict.MISSING
    assert claims_b(results)[0].verdict is Verdict.MISSING
    assert claims_d(results)[1].verdict is Verdict.YES


def test_nothing_at_all_makes_a_page_too(tmp_path: Path) -> None:
    results = Results(tmp_path / "none.jsonl")
    assert {claim.verdict for claim in all_claims(results)} == {Verdict.MISSING}
    assert not re.search(r"\d ± \d", page(results))
    assert "Nothing was measured yet." in page(results)
    write(tmp_path / "none.jsonl", tmp_path / "out")
    assert (tmp_path / "out" / "figures" / "guidance.svg").exists()


def test_every_figure_and_link_of_the_page_is_there_and_the_same_again(tmp_path: Path) -> None:
    path = file_of(tmp_path / "r.jsonl")
    for out in ("one", "two"):
        write(path, tmp_path / out)
    text = (tmp_path / "one" / "results.md").read_text()
    figures = re.findall(r"\((figures/[^)]+)\)", text)
    assert len(figures) == 5
    for figure in figures:
        drawn = (tmp_path / "one" / figure).read_text()
        assert drawn == (tmp_path / "two" / figure).read_text()
        assert "<svg" in drawn
        assert str(tmp_path) not in drawn


def test_a_network_that_was_trained_anew_counts_alone(tmp_path: Path) -> None:
    path = file_of(tmp_path / "r.jsonl")
    cell = variance_cell("learned", "learned", 10)
    again = row(cell, 10_000, lambda cell: 0.77).model_copy(update={"fingerprint": "another"})
    with path.open("a") as file:
        file.write(again.model_dump_json() + "\n")
    results = Results(path)
    assert results.frechet(cell) == again.frechet
    assert results.frechet(variance_cell("learned", "learned", 20)) is None
    assert results.frechet(paper_row("0", 10)) is not None


# --- the plan and the command -----------------------------------------------------------------------------------------


def test_the_plan_holds_what_the_sections_show(complete: Results) -> None:
    assert {cell.settings.samples for part in plan() for cell in part.cells} == {SAMPLES, FEW}
    assert not complete.missing()
    networks = {name for part in plan() for name in part.models}
    assert networks == {results_plan.SHIPPED, *results_plan.STUDIES}


def test_the_small_networks_differ_in_one_thing() -> None:
    cosine, linear, learned = (results_plan.config_of(study).model_dump() for study in ("cosine", "linear", "learned"))
    assert {key for key in cosine if cosine[key] != linear[key]} == {"schedule"}
    assert {key for key in cosine if cosine[key] != learned[key]} == {"learned_variance"}


def test_only_a_network_trained_to_its_end_by_this_recipe_counts(tmp_path: Path) -> None:
    config = results_plan.config_of("cosine")

    def card(**changes: object) -> None:
        written = {"step": config.steps, "training": config.model_dump(), **changes}
        (tmp_path / "card.json").write_text(json.dumps(written))

    assert not is_trained("cosine", tmp_path)
    card()
    assert is_trained("cosine", tmp_path)
    assert not is_trained("linear", tmp_path)
    card(step=config.steps - 1)
    assert not is_trained("cosine", tmp_path)
    card(training=TrainConfig(seed=5).model_dump())
    assert not is_trained("cosine", tmp_path)
    (tmp_path / "card.json").write_text("{")
    assert not is_trained("cosine", tmp_path)


def test_measuring_does_what_the_networks_allow_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(results_plan.pretrained.CHECKPOINTS, "digits", tiny_model(tmp_path / "digits"))

    def small(cell: Cell) -> Cell:
        return replace(cell, settings=cell.settings.model_copy(update={"samples": 20, "steps": 1}))

    parts = [
        Part("b. mixed", (small(guidance_cell(1)), small(variance_cell("learned", "learned", 10)))),
        Part("a. bits", bounds=(BoundCell("digits", "small", per_step=2),)),
    ]
    results = tmp_path / "r.jsonl"
    make_results.fill(parts, tmp_path / "networks", results)
    assert "not trained yet, and so not measured: learned" in capsys.readouterr().err
    found = Results(results)
    assert [row.model for row in found.rows] == ["digits"]
    assert [row.model for row in found.bounds] == ["digits"]
    lines = results.read_text()
    make_results.fill(parts, tmp_path / "networks", results)
    assert results.read_text() == lines


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file_of(tmp_path / "r.jsonl")
    assert make_results.main(["--write", "--results", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "results.md" in capsys.readouterr().out
    assert "## e. Samplers" in (tmp_path / "out" / "results.md").read_text()
