"""Curves as Mermaid's xychart, which GitHub draws: https://mermaid.js.org/syntax/xyChart.html.

Nothing of it is text from elsewhere: figures are written as plain decimals, the only numbers that its grammar knows.
"""

import math
from collections.abc import Mapping, Sequence

MOST = 40  # points of a line: what a chart has room for
COLOURS = {"#1f77b4": "blue", "#d62728": "red", "#2ca02c": "green"}


def chart(title: str, label: str, steps: Sequence[int], lines: Mapping[str, Sequence[float | None]]) -> str:
    """Lines over steps, with a line below that says which is which; "" where there are not two steps with figures.

    `title`, `label` and the lines' names are words of ours. A step at which a line has no figure is left out.
    """
    values = [tuple(line[place] for line in lines.values()) for place in range(len(steps))]
    known = [place for place, each in enumerate(values) if all(map(drawable, each))]
    if len(known) < 2:
        return ""
    shown = [known[place] for place in evenly(len(known), MOST)]
    figures = [float(value) for place in shown for value in values[place] if value is not None]
    low, high = min(0.0, *figures), max(figures)
    colours = list(COLOURS)[: len(lines)]
    drawn = [
        f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{", ".join(colours)}"}}}}}}}}%%',
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "epoch" [{", ".join(str(steps[place]) for place in shown)}]',
        f'    y-axis "{label}" {decimal(low)} --> {decimal(1.05 * high if high > low else low + 1)}',
    ]
    for column in range(len(lines)):
        drawn.append(f"    line [{', '.join(decimal(float(values[place][column] or 0)) for place in shown)}]")
    legend = ", ".join(f"{COLOURS[colour]}: {name}" for colour, name in zip(colours, lines, strict=True))
    return "\n".join(["```mermaid", *drawn, "```", "", legend])


def evenly(count: int, most: int) -> Sequence[int]:
    """Places of a sequence, at most so many of them, at equal distances, with the first and the last."""
    return range(count) if count <= most else [round(part * (count - 1) / (most - 1)) for part in range(most)]


def drawable(value: float | None) -> bool:
    """Whether a figure is a number of a size that a chart can show."""
    return value is not None and math.isfinite(value) and abs(value) < 1e9


def decimal(value: float) -> str:
    """A number without an exponent."""
    return f"{value:.5f}".rstrip("0").rstrip(".")
