"""The parts of a step, and the posterior weights of an exact denoiser, in words."""

PARTS: dict[str, tuple[str, str]] = {
    "x": ("<i>x</i><sub>{t}</sub>", "the noisy image"),
    "x0": ("<i>x̂</i><sub>0</sub>", "the prediction of the clean image"),
    "noise": ("<i>ε̂</i>", "the predicted noise"),
    "fresh": ("<i>z</i>", "fresh noise, drawn for this step"),
    "x0 second": ("<i>x̂</i>′<sub>0</sub>", "the prediction of the second network evaluation, after a trial step"),
    "noise second": ("<i>ε̂</i>′", "the noise predicted by the second network evaluation, after a trial step"),
    "x0 previous": ("<i>x̂</i>⁻<sub>0</sub>", "the prediction one step before"),
    "noise previous": ("<i>ε̂</i>⁻", "the noise predicted one step before"),
    "true x0": ("<i>x</i><sub>0</sub>", "the reference image"),
    "true noise": ("<i>ε</i>", "the noise that was added to it"),
    "next": ("<i>x</i><sub>{t}</sub>", "the image after this step"),
    "posterior": ("<i>m</i><sub>{t}</sub>", "the mean of the true posterior q(x_s | x_t, x₀)"),
    "difference": ("<i>μ</i> − <i>m</i>", "the mean of the model's step minus that of the posterior, from −¼ to ¼"),
    "exact": ("<i>x̂</i>*<sub>0</sub>", "the prediction of the exact denoiser of the training images"),
}
"""Symbol and explanation of each part of a sum; {t} is the time."""


def effective_count(effective: float, count: int, of_class: bool, what: str = "training images") -> str:
    """How the posterior weights of the exact denoiser are spread, in a sentence.

    Args:
        effective: 1 / Σ weight², so many equal weights would be spread alike.
        count: number of data that have a weight.
        of_class: whether these are the data of one class.
        what: they are called.
    """
    data = f"{count:,} {what}{' of the class' if of_class else ''}"
    if effective < 1.05:
        return f"Posterior weights: all on one of {data}."
    number = f"{effective:.1f}" if effective < 10 else f"{effective:,.0f}"
    return f"Posterior weights: spread as over {number} of {data} with equal weights."
