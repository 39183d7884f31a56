"""What a file is by its first bytes, for the sentence that refuses it."""

from __future__ import annotations

from engine.language import N_, Message

HEAD = 512
"""Bytes that are enough."""
PNG = b"\x89PNG\r\n\x1a\n"
LFS = b"version https://git-lfs.github.com/spec/v1"
_SIGNATURES = (
    (PNG, N_("a PNG picture")),
    (b"\xff\xd8\xff", N_("a JPEG picture")),
    (b"GIF8", N_("a GIF picture")),
    (b"%PDF-", N_("a PDF document")),
    (b"7z\xbc\xaf\x27\x1c", N_("a 7z archive: pack it as a zip")),
    (b"Rar!\x1a\x07", N_("a RAR archive: pack it as a zip")),
    (b"\x1f\x8b", N_("a gzip file: unpack it first")),
    (b"BZh", N_("a bzip2 file: unpack it first")),
    (b"\xfd7zXZ\x00", N_("an xz file: unpack it first")),
    (b"\x28\xb5\x2f\xfd", N_("a Zstandard file: unpack it first")),
    (b"SQLite format 3\0", N_("a database")),
    (b"\x89HDF\r\n\x1a\n", N_("an HDF5 file, as Keras and MATLAB write")),
    (b"\x93NUMPY", N_("a NumPy array")),
    (b"PAR1", N_("a Parquet table")),
    (b"\xd0\xcf\x11\xe0", N_("a document of Microsoft Office")),
    (b"\x80\x02", N_("a pickle")),
    (b"\x80\x03", N_("a pickle")),
    (b"\x80\x04", N_("a pickle")),
    (b"\x80\x05", N_("a pickle")),
)


def kind_of(head: bytes) -> str:
    """What a file is, in English, as the end of a sentence: "a Git LFS pointer …"; "" where that is not known.

    Args:
        head: its first `HEAD` bytes or more.
    """
    if not head:
        return N_("empty")
    if head.startswith(LFS):
        return N_("a Git LFS pointer, which names the file but does not hold it: run “git lfs pull” where it came from")
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return N_("a WebP picture")
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"heif"):
        return N_("a HEIC or AVIF picture: save it as PNG or JPEG")
    if head.startswith(b"PK\x03\x04"):
        return N_("a workbook of a spreadsheet: save it as CSV") if b"[Content_Types].xml" in head else N_("a zip")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return N_("a web page, as a download gives that needs a login or has moved")
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return N_("an SVG drawing: save it as PNG")
    return N_("all zeros") if not head.strip(b"\0") else ""


def because(head: bytes) -> Message | str:
    """ ": it is …", to be put before the full stop of a sentence; "" where the kind is not known."""
    kind = kind_of(head)
    return Message(": it is {kind}", kind=Message(kind)) if kind else ""
