"""The texts of the Flight recorder."""

TITLE = "Flight recorder"
LEAD = (
    "The same noise, given to the same network **at every stage of its training**. One strip says how long it had trained, the "
    "other how far it had denoised. Drag either, or drag across the map, which shows one picture at all moments at once."
)
LOOKING_AT = (
    "down the map the network learns, along a row it denoises. Untrained, it sees nothing in the noise. Then come soft blots "
    "where pictures usually are bright, then strokes, and late in training the last steps of each row add edges. Click a "
    "picture in the field to see that one in the map."
)
RECORDED = (
    "**Recorded**: a tiny network of 428,000 weights that trained for 2,500 steps on 4,000 digits. To fly your own: train "
    "something in the **Training** lab, and choose it in the sidebar. A training keeps what it has learned at up to 12 evenly "
    "spaced steps, of networks up to 4 million weights; of larger ones the last checkpoints."
)
START = "Fly"
WHAT = "steps"
PRESS = "Press Fly to draw this training at all its moments."
DAMAGED = "The recording that ships is missing or damaged. Trainings of your own can still be flown."
CSV = "How far each guess is from the end of its row (CSV)"
