"""The texts of the Points lab."""

TITLE = "Points that find their place"
LEAD = (
    "The same mathematics as for pictures, in the plane, where it can be watched: every particle begins as noise and is "
    "moved, step by step, to where the data are. Play it, or drag the strip; point at a particle to see its way."
)
STAGE = (
    "each particle starts from a random place (t = T) and is moved a little at every step until t = 0. Two clouds begin with "
    "the same noise: DDIM draws smooth curves, DDPM adds fresh noise at every step and wanders. The **distance to the data** "
    "is the energy distance; its **floor** is what two halves of the data have between them, so nothing needs to be lower. "
    "**Arrows** point where the denoiser would move a particle that is there now (the score, times the strength of the noise). "
    "All points are shifted and scaled to mean 0 and variance 1 along each axis."
)
DRAW = "Draw your own points"
PAD = (
    "what you draw becomes the data, scaled to mean 0 and variance 1 along each axis. Up to four classes, told apart by "
    "colour and mark. The drawing is in the link."
)
UPLOAD = "Your own points, as CSV"
UPLOAD_HELP = (
    "x and y on each line, and a class after them if you like. A first line of words is taken as a header. Of long files, "
    "the first 100,000 lines are read and up to 5,000 points, drawn at random, are used. The file is not part of the link."
)
PASTE = "Or paste them here"
TRAIN = "Train a network on these points"
TRAIN_LEAD = (
    "A small network learns what the exact denoiser calculates. It takes a few seconds; the cloud, always from the same noise, "
    "is redrawn as it learns."
)
TRAIN_EMPTY = "Press Train: the loss and the cloud will stand here."
TRAINING = (
    "the loss is the squared error of the network's answer. It cannot fall below that of the exact denoiser (dashed), which "
    "knows all the points: most of the noise in a point cannot be guessed by anybody. "
    "Drag the strip below the cloud to see how it learned."
)
TRAINED = "Trained. Set **Denoiser** to Trained to sample from it, or compare it with the exact one."
LOSSES = "Losses (CSV)"
BEGIN = "Train"
TRAIN_ON = "Train on"

STEP = "One step of one particle, taken apart"
STEP_LEAD = (
    "Every update of a sampler is a **weighted sum of a few vectors**. Choose a particle: click on it in the cloud above, or "
    "type its number here. The step is where the cloud's strip stands."
)
STEP_ABOUT = (
    "the left picture adds the terms up, head to tail from the middle: the last arrow ends where the particle goes. The right "
    "one shows the step itself from near by. Point at a term, or move to it with Tab, and its arrow alone is strong; dashed "
    "beside it is the vector before it was weighted. Green dots are the data points that the **exact denoiser** has in mind, "
    "the larger the more: x̂0 is their weighted mean. The **posterior** says where the particle would have been if x̂0 were the "
    "truth: its dashed circle has the radius σ, and DDPM draws the next place from it. A full circle is the σ of "
    "the noise that the step itself adds."
)
POSTERIOR = "The mean of the posterior, as if x̂0 were the truth: DDPM’s step without its fresh noise"
POSTERIOR_STD = "σ of the posterior"
PARTS: dict[str, tuple[str, str]] = {
    "x": ("<i>x</i><sub>{t}</sub>", "where the particle is"),
    "x0": ("<i>x̂</i><sub>0</sub>", "where the denoiser expects it to end, on average"),
    "noise": ("<i>ε̂</i>", "the noise that the denoiser sees in it"),
    "fresh": ("<i>z</i>", "fresh noise, drawn for this step from N(0, I)"),
    "x0 second": ("<i>x̂</i>′<sub>0</sub>", "where it expects it to end at the second look, after a trial step"),
    "noise second": ("<i>ε̂</i>′", "the noise that it sees at the second look, after a trial step"),
    "x0 previous": ("<i>x̂</i>⁻<sub>0</sub>", "where it expected it to end one step before"),
    "noise previous": ("<i>ε̂</i>⁻", "the noise that it saw one step before"),
    "next": ("<i>x</i><sub>{t}</sub>", "where the particle is after this step"),
    "posterior": ("<i>m</i><sub>{t}</sub>", "the mean of the posterior, if x̂0 were the truth"),
    "exact": ("<i>x̂</i>*<sub>0</sub>", "where the exact denoiser expects it to end: the mean of the points, by weight"),
}
"""Symbol and explanation of each part of a sum; {t} is the time."""
