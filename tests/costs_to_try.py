"""Small files that would cost much: forged here, opened in a process of its own, and measured.

python tests/costs_to_try.py [NAME …]     a line of JSON for each: seconds of processor, megabytes at most, what was said
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SCALE = 1_000_000


@dataclass(frozen=True)
class Cost:
    """A forged file, and what opening it may cost."""

    forge: Callable[[Path], Callable[[], object]]
    """Writes it into a folder; what opens it then."""
    seconds: float
    """Of processor."""
    megabytes: float
    """Beyond what the program held before."""


def _zip_of(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind, compresslevel=9) as zipped:
        for name, data in members.items():
            zipped.writestr(name, data)
    return file


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, *chunks: bytes, colour: int = 2) -> bytes:
    """A black picture; of colour 0 grey, 2 RGB, 6 RGBA."""
    packer, row = zlib.compressobj(9), b"\0" * (1 + width * {0: 1, 2: 3, 6: 4}[colour])
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100))
    data += packer.compress(row * (height % 100)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + b"".join(chunks) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


# --- models -----------------------------------------------------------------------------------------------------------


def many_indices(folder: Path) -> Callable[[], object]:
    from engine.interop import uploads

    file = _zip_of({f"{k:04}/" * 12 + "model_index.json": b"{}" for k in range(9000)}, zipfile.ZIP_STORED)
    return lambda: uploads.store(file, "model.zip")


def deep_json(folder: Path) -> Callable[[], object]:
    from engine.interop import uploads

    file = _zip_of({"model_index.json": b'{"a":' + b"[" * 900_000})
    return lambda: uploads.store(file, "model.zip")


def long_extras(folder: Path) -> Callable[[], object]:
    """Fields of no length beside each name: what reads them by cutting the first one off is quadratic."""
    from engine.interop import uploads

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for k in range(200):
            info = zipfile.ZipInfo(f"\u00e9{k}")
            zipped.writestr(info, b"")
            info.extra = struct.pack("<HH", 0x9999, 0) * 16_000
    return lambda: uploads.store(file, "model.zip")


def safetensors_header(folder: Path) -> Callable[[], object]:
    """A header with 600,000 names of nothing, where a network has some hundred."""
    from engine.interop import pretrained

    _sound(folder)
    header = ",".join(f'"{k}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for k in range(600_000)).join("{}")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(struct.pack("<Q", len(header)) + header.encode())
    return lambda: pretrained.load(folder)


def _sound(folder: Path) -> None:
    from checkpoints_to_try import save_sound

    save_sound(folder)


def shared_weights(folder: Path) -> Callable[[], object]:
    """A file of torch.save in which one number stands for weights of a gigabyte."""
    import torch

    from engine.interop import trainer_files

    one, dim = torch.zeros(1), 2048
    state = {
        "betas": torch.full((10,), 0.1),
        "model.init_conv.weight": one.expand(dim, 3, 7, 7),
        "model.time_mlp.1.weight": one.expand(4 * dim, dim),
        "model.final_conv.weight": one.expand(3, dim, 1, 1),
        "model.downs.0.0.block1.proj.weight": one.expand(dim, dim, 3, 3),
        "model.downs.0.3.weight": one.expand(dim, dim, 3, 3),
        "model.downs.0.2.mem_kv": one.expand(2, 4, 32, 4),
    } | {f"model.more.{k}": one.expand(8192, 8192) for k in range(10)}
    torch.save({"model": state, "version": "2.0.0"}, folder / "model.pt")
    (folder / "model.json").write_text('{"image_size": 32, "objective": "pred_noise"}')
    return lambda: trainer_files.load(folder / "model.pt")


def pickled_dicts(folder: Path) -> Callable[[], object]:
    """A pickle of 15 million empty dictionaries."""
    from engine.interop import trainer_files

    with zipfile.ZipFile(folder / "model.pt", "w") as zipped:
        zipped.writestr("archive/data.pkl", b"\x80\x02](" + b"}" * 15_000_000 + b"e.")
        zipped.writestr("archive/version", b"3\n")
    return lambda: trainer_files.load(folder / "model.pt")


# --- pictures ---------------------------------------------------------------------------------------------------------


def large_pictures(folder: Path) -> Callable[[], object]:
    from engine.data import preparing
    from engine.data.sources import archive

    picture = _png(8000, 5000, colour=6)
    file = _zip_of({f"{k}.png": picture for k in range(6)})
    return lambda: preparing.prepare(archive.keep(file, "pictures.zip", folder), root=folder)


def previewed_pictures(folder: Path) -> Callable[[], object]:
    from engine.data.sources import preview

    picture = _png(8000, 5000)
    file = _zip_of({f"{k}.png": picture for k in range(6)})
    return lambda: preview.preview_zip(file)


def endless_pictures(folder: Path) -> Callable[[], object]:
    """Two thousand pictures of 40 megapixels in a zip of a megabyte: minutes of decoding for nothing."""
    from engine.data import preparing
    from engine.data.sources import archive

    picture = _png(8000, 5000, colour=0)
    file = _zip_of({f"{k}.png": picture for k in range(2000)})
    return lambda: preparing.prepare(archive.keep(file, "pictures.zip", folder), root=folder)


def one_picture(folder: Path) -> Callable[[], object]:
    from engine.data.pictures import read_picture

    data = _png(8000, 5000, colour=6)
    return lambda: read_picture(data, size=64, channels=3).shape


def deep_picture(folder: Path) -> Callable[[], object]:
    """Of 32 bits a value."""
    from engine.data.pictures import read_picture

    file = io.BytesIO()
    Image.new("F", (8000, 5000)).save(file, "TIFF", compression="tiff_adobe_deflate")
    return lambda: read_picture(file.getvalue(), size=64, channels=1).shape


def _tags(little: int, length: int, offset: int = 0) -> bytes:
    """A directory of TIFF whose entries all say that the whole file is theirs."""
    entries = b"".join(struct.pack("<HHII", 50_000 + k, 7, length, offset) for k in range(little))
    return struct.pack("<H", little) + entries + struct.pack("<I", 0)


def tiff_tags(folder: Path) -> Callable[[], object]:
    from engine.data.pictures import read_picture

    sound = [
        (256, 4, 1, 8),
        (257, 4, 1, 8),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (279, 4, 1, 64),
    ]
    many, size = 4000, 1_000_000
    entries = [*sound, *((40_000 + k, 7, size - 200_000, 8) for k in range(many))]
    directory = (
        struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0" * 4
    )
    data = (b"II*\0" + struct.pack("<I", size) + b"\1" * size)[:size] + directory
    return lambda: read_picture(data, size=8, channels=1).shape


def exif_tags(folder: Path) -> Callable[[], object]:
    from engine.data.pictures import read_picture

    many, size = 4000, 1_000_000
    entries = b"".join(struct.pack("<HHII", 40_000 + k, 7, size - 200_000, 8) for k in range(many))
    exif = (b"II*\0" + struct.pack("<I", size) + b"\1" * size)[:size] + struct.pack("<H", many) + entries + b"\0" * 4
    data = _png(8, 8, _chunk(b"eXIf", exif))
    return lambda: read_picture(data, size=8, channels=1).shape


def profile(folder: Path) -> Callable[[], object]:
    """A colour profile and texts that unpack to a gigabyte."""
    from engine.data.pictures import read_picture

    packed = zlib.compress(b"\0" * 100_000_000, 9)
    texts = [_chunk(b"zTXt", f"k{k}".encode() + b"\0\0" + packed) for k in range(8)]
    data = _png(8, 8, _chunk(b"iCCP", b"a\0\0" + packed), *texts)
    return lambda: read_picture(data, size=8, channels=1).shape


def many_frames(folder: Path) -> Callable[[], object]:
    from engine.data.pictures import read_picture

    file = io.BytesIO()
    frames = [Image.new("L", (2000, 2000), k % 2) for k in range(40)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return lambda: read_picture(file.getvalue(), size=8, channels=1).shape


def recipe_text(folder: Path) -> Callable[[], object]:
    from engine.recipes.fork import from_file

    packed = zlib.compress(b"[" + b"[]," * 20_000_000 + b"[]]", 9)
    data = _png(8, 8, _chunk(b"zTXt", b"recipe\0\0" + packed))
    return lambda: from_file(data)


def recipe_lists(folder: Path) -> Callable[[], object]:
    from engine.recipes.fork import from_file

    data = b"[" + b"[]," * 10_000_000 + b"[]]"
    return lambda: from_file(data)


# --- run folders ------------------------------------------------------------------------------------------------------


def _run(folder: Path) -> Path:
    from engine.runs.folder import RunFolder
    from engine.runs.record import RunRecord
    from engine.training.config import TrainConfig

    run = RunFolder(folder, "20260101-000000-00000000")
    run.write_record(RunRecord(config=TrainConfig(), status="finished", created=1e9))
    return run.path


def _listed(folder: Path) -> Callable[[], object]:
    import os

    from engine.cli import main
    from engine.runs.service import TrainingService

    def listed() -> str:
        os.environ["DIFFUSION_PLAYGROUND_RUNS"] = str(folder)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(["runs", "list"])

        service = TrainingService(folder)
        for run_id in service.ids():
            service.snapshot(run_id)
        return out.getvalue() + err.getvalue()

    return listed


def previews(folder: Path) -> Callable[[], object]:
    path = _run(folder) / "previews.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for name, shape, kind in (("steps", (60,), "<i8"), ("pictures", (60, 16, 300, 300, 3), "|u1")):
            with zipped.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, {"descr": kind, "fortran_order": False, "shape": shape})
                for _ in range(60):
                    member.write(bytes(int(np.prod(shape[1:])) * int(kind[2])))
    return _listed(folder)


def huge_record(folder: Path) -> Callable[[], object]:
    with (_run(folder) / "run.json").open("r+b") as file:
        file.truncate(2_000 * SCALE)
    return _listed(folder)


def huge_log(folder: Path) -> Callable[[], object]:
    run = _run(folder)
    for name in ("metrics.jsonl", "held_out.jsonl"):
        with (run / name).open("wb") as file:
            file.truncate(2_000 * SCALE)
    return _listed(folder)


def long_line(folder: Path) -> Callable[[], object]:
    (_run(folder) / "metrics.jsonl").write_bytes(b'{"step": [' + b"[]," * 20_000_000 + b"[]]}\n")
    return _listed(folder)


def labels(folder: Path) -> Callable[[], object]:
    """Labels of a prepared set: a header that says two gigabytes, and nothing behind it."""
    from engine.data import store

    name = "zip:0123456789abcdef"
    place = store.folder_of(name, folder)
    place.mkdir(parents=True)
    about = store.About(name, "a", "b", "c", (), 4, 1, 8, 1, False, "", "")
    (place / store.ABOUT).write_text(about.text())
    np.save(place / store.IMAGES, np.zeros((4, 8, 8, 1), np.uint8))
    with (place / store.LABELS).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": (250_000_000,)})
        file.truncate(2_000 * SCALE + 128)
    return lambda: len(store.load(name, folder).labels)


# --- points -----------------------------------------------------------------------------------------------------------


def _csv(data: bytes) -> Callable[[], object]:
    from engine.data.points_csv import read_csv

    return lambda: len(read_csv(data)[0].points)


def csv_rows(folder: Path) -> Callable[[], object]:
    return _csv(b"1,2,a\n" * 8_000_000)


def csv_blank_lines(folder: Path) -> Callable[[], object]:
    return _csv(b"1,2\n" + b"\n" * 49_000_000)


def csv_one_line(folder: Path) -> Callable[[], object]:
    return _csv(b"1,2," * 12_000_000)


def csv_classes(folder: Path) -> Callable[[], object]:
    return _csv(b"".join(b"1,2,%d\n" % k for k in range(90_000)))


def csv_wide_cells(folder: Path) -> Callable[[], object]:
    return _csv(b"\n".join([b"1,2," + b"a" * 100_000] * 480))


COSTS = {
    made.__name__: Cost(made, seconds, megabytes)
    for made, seconds, megabytes in (
        (many_indices, 2, 60),
        (deep_json, 1, 60),
        (long_extras, 1, 80),
        (safetensors_header, 1, 60),
        (shared_weights, 2, 60),
        (pickled_dicts, 1, 60),
        (large_pictures, 15, 350),
        (previewed_pictures, 10, 350),
        (endless_pictures, 10, 100),
        (one_picture, 3, 350),
        (deep_picture, 4, 350),
        (tiff_tags, 1, 60),
        (exif_tags, 1, 60),
        (profile, 1, 60),
        (many_frames, 2, 60),
        (recipe_text, 1, 60),
        (recipe_lists, 1, 60),
        (previews, 1, 60),
        (huge_record, 1, 60),
        (huge_log, 4, 60),
        (long_line, 2, 100),
        (labels, 1, 60),
        (csv_rows, 2, 120),
        (csv_blank_lines, 2, 120),
        (csv_one_line, 2, 120),
        (csv_classes, 2, 60),
        (csv_wide_cells, 2, 120),
    )
}


def _memory(name: str) -> float:
    """Megabytes of this process, by the name in /proc/self/status; 0 where no system tells them."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(name)), 0.0)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def measured(name: str) -> dict[str, object]:
    """Forge one, open it, and say what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        opened = COSTS[name].forge(Path(folder))
        _forget_peak()
        before, began = _memory("VmRSS"), time.process_time()
        try:
            said = str(opened())
        except ValueError as error:
            said = f"{type(error).__name__}: {error}"
        except BaseException as error:
            said = f"Traceback: {type(error).__name__}: {error}"
        seconds, peak = time.process_time() - began, _memory("VmHWM") - before
    return {"name": name, "seconds": round(seconds, 2), "megabytes": round(peak), "said": said[:200]}


def main() -> int:
    """Measure those named, or all."""
    for name in sys.argv[1:] or COSTS:
        print(json.dumps(measured(name), ensure_ascii=False), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
