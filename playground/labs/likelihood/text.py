"""The texts of the Likelihood lab."""

from engine.language import N_, _, translated

TITLE = N_("Likelihood in bits per dimension")
LEAD = N_(
    "How many bits does a model need, **at most**, for each pixel value of an image? The variational "
    "bound on −log₂ p(x) is this number, a sum over **the timesteps** at which the bits arise. An image "
    "stored as it is has 8 bits per dimension."
)
TERMS = (
    "variational bound",
    "bits per dimension",
    "prior term",
    "denoising term",
    "decoder term",
    "learned variance",
    "VAE",
    "latent variable",
    "exact denoiser",
)
"""Of the glossary, in the order in which the page shows them."""
START = N_("Measure")
WHAT = N_("images × bars")
EMPTY = N_("Press Measure: the bars grow with every image.")
CHANGED = N_("The settings have changed since these bars were measured: press Measure to apply them.")
BARS = (
    N_(
        "Each bar is the mean variational bound in bits per dimension: **L₀** encodes the grey values, the "
        "rest are KL divergences."
    ),
    N_("Point at the parts of a bar, and find the noise levels that cost most bits."),
    N_(
        "A VAE has one latent layer: **reconstruction** plus **KL**. The diffusion models are "
        "class-conditional, which saves at most 0.004 bits here."
    ),
)
REMARKS = {
    "layers": N_(
        "Fewer bits do not mean better samples. The VAE was trained on this very bound, with a variance for "
        "every pixel; a denoiser is trained on a loss that gives the cleanest steps little weight, where "
        "most of its bits arise."
    ),
    "ideal": N_(
        "The exact denoiser has memorized the training images: those need little more than L₀, whose fixed "
        "noise blurs them again, and an image that is not among them needs very many bits. A network that "
        "never reaches it generalises."
    ),
}
"""What is said of a comparison beside its bars."""
TRADE_TITLE = N_("Rate and distortion")
TRADE = N_(
    "from left to right x_T, x_{T−1}, … are sent one after the other: the rate so far, and the RMS error "
    "of x̂₀ given them. A diffusion model can stop anywhere on its curve; a VAE is a single point."
)
BITS = N_("Bits of single images")
BITS_ABOUT = N_(
    "the images sorted by the bits of the first bar, with the bits of every bar. A thin 1 leaves most "
    "pixels black and needs few bits; grey edges, which cannot be predicted exactly, need many."
)
FEWEST, MOST = N_("Fewest bits"), N_("Most bits")
LATENT = N_("One latent layer: the VAE")
LATENT_ABOUT = N_(
    "an image is encoded into a few latent variables and decoded again; what is lost is encoded by the "
    "reconstruction term. The last row is decoded from the prior."
)
INTERPOLATION = N_(
    "the latent variables are interpolated linearly between two images and decoded, and, beside them, the pixels themselves "
    "are interpolated."
)
GRID = N_(
    "two latent dimensions vary, all others stay those of the first image. The middle is 0, the edge 2.5 "
    "standard deviations of the prior."
)
HEAT = N_("Excess loss over training")
HEAT_ABOUT = N_(
    "the training loss minus the Bayes-optimal loss of the same training images, by training step and "
    "noise level: strong colour is what was still to be learned. At low noise the exact denoiser "
    "identifies the training image, and no network that generalises reaches it."
)
HEAT_WAIT = N_("The Bayes-optimal loss is being computed …")
BITS_CSV = N_("Bits per dimension of all images (CSV)")
ORIGINALS, BACK, DRAWN = N_("Held-out images"), N_("Their reconstructions by the VAE"), N_("Samples from its prior")


def of_a_cell(error: float) -> str:
    """Behind the title of the map: how far a cell may differ from the next by chance."""
    return _(" (standard error of a cell: {error:.2g})", error=error) if error == error else ""


def used(used: int, latent: int) -> str:
    """How many of the latent dimensions carry information."""
    return _(
        "{used} of its {latent} latent dimensions have a KL above 0.1 nats, on average over the images.",
        used=used,
        latent=latent,
    )


translated(__name__)
