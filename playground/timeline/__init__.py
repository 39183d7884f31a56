"""What the reader moves: client-side components, one set of JavaScript files for both front ends, and their data."""

from playground.timeline.model import Lane, Position, Timeline
from playground.timeline.packing import Sheet, Sheets, grid, grid_shape, nearest_index, pack
from playground.timeline.panels import CurvePanel, EquationPanel, HistogramPanel, Line, Panel

__all__ = [
    "CurvePanel",
    "EquationPanel",
    "HistogramPanel",
    "Lane",
    "Line",
    "Panel",
    "Position",
    "Sheet",
    "Sheets",
    "Timeline",
    "grid",
    "grid_shape",
    "nearest_index",
    "pack",
]
