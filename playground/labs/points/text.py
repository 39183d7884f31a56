"""The texts of the Points lab."""

from engine.language import N_, _, translated

TITLE = N_("Diffusion in the plane")
LEAD = N_(
    "The same mathematics as for images, in two dimensions: every particle starts as noise and is moved "
    "step by step to the data distribution. Play it, drag the strip, or point at a particle to see its "
    "trajectory."
)
TERMS = (
    "noisy data",
    "x̂₀ prediction",
    "exact denoiser",
    "posterior weights",
    "smoothing",
    "trajectory",
    "sampler",
    "stochasticity",
    "guidance scale",
    "energy distance",
)
"""Of the glossary, in the order in which the page shows them."""
STAGE = (
    N_("Particles from N(0, I), moved at every step from t = T to 0; both clouds start from the same noise."),
    N_("Compare the **arrows**, the score times σ, at high and at low noise."),
    N_("The **energy distance** (± standard error) is at best near its floor, that of two random halves of the data."),
)
NOT_TRAINED = N_("No network has been trained on these points yet: press Train. Until then the exact denoiser is used.")
DRAW = N_("Draw points")
PAD = N_(
    "your points, which become the data after scaling to mean 0 and variance 1 along each axis. Up to "
    "four classes, by colour and mark; the drawing is part of the link."
)
UPLOAD = N_("Your own points (CSV)")
UPLOAD_HELP = N_(
    "x and y on each line, then optionally a class. A first line of words is a header. Of long files the "
    "first 100,000 lines are read, and up to 5,000 random points of them used. The file is not part of "
    "the link."
)
PASTE = N_("Pasted points")
TRAIN = N_("Train a network on these points")
TRAIN_LEAD = N_("A small network learns to approximate the exact denoiser. It takes a few seconds.")
TRAIN_EMPTY = N_("Press Train to start.")
TRAINING = N_(
    "the squared error of the network, which on average cannot fall below the Bayes-optimal loss of the "
    "exact denoiser (dashed), and a cloud sampled from the same noise after each training step on the "
    "strip."
)
TRAINED = N_(
    "Training has ended. Set **Denoiser** to Trained to sample from the network, or compare it with the exact one."
)
BAND = N_("Band: where the exact denoiser's own loss lies, on as many random samples, in 19 of 20 reports.")
LOSSES = N_("Losses (CSV)")
BEGIN = N_("Train")
TRAIN_ON = N_("Continue training")

STEP = N_("Step decomposition of one particle")
STEP_LEAD = N_(
    "Every update of a sampler is a **weighted sum of a few vectors**. Select a particle in the cloud "
    "above or type its number here; the step is the one at which the cloud's strip stands."
)
STEP_ABOUT = N_(
    "first the terms, added head to tail from the origin; then the step itself, enlarged, with a full "
    "circle for the σ of its fresh noise and a dashed one for the posterior's. Green dots are the data "
    "points of the largest **posterior weight**; the weighted mean of all data points is the exact x̂₀."
)


def drawn_share(count: int, share: float) -> str:
    """How many of the points are drawn, and how much of the posterior weight they have."""
    return "" if share > 0.9995 else _("The {count:,} drawn have {share:.0f} % of it.", count=count, share=100 * share)


POSTERIOR = N_("Mean of the posterior q(xₛ | xₜ, x̂₀): DDPM’s step without its fresh noise")
POSTERIOR_STD = N_("σ of the posterior")
PARTS: dict[str, tuple[str, str]] = {
    "x": ("<i>x</i><sub>{t}</sub>", N_("the particle")),
    "x0": ("<i>x̂</i><sub>0</sub>", N_("the denoiser's prediction of x₀")),
    "noise": ("<i>ε̂</i>", N_("the predicted noise")),
    "fresh": ("<i>z</i>", N_("fresh noise, drawn for this step from N(0, I)")),
    "x0 second": ("<i>x̂</i>′<sub>0</sub>", N_("x̂₀ of the second network evaluation, after a trial step")),
    "noise second": ("<i>ε̂</i>′", N_("ε̂ of the second network evaluation, after a trial step")),
    "x0 previous": ("<i>x̂</i>⁻<sub>0</sub>", N_("x̂₀ of the step before")),
    "noise previous": ("<i>ε̂</i>⁻", N_("ε̂ of the step before")),
    "next": ("<i>x</i><sub>{t}</sub>", N_("the particle after this step")),
    "posterior": ("<i>m</i><sub>{t}</sub>", N_("the mean of the posterior q(xₛ | xₜ, x̂₀)")),
    "exact": ("<i>x̂</i>*<sub>0</sub>", N_("the exact denoiser's x̂₀: the posterior mean over the points")),
}
"""Symbol and explanation of each term of a sum; {t} is the time."""


translated(__name__)
