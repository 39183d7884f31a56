"""What was measured, found by what it is rather than by its place in the file."""

from __future__ import annotations

import json
from pathlib import Path

from results_plan import FEW, plan

from engine.evaluation.cells import Cell
from engine.evaluation.grid import Row
from engine.evaluation.grid_bound import BoundCell, BoundRow
from engine.evaluation.metrics import Estimate, Jackknife


class Results:
    """The rows of a file. Where a network was measured in two states, only the later state counts.

    Args:
        path: of JSON lines; lines that cannot be read are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self.bounds: list[BoundRow] = []
        latest: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                values = json.loads(line)
                if "bits_per_dim" in values:
                    self.bounds.append(BoundRow.model_validate(values))
                else:
                    self.rows.append(Row.model_validate(values))
            except ValueError:  # pydantic's, too
                continue
            latest[values["model"]] = values["fingerprint"]
        self._rows = {
            (row.model, row.settings.canonical(classes=int(row.accuracy is not None))): row
            for row in self.rows
            if row.fingerprint == latest[row.model]
        }
        self._bounds = {(row.model, row.variance): row for row in self.bounds if row.fingerprint == latest[row.model]}

    def row(self, cell: Cell) -> Row | None:
        """What was measured of a cell."""
        return self._rows.get((cell.model, cell.settings.canonical(classes=1)))

    def frechet(self, cell: Cell) -> Jackknife | None:
        """Its Fréchet distance, of all its samples."""
        row = self.row(cell)
        return row.frechet if row else None

    def of_first(self, cell: Cell, count: int = FEW) -> Jackknife | None:
        """Its Fréchet distance, of its first samples only."""
        row = self.row(cell)
        if row is None:
            return None
        return row.frechet if row.settings.samples == count else row.frechet_of_first.get(count)

    def bits(self, cell: BoundCell) -> Estimate | None:
        """Bits per dimension."""
        row = self._bounds.get((cell.model, cell.variance))
        return Estimate(row.bits_per_dim, row.bits_per_dim_error) if row else None

    def floor(self, count: int) -> tuple[Estimate, int] | None:
        """The Fréchet distance of as many real pictures, and how many they were."""
        for row in self.rows:
            if row.settings.samples == count:
                return row.frechet_floor, row.floor_count
            if count in row.floor_of_first:
                return row.floor_of_first[count], count
        return None

    def missing(self) -> list[tuple[str, int, int]]:
        """(part, cells that were not measured, cells of it) for each part that is not complete."""
        found = []
        for part in plan():
            there = sum(self.row(c) is not None for c in part.cells) + sum(
                self.bits(c) is not None for c in part.bounds
            )
            count = len(part.cells) + len(part.bounds)
            if there < count:
                found.append((part.title, count - there, count))
        return found
