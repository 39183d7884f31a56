"""The sections of docs/results.md: tables, and the papers' claims held against them. Numbers are put in, never written here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from results_claims import Claim, Comparison, Measured, format_value, of_share, rising
from results_plan import (
    ETAS,
    FEW,
    FEW_NFE,
    FIXED,
    GUIDED_STEPS,
    LONG,
    NFE,
    PAPER_ROWS,
    SAMPLES,
    SCALES,
    SHIPPED,
    SOLVERS,
    STEPS,
    config_of,
    guidance_cell,
    paper_row,
    schedule_cell,
    solver_cell,
    variance_cell,
)
from results_rows import Results

from engine.evaluation.cells import Cell
from engine.evaluation.grid_bound import BoundCell
from engine.evaluation.metrics import Jackknife
from engine.samplers import SAMPLERS, Variance

PAPER = {
    "0": "13.36 6.84 4.67 4.16 4.04",
    "0.2": "14.04 7.11 4.77 4.25 4.09",
    "0.5": "16.66 8.35 5.25 4.46 4.29",
    "1": "41.07 18.36 8.01 5.78 4.73",
    "large": "367.43 133.37 32.72 9.99 3.17",
}
"""FID on CIFAR-10; Song et al. 2021, arXiv:2010.02502, table 1."""


VARIANCES: dict[Variance, str] = {
    "learned": "learned variance",
    "small": "smaller variance",
    "large": "larger variance",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def row_name(row: str) -> str:
    """Of a row of the DDIM paper's table."""
    return "DDPM, larger variance" if row == "large" else f"eta {row}"


def _at(label: str, get: Callable[[Cell], Jackknife | None], cell: Cell) -> Measured:
    return Measured(label, get(cell))


# --- a ----------------------------------------------------------------------------------------------------------------


def section_a(results: Results) -> str:
    """Steps and eta."""
    columns = (*STEPS, LONG)
    head = ["", *(f"{n} steps" + ("*" if n == LONG else "") for n in columns)]
    rows = [[row_name(row), *(format_value(results.frechet(paper_row(row, n))) for n in columns)] for row in PAPER_ROWS]
    floors = {n: results.floor(FEW if n == LONG else SAMPLES) for n in columns}
    rows.append(["real pictures", *(format_value(f[0] if f else None) for f in floors.values())])
    same = [
        [row_name(row), *(format_value(results.of_first(paper_row(row, n))) for n in columns)] for row in PAPER_ROWS
    ]
    floor = results.floor(FEW)
    same.append(["real pictures", *[format_value(floor[0] if floor else None)] * len(columns)])
    read = [[row_name(row), *(_read(results, paper_row(row, n)) for n in columns)] for row in PAPER_ROWS]
    bits = [[SHIPPED, *(format_value(results.bits(BoundCell(SHIPPED, v)), 3) for v in FIXED)]]
    time = [[f"eta {ETAS[0]:g}", *(_time(results, paper_row(f"{ETAS[0]:g}", n)) for n in columns)]]
    paper = [[row_name(row), *PAPER[row].split()] for row in PAPER_ROWS]
    counted = (
        f"*{FEW} samples instead of {SAMPLES}, because of the time that they take. The distance is biased upwards, the more so "
        "the fewer the samples: compare that column only with its own row of real pictures, and with the second table."
    )
    return "\n\n".join(
        [
            "## a. Steps and eta: the table of the DDIM paper, on our digits",
            f"The network that ships (“{SHIPPED}”), labelled, at scale 1. Fréchet distance in the classifier's features, "
            f"{SAMPLES} samples.",
            table(head, rows),
            counted,
            f"The same on the first {FEW} samples of every cell, so that all columns compare:",
            table([cell.rstrip("*") for cell in head], same),
            "Share of the samples that the classifier reads as their label, with 95 % intervals:",
            table(head, read),
            "Bits per dimension of held-out pictures, by the variance of the reverse steps (in all 1000 of them):",
            table(["", *(VARIANCES[v] for v in FIXED)], bits),
            "Milliseconds per picture, in batches; other load of the machine makes them longer:",
            table(head, time),
            "![Fréchet distance by steps](figures/steps.svg)",
            "The paper's table, FID on CIFAR-10 (other pictures in another feature space: only the shape compares):",
            table(["", *(f"{n} steps" for n in columns)], paper),
            "### Does the shape agree?",
            *(claim.markdown() for claim in claims_a(results)),
        ]
    )


def _read(results: Results, cell: Cell) -> str:
    row = results.row(cell)
    if row is None or row.accuracy is None:
        return "–"
    share = row.accuracy
    return f"{share.share:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _time(results: Results, cell: Cell) -> str:
    row = results.row(cell)
    each = row.seconds_per_picture if row else None
    return f"{1000 * each.value:.1f} ± {1000 * each.standard_error:.1f}" if each else "–"


