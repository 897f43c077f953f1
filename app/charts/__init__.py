"""Drawings out of the one analysis: ladders and case charts, as plotly figures and as SVG."""

from app.charts.boxes_svg import boxes_svg
from app.charts.case_plotly import size_figure, time_figure
from app.charts.ladder_plotly import ladder_figure
from app.charts.ladder_svg import ladder_svg
from app.charts.path_svg import path_svg
from app.charts.size_svg import size_plot_svg
from app.charts.times_svg import time_plot_svg

__all__ = [
    "boxes_svg",
    "ladder_figure",
    "ladder_svg",
    "path_svg",
    "size_figure",
    "size_plot_svg",
    "time_figure",
    "time_plot_svg",
]
