"""The texts of the Microscope."""

TITLE = "Microscope"
LEAD = (
    "One picture, one step. Every update of a sampler is a **weighted sum of a few pictures**: see today's numbers at any "
    "pixel, and what each part looks like. Then take another turning: **fork** the walk at any step, and compare the outcomes."
)
START = "🔬 Walk again"
EMPTY = "The walk begins by itself. Drag along a strip to choose a step, point at a picture to choose a pixel."
LOOKING_AT = (
    "each strip is one walk from noise to picture, and shows what the model thinks is underneath at every step. Below it "
    "the chosen step: what the sampler adds up, with the numbers of the chosen pixel (white is 1, black is −1; noise is drawn "
    "from −3 to 3). Point at a part of the sum and its picture lights up, and the other way round. Arrow keys move along a "
    "strip, and over a picture from pixel to pixel."
)
FORK = "Fork: go on from here with another setting"
FORK_ABOUT = "Change one thing or several. The walk goes on from **{place}**, and both outcomes stay on the page."
FORK_BUTTON = "🌿 Fork here"
UNDO = "Take the last fork back"
NOTHING_CHANGED = "Nothing is changed yet: the fork would be the very same walk. Set something else first."
TOO_MANY = "{most} forks fit on the page: take one back first."
NOT_YET = "The walk is not there yet: a moment, please."
APART = "A fork leaves a walk. This strip is a real picture with noise added: choose a step on one of the walks."
NO_DATA = "The training pictures of this model are not known here, so there is no real picture to compare with."
TAKE_AWAY = "Take it with you: this branch as picture, recipe and Python"
BRANCH = "Branch"
ERRORS_CSV = "Errors at every level (CSV)"
REAL = "A real picture, noised"
ERRORS = "Where the answer is known: how wrong the model is at each noise level"
ERRORS_ABOUT = (
    "The last strip is a real picture with known noise, so there is a right answer: the posterior q, which knows the "
    "clean picture. KL says how far the step's law is from it, in nats per number: this is what training on the bound "
    "makes small."
)
ABOUT_ERRORS = (
    "each level takes the same real picture and the same noise, mixed as that level has it. A network's error of x̂₀ falls "
    "towards the clean end, where there is little left to guess; its error of ε̂ rises, since little noise is hard to tell from "
    "detail. An ideal denoiser that has never seen the picture stays wrong to the end: it knows its training pictures "
    "and nothing else."
)

PARTS: dict[str, tuple[str, str]] = {
    "x": ("<i>x</i><sub>{t}</sub>", "the noisy picture as it is"),
    "x0": ("<i>x̂</i><sub>0</sub>", "what the model thinks is underneath"),
    "noise": ("<i>ε̂</i>", "the noise that the model sees"),
    "fresh": ("<i>z</i>", "fresh noise, drawn for this step"),
    "x0 second": ("<i>x̂</i>′<sub>0</sub>", "what it thinks at the second look, after a trial step"),
    "noise second": ("<i>ε̂</i>′", "the noise that it sees at the second look, after a trial step"),
    "x0 previous": ("<i>x̂</i>⁻<sub>0</sub>", "what it thought one step before"),
    "noise previous": ("<i>ε̂</i>⁻", "the noise that it saw one step before"),
    "true x0": ("<i>x</i><sub>0</sub>", "the real picture, which is known here"),
    "true noise": ("<i>ε</i>", "the noise that was added, which is known here"),
    "next": ("<i>x</i><sub>{t}</sub>", "the picture after this step"),
    "posterior": ("<i>m</i><sub>{t}</sub>", "the mean of the true posterior: where the step would aim if it knew"),
    "difference": ("<i>μ</i> − <i>m</i>", "where the model's step aims otherwise, drawn from −¼ to ¼"),
    "exact": ("<i>x̂</i>*<sub>0</sub>", "the exact denoiser's answer, the best for the training pictures"),
}
"""Symbol and explanation of each part of a sum; {t} is the time."""


def thinking(effective: float, count: int, of_class: bool, what: str = "training pictures") -> str:
    """What the weights of the exact denoiser say; `effective` of them share them out of `count`, and `what` they are."""
    of_them = f"{count:,} {what}{' of the class' if of_class else ''}"
    if effective < 1.05:
        return f"The exact denoiser is sure: of {of_them} it thinks of one only."
    if effective < 10:
        return f"The exact denoiser hesitates between a few of {of_them}: as if between {effective:.1f} alike."
    if effective < count / 2:
        return f"The exact denoiser thinks of many of {of_them} at once: as if of {effective:,.0f} alike."
    return f"The exact denoiser still thinks of most of {of_them}: as if of {effective:,.0f} alike."
