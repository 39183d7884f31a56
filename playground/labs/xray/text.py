"""The texts of the Network x-ray."""

from engine.language import N_, translated
from playground.components.payloads.xray import XRayWord

TITLE = N_("Network x-ray")
LEAD = N_(
    "A U-Net, drawn from its own modules, in one forward pass on **one noisy image**. Choose a block to "
    "see its channels, point at a pixel to see its attention, and switch skips off to see what they "
    "contribute."
)
TERMS = (
    "U-Net",
    "skip connection",
    "attention",
    "noise level",
    "x̂₀ prediction",
    "predicted noise",
)
"""Of the glossary, in the order in which the page shows them."""
LOOKING_AT = (
    N_("The U-Net: resolution falls on the way down and rises on the way up; bars are shares of its weights."),
    N_("Switch a **skip** off, and look at the change of ε̂."),
    N_(
        "Each skip carries the activations before a downsampling past the low resolutions, which cannot hold their detail."
    ),
)
PARTS_TITLE = N_("What does each part contribute?")
PARTS_LEAD = N_(
    "One skip at a time is replaced by zeros, then all of them; then the activation function that the "
    "network was **trained** with ({trained}) is exchanged on the same weights. First x̂₀ and ε̂ for the "
    "noisy image above; Draw adds samples from the same noise in 20 steps of DDIM."
)
RELU = N_(
    "the change of ε̂ is its root mean square difference to the network as trained, where ε has 1. "
    "Weights trained with one activation function depend on it: the exchange does not show which of the "
    "two is better."
)
DRAW = N_("Draw samples")
DRAW_EMPTY = N_("Draws 6 images with each variant, from the same noise.")
STEPS = "steps"
NOT_YET = N_("Waiting for the forward pass …")
ACTIVATIONS = {"silu": N_("SiLU"), "relu": N_("ReLU")}

KINDS = {
    "input": (
        N_("in"),
        N_("Input convolution"),
        N_("A convolution from the colour channels to the channels of the first block."),
    ),
    "residual": (
        N_("res"),
        N_("Residual block"),
        N_("Two convolutions, conditioned on the time embedding, added to the input."),
    ),
    "attention": (N_("att"), N_("Self-attention"), N_("Each position is a weighted mean over all positions.")),
    "down": ("↓ ½", N_("Downsampling"), N_("A convolution of stride 2: half as high and half as wide.")),
    "up": ("↑ 2×", N_("Upsampling"), N_("Every pixel four times, then a convolution.")),
    "output": (
        N_("out"),
        N_("Output"),
        N_("Norm, activation function and convolution: channels become the network's output."),
    ),
    "time": (
        N_("time"),
        N_("Time embedding"),
        N_("Sinusoids of t through two layers; it conditions every residual block."),
    ),
    "class": (
        N_("class"),
        N_("Class embedding"),
        N_("One vector for each class and one for none, added to the time embedding."),
    ),
}
"""Of each kind of block: its letters in the drawing, its name, and what it does."""
SIDES = {"embedding": "", "down": N_("↓ down"), "middle": N_("bottom"), "up": N_("↑ up")}
PARTS = {"embedding": "", "down": N_(" on the way down"), "middle": N_(" at the bottom"), "up": N_(" on the way up")}

IN_THE_DRAWING: dict[XRayWord, str] = {
    "help": N_("Arrow keys move from block to block. Skips are reached with Tab and switched with Enter."),
    "channels": N_("Channels of the block"),
    "channels_help": (
        N_(
            "Each tile is one channel over the image; those of the largest variance come first. Orange is above "
            "zero, blue below, white is zero. Point at a tile to read a value."
        )
    ),
    "attention": N_("Self-attention"),
    "attention_help": (
        N_(
            "Point at a position in the image, or use the arrow keys: the map shows its attention weights over "
            "all positions, which sum to 100 %."
        )
    ),
    "no_attention": (
        N_("This network has no attention, or at so fine a resolution that its maps are too large to be sent.")
    ),
    "time": N_("Time conditioning"),
    "similarity": N_("Cosine similarity of the embeddings of two timesteps"),
    "norms": N_("Norm of what is added to the channels of each residual block"),
    "time_help": (
        N_(
            "Timesteps with similar embeddings are treated alike. The ring marks the present t. In the second "
            "map each row is a block, in the order of the forward pass; bright is large."
        )
    ),
}


translated(__name__)
