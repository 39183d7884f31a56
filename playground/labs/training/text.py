"""The texts of the Training lab."""

from engine.language import N_, _, translated

TITLE = N_("Training")
LEAD = N_(
    "Train a small network to denoise, and watch its samples improve. Training continues when you leave "
    "the page or load it again."
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
START = N_("Start training")
NOTHING = N_("There is no training run yet. Press **Start training**; the estimated duration stands beside it.")
TRYING = N_("Measuring a few training steps …")
FIRST_SAMPLES = N_("The first samples are being drawn …")
BEFORE_FIRST_STEP = N_("The images are read, and the untrained network draws its first samples.")
FIRST_STEPS = N_("The first training steps are taken.")
ENDING = N_("It is saved at the end of the step.")
QUEUED = N_("It begins when the runs before it have ended.")
FIRST_LOSS = N_("The first loss appears after the first training steps.")
FIRST_LOSS_QUEUED = N_("The first loss appears when the run has begun.")
SHELL = N_("The same run from the shell:")
WELL = N_("🩺 The doctor has no findings for this run.")
TRY_HELP = N_("Sets the controls to the settings of this run with this change. It starts nothing.")

FLOOR = N_("floor (best possible)")
"""The Bayes-optimal loss, in the legend of a chart."""
LOSS = N_(
    "the mean squared error of the network on noised training images. The dashed line is the "
    "Bayes-optimal loss, that expected of the exact denoiser of the training set (band: two standard "
    "errors): on average no network is below it, and one that reached it would reproduce the training "
    "set."
)
LOSS_OF_CLASSIFIER = N_(
    "the cross-entropy of the classifier on noised training images. The dashed line is the Bayes-optimal "
    "loss, that of the exact classifier of the training set."
)
LOSS_OF_VAE = N_(
    "the negative evidence lower bound per dimension, reconstruction and KL divergence together. The "
    "Likelihood lab shows the two terms beside the bound of a denoiser."
)
LEVELS = N_("the same loss by noise level, at the start of training and over the latest reports.")
BOUND = N_(
    "the variational bound per dimension with the learned variance. It varies from batch to batch, "
    "because a few noise levels make up most of it."
)
ACCURACY = N_(
    "the accuracy on held-out images by noise level. The dashed line is the exact classifier of the "
    "training images: above it, the network generalises better than that."
)
PREVIEWS = (
    N_("Samples from the same noise after more and more training steps."),
    N_("Drag along the strip, and find the step from which digits or shapes can be recognised."),
    N_("The noise is always the same, so every change comes from the weights."),
)

NOT_HERE = N_("The link names a training run that is not here. It may have been started on another machine.")
MANAGE = N_("Rename, download, delete")
NAME = N_("Name")
DOWNLOAD = N_("Download as zip")
DOWNLOAD_HELP = N_("The weights as a diffusers folder, the recipe, the metrics and the samples.")
NOTHING_TO_DOWNLOAD = N_("There is no run to download.")
TAKE = N_("Use its settings")
TAKE_HELP = N_("Sets the controls to the settings of this run. It starts nothing.")
DELETE = N_("Delete")
UNDO = N_("Undo")
BUSY = N_("The run is being trained: stop it first.")
CAN_UNDO = N_("You can undo this.")
BACK = N_("Back to one run")
AGAINST = N_("Horizontal axis")
DIFFER = N_("Only the settings in which these runs differ are listed.")
SAME = N_("These runs have the same settings.")
SAMPLE = N_("Sample with it")
SAMPLE_HELP = N_("Opens the Sampling lab with the network as trained so far.")
GUIDE_HELP = N_("Opens the Sampling lab, guided by this classifier.")
LOOK_INSIDE = N_("Open in the Likelihood lab")
LOOK_INSIDE_HELP = N_("Opens the Likelihood lab with this VAE.")

SHARED = N_(
    "Many visitors share this machine: each trains one run at a time, runs wait in a queue, and you see "
    "only the runs that you started with this browser."
)
SHARED_PICTURES = N_(
    "Other data sets, from a folder, a zip or the Hub, can be used in a playground of your own. Here "
    "many visitors share one machine."
)
NOT_SHARED = N_("Not available where many visitors share one machine.")


def too_long(duration: str, most: str) -> str:
    """Why a run is refused that would take longer than one may."""
    return _(
        "This run would take about {duration}, and here, where many visitors share one machine, it may take "
        "{most}: reduce the steps, the batch size or the network.",
        duration=duration,
        most=most,
    )


def busy(now: str) -> str:
    """Beside the estimated duration, where other work runs on the computer."""
    return _(
        " Other work runs on this computer: at present the run would take {now}. It is measured again in a minute.",
        now=now,
    )


def all_runs(count: int) -> str:
    """The heading of the list."""
    return _("All {count} runs", count=count)


def list_hint(compared: int, most: int) -> str:
    """What can be done in the list, where so many runs are ticked."""
    if compared == 0:
        return _("Choose a run to show it, or tick two to {most} runs to compare them.", most=most)
    return (
        _("Tick another run to compare the two.")
        if compared == 1
        else _("{compared} runs are compared below.", compared=compared)
    )


def compared_loss(progress: str) -> str:
    """Under the losses of compared runs; `progress` is such as "after the same training time"."""
    return _(
        "the smoothed training losses (bands: two standard errors). Of two runs with the same task, the "
        "lower one has learned more {progress}, where their bands lie apart; another seed may move a curve "
        "further than its band.",
        progress=progress,
    )


LATEST_LOSS = N_("Loss, smoothed (± one standard error)")
HELD_OUT = N_(
    "Every run of a data set is measured on the same images with the same noise; on others a small difference may turn."
)


def accuracy_note(pictures: int, step: int) -> str:
    """Under the accuracy of a classifier."""
    return _(
        "{pictures} held-out images, after {step:,} training steps; bands are 95 % intervals.",
        pictures=pictures,
        step=step,
    )


def compared_samples(is_same_noise: bool) -> str:
    """Under the samples of compared runs."""
    noise = _("from the same noise") if is_same_noise else _("each from its own fixed noise")
    return _("samples of each run {noise}, at the same progress. One playhead moves all of them.", noise=noise)


FACTS = {
    "step": N_("training steps that the run has taken"),
    "state": N_("its status, such as running or finished"),
}
"""What a lesson may ask of this lab besides its settings."""

translated(__name__)
