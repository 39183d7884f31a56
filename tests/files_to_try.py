"""Files of other people: what each holds, made when it is needed, and what is right to do with it."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Case:
    """One file, and what is right.

    Exactly one of `refused` and `taken` says something.
    """

    name: str
    data: bytes
    refused: str = ""
    """A regular expression of the sentence that refuses it."""
    taken: object = None
    """What is to be found in it."""
    said: str = ""
    """A regular expression of what is said of it, where it is taken."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Pictures:
    """A set as it should be understood."""

    classes: tuple[str, ...] = ("cats", "dogs")
    count: int = 12
    held_out: int | None = None
    """None: by the rule."""


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (16, 16)) -> bytes:
    """A small picture of its own."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 132417\n"
OTHER_KINDS: dict[str, tuple[bytes, str]] = {
    "LFS pointer": (LFS, "Git LFS pointer.*git lfs pull"),
    "web page": (b"<!DOCTYPE html>\n<html><title>Sign in</title></html>", "web page"),
    "web page, marked": (b"\xef\xbb\xbf  <html>", "web page"),
    "gzip": (b"\x1f\x8b\x08" + b"\1" * 60, "gzip"),
    "bzip2": (b"BZh9" + b"\1" * 60, "bzip2"),
    "xz": (b"\xfd7zXZ\x00" + b"\1" * 60, "xz file"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"\1" * 60, "7z archive"),
    "RAR": (b"Rar!\x1a\x07\x01\0" + b"\1" * 60, "RAR archive"),
    "PDF": (b"%PDF-1.7\n" + b"\1" * 60, "PDF"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\1" * 60, "HDF5"),
    "old Office document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\1" * 60, "Office"),
    "Parquet": (b"PAR1" + b"\1" * 60, "Parquet"),
    "NumPy": (b"\x93NUMPY\1\0" + b"\1" * 60, "NumPy"),
    "SQLite": (b"SQLite format 3\0" + b"\1" * 60, "database"),
    "pickle": (pickle.dumps([1, 2, 3]), "pickle"),
    "zeros": (b"\0" * 400, "all zeros"),
}
"""Files that are something else, whatever they are called, and what must be said of them."""


def others(*but: str) -> Iterator[Case]:
    """Each of `OTHER_KINDS` as a case to refuse."""
    for name, (data, words) in OTHER_KINDS.items():
        if name not in but:
            yield Case(name, data, refused=words)


# --- tables -----------------------------------------------------------------------------------------------------------

POINTS = ((0.5, 1.25), (-1.5, 2.0), (3.0, -0.25))
KINDS = ("Käse", "Brot", "Käse")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")
SEPARATORS = (
    (",", "."),
    (";", "."),
    (";", ","),
    ("\t", "."),
    ("\t", ","),
    ("|", "."),
    ("|", ","),
    (" ", "."),
    (" ", ","),
)


def table(separator: str, mark: str, *, header: str = "", index: bool = False, kinds: bool = False) -> str:
    """`POINTS` as lines."""
    lines = [separator.join(header.split())] if header else []
    if header and index:
        lines[0] = separator + lines[0]
    for k, (point, kind) in enumerate(zip(POINTS, KINDS, strict=True)):
        cells = [str(number).replace(".", mark) for number in point]
        lines.append(separator.join([*([str(k)] if index else []), *cells, *([kind] if kinds else [])]))
    return "\n".join(lines) + "\n"


def tables() -> Iterator[Case]:
    """Texts of points; what is taken is whether there are classes."""
    for encoding, (separator, mark) in product(ENCODINGS, SEPARATORS):
        kinds, header = (True, "x y class") if encoding != "utf-32" else (False, "")
        text = table(separator, mark, header=header, kinds=kinds)
        name = f"{encoding}, {separator!r}, {mark!r}"
        yield Case(name, text.encode(encoding), taken=kinds, said="comma" if mark == "," else "")
    for separator, mark in SEPARATORS[:-2]:
        text = table(separator, mark, header="x y", index=True)
        yield Case(f"pandas index, {separator!r}, {mark!r}", text.encode(), taken=False, said="row numbers")
    crlf = table(",", ".", header="x y class", kinds=True).replace("\n", "\r\n")
    yield Case("lines of Windows", crlf.encode("cp1252"), taken=True)
    yield Case("end mark of DOS", crlf.encode() + b"\x1a", taken=True)
    yield Case("sep= of Excel", b"sep=;\n" + table(";", ",").encode(), taken=False, said="comma")
    yield Case("quoted", b'"x","y"\n"0.5","1.25"\n"-1.5","2.0"\n"3.0","-0.25"\n', taken=False)
    named = "id,height,x,y,label\n" + "".join(f"{k},9,{x},{y},{KINDS[k]}\n" for k, (x, y) in enumerate(POINTS))
    yield Case("many columns, named", named.encode(), taken=True, said="“x”, “y”, “label”")
    yield Case("true minus", "0.5,1.25\n−1.5,2\n3,−0.25\n".encode(), taken=False)
    yield Case("many columns, unnamed", b"1,2,3,4\n5,6,7,8\n", refused="Line 1 has 4 values.*names in a first line")
    yield Case("a word", b"1,2\nfoo,3\n", refused="Line 2 .*not two numbers")
    yield Case("a short line", b"1,2\n3\n", refused="Line 2 has 1 values")
    yield Case("infinite", b"1,2\ninf,3\n", refused="finite")
    yield Case("header alone", b"x,y\n", refused="no points")
    yield Case("empty", b"", refused="no points")
    workbook = io.BytesIO()
    with zipfile.ZipFile(workbook, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
    yield Case("workbook", workbook.getvalue(), refused="save it as CSV")
    yield Case("PNG", picture(1), refused="PNG picture")
    yield from others()


# --- recipes ----------------------------------------------------------------------------------------------------------

RECIPE = {"model": "digits", "steps": 2, "labels": [3], "seeds": [7]}


def recipes() -> Iterator[Case]:
    """Of `python -m engine sample`; what is taken is the model."""
    text = json.dumps(RECIPE)
    for encoding in ENCODINGS:
        yield Case(encoding, text.encode(encoding), taken="digits")
    for kind, name in (("JPEG", "JPEG"), ("WEBP", "WebP"), ("GIF", "GIF")):
        yield Case(f"{name} made of ours", picture(3, kind), refused=f"{name} picture.*drops the recipe")
    yield Case("PNG of another program", picture(3), refused="carries no recipe")
    yield Case("PNG cut short", picture(3)[:40], refused="no PNG|carries no recipe")
    yield Case("empty", b"", refused="empty")
    yield Case("a list", b"[1, 2]", refused="cannot be used")
    yield Case("cut short", text[:20].encode(), refused="not JSON")
    yield Case("nothing known", b'{"nonsense": 1}', refused="nonsense")
    yield Case("deep", b"[" * 100_000, refused="not JSON")
    yield Case("digits", b"1" * 10_000, refused="not JSON|cannot be used")
    yield Case("more steps than there are", json.dumps({**RECIPE, "steps": 100_000}).encode(), refused="steps")
    yield Case("no such class", json.dumps({**RECIPE, "labels": [99]}).encode(), refused="classes 0 … 9")
    yield Case("no such model", json.dumps({**RECIPE, "model": "nosuch"}).encode(), refused="no checkpoint folder")
    yield from others()


def training_recipes() -> Iterator[Case]:
    """Of `python -m engine train`."""
    for name, values, words in (
        ("no such set", {"data": "nosuch"}, "no data set"),
        ("size that cannot be halved", {"size": 27}, "27"),
        ("size of zero", {"size": -1}, "size"),
        ("words for a number", {"steps": "many"}, "steps"),
        ("unknown preset", {"preset": "gigantic"}, "preset"),
    ):
        yield Case(name, json.dumps(values).encode(), refused=words)
    yield Case("empty", b"", refused="empty")
    yield Case("cut short", b'{"data": "digi', refused="not JSON")
    yield Case("a list", b"[]", refused="no recipe")
    yield Case("JPEG", picture(2, "JPEG"), refused="JPEG picture")
    yield from others()


# --- pictures ---------------------------------------------------------------------------------------------------------

SPLITS = (
    ("train", "test"),
    ("Training", "Testing"),
    ("TRAIN", "VAL"),
    ("train", "eval"),
    ("training", "validation"),
    ("train", "dev"),
    ("train", "valid"),
    ("train", "evaluation"),
    ("seg_train", "seg_test"),
    ("train2017", "val2017"),
)
"""Names of a split to train on and of one that is held out, as sets on the Hub and Kaggle have them."""
Files = dict[str, bytes]


@dataclass(frozen=True)
class Tree:
    """Some files by their path, as a folder and as a zip."""

    name: str
    files: Files
    refused: str = ""
    taken: Pictures | None = None
    said: str = ""
    options: tuple[str, ...] = field(default=())
    """Of `python -m engine data prepare`."""

    def __str__(self) -> str:
        return self.name


def sorted_pictures(*folders: str, each: int = 3) -> Files:
    """Pictures in each of these folders."""
    return {f"{folder}/{k}.png": picture(100 * n + k) for n, folder in enumerate(folders) for k in range(each)}


def two(top: str, each: int = 3) -> Files:
    """Cats and dogs in a folder."""
    return {f"{top}/{path}": data for path, data in sorted_pictures("cats", "dogs", each=each).items()}


def deep_png(brightest: int, seed: int, dtype: type = np.uint16) -> bytes:
    """A grey picture of 16 or 8 bits with values up to `brightest`."""
    file = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, brightest + 1, (16, 16)).astype(dtype)
    values[0, 0] = brightest
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def trees() -> Iterator[Tree]:
    """Layouts of folders, and pictures in them."""
    for train, test in SPLITS:
        files = {**two(train, 4), **two(test, 2)}
        yield Tree(f"{train} and {test}", files, taken=Pictures(held_out=4))
        asked = {**files, **sorted_pictures("extra")}
        yield Tree(f"{train}, {test} and another", asked, refused="stand beside others.*extra")
        left = "Left out: 3 pictures beside the splits"
        yield Tree(
            f"{train}, {test} and another: splits",
            asked,
            taken=Pictures(held_out=4),
            said=left,
            options=("--folders", "splits"),
        )
    inside = sorted_pictures("cats/train", "cats/test", "dogs/train", "dogs/test")
    yield Tree("splits in every class", inside, taken=Pictures(held_out=6))
    yield Tree("val and test alone", {**two("val"), **two("test")}, refused="held out, so that none is left")
    yield Tree("a class that is called train", sorted_pictures("train", "car"), taken=Pictures(("car", "train"), 6))
    classes = ("--folders", "classes")
    both = sorted_pictures("train", "test", "other")
    yield Tree("splits said to be classes", both, taken=Pictures(("other", "test", "train"), 9), options=classes)
    repeated = {**two("seg_train/seg_train", 4), **two("seg_test/seg_test", 2)}
    yield Tree("a split inside itself", repeated, taken=Pictures(held_out=4))
    yield Tree("around everything", {f"a/b/{p}": d for p, d in two("pets", 6).items()}, taken=Pictures())
    clutter = {**two("pets", 6), "pets/Thumbs.db": b"x", "__MACOSX/pets/cats/._0.png": b"x", "pets/.DS_Store": b"x"}
    yield Tree("with what computers leave", clutter, taken=Pictures())
    yield Tree("composed and decomposed", sorted_pictures("Bär", "Huhn", each=6), taken=Pictures(("Bär", "Huhn")))
    mixed = {**sorted_pictures("Bär"), **sorted_pictures("Huhn"), "Ba\u0308r/9.png": picture(9)}
    yield Tree("two forms of one name", mixed, taken=Pictures(("Bär", "Huhn"), 7))
    yield from _odd_pictures()


def _odd_pictures() -> Iterator[Tree]:
    pointers = {f"{folder}/{k}.png": LFS for folder in ("cats", "dogs") for k in range(3)}
    yield Tree("pointers of Git LFS", pointers, refused="Git LFS pointer.*git lfs pull")
    some = {
        **two("pets", 2),
        **{f"pets/{path}0.png": LFS for path in ("cats/a", "cats/b", "dogs/c", "dogs/d", "dogs/e")},
    }
    yield Tree("more pointers than pictures", some, refused="Only 4 of 9.*Git LFS pointer")
    yield Tree("web pages", {f"c/{k}.jpg": b"<html>" for k in range(3)}, refused="web page")
    yield Tree("1 × 1", {f"c/{k}.png": picture(k, size=(1, 1)) for k in range(4)}, refused="at least 4 × 4")
    yield Tree("2 × 9", {f"c/{k}.png": picture(k, size=(2, 9)) for k in range(4)}, refused="at least 4 × 4")
    yield Tree("no pictures", {"notes.txt": b"hello"}, refused="no pictures")
    dark = {f"c/{k}.png": deep_png(4095, k) for k in range(12)}
    one = Pictures((), 12)
    yield Tree("12 bits in 16", dark, taken=one, said="nearly black.*4,095 of 65,535.*--white 4095")
    yield Tree("12 bits in 16, white", dark, taken=one, said="", options=("--white", "4095"))
    masks = {f"c/{k}.png": deep_png(1, k, np.uint8) for k in range(12)}
    yield Tree("masks of 0 and 1", masks, taken=one, said="nearly black.*--white 1")
    full = {f"c/{k}.png": deep_png(65535, k) for k in range(12)}
    yield Tree("16 bits", full, taken=one)


def zipped(files: Files, rename: Callable[[str], tuple[bytes, int]] | None = None) -> bytes:
    """A zip of them; `rename` gives the bytes of a name, and the flags of its entry."""

    class Named(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:
            return rename(self.filename) if rename else super()._encodeFilenameFlags()  # type: ignore[misc]

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            info = Named(name)
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return file.getvalue()


def picture_zips() -> Iterator[Case]:
    """What only a zip can be."""
    cats = {f"{folder}/{k}.png": picture(k) for folder in ("猫", "犬") for k in range(6)}
    animals = Pictures(("犬", "猫"))
    yield Case("UTF-8, said", zipped(cats), taken=animals)
    yield Case("UTF-8, not said", zipped(cats, lambda name: (name.encode(), 0)), taken=animals)
    yield Case("Japanese", zipped(cats, lambda name: (name.encode("cp932"), 0)), taken=animals, said="Japanese")
    korean = {f"{folder}/{k}.png": picture(k) for folder in ("고양이", "개") for k in range(6)}
    yield Case(
        "Korean", zipped(korean, lambda n: (n.encode("euc_kr"), 0)), taken=Pictures(("개", "고양이")), said="Korean"
    )
    russian = {f"{folder}/{k}.png": picture(k) for folder in ("кошка", "собака") for k in range(6)}
    words = Pictures(("кошка", "собака"))
    yield Case("Cyrillic", zipped(russian, lambda n: (n.encode("cp866"), 0)), taken=words, said="Cyrillic")
    western = {f"{folder}/{k}.png": picture(k) for folder in ("Bär", "Hühner") for k in range(6)}
    yield Case("Western", zipped(western, lambda n: (n.encode("cp437"), 0)), taken=Pictures(("Bär", "Hühner")))
    backslashes = zipped(two("pets", 6), lambda name: (name.replace("/", "\\").encode(), 0))
    yield Case("backslashes", backslashes, taken=Pictures())
    outside = zipped({f"../../{path}": data for path, data in two("pets", 6).items()})
    yield Case("outside of itself", outside, taken=Pictures())
    whole = zipped(two("pets", 6))
    yield Case("cut short", whole[: len(whole) // 2], refused="damaged or cut short")
    yield Case("text", b"hello", refused="no zip")
    yield Case("empty", b"", refused="no zip.*empty")
    yield Case("PNG", picture(1), refused="PNG picture")
    yield from others()


# --- models -----------------------------------------------------------------------------------------------------------


def weights() -> Iterator[Case]:
    """In place of the weights of a diffusers folder."""
    yield Case("empty", b"", refused="empty")
    yield Case("text", b"hello", refused="damaged")
    yield Case("zip", zipped({"a": b"b"}), refused="zip")
    yield from others()


def configs() -> Iterator[Case]:
    """In place of its unet/config.json."""
    yield Case("empty", b"", refused="empty")
    yield Case("cut short", b'{"_class_name": "UNet', refused="damaged")
    yield Case("a list", b"[]", refused="JSON object")
    yield from others()


def trainer_files() -> Iterator[Case]:
    """In place of a model-N.pt."""
    yield Case("empty", b"", refused="empty")
    yield Case("text", b"hello", refused="no file of torch.save")
    yield Case("zip", zipped({"a": b"b"}), refused="no file of torch.save")
    yield Case("compressed", zlib.compress(b"abc" * 90), refused="no file of torch.save")
    yield from others()
