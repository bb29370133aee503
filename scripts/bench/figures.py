"""Figures of a bench: percentiles of a turn, medians over the rounds, and the tables they are printed in."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Figures:
    """What one turn, or the median of all, measured: requests a second, µs of CPU a request, ms of latency."""

    rate: float
    cpu: float
    database_cpu: float
    p50: float
    p99: float
    client: float
    """The share of a core that the client used."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def median_of(turns: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*(statistics.median(column) for column in zip(*map(astuple, turns), strict=True)))


def median_ratio(values: Iterable[float], others: Iterable[float]) -> float:
    """The median of the ratios in each round, in which slow moments of the machine meet both alike."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
