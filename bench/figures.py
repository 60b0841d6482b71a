"""Figures: what a list of measurements comes to."""

from __future__ import annotations

from statistics import median, mode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Figures = dict[str, Any]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of sorted values lie below; not a number when there is none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through points (x, y) by least squares; 0 when they have but one x."""
    if not points:
        return 0.0
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    width = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / width if width else 0.0


def medians(rounds: Sequence[Mapping[str, Any]]) -> Figures:
    """Return the median of each figure over rounds, and of each text the most common."""
    return {name: _middle([one[name] for one in rounds]) for name in rounds[0]}


def spreads(rounds: Sequence[Mapping[str, Any]]) -> Figures:
    """Return the median, the least and the most of each figure over rounds, and of each text the most common."""
    return {name: spread([one[name] for one in rounds]) for name in rounds[0]}


def spread(values: Sequence[Any]) -> Any:  # noqa: ANN401 - a text, or what `middle` reads
    """Return the median, the least and the most of values."""
    if isinstance(values[0], str):
        return _middle(values)
    return {"median": median(values), "min": min(values), "max": max(values)}


def middle(figure: Any) -> Any:  # noqa: ANN401 - a number or a spread of them
    """Return a figure's one number: of a spread the median."""
    return figure["median"] if isinstance(figure, dict) else figure


def _middle(values: Sequence[Any]) -> Any:  # noqa: ANN401 - a number or a text
    return mode(values) if isinstance(values[0], str) else median(values)
