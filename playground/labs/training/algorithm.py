"""The algorithm of a training run, line by line, with the numbers of its latest report; Ho et al. 2020, algorithm 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import _
from playground.components.payloads.panels import Algorithm, AlgorithmLine, AlgorithmPanel
from playground.labs.shared.naming import cited

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot
    from engine.training.config import TrainConfig

TARGETS = {
    "noise": ("<i>ε</i>", "<i>ε̂</i>"),
    "clean": ("<i>x</i><sub>0</sub>", "<i>x̂</i><sub>0</sub>"),
    "velocity": ("<i>v</i>", "<i>v̂</i>"),
}
"""What a denoiser predicts, and its prediction."""
NOISED = (
    "<i>ε</i> ~ <i>N</i>(0, <i>I</i>), <i>x</i><sub>t</sub> = <sqrt><i>ᾱ</i><sub>t</sub></sqrt> <i>x</i><sub>0</sub>"
    " + <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt> <i>ε</i>"
)
VELOCITY = (
    "<i>v</i> = <sqrt><i>ᾱ</i><sub>t</sub></sqrt> <i>ε</i> − <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt> <i>x</i><sub>0</sub>"
)


def algorithm(snapshot: Snapshot) -> Algorithm:
    """The algorithm of a run as it is now: its loop is carried out while the run trains."""
    from engine.training.rate import ema_decay

    config, report = snapshot.config, snapshot.reports[-1] if snapshot.reports else None
    loop = [
        AlgorithmLine(_("repeat {steps} times:", steps=config.steps), _("step {now}", now="{step}")),
        AlgorithmLine(_("<i>x</i><sub>0</sub> ~ {batch} of the training images", batch=config.batch), indent=1),
        *(AlgorithmLine(line, indent=1) for line in _noising(config)),
        AlgorithmLine(_loss(config), "<i>L</i> = {loss}", 1),
        AlgorithmLine("<i>θ</i> ← AdamW(<i>θ</i>, ∇<i>L</i>)", _("learning rate {now}", now="{rate}"), 1),
        AlgorithmLine(
            "<i>θ</i><sub>EMA</sub> ← <i>d</i> <i>θ</i><sub>EMA</sub> + (1 − <i>d</i>) <i>θ</i>",
            "<i>d</i> = {decay}",
            1,
        ),
    ]
    lines = (*loop, AlgorithmLine(_("return <i>θ</i><sub>EMA</sub>")))
    is_over = snapshot.status in ("finished", "stopped")
    current = (len(loop),) if is_over else tuple(range(len(loop))) if snapshot.status == "running" else ()
    values = {
        "step": str(snapshot.step),
        "loss": f"{report.loss:.4f}" if report else "–",
        "rate": f"{report.learning_rate:.2g}" if report else "–",
        "decay": f"{ema_decay(snapshot.step, config.ema_decay):.4g}",
    }
    panel = AlgorithmPanel(
        _("The algorithm"),
        lines,
        (current,),
        {name: (text,) for name, text in values.items()},
        _source(config),
        {"L": "loss", "d": "decay"},
    )
    return Algorithm(panel)


def _noising(config: TrainConfig) -> tuple[str, ...]:
    """The lines that noise the images; a VAE trains on clean ones."""
    if config.task == "vae":
        return ()
    uniform = _("<i>t</i> ~ uniform in 1 … {T}", T=config.T)
    often = _("<i>t</i> ~ <i>p</i><sub>t</sub> ∝ <sqrt>E[<i>L</i><sub>t</sub>²]</sqrt> in 1 … {T}", T=config.T)
    return often if config.importance else uniform, NOISED


def _loss(config: TrainConfig) -> str:
    """The loss of a batch, as `engine.training.objective` computes it."""
    if config.task == "classifier":
        return _("<i>L</i> = mean of −log p<sub>θ</sub>(<i>y</i> | <i>x</i><sub>t</sub>)")
    if config.task == "vae":
        return _("<i>L</i> = mean of −log p(<i>x</i><sub>0</sub> | z) + KL(q(z | <i>x</i><sub>0</sub>) ‖ p(z))")
    target, prediction = TARGETS[config.target]
    weight = "" if config.weighting == "plain" else "<i>w</i><sub>t</sub> "
    made = f", {VELOCITY}" if config.target == "velocity" else ""
    bound = f" + {config.vlb_weight:g} <i>L</i><sub>vlb</sub>" if config.learned_variance else ""
    return _("<i>L</i> = mean of {loss}", loss=f"{weight}‖{target} − {prediction}‖²{bound}{made}")


def _source(config: TrainConfig) -> str:
    if config.task == "classifier":
        return cited("Dhariwal & Nichol 2021, section 4")
    if config.task == "vae":
        return cited("Kingma & Welling 2014, eq. 3")
    more = {"noise": "eq. 14", "clean": "", "velocity": "Salimans & Ho 2022, section 4"}[config.target]
    hybrid = "Nichol & Dhariwal 2021, eq. 16" if config.learned_variance else ""
    weighting = "Hang et al. 2023, section 3.4" if config.weighting == "min-snr" else ""
    return _("; ").join(filter(None, map(cited, ("Ho et al. 2020, algorithm 1", more, weighting, hybrid))))
