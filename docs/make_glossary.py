"""Writes docs/glossary.md: the terms that pages show, and the papers that they are from. python docs/make_glossary.py"""

from __future__ import annotations

from pathlib import Path

from playground.labs.shared.glossary import terms

PAPERS = {
    "Ho et al. 2020": ("Denoising diffusion probabilistic models", "2006.11239"),
    "Song et al. 2021": ("Denoising diffusion implicit models", "2010.02502"),
    "Nichol & Dhariwal 2021": ("Improved denoising diffusion probabilistic models", "2102.09672"),
    "Dhariwal & Nichol 2021": ("Diffusion models beat GANs on image synthesis", "2105.05233"),
    "Ho & Salimans 2022": ("Classifier-free diffusion guidance", "2207.12598"),
    "Kingma et al. 2021": ("Variational diffusion models", "2107.00630"),
    "Salimans & Ho 2022": ("Progressive distillation for fast sampling of diffusion models", "2202.00512"),
    "Karras et al. 2022": ("Elucidating the design space of diffusion-based generative models", "2206.00364"),
    "Lu et al. 2022a": ("DPM-Solver: a fast ODE solver for diffusion probabilistic model sampling", "2206.00927"),
    "Lu et al. 2022b": (
        "DPM-Solver++: fast solver for guided sampling of diffusion probabilistic models",
        "2211.01095",
    ),
    "Lin et al. 2023": ("Common diffusion noise schedules and sample steps are flawed", "2305.08891"),
    "Hang et al. 2023": ("Efficient diffusion training via min-SNR weighting strategy", "2303.09556"),
    "Kingma & Welling 2014": ("Auto-encoding variational Bayes", "1312.6114"),
    "Chen 2023": ("On the importance of noise scheduling for diffusion models", "2301.10972"),
    "Saharia et al. 2022": (
        "Photorealistic text-to-image diffusion models with deep language understanding",
        "2205.11487",
    ),
    "Kynkäänniemi et al. 2024": ("Applying guidance in a limited interval", "2404.07724"),
    "Heusel et al. 2017": (
        "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
        "1706.08500",
    ),
    "Vaswani et al. 2017": ("Attention is all you need", "1706.03762"),
    "Székely & Rizzo 2013": ("Energy statistics: a class of statistics based on distances", ""),
}
"""By the name that a term gives its paper: title and arXiv number, "" where it is not there."""

PAGE = Path(__file__).with_name("glossary.md")


def page() -> str:
    """docs/glossary.md."""
    lines = [
        "# Glossary",
        "",
        "The terms that pages show, as the papers use them. Made from playground/labs/shared/glossary.csv",
        "by `python docs/make_glossary.py`.",
    ]
    group = ""
    for term in terms().values():
        if term.group != group:
            group = term.group
            lines += [
                "",
                f"## {group}",
                "",
                "| term | symbol | what it is | formula | source |",
                "|---|---|---|---|---|",
            ]
        cells = (term.name, term.symbol, term.sentence, term.formula, term.source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", "## Papers", ""]
    for paper, (title, number) in PAPERS.items():
        lines.append(f"- {paper}: {title}" + (f", [arXiv:{number}](https://arxiv.org/abs/{number})" if number else ""))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