def claims_a(results: Results) -> list[Claim]:
    """Of Song et al. 2021."""
    get, first = results.frechet, results.of_first

    def by_steps(row: str, few: int, many: int) -> Comparison:
        name = row_name(row)
        return Comparison(
            _at(f"{name}, {many} steps:", get, paper_row(row, many)), _at(f"{few} steps:", get, paper_row(row, few))
        )

    def at(steps: int, rows: Sequence[str], get: Callable[[Cell], Jackknife | None]) -> list[Measured]:
        return [_at(f"{row_name(row)}, {steps} steps:", get, paper_row(row, steps)) for row in rows]

    def gain(few: int, many: int) -> Measured:
        fall = Comparison(_at("", first, paper_row("0", many)), _at("", first, paper_row("0", few))).difference
        return Measured(f"eta 0: the fall from {few} to {many} steps", fall)

    worst = at(10, PAPER_ROWS, get)
    best = at(LONG, PAPER_ROWS, first)
    return [
        Claim(
            "More steps, better pictures, in every row: with eta 0 the FID falls from 13.36 at 10 steps to 4.16 at 100, with "
            "the larger variance from 367 to 9.99.",
            tuple(by_steps(row, 10, 100) for row in PAPER_ROWS),
        ),
        Claim(
            "With few steps, less noise is better: at 10 steps 13.36, 16.66 and 41.07 for eta 0, 0.5 and 1.",
            rising(at(10, ("0", "0.5", "1"), get)),
        ),
        Claim(
            "The larger variance is by far the worst with few steps: 367 at 10 steps, against 41.07 at most.",
            tuple(Comparison(low, worst[-1]) for low in worst[:-1]),
        ),
        Claim(
            f"With all {LONG} steps it is the best: 3.17, against 4.04 with eta 0 and 4.73 with eta 1 (here of {FEW} samples).",
            tuple(Comparison(best[-1], high) for high in best[:-1]),
        ),
        Claim(
            f"Deterministic sampling is nearly done at 50 steps: from 13.36 at 10 to 4.67, and then to 4.04 with {LONG} "
            f"(here of {FEW} samples).",
            (Comparison(gain(50, LONG), gain(10, 50)),),
        ),
    ]


# --- b ----------------------------------------------------------------------------------------------------------------

HOW = {"ddim": "DDIM, eta 0", "ddpm": "DDPM, smaller variance"}


def section_b(results: Results) -> str:
    """Linear against cosine."""
    head = ["", *(f"{n} steps" for n in STEPS)]
    rows = [
        [f"{model}, {how}", *(format_value(results.frechet(schedule_cell(model, sampler, n))) for n in STEPS)]
        for sampler, how in HOW.items()
        for model in ("cosine", "linear")
    ]
    floor = results.floor(SAMPLES)
    rows.append(["real pictures", *[format_value(floor[0] if floor else None)] * len(STEPS)])
    bits = [
        [model, *(format_value(results.bits(BoundCell(model, v)), 3) for v in FIXED)] for model in ("cosine", "linear")
    ]
    config = config_of("cosine")
    return "\n\n".join(
        [
            "## b. The linear schedule against the cosine one",
            f"Two networks trained alike, but for the schedule: “{config.preset}”, {config.steps} steps of {config.batch} "
            f"pictures, predicting the {config.target}, T = {config.T} ([recipes](recipes/)). Labelled, at scale 1, "
            f"{SAMPLES} samples. Such short training says something of these networks, and less of those of the papers.",
            table(head, rows),
            "Bits per dimension of held-out pictures, by the variance of the reverse steps:",
            table(["", "smaller variance", "larger variance"], bits),
            "![Linear against cosine](figures/schedules.svg)",
            "### Does the shape agree?",
            *(claim.markdown() for claim in claims_b(results)),
        ]
    )


def claims_b(results: Results) -> list[Claim]:
    """Of Nichol & Dhariwal 2021."""
    get = results.frechet
    return [
        Claim(
            "The linear schedule destroys small pictures sooner than need be; with the cosine one samples become better, FID "
            "27.0 instead of 31.3 on ImageNet 64 (though 3.05 instead of 2.90 on CIFAR-10; Nichol & Dhariwal 2021, "
            "arXiv:2102.09672, tables 1 and 2, simple loss).",
            tuple(
                Comparison(
                    _at(f"{how}, {n} steps: cosine", get, schedule_cell("cosine", sampler, n)),
                    _at("linear", get, schedule_cell("linear", sampler, n)),
                )
                for sampler, how in HOW.items()
                for n in STEPS
            ),
        ),
        Claim(
            "It has fewer bits per dimension: 3.68 instead of 3.77 on ImageNet 64, 3.26 instead of 3.37 on CIFAR-10 (there).",
            tuple(
                Comparison(
                    Measured(f"{VARIANCES[v]}: cosine", results.bits(BoundCell("cosine", v))),
                    Measured("linear", results.bits(BoundCell("linear", v))),
                )
                for v in FIXED
            ),
            digits=3,
        ),
    ]


