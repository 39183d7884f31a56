"""Do the tests see it when the mathematics is wrong? Plants one bug at a time in a copy of the engine and runs them.

    python tests/planted_bugs.py            all of them
    python tests/planted_bugs.py guidance   those whose description has that word in it

Every bug replaces a piece of code that must occur exactly once, under whatever names (tests/planting.py): where the engine
has changed beyond that, this script says so instead of planting nothing. Exit status 1 if a bug survives, or if the untouched
copy fails.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded: a fork inherits no threads
sys.dont_write_bytecode = True

import diffusers  # noqa: E402, F401
import hypothesis  # noqa: E402, F401
import pytest  # noqa: E402
import torch  # noqa: E402, F401

from planting import NotFoundOnceError, plant  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Bug:
    """One mistake that somebody could make."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str
    """The test files that should see it."""
    only: str = ""
    """pytest's -k, to save time."""


HELPERS = ("laws.py", "peaks.py", "runs_to_try.py", "checkpoints_to_try.py", "processes_to_try.py", "kills_to_try.py")
LAWS = "test_samplers_laws.py"
PAPERS = "papers_coefficients or one_point"
BUGS = [
    # The tables
    Bug(
        "cosine without its offset",
        "schedule.py",
        "torch.cos((u + s) / (1 + s) * math.pi / 2)",
        "torch.cos(u * math.pi / 2)",
        "test_schedule.py",
    ),
    Bug("cosine without its square", "schedule.py", "* math.pi / 2) ** 2", "* math.pi / 2)", "test_schedule.py"),
    Bug("alpha in place of alpha_bar", "schedule.py", "self.alpha.cumprod(0)", "self.alpha", "test_schedule.py"),
    Bug(
        "beta-tilde with its neighbours swapped",
        "schedule.py",
        "self.level(t - 1).variance / self.level(t).variance * self.beta",
        "self.level(t).variance / self.level(t - 1).variance * self.beta",
        "test_schedule.py",
    ),
    Bug("beta not clipped", "schedule.py", "MAX_BETA = 0.999", "MAX_BETA = 0.99999", "test_schedule.py"),
    Bug(
        "linear not rescaled to T", "schedule.py", "if rescale else 1.0", "if not rescale else 1.0", "test_schedule.py"
    ),
    Bug(
        "zero terminal SNR of alpha_bar, not of its root",
        "schedule.py",
        "from_alpha_bar(root**2",
        "from_alpha_bar(root",
        "test_schedule.py",
    ),
    Bug("t between levels off by one", "schedule.py", "self.T - (above - 1 +", "self.T - (above +", "test_schedule.py"),
    # The process
    Bug(
        "square root missing in the closed form",
        "schedule.py",
        "broadcast(self.variance.sqrt(), x)",
        "broadcast(self.variance, x)",
        "test_process.py",
    ),
    Bug(
        "square root missing in the Markov step",
        "process.py",
        "broadcast(beta.sqrt(), x_s) * noise",
        "broadcast(beta, x_s) * noise",
        "test_process.py",
    ),
    Bug(
        "posterior mean with alpha_bar_t for alpha_bar_s",
        "process.py",
        "to.alpha_bar.sqrt() * beta",
        "now.alpha_bar.sqrt() * beta",
        "test_process.py",
    ),
    Bug(
        "posterior mean without the root of alpha",
        "process.py",
        "(1 - beta).sqrt() * to.variance",
        "(1 - beta) * to.variance",
        "test_process.py",
    ),
    Bug(
        "velocity with its sign turned",
        "process.py",
        "signal * noise - sigma * x0",
        "sigma * x0 - signal * noise",
        "test_process.py",
    ),
    Bug(
        "noise prediction read with the variance",
        "process.py",
        "(x_t - sigma * output) / signal",
        "(x_t - sigma**2 * output) / signal",
        "test_process.py",
    ),
    # One latent layer
    Bug(
        "KL of a VAE without its mean",
        "latent.py",
        "mean.square() + log_variance.expm1()",
        "log_variance.expm1()",
        "test_latent.py",
        "bound or kl",
    ),
    Bug(
        "z drawn with the variance in place of its root",
        "latent.py",
        "(self.log_variance / 2).exp() * noise",
        "self.log_variance.exp() * noise",
        "test_latent.py",
        "bound or kl",
    ),
    Bug(
        "a block counted as one term, however long it is",
        "evaluation/per_picture.py",
        "terms = lengths * _means(nats, counts)",
        "terms = _means(nats, counts)",
        "test_per_picture.py",
    ),
    # Denoisers
    Bug(
        "network evaluated at t instead of t - 1",
        "denoiser.py",
        "self.schedule.t_of(level) - 1",
        "self.schedule.t_of(level)",
        "test_denoiser.py",
    ),
    Bug(
        "guidance with its sign turned",
        "guidance.py",
        "torch.lerp(uncond.x0, cond.x0, weight)",
        "torch.lerp(cond.x0, uncond.x0, weight)",
        "test_denoiser.py",
    ),
    Bug(
        "guidance scale off by one",
        "guidance.py",
        "weight = broadcast(self._scale_at(level), x_t)",
        "weight = broadcast(self._scale_at(level) + 1, x_t)",
        "test_denoiser.py",
    ),
    Bug("clipping left out", "denoiser.py", ".x0.clamp(self.low, self.high)", ".x0", "test_denoiser.py"),
    Bug(
        "null class is class 0",
        "denoiser.py",
        "torch.where(label == NO_LABEL, self.classes, label)",
        "torch.where(label == NO_LABEL, 0, label)",
        "test_denoiser.py",
    ),
    Bug(
        "exact denoiser does not rescale its running sums",
        "ideal.py",
        "total = total * keep + weights",
        "total = total + weights",
        "test_ideal.py",
    ),
    Bug(
        "exact denoiser without the norm of the points",
        "ideal.py",
        "points.square().sum(1) / 2",
        "0 * points.square().sum(1)",
        "test_ideal.py",
    ),
    Bug("spread of the points left out", "ideal.py", "level.alpha_bar * self.std**2", "self.std**2", "test_ideal.py"),
    Bug(
        "exact denoiser by class uses all classes",
        "ideal.py",
        "points[labels == kind], std=",
        "points, std=",
        "test_points.py",
        "by_class",
    ),
    # Points
    Bug(
        "energy floor of half as many points",
        "evaluation/metrics.py",
        "value = 2 / n * among",
        "value = 1 / n * among",
        "test_points.py",
        "floor or halvings",
    ),
    Bug(
        "noise of small images drawn twice",
        "sampling.py",
        "self._ahead.pop(0)",
        "self._ahead[0]",
        "test_points.py",
        "drawn_ahead or in_turn",
    ),
    Bug(
        "points noised with the variance",
        "training/points.py",
        "noise, t, level, diffuse(x0, level, noise))",
        "noise, t, level, diffuse(x0, level, noise * level.variance.sqrt()[:, None].float()))",
        "test_points.py",
        "textbook",
    ),
    Bug(
        "class of a point never hidden",
        "training/points.py",
        "masked_fill(hidden, NO_LABEL)",
        "masked_fill(hidden & False, NO_LABEL)",
        "test_points.py",
        "is_hidden",
    ),
    # Samplers
    Bug(
        "eta scales the variance",
        "samplers.py",
        "self.eta * posterior_variance(now, to).sqrt()",
        "(self.eta * posterior_variance(now, to)).sqrt()",
        LAWS,
        "eta_times or papers",
    ),
    Bug(
        "DDIM keeps its whole direction beside the noise",
        "samplers.py",
        "(to.variance - self.eta**2 * posterior_variance(now, to))",
        "to.variance",
        LAWS,
        PAPERS,
    ),
    Bug(
        "noise at the last step",
        "samplers.py",
        "torch.where(broadcast(to.variance, x) > 0, variance, 0.0)",
        "variance",
        f"{LAWS} test_sampling.py",
        "papers or last_step",
    ),
    Bug(
        "small and large variance exchanged",
        "samplers.py",
        '"small": lambda now, to, _: posterior_variance(now, to),\n    "large":',
        '"large": lambda now, to, _: posterior_variance(now, to),\n    "small":',
        LAWS,
        PAPERS,
    ),
    Bug(
        "standard deviation for variance in DDPM",
        "samplers.py",
        "_add_noise(mean, variance.sqrt(), noise)",
        "_add_noise(mean, variance, noise)",
        LAWS,
        PAPERS,
    ),
    Bug(
        "one seed for the whole batch",
        "sampling.py",
        "manual_seed(seed) for seed in seeds",
        "manual_seed(seeds[0]) for seed in seeds",
        "test_sampling.py",
    ),
    Bug(
        "a frame holds the x of the previous step",
        "sampling.py",
        "yield Frame(step, len(path) - 1, t, x, prediction",
        "yield Frame(step, len(path) - 1, t, following, prediction",
        "test_sampling.py",
    ),
    Bug(
        "DPM-Solver++ extrapolates a whole step",
        "samplers.py",
        "step / (2 * step_before)",
        "step / step_before",
        LAWS,
        "dpm_solver or order_of",
    ),
    Bug(
        "DPM-Solver++ with its two steps exchanged",
        "samplers.py",
        "step / (2 * step_before)",
        "step_before / (2 * step)",
        LAWS,
        "dpm_solver",
    ),
    Bug(
        "DPM-Solver++ is not given the previous step",
        "sampling.py",
        "x, previous = following, PreviousStep(now, prediction)",
        "x, previous = following, None",
        "test_sampling.py",
        "step_before",
    ),
    Bug(
        "the stochastic DPM-Solver++ ignores the previous step",
        "samplers.py",
        "ahead = prediction if previous is None else",
        "ahead = prediction if previous is None or self.eta > 0 else",
        LAWS,
        "order_of_convergence_of_the_law",
    ),
    Bug(
        "Heun evaluates twice at the same point",
        "samplers.py",
        "second = denoise(trial, to)",
        "there = denoise(x, now)",
        LAWS,
        f"{PAPERS} or order_of",
    ),
    Bug(
        "Heun takes its trial step as the result",
        "samplers.py",
        "mean = Noise().read((prediction.noise + second.noise) / 2, x, now)",
        "mean = Noise().read((prediction.noise + second.noise) / 2, trial, now)",
        LAWS,
        f"{PAPERS} or order_of",
    ),
    Bug(
        "learned variance runs the wrong way",
        "samplers.py",
        "mix * broadcast(large.log(), mix) + (1 - mix) * broadcast(small.log(), mix)",
        "mix * broadcast(small.log(), mix) + (1 - mix) * broadcast(large.log(), mix)",
        "test_against_diffusers.py",
        "learned",
    ),
    Bug(
        "learned variance mixes variances, not their logarithms",
        "samplers.py",
        "return torch.exp(mix * broadcast(large.log(), mix) + (1 - mix) * broadcast(small.log(), mix))",
        "return mix * broadcast(large, mix) + (1 - mix) * broadcast(small, mix)",
        LAWS,
        "right_learned_variance",
    ),
    Bug(
        "quadratic spacing closer at the noisy end",
        "schedule.py",
        "schedule.T * ((steps - k) / steps) ** 2",
        "schedule.T * (1 - (k / steps) ** 2)",
        "test_schedule.py",
        "spac",
    ),
    Bug(
        "log-SNR spacing even in ᾱ",
        "schedule.py",
        "Level(wanted)",
        "Level(torch.logit(torch.linspace(float(wanted[0].sigmoid()), float(wanted[-1].sigmoid()), steps).double()))",
        "test_schedule.py",
        "spac",
    ),
    # Guidance
    Bug(
        "classifier's gradient without the root of the variance",
        "guidance.py",
        "prediction.noise - sigma * push",
        "prediction.noise - sigma**2 * push",
        "test_guidance.py",
        "closed_form",
    ),
    Bug(
        "classifier gradient with its sign turned",
        "guidance.py",
        "prediction.x0 + of_x0 * push",
        "prediction.x0 - of_x0 * push",
        "test_guidance.py",
        "closed_form",
    ),
    Bug(
        "classifier's logits for its log-probabilities",
        "guidance.py",
        "self.classifier(x, level).log_softmax(1)",
        "self.classifier(x, level)",
        "test_guidance.py",
        "closed_form",
    ),
    Bug(
        "interval guides outside",
        "guidance.py",
        "torch.where(inside.to(scale.device), scale, 1.0)",
        "torch.where(inside.to(scale.device), 1.0, scale)",
        "test_guidance.py",
        "interval",
    ),
    Bug(
        "rescaled to the unconditional spread",
        "guidance.py",
        "factor = broadcast(_std(cond.x0)",
        "factor = broadcast(_std(uncond.x0)",
        "test_guidance.py",
        "rescaling",
    ),
    Bug(
        "guidance: cond and uncond exchanged",
        "guidance.py",
        "return GuidancePair(both[:count], both[count:])",
        "return GuidancePair(both[count:], both[:count])",
        "test_guidance_trace.py",
        "nothing or bayes",
    ),
    Bug(
        "the last evaluation of a step for its first",
        "analysis/guidance_trace.py",
        "self._evaluations[0] if self._evaluations",
        "self._evaluations[-1] if self._evaluations",
        "test_guidance_trace.py",
        "looking",
    ),
    Bug(
        "rows of different labels are deduplicated",
        "runtime/deduplication.py",
        "levels[k].tobytes() + labels[k].tobytes()",
        "levels[k].tobytes()",
        "test_sweep.py",
        "once",
    ),
    Bug(
        "a sweep takes one scale for all cells",
        "recipes/sweep.py",
        "scales = tuple(cell.scale for cell in chosen",
        "scales = tuple(chosen[0].scale for cell in chosen",
        "test_sweep.py",
        "alone and not network",
    ),
    Bug(
        "the tilted density with s + 1 for s",
        "analysis/guided_density.py",
        "log_p = scale * cond + (1 - scale) * uncond",
        "log_p = (scale + 1) * cond - scale * uncond",
        "test_guided_density.py",
        "product",
    ),
    Bug(
        "a diffused density is not scaled by the root of alpha_bar",
        "analysis/guided_density.py",
        "level.alpha_bar.sqrt() * plane.centres",
        "plane.centres",
        "test_guided_density.py",
        "noising",
    ),
    Bug(
        "diversity's error as if pictures, not seeds, were left out",
        "evaluation/metrics.py",
        "variance = (seeds - 1) / seeds * (without",
        "variance = 1 / seeds * (without",
        "test_diversity.py",
        "error",
    ),
    Bug(
        "quantile clipping cuts and does not scale",
        "denoiser.py",
        "prediction.x0.clamp(-limit, limit) / limit",
        "prediction.x0.clamp(-limit, limit)",
        "test_guidance.py",
        "quantile",
    ),
    Bug(
        "inversion evaluates at the target level",
        "inversion.py",
        "x = diffuse(prediction.x0, to, prediction.noise)",
        "x = diffuse(prediction.x0, schedule.level(t), prediction.noise)",
        "test_inversion.py",
    ),
    # The bound
    Bug(
        "KL divergence turned round",
        "likelihood.py",
        "log_ratio = log_variance - model_log_variance",
        "log_ratio = model_log_variance - log_variance",
        "test_likelihood.py",
        "textbook or torch_distributions or meets",
    ),
    Bug(
        "variance for standard deviation in the decoder",
        "likelihood.py",
        "(log_variance / 2).exp()",
        "log_variance.exp()",
        "test_likelihood.py",
        "nichol or last_step or meets",
    ),
    Bug(
        "outermost bins end at the last level",
        "likelihood.py",
        "torch.where(level == LEVELS - 1, torch.special.log_ndtr(-low), inside)",
        "inside",
        "test_likelihood.py",
        "have_all or far_out",
    ),
    Bug(
        "learned mix of the bound runs the wrong way",
        "likelihood.py",
        "mix * broadcast(large, x) + (1 - mix) * broadcast(small, x)",
        "mix * broadcast(small, x) + (1 - mix) * broadcast(large, x)",
        "test_likelihood.py",
        "torch_distributions or runs_from",
    ),
    Bug(
        "beta-tilde at t = 1 not replaced",
        "likelihood.py",
        "return schedule.posterior_variance[2] if schedule.T > 1 else schedule.beta[1]",
        "return schedule.beta[1]",
        "test_likelihood.py",
        "nichol or step_before",
    ),
    Bug(
        "a block of the bound counts as one of its steps",
        "evaluation/bound.py",
        "lengths = torch.tensor([last - first + 1 for",
        "lengths = torch.tensor([1 for",
        "test_bound.py",
        "unbiased or add_up or each_term",
    ),
    # The network
    Bug(
        "skips in the wrong order",
        "models/unet.py",
        "skips.pop()], dim=1",
        "skips.pop(0)], dim=1",
        "test_unet.py",
        "not google",
    ),
    Bug(
        "attention without its scale",
        "models/unet.py",
        "scaled_dot_product_attention(q, k, v)",
        "scaled_dot_product_attention(q, k, v, scale=1.0)",
        "test_unet.py",
        "serves_both and not google",
    ),
    Bug(
        "time not activated before it is projected",
        "models/unet.py",
        "self.time_emb_proj(self.activation(embedding))",
        "self.time_emb_proj(embedding)",
        "test_unet.py",
        "serves_both and not google",
    ),
    Bug(
        "padding on the wrong side",
        "models/unet.py",
        "pad(x, (0, 1, 0, 1))",
        "pad(x, (1, 0, 1, 0))",
        "test_unet.py",
        "serves_both",
    ),
    # Training
    Bug(
        "label dropout turned round",
        "training/batch.py",
        "< dropout",
        ">= dropout",
        "test_training.py",
        "dropped",
    ),
    Bug(
        "EMA decay turned round",
        "training/rate.py",
        "1 - ema_decay(step, decay)",
        "ema_decay(step, decay)",
        "test_training.py",
        "recursion",
    ),
    Bug(
        "the first level never trained on",
        "training/importance.py",
        "torch.randint(1, T + 1,",
        "torch.randint(2, T + 1,",
        "test_training.py",
        "every_t",
    ),
    Bug(
        "weights kept after the step that spoiled them",
        "training/loop.py",
        "update_ema(self._average, self._parameters, state.step, config.ema_decay)\n",
        "update_ema(self._average, self._parameters, state.step, config.ema_decay)\n"
        "        state.last_finite = {n: w.clone() for n, w in state.average.items()}\n",
        "test_training_again.py",
        "good_weights",
    ),
    Bug(
        "AdamW's moments lost on resuming",
        "training/resume.py",
        "torch.empty_like(parameter).copy_(value)",
        "torch.zeros_like(parameter)",
        "test_training_again.py",
        "bit_for_bit",
    ),
    Bug(
        "every step draws the same numbers",
        "training/batch.py",
        "np.random.SeedSequence((seed, step))",
        "np.random.SeedSequence((seed, 0))",
        "test_distributed.py",
        "follows_from_seed",
    ),
    Bug(
        "prefetched pictures are not those of the next batch",
        "training/batch.py",
        "return torch.randint(count, (config.batch,), generator=generator_at(config.seed, step))",
        "return torch.randint(count, (config.batch,), generator=generator_at(config.seed, step + 1))",
        "test_distributed.py",
        "follows_from_seed",
    ),
    Bug(
        "each part of a batch counts as the whole",
        "training/loop.py",
        ".sum() / len(pictures)",
        ".mean()",
        "test_distributed.py",
        "add_up_to_the_batch",
    ),
    Bug(
        "pictures in the order of the disk",
        "training/prefetch.py",
        "levels[order] =",
        "levels[:] =",
        "test_distributed.py",
        "prefetched_pictures_are",
    ),
    Bug(
        "the network is not compiled",
        "training/loop.py",
        "objective(config, with_net(state.model, self._net))",
        "objective(config, state.model)",
        "test_distributed.py",
        "compiled",
    ),
    # Runs on the disk
    Bug(
        "a checkpoint is written in its place",
        "storage/files.py",
        "part = hidden_beside(path)",
        "part = path",
        "test_runs.py",
        "no_moment or cannot_be_finished",
    ),
    Bug(
        "a damaged checkpoint is not detected by its checksums",
        "storage/checkpoints.py",
        "sums != _of(path)",
        "not path.exists()",
        "test_runs.py",
        "where_nothing_opens",
    ),
    Bug(
        "the best checkpoint is thrown away",
        "runs/folder.py",
        "if step <= state.step][-2:] + ([best[0]] if best else [])",
        "if step <= state.step][-2:]",
        "test_runs.py",
        "last_two",
    ),
    Bug(
        "only the newest checkpoint is tried on resuming",
        "runs/folder.py",
        "problem = problem or error\n        if (self.path / RESUME",
        "raise ResumeError(str(error)) from error\n        if (self.path / RESUME",
        "test_runs.py",
        "from_an_earlier",
    ),
    Bug(
        "two may train one run",
        "runs/lock.py",
        "if locked is False or holder.is_elsewhere or",
        "if holder.is_elsewhere or",
        "test_runs.py",
        "one_at_a_time or many_who_ask",
    ),
    Bug(
        "another computer's heartbeat is ignored",
        "runs/lock.py",
        "return self.host != node() and self.is_alive",
        "False",
        "test_runs.py",
        "signs_of_life",
    ),
    Bug(
        "a line that was cut short swallows the next",
        "runs/record.py",
        'data = b"\\n" + data',
        "pass",
        "test_runs.py",
        "cut_short",
    ),
    Bug(
        "steps that a resumed run logs again stay twice",
        "runs/record.py",
        "while entries and entries[-1].step >= entry.step:",
        "while entries and entries[-1].step > entry.step + 10**9:",
        "test_runs.py",
        "tells_again",
    ),
    Bug(
        "held-out losses see one noise level",
        "training/held_out.py",
        "parts = torch.randperm(count, generator=generator)",
        "parts = torch.zeros(count, dtype=torch.int64)",
        "test_held_out.py",
        "every_part",
    ),
    Bug(
        "the best on held-out pictures is the worst",
        "runs/history.py",
        "return min((point for point in self.held_out if point.step in steps)",
        "return max((point for point in self.held_out if point.step in steps)",
        "test_held_out.py",
        "best_checkpoint",
    ),
    Bug(
        "the doctor exchanges learned and missing",
        "doctor/of_curves.py",
        "missing = np.where(learnable, (now - floor) / (first - floor), 0.0)",
        "missing = np.where(learnable, (first - now) / (first - floor), 0.0)",
        "test_doctor.py",
        "noise_level or shipped",
    ),
    Bug(
        "the doctor takes two near samples for proof",
        "doctor/of_curves.py",
        "copies.near < 3",
        "copies.near < 2",
        "test_doctor.py",
        "no_proof",
    ),
    # Pictures
    Bug(
        "a stretch of pictures though some were left out",
        "data/image_set.py",
        "slice(first, last + 1) if last + 1 - first == len(places) else chosen",
        "slice(first, last + 1) if len(places) else chosen",
        "test_picture_sizes.py",
    ),
    Bug(
        "pictures are turned one way only",
        "data/augment.py",
        "angle = ((2 * drawn[:, 1] - 1) * rotation)",
        "angle = (drawn[:, 1] * rotation)",
        "test_picture_sizes.py",
    ),
    Bug("pictures are turned upside down", "data/augment.py", "x0.flip(3)", "x0.flip(2)", "test_picture_sizes.py"),
    Bug(
        "black corners where a picture was turned",
        "data/augment.py",
        'padding_mode="reflection"',
        'padding_mode="zeros"',
        "test_picture_sizes.py",
    ),
    Bug(
        "pictures enlarged without upsampling",
        "data/sizes.py",
        "if size > data.size and not upsampling:",
        "if size > 2 * data.size and not upsampling:",
        "test_picture_sizes.py",
    ),
    Bug(
        "memory grows with the pictures read",
        "data/store.py",
        "pages.madvise(mmap.MADV_DONTNEED)",
        "pass",
        "test_picture_sizes.py",
    ),
    Bug(
        "large sets are taken into memory whole",
        "training/prefetch.py",
        "SMALL = 128_000_000",
        "SMALL = 10**13",
        "test_picture_sizes.py",
        "memory",
    ),
    Bug(
        "a set is put in order with all of it in memory",
        "data/writing.py",
        "store.gather(images, rows)",
        "images[rows]",
        "test_picture_sources.py",
        "memory",
    ),
    Bug(
        "remaining processes do not report a lost main process",
        "runs/trainer.py",
        '("paused", f"{error}{self._save_without_peer()}"), True',
        '("paused", f"{error}{self._save_without_peer()}"), False',
        "test_cli_training.py",
        "speak_only",
    ),
    Bug(
        "the same pictures held out whatever they show",
        "data/writing.py",
        "key=lambda k: digests[k]",
        "key=lambda k: k",
        "test_picture_sources.py",
    ),
    Bug(
        "a class may be held out whole",
        "data/writing.py",
        "np.minimum(quota, sizes - 1)",
        "np.minimum(quota, sizes)",
        "test_picture_sources.py",
    ),
    Bug(
        "labels of other pictures",
        "data/writing.py",
        "labels = labels[order]",
        "labels = labels[np.argsort(order)]",
        "test_picture_sources.py",
    ),
    Bug(
        "links in a zip are followed",
        "storage/zips.py",
        "if stat.S_ISLNK(info.external_attr >> 16):",
        "if False:",
        "test_picture_sources.py",
    ),
    # What is minimised
    Bug(
        "hybrid loss moves the mean too",
        "training/objective.py",
        "[of_target.detach(), of_variance]",
        "[of_target, of_variance]",
        "test_objective.py",
        "teaches_the_variance",
    ),
    Bug(
        "weights of the bound a step late",
        "training/objective.py",
        "schedule.beta[1:] * schedule.level(t - 1).alpha_bar",
        "schedule.beta[1:] * schedule.level(t).alpha_bar",
        "test_objective.py",
        "bound_weights",
    ),
    Bug(
        "velocity weighed like noise",
        "training/objective.py",
        "return 1 / (1 + snr)",
        "return 1 / snr",
        "test_objective.py",
        "errors_of_the_output",
    ),
    Bug(
        "importance sampling half corrected",
        "training/importance.py",
        "1 / (len(p) * p[drawn])",
        "1 / (len(p) * p[drawn]).sqrt()",
        "test_objective.py",
        "expected_loss",
    ),
    Bug(
        "importance sampling not corrected",
        "training/loop.py",
        "losses.total * own.share[part].to(losses.total)",
        "losses.total",
        "test_objective.py",
        "counts_less",
    ),
    Bug(
        "a classifier whose logits are not scaled by the root of alpha_bar",
        "models/noisy_classifier.py",
        "broadcast(level.alpha_bar.sqrt(), logits) * logits",
        "logits",
        "test_noisy_classifier.py",
        "less_signal_is_left",
    ),
    # Measuring
    Bug(
        "recall counts each point as its own neighbour",
        "evaluation/metrics.py",
        "reach_a = among_a[keep_a][:, keep_a].kthvalue(k + 1, dim=1)",
        "reach_a = among_a[keep_a][:, keep_a].kthvalue(k, dim=1)",
        "test_metrics.py",
        "precision",
    ),
    Bug(
        "error of precision as if its halves were whole sets",
        "evaluation/metrics.py",
        "errors = (squares / (4 * splits)).sqrt()",
        "errors = (squares / splits).sqrt()",
        "test_metrics.py",
        "precision",
    ),
    Bug(
        "groups of the jackknife leave the classes to chance",
        "evaluation/metrics.py",
        "order = order[classes.cpu()[order].argsort(stable=True)]",
        "order = order.clone()",
        "test_metrics.py",
        "jackknife or as_many",
    ),
    Bug(
        "every batch has the same seeds",
        "evaluation/drawing.py",
        "seeds=seeds,",
        "seeds=range(len(seeds)),",
        "test_grid.py",
        "same_seeds",
    ),
    Bug(
        "a network's cells are kept when its weights change",
        "evaluation/cells.py",
        "key.encode() + weight.detach().cpu().contiguous().numpy().tobytes()",
        "key.encode()",
        "test_grid.py",
        "key",
    ),
    # To diffusers and back
    Bug(
        "schedule shifted by one at diffusers",
        "interop/diffusers_format.py",
        "schedule.beta[1:].tolist()",
        "schedule.beta[:-1].tolist()",
        "test_pretrained.py",
        "opens_at_diffusers",
    ),
    Bug(
        "clean and velocity exchanged at diffusers",
        "interop/diffusers_format.py",
        '"clean": "sample", "velocity": "v_prediction"',
        '"velocity": "sample", "clean": "v_prediction"',
        "test_pretrained.py",
        "opens_at_diffusers",
    ),
    Bug(
        "the last class of a network without null class taken for none",
        "interop/pretrained.py",
        "null_class = ours and card.null_class",
        "null_class = card.null_class",
        "test_diffusers_models.py",
        "without_one_for_none",
    ),
    Bug(
        "queries and keys of old files exchanged",
        "interop/diffusers_format.py",
        '"query": "to_q", "key": "to_k"',
        '"query": "to_k", "key": "to_q"',
        "test_diffusers_models.py",
        "names_of_old",
    ),
    Bug(
        "scaled-linear betas not squared",
        "interop/diffusers_format.py",
        "config.beta_end**0.5, T, dtype=torch.float64) ** 2",
        "config.beta_end**0.5, T, dtype=torch.float64)",
        "test_diffusers_models.py",
        "betas_are_those",
    ),
    Bug(
        "a Trainer's weights as trained, not its average",
        "interop/trainer_files.py",
        "weights = inner or weights",
        "weights = weights or inner",
        "test_trainer_files.py",
        "average_is_taken",
    ),
    Bug(
        "pickled code of a Trainer's file is run",
        "interop/trainer_files.py",
        "weights_only=True, mmap=True",
        "weights_only=False, mmap=True",
        "test_trainer_files.py",
        "never_run",
    ),
    # A step taken apart, and forks
    Bug(
        "step decomposition: the previous prediction counts as the current one",
        "analysis/step_decomposition.py",
        "PreviousStep(previous.level.repeat(count), answer(previous.prediction))",
        "PreviousStep(previous.level.repeat(count), Prediction(torch.zeros_like(of_x), part()))",
        "test_step_decomposition.py",
    ),
    Bug(
        "step decomposition: the mean includes the fresh noise",
        "analysis/step_decomposition.py",
        "if not term.name.startswith(FRESH)]",
        "]",
        "test_step_decomposition.py",
    ),
    Bug(
        "KL the other way round",
        "analysis/step_decomposition.py",
        "kl = ((v2.log() - v1.log()) + (v1 + mean_error**2) / v2 - 1) / 2",
        "kl = ((v1.log() - v2.log()) + (v2 + mean_error**2) / v1 - 1) / 2",
        "test_step_decomposition.py",
    ),
    Bug(
        "a fork repeats the parent's noise draws",
        "sampling.py",
        "while draw.draws < begin.draws:",
        "while False:",
        "test_fork.py",
    ),
    Bug(
        "a fork loses the previous step",
        "recipes/fork.py",
        "start.previous if same_denoiser else None",
        "None",
        "test_fork.py",
    ),
    Bug(
        "a fork's new seed goes on where the old one was",
        "recipes/fork.py",
        "start.draws if same_noise else 0",
        "start.draws",
        "test_fork.py",
    ),
    # Looking into the network, and back at its training
    Bug(
        "attention without the root of its width",
        "analysis/xray.py",
        "/ math.sqrt(q.shape[3])",
        "/ q.shape[3]",
        "test_xray.py",
        "rows_sum",
    ),
    Bug(
        "the coarser channels are zeroed, not the skip's",
        "analysis/xray.py",
        "torch.cat([x[:, :-channels], torch.zeros_like(x[:, -channels:])], dim=1)",
        "torch.cat([torch.zeros_like(x[:, :-channels]), x[:, -channels:]], dim=1)",
        "test_xray.py",
        "as_zeros",
    ),
    Bug(
        "skips are popped in the order they were stored",
        "analysis/xray.py",
        "zip(kept, reversed(taking), strict=True)",
        "zip(kept, taking, strict=True)",
        "test_xray.py",
        "skips_join",
    ),
    Bug(
        "milestones of a process that was killed",
        "runs/milestones.py",
        "[there for there in steps(folder) if there > step]",
        "[there for there in steps(folder) if there < 0]",
        "test_milestones.py",
        "cut_off",
    ),
]


