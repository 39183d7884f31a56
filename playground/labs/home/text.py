"""The texts of the first page."""

TITLE = "Diffusion playground"
LEAD = (
    "These ten digits were not taken from anywhere. A small neural network drew them, by looking at **pure noise** and "
    "asking fifty times: *what could be underneath?* Drag along the strip to see it happen."
)
DAMAGED = "The recording of the first screen is missing or damaged. The labs work without it."
LOOKING_AT = (
    "left, what is being denoised; in the middle, what the network believes is underneath; right, the noise it would "
    "take away. It was recorded from the Sampling lab, where you can make your own."
)
DOORS = (
    (
        "forward",
        "➡️",
        "Forward",
        "Take a picture apart. Add noise, step by step or in one jump, until nothing is left of it.",
    ),
    ("schedules", "📉", "Schedules", "How fast should the noise come in? Linear, cosine, sigmoid, or drawn by you."),
    (
        "sampling",
        "🎲",
        "Sampling",
        "Go the way back. Choose a sampler, the number of steps, how much guidance. Compare two.",
    ),
    (
        "guidance",
        "🧭",
        "Guidance",
        "Push a picture towards its class. Any two settings as a grid, a step taken apart, and the price of it.",
    ),
    (
        "likelihood",
        "⚖️",
        "Likelihood",
        "How many bits a picture costs, and where on the way they are spent. T layers against the one of a VAE.",
    ),
    (
        "points",
        "✨",
        "Points",
        "The same in the plane, in a second: 2,000 particles on their way to moons, spirals or what you draw.",
    ),
    (
        "xray",
        "🩻",
        "X-ray",
        "Look inside the network while it thinks. Switch parts of it off, and see what breaks.",
    ),
    (
        "microscope",
        "🔬",
        "Microscope",
        "One picture, one step, every number. See what an update adds up, and fork the walk to see what else could have come.",
    ),
    (
        "training",
        "🏋️",
        "Training",
        "Teach a small network of your own, watch it learn, and sample from it while it does.",
    ),
    ("recorder", "✈️", "Recorder", "Fly over a whole training: how long it had learned, how far it had denoised."),
)
"""Address, icon, title and text of each lab."""