# --- c ----------------------------------------------------------------------------------------------------------------


def section_c(results: Results) -> str:
    """Fixed against learned variance."""
    head = ["", *(f"{n} steps" for n in STEPS)]
    rows = [
        [
            f"trained with L_hybrid, {name}",
            *(format_value(results.frechet(variance_cell("learned", v, n))) for n in STEPS),
        ]
        for v, name in VARIANCES.items()
    ]
    rows += [
        [
            f"trained with L_simple, {VARIANCES[v]}",
            *(format_value(results.frechet(variance_cell("cosine", v, n))) for n in STEPS),
        ]
        for v in FIXED
    ]
    bits = [
        ["trained with L_hybrid", *(format_value(results.bits(BoundCell("learned", v)), 3) for v in VARIANCES)],
        ["trained with L_simple", "–", *(format_value(results.bits(BoundCell("cosine", v)), 3) for v in FIXED)],
    ]
    return "\n\n".join(
        [
            "## c. Fixed against learned variance",
            "A third network, trained as the one with the cosine schedule, but by the hybrid loss: its second output is the "
            f"variance of a reverse step. DDPM, labelled, at scale 1, {SAMPLES} samples.",
            table(head, rows),
            "Bits per dimension of held-out pictures:",
            table(["", *VARIANCES.values()], bits),
            "![Fixed against learned variance](figures/variances.svg)",
            "### Does the shape agree?",
            *(claim.markdown() for claim in claims_c(results)),
        ]
    )


def claims_c(results: Results) -> list[Claim]:
    """Of Nichol & Dhariwal 2021."""
    get = results.frechet
    learned = [(n, _at(f"{n} steps: learned", get, variance_cell("learned", "learned", n))) for n in STEPS]
    bits = Measured("learned", results.bits(BoundCell("learned", "learned")))
    return [
        Claim(
            "A learned variance allows an order of magnitude fewer steps at little loss, where a fixed one loses much (Nichol "
            "& Dhariwal 2021, abstract and section 4). Against the larger one, of the same network.",
            tuple(Comparison(low, _at("larger", get, variance_cell("learned", "large", n))) for n, low in learned),
        ),
        Claim(
            "The same against the smaller one.",
            tuple(Comparison(low, _at("smaller", get, variance_cell("learned", "small", n))) for n, low in learned),
        ),
        Claim(
            "It has fewer bits per dimension: on CIFAR-10 3.17 by the hybrid loss and 2.94 by the bound itself, against 3.75 "
            "at most of Ho et al. 2020 with a fixed one.",
            (
                *(Comparison(bits, Measured(VARIANCES[v], results.bits(BoundCell("learned", v)))) for v in FIXED),
                *(
                    Comparison(bits, Measured(f"network without, {VARIANCES[v]}", results.bits(BoundCell("cosine", v))))
                    for v in FIXED
                ),
            ),
            digits=3,
        ),
    ]


# --- d ----------------------------------------------------------------------------------------------------------------


def section_d(results: Results) -> str:
    """Guidance."""
    rows, floors = [], None
    for scale in SCALES:
        row = results.row(guidance_cell(scale))
        covering = row.covering if row else None
        floors = floors or (row.covering_floor if row else None)
        rows.append(
            [
                f"{scale:g}",
                _read(results, guidance_cell(scale)),
                format_value(covering.recall if covering else None, 3),
                format_value(covering.precision if covering else None, 3),
                format_value(row.frechet if row else None),
            ]
        )
    floor = results.floor(SAMPLES)
    rows.append(
        [
            "real pictures",
            "–",
            format_value(floors.recall if floors else None, 3),
            format_value(floors.precision if floors else None, 3),
            format_value(floor[0] if floor else None),
        ]
    )
    return "\n\n".join(
        [
            "## d. Guidance: accuracy against diversity",
            f"The network that ships, DDIM with {GUIDED_STEPS} steps and eta 0, {SAMPLES} samples. Scale 1 is the plain "
            "conditional network, 0 ignores the label; the paper's w is the scale minus 1. Diversity is the recall of "
            "Kynkäänniemi et al. 2019 (arXiv:1904.06991): the share of held-out pictures that lie among the samples, in the "
            "classifier's features; precision is the share of samples that lie among the held-out pictures.",
            table(["scale", "accuracy", "recall (diversity)", "precision", "Fréchet distance"], rows),
            "![Accuracy against diversity](figures/guidance.svg)",
            "### Does the shape agree?",
            *(claim.markdown() for claim in claims_d(results)),
        ]
    )


