"""What a figure is taken away as: files with a name, and the numbers as CSV."""

from __future__ import annotations

import base64
import csv as csv_format
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """Something to download. `title` is what the reader reads, `kind` its media type."""

    title: str
    name: str
    kind: str
    data: bytes


def csv(rows: Iterable[Sequence[object]], line_end: str = "\r\n") -> bytes:
    """A table as CSV (RFC 4180), the head first."""
    out = io.StringIO()
    csv_format.writer(out, lineterminator=line_end).writerows(rows)
    return out.getvalue().encode("utf-8")


def links(files: Sequence[File]) -> str:
    """Links that hold their files, as HTML."""
    made = "".join(
        f'<a class="dp-download" download="{html.escape(file.name)}" '
        f'href="data:{file.kind};base64,{base64.b64encode(file.data).decode("ascii")}">⬇️ {html.escape(file.title)}</a>'
        for file in files
    )
    return f'<div class="dp-downloads">{made}</div>' if files else ""
