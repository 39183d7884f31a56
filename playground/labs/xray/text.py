"""The texts of the Network x-ray."""

TITLE = "Network x-ray"
LEAD = (
    "This is the network itself, drawn from its own modules, while it looks at **one noisy picture**. Choose a block to see "
    "what its channels hold, point at a pixel to see where it looks, and switch a skip off to see what it was good for."
)
LOOKING_AT = (
    "the U of the U-Net. On the way down the picture gets smaller and has more channels; on the way up it grows again, and "
    "each **skip** brings back what was there before it shrank. The bar in a block is its share of the weights. Press a block "
    "to see inside, press a skip to switch it off: everything below is then computed without it."
)
CHANNELS = "Inside the block"
PARTS_TITLE = "What is each part good for?"
PARTS_LEAD = (
    "One skip at a time is replaced by zeros, then all of them; then the network is asked with another activation than the one "
    "it was **trained** with ({trained}), on the very same weights. First its guess x̂₀ and the noise ε̂ for the picture above, "
    "then, if you like, whole pictures drawn from the same noise in 20 steps of DDIM."
)
RELU = (
    "A network that learns with ReLU from the start does fine. Here the weights learned with the other activation, so this "
    "shows how much they rely on it, and not that one is better."
)
DRAW = "Draw whole pictures"
DRAW_EMPTY = "Draws 6 pictures with each of them, from the same noise."
STEPS = "steps"
NOT_YET = "Waiting for the first look …"

KINDS = {
    "input": ("in", "Input convolution", "Turns the colours of the picture into channels."),
    "residual": ("res", "Residual block", "Two convolutions that are told the time, added to what came in."),
    "attention": ("att", "Self-attention", "Each position takes from all others what it needs."),
    "down": ("↓ ½", "Halving", "A convolution of stride 2: half as high and half as wide."),
    "up": ("↑ 2×", "Doubling", "Every pixel four times, then a convolution."),
    "output": ("out", "Output", "Norm, activation and convolution: channels become what the network says."),
    "time": ("time", "Time embedding", "Sines and cosines of t through two layers; every residual block is told it."),
    "class": ("class", "Class embedding", "One vector for each class and one for none, added to that of the time."),
}
"""Of each kind of block: its letters in the drawing, its name, and what it does."""
SIDES = {"embedding": "", "down": "↓ down", "middle": "bottom", "up": "↑ up"}
PARTS = {"embedding": "", "down": " on the way down", "middle": " at the bottom", "up": " on the way up"}

IN_THE_DRAWING = {
    "drawing": "The network",
    "help": "Arrow keys walk from block to block. Skips can be reached with Tab and switched with Enter.",
    "channels": "Inside the block",
    "channels_help": (
        "Each tile is one channel over the picture; those that vary most come first. Orange is above zero, blue below, white "
        "is zero. Point at a tile to read a value."
    ),
    "attention": "Who looks where",
    "attention_help": (
        "Point at a position in the picture, or use the arrow keys: the map shows how much that position takes from each other "
        "one. One picture's weights sum to 100 %."
    ),
    "no_attention": (
        "This network has no attention, or at so fine a resolution that its maps are too large to be sent."
    ),
    "time": "What the time says",
    "similarity": "How alike two times sound: cosine of the angle between their embeddings",
    "norms": "How loudly each residual block is told the time: size of what is added",
    "time_help": (
        "Times that sound alike are treated alike. The ring marks the present t. In the second map each row is a block, in "
        "the order of computing, and bright means that much is added to its channels."
    ),
}