def claims_d(results: Results) -> list[Claim]:
    """Of Ho & Salimans 2022."""

    def read(scale: float) -> Measured:
        row = results.row(guidance_cell(scale))
        return Measured(f"scale {scale:g}:", of_share(row.accuracy) if row else None)

    def recall(scale: float) -> Measured:
        row = results.row(guidance_cell(scale))
        return Measured(f"scale {scale:g}:", row.covering.recall if row and row.covering else None)

    def frechet(scale: float) -> Measured:
        return Measured(f"scale {scale:g}:", results.frechet(guidance_cell(scale)))

    return [
        Claim(
            "Guidance trades diversity for fidelity to the class (Ho & Salimans 2022, arXiv:2207.12598), here the share "
            "that the classifier reads as the class.",
            (Comparison(read(0), read(1)), Comparison(read(1), read(2)), Comparison(read(1), read(8))),
            digits=3,
        ),
        Claim(
            "Diversity: the recall.",
            (Comparison(recall(2), recall(1)), Comparison(recall(4), recall(2)), Comparison(recall(8), recall(4))),
            digits=3,
        ),
        Claim(
            "The FID is best with a little guidance: better than with none (scale 1) …",
            (Comparison(frechet(1.5), frechet(1)),),
        ),
        Claim(
            "… and worse again with much.",
            (Comparison(frechet(1.5), frechet(4)), Comparison(frechet(4), frechet(8))),
        ),
    ]


# --- e ----------------------------------------------------------------------------------------------------------------


def section_e(results: Results) -> str:
    """Samplers."""

    def line(sampler: str, nfe: Sequence[int], spacing: str) -> list[str]:
        cells = [solver_cell(sampler, n, spacing) for n in nfe]
        return [SAMPLERS[sampler].title, *(_with_nfe(results, cell, n) for cell, n in zip(cells, nfe, strict=True))]

    floor = results.floor(SAMPLES)
    real = format_value(floor[0] if floor else None)
    uniform = [line(sampler, NFE, "uniform") for sampler in SOLVERS]
    other = [line(sampler, FEW_NFE, "log-snr") for sampler in SOLVERS]
    return "\n\n".join(
        [
            "## e. Samplers, at equal numbers of network evaluations",
            f"The network that ships, labelled, at scale 1, {SAMPLES} samples. Heun evaluates the network twice in most steps, "
            "so it takes fewer steps; where its number of evaluations (NFE) differs, it stands in brackets.",
            table(["steps even in t", *(f"{n} NFE" for n in NFE)], [*uniform, ["real pictures", *[real] * len(NFE)]]),
            table(["steps even in log-SNR", *(f"{n} NFE" for n in FEW_NFE)], [*other, ["real pictures", *[real] * 2]]),
            "![Samplers](figures/samplers.svg)",
            "### Does the shape agree?",
            *(claim.markdown() for claim in claims_e(results)),
        ]
    )


def _with_nfe(results: Results, cell: Cell, nfe: int) -> str:
    row = results.row(cell)
    if row is None:
        return "–"
    return format_value(row.frechet) + (f" ({row.evaluations})" if row.evaluations != nfe else "")


def claims_e(results: Results) -> list[Claim]:
    """Of Lu et al. 2022 and Karras et al. 2022."""
    get = results.frechet

    def against_ddim(sampler: str, nfe: int, spacing: str) -> Comparison:
        name = f"{nfe} NFE, {'even in t' if spacing == 'uniform' else 'even in log-SNR'}: {SAMPLERS[sampler].title}"
        return Comparison(
            _at(name, get, solver_cell(sampler, nfe, spacing)), _at("DDIM", get, solver_cell("ddim", nfe, spacing))
        )

    return [
        Claim(
            "DPM-Solver++ 2M converges within 15 to 20 steps, DDIM within 100 and more (Lu et al. 2022, arXiv:2211.01095).",
            tuple(against_ddim("dpm++2m", n, spacing) for spacing in ("uniform", "log-snr") for n in FEW_NFE),
        ),
        Claim(
            "Heun's method, of order 2, is better than DDIM at as many network evaluations (Karras et al. 2022, "
            "arXiv:2206.00364; they use a spacing of their own).",
            tuple(against_ddim("heun", n, spacing) for spacing in ("uniform", "log-snr") for n in FEW_NFE),
        ),
        Claim(
            "With few steps less noise is better, as Song et al. 2021 find of DDIM (see a): the same should hold of the two "
            "DPM-Solver++.",
            (
                Comparison(
                    _at("DPM-Solver++ 2M, 10 NFE:", get, solver_cell("dpm++2m", 10)),
                    _at("the stochastic one:", get, solver_cell("dpm++2m-sde", 10)),
                ),
            ),
        ),
    ]
