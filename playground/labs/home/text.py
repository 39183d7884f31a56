"""The texts of the first page."""

TITLE = "Diffusion playground"
LEAD = (
    "A small neural network sampled these ten digits from **pure noise** in fifty denoising steps. Drag along the strip to see "
    "each step."
)
DAMAGED = "The recording of the first screen is missing or damaged. The labs work without it."
LOOKING_AT = (
    "left, the noisy image xₜ; in the middle, the network's prediction x̂₀ of the clean image; right, the predicted noise ε̂. It "
    "was recorded in the Sampling lab."
)
LABS = (
    ("forward", "➡️", "Forward", "The forward process: add noise to an image, step by step or in one jump."),
    ("schedules", "📉", "Schedules", "Compare noise schedules: linear, cosine, sigmoid, or one that you draw."),
    (
        "sampling",
        "🎲",
        "Sampling",
        "The reverse process: choose sampler, steps and guidance scale, and compare two settings.",
    ),
    (
        "guidance",
        "🧭",
        "Guidance",
        "A grid over any two settings, both predictions traced step by step, and the trade-off of a higher guidance scale.",
    ),
    (
        "likelihood",
        "⚖️",
        "Likelihood",
        "Bits per dimension by timestep: the diffusion bound beside a VAE's.",
    ),
    (
        "points",
        "✨",
        "Points",
        "Diffusion in two dimensions: 2,000 particles move to moons, spirals or your drawing.",
    ),
    ("xray", "🩻", "X-ray", "Activations inside the U-Net. Switch blocks off and see what changes."),
    (
        "microscope",
        "🔬",
        "Microscope",
        "One step of one image: the terms of its update, and forks with other settings.",
    ),
    ("training", "🏋️", "Training", "Train a small network, follow its loss, and sample from it during training."),
    ("recorder", "✈️", "Recorder", "The training × sampling map: samples by training step and by denoising step."),
)
"""Address, icon, title and text of each lab."""
