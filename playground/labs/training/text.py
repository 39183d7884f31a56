"""The texts of the Training lab."""

TITLE = "Training"
LEAD = (
    "Train a small network to denoise, and watch its samples improve. Training continues when you leave the page or "
    "load it again."
)
TERMS = (
    "training objective",
    "predicted noise",
    "velocity",
    "loss weighting",
    "Bayes-optimal loss",
    "held-out loss",
    "EMA",
    "label dropout",
    "learned variance",
    "hybrid objective",
    "importance sampling",
    "micro-batch size",
    "milestone",
    "task",
)
"""Of the glossary, in the order in which the page shows them."""
START = "Start training"
NOTHING = "There is no training run yet. Press **Start training**; the estimated duration stands beside it."
TRYING = "Measuring a few training steps …"
FIRST_SAMPLES = "The first samples are being drawn …"
BEFORE_FIRST_STEP = "The images are read, and the untrained network draws its first samples."
FIRST_STEPS = "The first training steps are taken."
ENDING = "It is saved at the end of the step."
QUEUED = "It begins when the runs before it have ended."
FIRST_LOSS = "The first loss appears after the first training steps."
FIRST_LOSS_QUEUED = "The first loss appears when the run has begun."
SHELL = "The same run from the shell:"
WELL = "🩺 The doctor has no findings for this run."
TRY_HELP = "Sets the controls to the settings of this run with this change. It starts nothing."

FLOOR = "floor (best possible)"
"""The Bayes-optimal loss, in the legend of a chart."""
LOSS = (
    "the mean squared error of the network on noised training images. The dashed line is the Bayes-optimal loss, that expected "
    "of the exact denoiser of the training set (band: two standard errors): on average no network is below it, and one that "
    "reached it would reproduce the training set."
)
LOSS_OF_CLASSIFIER = (
    "the cross-entropy of the classifier on noised training images. The dashed line is the Bayes-optimal loss, that of the "
    "exact classifier of the training set."
)
LOSS_OF_VAE = (
    "the negative evidence lower bound per dimension, reconstruction and KL divergence together. The Likelihood lab shows the "
    "two terms beside the bound of a denoiser."
)
LEVELS = "the same loss by noise level, at the start of training and over the latest reports."
BOUND = (
    "the variational bound per dimension with the learned variance. It varies from batch to batch, because a few noise levels "
    "make up most of it."
)
ACCURACY = (
    "the accuracy on held-out images by noise level. The dashed line is the exact classifier of the training images: above it, "
    "the network generalises better than that."
)
PREVIEWS = "samples from the same noise after more and more training steps. Drag along the strip to compare them."

NOT_HERE = "The link names a training run that is not here. It may have been started on another machine."
MANAGE = "Rename, download, delete"
NAME = "Name"
DOWNLOAD = "Download as zip"
DOWNLOAD_HELP = "The weights as a diffusers folder, the recipe, the metrics and the samples."
NOTHING_TO_DOWNLOAD = "There is no run to download."
TAKE = "Use its settings"
TAKE_HELP = "Sets the controls to the settings of this run. It starts nothing."
DELETE = "Delete"
UNDO = "Undo"
BUSY = "The run is being trained: stop it first."
CAN_UNDO = "You can undo this."
BACK = "Back to one run"
AGAINST = "Horizontal axis"
DIFFER = "Only the settings in which these runs differ are listed."
SAME = "These runs have the same settings."
SAMPLE = "Sample with it"
SAMPLE_HELP = "Opens the Sampling lab with the network as trained so far."
GUIDE_HELP = "Opens the Sampling lab, guided by this classifier."
LOOK_INSIDE = "Open in the Likelihood lab"
LOOK_INSIDE_HELP = "Opens the Likelihood lab with this VAE."

SHARED = (
    "Many visitors share this machine: each trains one run at a time, runs wait in a queue, and you see only the runs that you "
    "started with this browser."
)
SHARED_PICTURES = (
    "Other data sets, from a folder, a zip or the Hub, can be used in a playground of your own. Here many visitors share one "
    "machine."
)
NOT_SHARED = "Not available where many visitors share one machine."


def too_long(duration: str, most: str) -> str:
    """Why a run is refused that would take longer than one may."""
    return (
        f"This run would take about {duration}, and here, where many visitors share one machine, it may take {most}: reduce "
        "the steps, the batch size or the network."
    )


def busy(now: str) -> str:
    """Beside the estimated duration, where other work runs on the computer."""
    return f" Other work runs on this computer: at present the run would take {now}. It is measured again in a minute."


def all_runs(count: int) -> str:
    """The heading of the list."""
    return f"All {count} runs"


def list_hint(compared: int, most: int) -> str:
    """What can be done in the list, where so many runs are ticked."""
    if compared == 0:
        return f"Choose a run to show it, or tick two to {most} runs to compare them."
    return "Tick another run to compare the two." if compared == 1 else f"{compared} runs are compared below."


def compared_loss(progress: str) -> str:
    """Under the losses of compared runs; `progress` is such as "after the same training time"."""
    return (
        "the smoothed training losses (bands: two standard errors). Of two runs with the same task, the lower one has learned "
        f"more {progress}, where their bands lie apart; another seed may move a curve further than its band."
    )


LATEST_LOSS = "Loss, smoothed (± one standard error)"
HELD_OUT = (
    "Every run of a data set is measured on the same images with the same noise; on others a small difference may turn."
)


def accuracy_note(pictures: int, step: int) -> str:
    """Under the accuracy of a classifier."""
    return f"{pictures} held-out images, after {step:,} training steps; bands are 95 % intervals."


def compared_samples(is_same_noise: bool) -> str:
    """Under the samples of compared runs."""
    noise = "from the same noise" if is_same_noise else "each from its own fixed noise"
    return f"samples of each run {noise}, at the same progress. One playhead moves all of them."
