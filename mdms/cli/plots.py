"""Plots as inline SVG: no script, no font, no picture from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH, HEIGHT = 640, 190
LEFT, RIGHT, BOTTOM, TOP = 58, 26, 24, 10
LABELS_MAX: Final = 9


def lines(
    series: dict[str, Sequence[float | None]],
    labels: Sequence[str],
    *,
    low: float,
    high: float,
    goal: float | None = None,
    unit: str = "",
) -> str:
    """
    Return values by label as one line for each name; None interrupts a line.

    Args:
        series: Values by name, each as long as `labels`.
        labels: What stands below; some are left out where they are many.
        low: Value at the bottom.
        high: Value at the top, more than `low`.
        goal: Where a dashed line is drawn.
        unit: Behind the numbers at the left.
    """
    scale = _Scale(len(labels), low, high)
    parts = [*_below(labels, scale), *_grid(scale, unit)]
    if goal is not None:
        y = scale.y(goal)
        parts.append(f'<line class="goal" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for number, (name, values) in enumerate(series.items()):
        for run in _runs(values):
            points = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in run)
            parts.append(f'<polyline class="s{number}" points="{points}"/>')
            parts += [
                f'<circle class="s{number}" cx="{scale.x(at):.1f}" cy="{scale.y(value):.1f}" r="3">'
                f"<title>{escape(name)}, {escape(labels[at])}: {_number(value)}{unit}</title>"
                "</circle>"
                for at, value in run
            ]
    names = "".join(
        f'<span class="s{number}">{escape(name)}</span>' for number, name in enumerate(series)
    )
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>'
        f"<figcaption>{names}</figcaption></figure>"
    )


def bars(values: dict[str, float], *, unit: str = "") -> str:
    """Return one lying bar for each name, the longest over the whole width."""
    most = max(values.values(), default=0) or 1
    rows = [
        f'<div class="bar"><span>{escape(name)}</span>'
        f'<i style="width:{100 * value / most:.1f}%"></i><b>{_number(value)}{unit}</b></div>'
        for name, value in values.items()
    ]
    return f'<div class="bars">{"".join(rows)}</div>'


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a value stands in the picture."""

    count: int
    low: float
    high: float

    def x(self, at: int) -> float:
        return LEFT + 6 + at * (WIDTH - LEFT - RIGHT) / max(self.count - 1, 1)

    def y(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)


def _below(labels: Sequence[str], scale: _Scale) -> list[str]:
    """Return the labels below, as many as find room."""
    every = -(-len(labels) // LABELS_MAX)
    return [
        f'<text class="x" x="{scale.x(at):.1f}" y="{HEIGHT - 6}">{escape(label)}</text>'
        for at, label in enumerate(labels)
        if at % every == 0
    ]


def _grid(scale: _Scale, unit: str) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = scale.low + share * (scale.high - scale.low)
        y = scale.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="y" x="{LEFT - 6}" y="{y + 4:.1f}">{_number(value)}{unit}</text>'
        )
    return parts


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Return stretches without a hole, each with its places."""
    runs: list[list[tuple[int, float]]] = []
    inside = False
    for at, value in enumerate(values):
        if value is None:
            inside = False
            continue
        if not inside:
            runs.append([])
            inside = True
        runs[-1].append((at, value))
    return runs


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"
