"""Models of the Hugging Face Hub by name: "google/ddpm-cifar10-32", or "owner/name@revision".

They lie in the Hub's own cache ($HF_HUB_CACHE), shared with diffusers. A name that is there opens without a connection. Only
configs and safetensors are downloaded, and the configs first: what would not open is not downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.interop import pretrained
from engine.interop.pretrained import WEIGHTS
from engine.language import Message, _
from engine.storage import budgets
from engine.storage.checked_files import PICKLES, CheckpointError
from engine.storage.disk_errors import is_refused_write, sentence

Progress = Callable[[int, int], None]
"""Called with the bytes that were downloaded, and with all of them; what it raises ends the download."""

HALF = WEIGHTS.replace(".safetensors", ".fp16.safetensors")
CONFIGS = (
    "model_index.json",
    "card.json",
    "config.json",
    "scheduler_config.json",
    "unet/config.json",
    "scheduler/scheduler_config.json",
)
"""All that is read of a folder besides its weights."""
WEIGHT_FILES = (WEIGHTS, HALF, f"unet/{WEIGHTS}", f"unet/{HALF}")
"""Possible paths of the weights."""

NAME = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w.][\w./-]{0,100}))?")


@dataclass(frozen=True)
class HubName:
    """A repository of the Hub at a revision: a branch, a tag, a commit, or refs/pr/N."""

    repo: str
    revision: str = "main"

    def __str__(self) -> str:
        return self.repo if self.revision == "main" else f"{self.repo}@{self.revision}"


def parse(name: str) -> HubName | None:
    """The repository of a name; None for what cannot be a name of the Hub."""
    found = NAME.fullmatch(name)
    if found is None or ".." in name or "--" in name:
        return None
    return HubName(found[1], found[2] or "main")


def cached(name: HubName) -> Path | None:
    """The folder in the Hub's cache with all that is needed; None where something is missing. Needs no connection."""
    from huggingface_hub import try_to_load_from_cache  # imported here, for it takes time

    def there(file: str) -> Path | None:
        path = try_to_load_from_cache(name.repo, file, revision=name.revision)
        return Path(path) if isinstance(path, str) and Path(path).is_file() else None

    for inner, scheduler in (("unet/", "scheduler/"), ("", ""), ("", "scheduler/")):
        config = there(inner + "config.json")
        weights = there(inner + WEIGHTS) or there(inner + HALF)
        if config and weights and there(scheduler + "scheduler_config.json"):
            return config.parents[1] if inner else config.parent
    return None


def fetch(name: HubName, progress: Progress | None = None) -> Path:
    """The folder of a model, downloaded into the Hub's cache where it is not there yet.

    Args:
        name: of the model.
        progress: called with how far it is.

    Raises:
        CheckpointError: with one sentence on what is wrong and what to do, where it cannot be downloaded or would not open.
        Exception: what `progress` raises.
    """
    folder = cached(name)
    if folder is not None:
        return folder
    stopped: list[Exception] = []

    def report(done: int, total: int) -> None:
        if progress is not None:
            try:
                progress(done, total)
            except Exception as reason:
                stopped.append(reason)
                raise

    try:
        return _download(name, report)
    except Exception as error:  # of the Hub's client, of HTTP, of the disk: all become one sentence
        if stopped:
            raise stopped[0] from None
        if isinstance(error, CheckpointError):
            raise
        raise _error_of(name, error) from error


def _download(name: HubName, report: Progress) -> Path:
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi().model_info(name.repo, revision=name.revision, files_metadata=True, timeout=10)
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}

    def get(file: str, report: Callable[[int], None] = lambda done: None) -> Path:
        return Path(hf_hub_download(name.repo, file, revision=name.revision, tqdm_class=_bar_of(report)))

    folder = None
    for file in CONFIGS:
        if file in sizes:
            if sizes[file] > budgets.JSON_BYTES:
                raise CheckpointError(
                    Message("{file} of “{name}” is far too large for what it should hold.", file=file, name=name)
                )
            path = get(file)
            folder = path.parents[1] if "/" in file else path.parent
    if folder is None:
        raise CheckpointError(
            Message("“{name}” is no {kind}: there is no config.json in it.", name=name, kind=Message(pretrained.KIND))
        )
    config, *_ = pretrained.read_configs(folder)
    inner = "unet/" if config.parent.name == "unet" and config.parent != folder else ""
    weights = next((inner + file for file in (WEIGHTS, HALF) if inner + file in sizes), None)
    if weights is None:
        raise CheckpointError(_missing_weights(name, inner, sizes))
    if sizes[weights] > budgets.WEIGHT_BYTES:
        raise CheckpointError(
            Message(
                "The weights of “{name}” take {size:.1f} GB, too much for this playground.",
                name=name,
                size=sizes[weights] / 1000000000.0,
            )
        )
    get(weights, lambda done: report(done, sizes[weights]))
    return folder


def _missing_weights(name: HubName, inner: str, sizes: dict[str, int]) -> Message:
    if f"{inner}{WEIGHTS}.index.json" in sizes:
        return Message(
            "The weights of “{name}” are split into several files, as of networks too large for this playground.",
            name=name,
        )
    pickled = [file for file in sizes if file.startswith(inner + "diffusion_pytorch_model") and file.endswith(PICKLES)]
    if pickled:
        return Message(
            "The weights of “{name}” are only there as a pickle ({file}), which can run any program when it is opened: "
            "only safetensors are read. Ask for another revision that has them, as {repo}@REVISION, or, where you trust "
            'it, convert it: diffusers.DDPMPipeline.from_pretrained("{repo}").save_pretrained("FOLDER").',
            name=name,
            file=pickled[0],
            repo=name.repo,
        )
    return Message("The weights are missing: “{name}” has no {file}.", name=name, file=inner + WEIGHTS)


def _error_of(name: HubName, error: Exception) -> CheckpointError:
    """One sentence on a failed download and what to do about it."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return CheckpointError(
            Message(
                "“{name}” is given only to those who ask: accept the terms on its page, then run “hf auth login”.",
                name=name.repo,
            )
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return CheckpointError(
            Message("“{name}” is on the Hub, but has no revision “{revision}”.", name=name.repo, revision=name.revision)
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return CheckpointError(
            Message(
                "There is no folder “{name}” here and no such model on the Hub (or it is private): check the spelling.",
                name=name,
            )
        )
    if isinstance(error, errors.HFValidationError):
        return CheckpointError(
            Message("“{name}” is neither a folder here nor a name that the Hub could have.", name=name)
        )
    if is_refused_write(error):
        return CheckpointError(sentence(error, _("“{name}” cannot be stored in the Hub's cache", name=name)))
    off = (
        Message("the Hub is switched off here (HF_HUB_OFFLINE)")
        if isinstance(error, errors.OfflineModeIsEnabled)
        else Message("the Hub cannot be reached ({kind})", kind=type(error).__name__)
    )
    return CheckpointError(
        Message(
            "There is no folder “{name}” here, it is not in the Hub's cache, and {why}: download it elsewhere with "
            "“hf download {repo}” and upload the folder as a zip, or set HF_HUB_CACHE to a cache that has it.",
            name=name,
            why=off,
            repo=name.repo,
        )
    )


def _bar_of(report: Callable[[int], None]) -> type[Any]:
    """A silent progress bar for the Hub's client, which reports the bytes so far."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options | {"disable": True})  # type: ignore[no-untyped-call]
            report(int(self.n))

        def update(self, n: float | None = 1) -> None:  # negative where the download begins again
            self.n += int(n or 0)
            report(int(self.n))

    return Bar
