"""The texts of the Flight recorder."""

TITLE = "Flight recorder"
LEAD = (
    "The same noise, given to the same network **at every stage of its training**. One strip says how long it had trained, the "
    "other how far it had denoised. Drag either, or drag across the map, which shows one picture at all moments at once."
)
LOOKING_AT = (
    "down the map the network learns, along a row it denoises. Untrained, it makes nothing of the noise. A trained row begins "
    "blurred, with what the pictures of its class have in common, and decides on its strokes as it goes on. Click a picture in "
    "the field to see that one in the map."
)
RECORDED = (
    "**Recorded**: a tiny network of 426,000 weights that trained for 2,500 steps on 4,000 digits. Noise stays noise in the "
    "first row. After 320 steps every row ends in strokes already, ragged and partly misplaced: the 3 has a tail, the 7 a "
    "stray dot. By 1,280 steps both are gone and the strokes are smooth; what comes then changes little. To fly your own: "
    "train something in the **Training** lab, and choose it in the sidebar. A training keeps what it has learned at up to 12 "
    "evenly spaced steps, of networks up to 4 million weights; of larger ones the last checkpoints."
)
START = "Fly"
WHAT = "steps"
PRESS = "Press Fly to draw this training at all its moments."
DAMAGED = "The recording that ships is missing or damaged. Trainings of your own can still be flown."
CSV = "How far each guess is from the end of its row (CSV)"
