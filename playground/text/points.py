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
