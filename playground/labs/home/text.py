"""The texts of the first page."""

from engine.language import N_, translated

TITLE = N_("Diffusion playground")
LEAD = N_(
    "A small neural network sampled these ten digits from **pure noise** in fifty denoising steps. Drag "
    "along the strip to see each step."
)
DAMAGED = N_("The recording of the first screen is missing or damaged. The labs work without it.")
LOOKING_AT = (
    N_("Noisy image xₜ, the network's prediction x̂₀ of the clean image, and the predicted noise ε̂, at one step."),
    N_("Drag the strip to the left until no digit can be recognised in x̂₀."),
    N_("At high noise many images fit xₜ: x̂₀ is their mean, so it is blurred."),
)
GROUPS = (
    (
        N_("Process"),
        (
            (
                "forward",
                "➡️",
                N_("Forward"),
                N_("The forward process: add noise to an image, step by step or in one jump."),
            ),
            (
                "schedules",
                "📉",
                N_("Schedules"),
                N_("Compare noise schedules: linear, cosine, sigmoid, or one that you draw."),
            ),
        ),
    ),
    (
        N_("Sampling"),
        (
            (
                "sampling",
                "🎲",
                N_("Sampling"),
                N_("The reverse process: choose sampler, steps and guidance scale, and compare two settings."),
            ),
            (
                "microscope",
                "🔬",
                N_("Microscope"),
                N_("One step of one image: the terms of its update, and forks with other settings."),
            ),
            (
                "guidance",
                "🧭",
                N_("Guidance"),
                N_(
                    "A grid over any two settings, both predictions traced step by step, and the trade-off of a higher "
                    "guidance scale."
                ),
            ),
            (
                "points",
                "✨",
                N_("Points"),
                N_("Diffusion in two dimensions: 2,000 particles move to moons, spirals or your drawing."),
            ),
        ),
    ),
    (
        N_("Inside"),
        (
            ("xray", "🩻", N_("X-ray"), N_("Activations inside the U-Net. Switch blocks off and see what changes.")),
            (
                "training",
                "🏋️",
                N_("Training"),
                N_("Train a small network, follow its loss, and sample from it during training."),
            ),
            (
                "recorder",
                "✈️",
                N_("Recorder"),
                N_("The training × sampling map: samples by training step and by denoising step."),
            ),
        ),
    ),
    (
        N_("Evaluate"),
        (
            (
                "likelihood",
                "⚖️",
                N_("Likelihood"),
                N_("Bits per dimension by timestep: the diffusion bound beside a VAE's."),
            ),
        ),
    ),
)
"""The labs in the order in which they are best opened: title and labs of each group; of a lab address, icon, title and text."""
LABS = tuple(lab for _group, labs in GROUPS for lab in labs)
NEXT = N_("Next lab")
START = N_("All labs")
START_ABOUT = N_("The start page.")


translated(__name__)
