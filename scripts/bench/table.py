"""The table of the bench: every target and kind of request in turns, in random order."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from scripts.bench.figures import Figures, markdown, median_of, median_ratio
from scripts.bench.targets import ATTEST, KINDS, Target, gather_statistics, measure

WARM_SECONDS = 0.3
COMPARED = ("bare", "fastify+", "fastify", "litestar", "django")
BUSY_CLIENT = 0.9
"""A client that uses more of a core than this may have limited what it measured."""

Turns = dict[tuple[int, str, str], list[Figures]]
"""The figures of each round, by (connections, kind, target)."""


def take_turns(targets: Sequence[Target], connections: Sequence[int], rounds: int, seconds: float) -> Turns:
    """Measure. In each round all targets answer one kind of request one after the other, before the next kind."""
    for kind in KINDS:
        for target in targets:
            measure(target, kind, max(connections), WARM_SECONDS)
    turns: Turns = defaultdict(list)
    cases = [(number, kind) for number in connections for kind in KINDS]
    for _ in range(rounds):
        for target in targets:
            gather_statistics(target)
        for number, kind in random.sample(cases, len(cases)):
            for target in random.sample(targets, len(targets)):
                turns[number, kind, target.name].append(measure(target, kind, number, seconds))
    return turns


def describe(turns: Turns, absent: dict[str, str], connections: Sequence[int], rounds: int) -> str:
    """The tables in Markdown: ratios, spread of latencies, absolute figures."""
    names = [name for name in (ATTEST, *COMPARED) if any(key[2] == name for key in turns)]
    parts = []
    for number in connections:
        parts.append(f"{number} connections, median of {rounds} rounds, × faster than:")
        parts.append(ratios(turns, number, names[1:]))
    for number in connections:
        parts.append(f"{number} connections, requests/s, µs of CPU in the server + in PostgreSQL, p50/p99 in ms:")
        parts.append(absolute(turns, number, names))
    parts += [f"Not measured: {name} ({reason})." for name, reason in absent.items()]
    busiest = max(figures.client for each in turns.values() for figures in each)
    limit = " — it may have limited the fastest targets" if busiest > BUSY_CLIENT else ""
    parts.append(f"The client used at most {busiest:.0%} of a core{limit}.")
    return "\n\n".join(parts)


def ratios(turns: Turns, connections: int, others: Sequence[str]) -> str:
    measures: dict[str, Callable[[Figures], float]] = {
        "throughput": lambda figures: figures.rate,
        "CPU": lambda figures: 1 / figures.cpu,
        "CPU with PostgreSQL": lambda figures: 1 / (figures.cpu + figures.database_cpu),
    }
    rows = []
    for other in others:
        for name, value in measures.items():
            cells = [
                median_ratio(map(value, turns[connections, kind, ATTEST]), map(value, turns[connections, kind, other]))
                for kind in KINDS
            ]
            rows.append([f"{other}, {name}", *(f"{cell:.2f}" for cell in cells)])
    spread = [median_of(turns[connections, kind, ATTEST]) for kind in KINDS]
    rows.append(["p99 ÷ p50 of Attest", *(f"{figures.p99 / figures.p50:.1f}" for figures in spread)])
    return markdown(["", *KINDS], rows)


def absolute(turns: Turns, connections: int, names: Sequence[str]) -> str:
    rows = []
    for name in names:
        medians = [median_of(turns[connections, kind, name]) for kind in KINDS]
        rows.append([name, *map(cell, medians)])
    return markdown(["", *KINDS], rows)


def cell(figures: Figures) -> str:
    cpu = f"{figures.cpu:.0f} + {figures.database_cpu:.0f}"
    return f"{figures.rate:.0f}, {cpu}, {figures.p50:.1f}/{figures.p99:.1f}"
