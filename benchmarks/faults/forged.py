"""Damaged and forged checkpoints, run folders and uploads: they open, or one sentence says why they do not."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from files_to_try import picture

from benchmarks.faults.inputs import NASTY, SECONDS, _hangs, _sentence

from checkpoints_to_try import save_sound


def cases() -> list[str]:
    """Three hundred."""
    return [f"{what} {seed}" for what in FORGED for seed in range(60)]


def run(case: str, work: Path) -> str:
    """Forge it from its seed, and open it."""
    what, _, _ = case.rpartition(" ")
    folder = work / "forged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _trained(work)
    before = signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        FORGED[what](random.Random(case), folder)
    except ValueError as error:
        return _sentence(error)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return ""


# --- mutations --------------------------------------------------------------------------------------------------------


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Bytes with one thing wrong."""
    at = rng.randrange(len(data)) if data else 0
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :] if data else b"\1"
    if kind == 2:
        return rng.randbytes(rng.randrange(64)) + data[rng.randrange(1, 64) :]
    if kind == 3:
        return data[:at] + rng.randbytes(rng.randrange(1, 400)) + data[at:]
    if kind == 4:
        return b""
    return bytes(len(data))


def _damage_json(rng: random.Random, file: Path) -> None:
    values = json.loads(file.read_text())
    names = list(values) if isinstance(values, dict) else []
    for name in rng.sample(names, min(len(names), rng.randint(1, 3))):
        values[name] = rng.choice(NASTY)
    file.write_bytes(json.dumps(values).encode("utf-8", "surrogatepass"))


def damage(rng: random.Random, folder: Path) -> None:
    """One file of a folder with something wrong: its bytes, its values, or that it is no file any more."""
    file = rng.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    kind = rng.randrange(8)
    if kind < 3 and file.suffix == ".json":
        _damage_json(rng, file)
    elif kind < 5:
        file.write_bytes(damaged(rng, file.read_bytes()))
    else:
        file.unlink()
        if kind == 5:
            file.symlink_to(rng.choice(("/dev/zero", "/proc/self/environ", "nowhere", ".", file.name)))
        elif kind == 6:
            os.mkfifo(file)
        else:
            file.mkdir()


# --- what is forged ---------------------------------------------------------------------------------------------------


def _checkpoint(rng: random.Random, folder: Path) -> None:
    from engine.interop import pretrained

    save_sound(folder / "model")
    damage(rng, folder / "model")
    pretrained.load(folder / "model")


def _run_folder(rng: random.Random, folder: Path) -> None:
    from engine.interop import pretrained
    from engine.runs.folder import RunFolder
    from engine.runs.service import TrainingService

    run = folder / "20260101-000000-00000000"
    shutil.copytree(_trained(folder.parent), run)
    for _ in range(rng.randint(1, 3)):
        damage(rng, run)
    service = TrainingService(folder)
    for run_id in service.ids():
        service.snapshot(run_id)
    RunFolder.at(run).open(pretrained.load)


def _trained(work: Path) -> Path:
    """A run of four steps."""
    from engine.cli import main

    whole = work / "run to forge"
    if not whole.exists():
        settings = ("preset=tiny", "T=20", "batch=2", "steps=4", "report_every=2", "sample_every=2", "milestones=2")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            main(["train", "--out", str(whole), *(word for one in settings for word in ("--set", one))])
    return whole


def _zip_of(rng: random.Random, files: dict[str, bytes]) -> io.BytesIO:
    """A zip whose names, kinds and bytes may be anything."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))) as zipped:
        for name, data in files.items():
            info = zipfile.ZipInfo(rng.choice((name, name, name, f"../../{name}", f"/{name}", name.replace("/", "\\"))))
            info.external_attr = rng.choice((0, 0, 0, 0o120777 << 16, 0o010644 << 16))
            zipped.writestr(info, damaged(rng, data) if rng.random() < 0.2 else data)
    return io.BytesIO(damaged(rng, made.getvalue())) if rng.random() < 0.5 else made


def _model_zip(rng: random.Random, folder: Path) -> None:
    from engine.interop import uploads

    sound = save_sound(folder / "model")
    files = {path.relative_to(sound).as_posix(): path.read_bytes() for path in sound.rglob("*") if path.is_file()}
    uploads.store(_zip_of(rng, files), "model.zip")


def _picture_zip(rng: random.Random, folder: Path) -> None:
    from engine.data import preparing
    from engine.data.sources import archive

    kinds = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
    files = {f"{k % 2}/{k}.{rng.choice(kinds).lower()}": picture(k, rng.choice(kinds)) for k in range(12)}
    preparing.prepare(archive.keep(_zip_of(rng, files), "pictures.zip", folder), root=folder)


def _trainer_file(rng: random.Random, folder: Path) -> None:
    import torch

    from engine.interop import trainer_files

    file = folder / "model.pt"
    state: dict[str, Any] = {"betas": torch.full((20,), 0.1), "model.init_conv.weight": torch.zeros(8, 1, 7, 7)}
    state |= {f"model.{rng.choice(('downs', 'ups', 'mid'))}.{k}": torch.zeros(rng.randrange(1, 9)) for k in range(4)}
    torch.save({"model": state, "version": rng.choice(("2.0.0", "1.0", 3, None))}, file)
    file.with_suffix(".json").write_text('{"image_size": 32}')
    damage(rng, folder)
    trainer_files.load(file)


FORGED: dict[str, Callable[[random.Random, Path], None]] = {
    "checkpoint": _checkpoint,
    "run folder": _run_folder,
    "model zip": _model_zip,
    "picture zip": _picture_zip,
    "trainer file": _trainer_file,
}
