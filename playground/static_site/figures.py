"""Figures without their pictures, which a page stores once for all languages."""

from __future__ import annotations

from dataclasses import replace

from playground.components.payloads.packing import Sheet, Sheets
from playground.components.payloads.timeline import Lane


def without_pictures(lane: Lane) -> Lane:
    """The lane with as many tiles, but none of their pixels; src/frame_sheets.js makes its sheet."""
    sheets = lane.sheets
    return replace(lane, sheets=Sheets((Sheet(b"", 0, sheets.count),), sheets.tile, sheets.columns))
