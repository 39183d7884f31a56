"""What the reader moves: client-side components, one set of JavaScript files for both front ends, and their data."""

from playground.timeline.chart import LiveChart, Series
from playground.timeline.curve import CurveEditor, check_points, curve_values
from playground.timeline.model import Axes, Lane, Position, Timeline
from playground.timeline.packing import Sheet, Sheets, grid, grid_shape, nearest_index, pack
from playground.timeline.panels import CurvePanel, EquationPanel, HistogramPanel, Line, Panel

__all__ = [
    "Axes",
    "CurveEditor",
    "CurvePanel",
    "EquationPanel",
    "HistogramPanel",
    "Lane",
    "Line",
    "LiveChart",
    "Panel",
    "Position",
    "Series",
    "Sheet",
    "Sheets",
    "Timeline",
    "check_points",
    "curve_values",
    "grid",
    "grid_shape",
    "nearest_index",
    "pack",
]