@dataclass(frozen=True)
class Result:
    """How a run of pytest ended."""

    status: int
    output: str


def run(place: Path, tests: str, only: str = "") -> Result:
    """Run test files against the engine in `place`, up to the first failure.

    In a fork of this process, where torch is loaded already and the engine is not: loading torch is most of the time otherwise.
    """
    arguments = [
        "-x",
        "-n",
        "0",
        "--no-header",
        "--disable-warnings",
        "-p",
        "no:cacheprovider",
        *(str(_located(name)) for name in tests.split()),
    ]
    arguments += ["-k", only] if only else []
    log = place / "log"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        with log.open("w") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        status = 99
        try:
            os.chdir(place)
            sys.path.insert(0, str(place))
            status = int(pytest.main(arguments))
            import engine

            if Path(engine.__file__).parent != place / "engine":
                print(f"The copy is not what was imported, but {engine.__file__}.")
                status = 99
        finally:
            sys.stdout.flush()
            os._exit(status)
    return Result(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), log.read_text(encoding="utf-8"))


@cache
def _located(name: str) -> Path:
    """The one test file of that name, relative to the project."""
    (found,) = (ROOT / "tests").rglob(name)
    return found.relative_to(ROOT)


def _lay_out(place: Path) -> None:
    """A copy of the engine and of the tests of its mathematics; the data are linked."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "engine", place / "engine", ignore=ignore)
    (place / "tests").mkdir()
    for name in {*HELPERS, *(name for bug in BUGS for name in bug.tests.split())}:
        (place / _located(name)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / _located(name), place / _located(name))
    shutil.copy(ROOT / "pyproject.toml", place / "pyproject.toml")
    (place / "assets").symlink_to(ROOT / "assets")


def main(words: list[str]) -> int:
    """Plant each bug, print a table, return the exit status."""
    chosen = [bug for bug in BUGS if all(word.lower() in bug.what.lower() for word in words)]
    survivors = []
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary).resolve()
        _lay_out(place)
        for selection in sorted({(bug.tests, bug.only) for bug in chosen}):
            sound = run(place, *selection)
            if sound.status != 0:
                print(f"Without any bug, {selection[0]} already fails:\n{sound.output[-2000:]}")
                return 1
        print(f"{'bug':<52}{'file':<20}{'':<14}first test to see it")
        for bug in chosen:
            try:
                file, broken = plant(place / "engine", bug.file, bug.right, bug.wrong)
            except NotFoundOnceError as error:
                print(f"“{bug.what}” cannot be planted: its code {error}.")
                return 1
            whole = file.read_text(encoding="utf-8")
            file.write_text(broken, encoding="utf-8")
            began, result = time.perf_counter(), run(place, bug.tests, bug.only)
            file.write_text(whole, encoding="utf-8")
            # 1 is "some tests failed"; anything else would be a bug so gross that nothing could be run.
            caught = result.status == 1 and "FAILED" in result.output
            first = next((line for line in result.output.splitlines() if line.startswith("FAILED")), "")
            name = first.removeprefix("FAILED tests/").split(" - ")[0]
            verdict = "caught" if caught else "NOT caught"
            print(f"{bug.what:<52}{bug.file:<20}{verdict:<14}{name}  ({time.perf_counter() - began:.0f} s)", flush=True)
            if not caught:
                survivors.append(bug)
                print(result.output[-1000:])
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} bugs caught.")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
