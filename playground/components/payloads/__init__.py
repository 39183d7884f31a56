"""What the reader moves: client-side components, one set of JavaScript files for both front ends, and their data."""

from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.curve import CurveEditor, check_points, curve_values
from playground.components.payloads.packing import Sheet, Sheets, grid, grid_shape, nearest_index, pack
from playground.components.payloads.panels import CurvePanel, EquationPanel, HistogramPanel, Line, Panel
from playground.components.payloads.timeline import Axes, Lane, Position, Timeline

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
