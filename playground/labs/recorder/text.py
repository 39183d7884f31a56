"""The texts of the Recorder."""

from engine.language import N_, translated

TITLE = N_("Training × sampling map")
LEAD = N_(
    "The same noise, denoised by the same network **after every stage of its training**. One strip is "
    "training time, the other sampling time: drag either, or drag across the map, which shows one image "
    "at all stages."
)
TERMS = (
    "milestone",
    "EMA",
    "x̂₀ prediction",
    "noisy data",
    "trajectory",
)
"""Of the glossary, in the order in which the page shows them."""
LOOKING_AT = (
    N_("Down the map the network is trained further; along a row it denoises."),
    N_("Click an image in the grid to see that one in the map."),
    N_("An untrained network leaves noise; a trained one begins with the blurred mean of a class."),
)
RECORDED = N_(
    "**Recorded**: a network of 426,000 weights, trained for 2,500 steps on 4,000 digits. After 320 "
    "steps every row ends in strokes, ragged and partly misplaced; by 1,280 steps they are smooth, and "
    "little changes from there. To record a run of your own, train one in the **Training** lab and "
    "choose it in the sidebar: milestones are kept at up to 12 evenly spaced steps for networks of up to "
    "4 million weights, the last checkpoints for larger ones."
)
LANES = {
    "x0": N_("<i>x̂</i><sub>0</sub>, the prediction"),
    "x": N_("<i>x</i><sub>t</sub>, the noisy image"),
}
START = N_("Record")
WHAT = "steps"
PRESS = N_("Press Record to sample with this run after every stage of its training.")
DAMAGED = N_("The recording that ships is missing or damaged. Runs of your own can still be recorded.")
CSV = N_("Distance of each prediction to the end of its row (CSV)")


translated(__name__)
