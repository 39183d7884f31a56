"""The texts of the Training lab."""

TITLE = "Training"
LEAD = (
    "Let a small network learn to see through noise, and watch what it draws get better. "
    "It goes on when you leave this page or reload it."
)
START = "Start training"
NOTHING = (
    "Nothing is being trained. Press **Start training** in the sidebar: above the button stands how long it takes on this "
    "machine."
)
TRYING = "Trying a few steps …"
FIRST_SAMPLES = "The first samples are being drawn …"
SHELL = "The same from the shell:"
WELL = "🩺 The doctor sees nothing wrong with this run."
TRY_HELP = "Sets the controls to those of this run with this change. Nothing starts by itself."

READING = (
    "how many of the pictures that it **never saw** it reads rightly at each noise level. The dashed line knows all "
    "the training pictures by heart and nothing else: above it, the network has understood more than it was shown."
)
PREVIEWS = (
    "what the network draws from the same noise after more and more training. Drag along the strip to see it grow up."
)
LOSS_OF_READING = (
    "how surprised the network is by the right class of noised training pictures: 0 is sure and right. The "
    "dashed line is the **ideal classifier** of these pictures, which nothing can beat on them."
)
LOSS = (
    "how wrong the network is on noised training pictures. The dashed line is the **ideal denoiser** of these "
    "pictures: no network can be lower on them, and one that reached it everywhere would know them by heart."
)
LEVELS = "the same loss apart by how noisy the picture was: where the network still has something to learn."
BOUND = (
    "how many bits each number of a picture costs at most, by this network with the variance that it has learned. "
    "One batch says little: a few noise levels make most of it."
)

NOT_HERE = "The link names a training run that is not here. It may have been started on another machine."
MANAGE = "Rename, download, delete"
DOWNLOAD = "Download as zip"
DOWNLOAD_HELP = "The weights as a folder that diffusers opens, the recipe, the metrics and the samples."
TAKE = "Take its settings"
TAKE_HELP = "Sets the controls to those of this run. Nothing starts by itself."
BUSY = "It is being trained: stop it first."
CAN_UNDO = "You can undo this."
BACK = "Back to one run"
DIFFER = "Only the settings in which these runs differ are listed."
SAME = "These runs have the same settings."

NOT_IN_PUBLIC = "Not here, where many share one machine."
SHARED = (
    "Many share this machine: each trains one run at a time, runs wait for each other in a queue, and you see only those that "
    "you have begun with this browser."
)
SHARED_PICTURES = (
    "Other pictures, from a folder, a zip or the Hub, can be trained on in a playground of your own, and not here, where many "
    "share one machine."
)


def too_long(takes: str, most: str) -> str:
    """Where a run would take longer than one may."""
    return (
        f"This would take about {takes}. Here, where many share one machine, a run may take {most}: take fewer steps, a "
        "smaller batch, or a smaller network."
    )


LOSS_OF_VAE = (
    "how many bits each number of a picture costs at most: what the reconstruction leaves open, and what the hidden "
    "numbers cost. The Likelihood lab shows the two apart, beside the bound of a diffusion model."
)
LOOK_INSIDE, LOOK_INSIDE_HELP = "Look inside", "Opens the Likelihood lab with this VAE."


def about_loss(task: str) -> str:
    """What the chart of the loss shows."""
    return {"classifier": LOSS_OF_READING, "vae": LOSS_OF_VAE}.get(task, LOSS)


def draw_help(task: str) -> str:
    """What “Draw with it” does."""
    words = "guided by what this run has learned" if task == "classifier" else "with what this run has learned so far"
    return f"Opens the Sampling lab {words}."


def all_runs(count: int) -> str:
    """The heading over the list."""
    return f"All {count} runs"


def list_hint(compared: int, most: int) -> str:
    """What one can do in the list, where so many runs are ticked."""
    if compared == 0:
        return f"Choose one to see it, or tick two to {most} to compare them."
    return "Tick another one to compare the two." if compared == 1 else f"{compared} runs are compared below."


def compared_loss(progress: str) -> str:
    """Under the losses of compared runs; `progress` is such as "in the same time"."""
    return f"each run's loss over the others'. Of two that learn the same thing, the lower one has learned more {progress}."


def compared_samples(same_noise: bool) -> str:
    """Under the samples of compared runs."""
    same = "from the same noise" if same_noise else "each from its own fixed noise"
    return f"what each run draws {same}, as far as it had come. One playhead moves all of them."
