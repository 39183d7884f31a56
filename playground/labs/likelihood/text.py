"""The texts of the Likelihood lab."""

TITLE = "How many bits does a picture cost?"
LEAD = (
    "A model that has understood its pictures can store each of them in few bits: what it finds likely is cheap. This "
    "lab measures how many bits a model needs **at most** for each number of a picture, and **where on the way** from "
    "noise to picture they are spent. Eight bits would be a picture stored as it is."
)
START = "Measure"
WHAT = "pictures × bars"
EMPTY = "Press Measure: the bars grow with every picture."
CHANGED = "The settings have changed since: press Measure to see what they say."
BARS = (
    "each bar is the bound on −log₂ p(picture), averaged over the pictures. **L₀** pays for the very last step, from "
    "nearly clean to exactly these 256 grey values; the **steps** pay for what each step of the model gets wrong; **L "
    "at T** is what is left of the picture in the final noise. A VAE has one hidden layer, so its bar has two parts: "
    "the **reconstruction**, which is its L₀, and the **KL**, what it costs to say which hidden numbers. Both read "
    "their last step as the same 256 levels, so the bars compare. The diffusion models are told the class, which can "
    "save at most 0.004 bits here; the VAE is not."
)
REMARKS = {
    "layers": "Fewer bits do not mean better pictures. The VAE was trained on this very bound, with a variance for every "
    "pixel; a denoiser is trained on a loss that hardly counts the cleanest steps, where most of its bits are spent. "
    "Look at what each of them draws.",
    "ideal": "The ideal denoiser knows the training pictures by heart and nothing else. Those it stores in little more "
    "than its last step, whose fixed noise blurs them again; a picture that it has never seen it finds all but "
    "impossible. A network that never reaches it has understood more.",
}
"""What is said of a comparison beside its bars."""
TRADE = (
    "told one after the other, x_T, x_{T−1}, … say more and more of a picture. From left to right: bits spent so far, "
    "and how far off the best guess still is. T layers can stop anywhere on their curve; one layer has a single "
    "point, and pays for all the rest in its reconstruction."
)
PRICES = "Which pictures are cheap?"
PRICES_ABOUT = (
    "the pictures sorted by what the first bar says, and what every bar says of each, in bits per dimension. A thin 1 "
    "leaves most pixels black and is cheap; grey edges, which nobody can foresee exactly, are dear."
)
LATENT = "One hidden layer: the VAE"
LATENT_ABOUT = (
    "a picture is squeezed into a few numbers and made from them again. What is lost on the way is what the "
    "reconstruction term pays for. Pictures drawn from the prior have never been anybody's."
)
WALK = (
    "on the left, the hidden numbers go in a straight line from one picture to the other, and the decoder says what "
    "each stop looks like. On the right the pixels themselves are mixed."
)
GRID = (
    "two hidden numbers vary, all others stay as in the first picture. The middle is 0, the edge 2.5 standard "
    "deviations of the prior."
)
HEAT = "When was what learned?"
HEAT_ABOUT = (
    "the loss minus that of the ideal denoiser of the same training pictures, by training step and noise level. Strong colour "
    "is what was still to be learned. At low noise the ideal knows which picture it is, and no network that "
    "generalises gets there."
)
HEAT_WAIT = "The ideal denoiser is being asked …"
PRICES_CSV = "All pictures and what they cost (CSV)"
ORIGINALS, BACK, DRAWN = "Held-out pictures", "What comes back through the VAE", "Drawn from its prior"


def used(used: int, latent: int) -> str:
    """How many of the latent numbers say anything."""
    return f"{used} of its {latent} hidden numbers say something (more than 0.1 nats of a picture, on average)."
