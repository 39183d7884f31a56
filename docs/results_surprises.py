"""An unplanned finding: section f of docs/results.md."""

from __future__ import annotations

from results_claims import Claim, Comparison, Measured
from results_plan import paper_row, schedule_cell, solver_cell
from results_rows import Results

GREY = """How it shows: a digit is black and white, with 4.6 % of its pixels grey (x between −0.9 and −0.1; held-out digits).
Of 100 samples at 50 steps of a “tiny” network that ships, digits-learned-variance, 25.7 % ± 2.6 of the pixels are grey with
DDIM, 23.9 % ± 2.5 with Heun and 24.6 % ± 2.5 with DPM-Solver++ 2M, but 5.3 % ± 0.1 with DDPM and 5.0 % ± 0.1 with the
stochastic DPM-Solver++. Solvers of higher order give grey pixels as well: the cause is not the discretisation error.
The x̂0 prediction is too bright in nearly pure noise (it is −0.44 on average at t = 1000, a digit −0.74); without fresh noise
that stays as a grey background. The longer trained network of section a has none with any sampler (4.7 % to 4.8 % ± 0.2,
50 samples). These numbers were measured once, by hand (PyTorch 2.15, one thread of a shared CPU);
tests/docs/test_results_page.py holds what they say on fewer samples."""


def section_f(results: Results) -> str:
    """Fresh noise against the network's errors."""
    return "\n\n".join(
        [
            "## f. What surprised us: fresh noise repairs a network that was trained too little",
            "The same networks and noise schedules as above: only how they are drawn from differs.",
            claim_f(results).markdown(),
            GREY,
        ]
    )


def claim_f(results: Results) -> Claim:
    """Of Karras et al. 2022."""
    get = results.frechet
    pairs = (
        ("linear (section b), DDPM", schedule_cell("linear", "ddpm", 50), "DDIM", schedule_cell("linear", "ddim", 50)),
        ("cosine (section b), DDPM", schedule_cell("cosine", "ddpm", 50), "DDIM", schedule_cell("cosine", "ddim", 50)),
        ("the network of section a, eta 1", paper_row("1", 50), "eta 0", paper_row("0", 50)),
        (
            "the same, DPM-Solver++ 2M SDE",
            solver_cell("dpm++2m-sde", 50),
            "DPM-Solver++ 2M",
            solver_cell("dpm++2m", 50),
        ),
    )
    return Claim(
        "Fresh noise at every step corrects errors of earlier steps, and matters less for better networks (Karras et "
        "al. 2022, arXiv:2206.00364, sections 4 and 5). Here at 50 steps or network evaluations.",
        tuple(Comparison(Measured(a, get(low)), Measured(b, get(high))) for a, low, b, high in pairs),
    )
