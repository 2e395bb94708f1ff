"""The report's plots as inline SVG: sharp at any size, small, and in the colours of the page's theme."""

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from slipway.metrics import Interval, Reliability

Shape = str | Markup


def svg(width: float, height: float, label: str, shapes: Sequence[Shape]) -> Markup:
    """A picture of this size in its own units; `label` is what a screen reader says."""
    return Markup('<svg viewBox="0 0 {} {}" style="max-width:{}px" role="img" aria-label="{}">{}</svg>').format(
        number(width), number(height), number(width), label, Markup("").join(shapes)
    )


def shape(tag: str, kind: str, title: str = "", **attributes: float | str) -> Markup:
    """One element of class `kind`, with what is shown where the pointer rests. Underscores become hyphens."""
    pairs = Markup(" ").join(
        Markup('{}="{}"').format(name.replace("_", "-"), value if isinstance(value, str) else number(value))
        for name, value in attributes.items()
    )
    inside = Markup("<title>{}</title>").format(title) if title else ""
    return Markup('<{} class="{}" {}>{}</{}>').format(tag, kind, pairs, inside, tag)


def text(x: float, y: float, content: str, kind: str = "tick", anchor: str = "start", **attributes: str) -> Markup:
    """A line of text; `anchor` is start, middle or end."""
    extra = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in attributes.items())
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}"{}>{}</text>').format(
        kind, number(x), number(y), anchor, extra, content
    )


def isolated(name: str) -> str:
    """A name between Unicode's isolates: from right to left or not, it reorders nothing beside it."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def number(value: float) -> str:
    """Enough digits for a screen."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def short(name: str, most: int) -> str:
    """A name that fits."""
    return name if len(name) <= most else name[: most - 1] + "…"


def intervals(rows: Sequence[tuple[str, str, Interval]], label: str) -> Markup:
    """One line a model, as (name, kind, interval): a dot with its 95 % interval on a common scale of percent."""
    left, right, height, top = 92.0, 470.0, 30.0, 8.0
    low, high = min(each.low for _, _, each in rows), max(each.high for _, _, each in rows)
    ticks = nice(low, high, 5)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def x(value: float) -> float:
        return left + (right - left) * (value - low) / max(high - low, 1e-9)

    bottom = top + height * len(rows)
    shapes: list[Shape] = []
    for tick in ticks:
        shapes.append(shape("line", "grid", x1=x(tick), x2=x(tick), y1=top, y2=bottom))
        shapes.append(text(x(tick), bottom + 15, f"{100 * tick:.4g} %", anchor="middle"))
    for place, (name, kind, each) in enumerate(rows):
        y = top + height * (place + 0.5)
        title = f"{name}: {100 * each.value:.2f} % ({100 * each.low:.2f} to {100 * each.high:.2f})"
        shapes.append(text(left - 12, y + 4, name, "name", "end"))
        shapes.append(shape("line", f"range {kind}", title, x1=x(each.low), x2=x(each.high), y1=y, y2=y))
        shapes.append(shape("circle", f"dot {kind}", title, cx=x(each.value), cy=y, r=5.5))
    return svg(right + 30, bottom + 22, label, shapes)


def confusion(counts: NDArray[np.int64], labels: Sequence[str]) -> Markup:
    """True class down, predicted across; a cell's colour is its share of the true class, its title says the count."""
    classes = len(labels)
    cell = max(7.0, min(58.0, 560 / classes))
    named = classes <= 40
    margin = 8.0 + (6.2 * min(18, max(map(len, labels))) if named else 14.0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shapes: list[Shape] = [
        shape("rect", "ground", x=margin, y=margin, width=cell * classes, height=cell * classes),
    ]
    for row, column in zip(*np.nonzero(counts), strict=True):
        kind = "right" if row == column else "wrong"
        x, y = margin + cell * column, margin + cell * row
        pair = f"{isolated(labels[row])} → {isolated(labels[column])}"
        title = f"{pair}: {counts[row, column]} ({100 * shares[row, column]:.1f} %)"
        opacity = 0.12 + 0.88 * float(shares[row, column]) ** 0.6
        shapes.append(
            shape("rect", f"cell {kind}", title, x=x, y=y, width=cell - 0.6, height=cell - 0.6, fill_opacity=opacity)
        )
        if cell >= 26:
            light = "count on" if opacity > 0.6 else "count"
            shapes.append(text(x + cell / 2, y + cell / 2 + 4, str(counts[row, column]), light, "middle"))
    if named:
        for place, label in enumerate(labels):
            middle = margin + cell * (place + 0.5)
            shapes.append(text(margin - 6, middle + 4, short(label, 18), "tick", "end"))
            turn = f"rotate(-60 {number(middle + 3)} {number(margin - 6)})"
            shapes.append(text(middle + 3, margin - 6, short(label, 18), "tick", "start", transform=turn))
    else:
        shapes.append(text(margin, margin - 5, "predicted class →"))
        side = f"rotate(-90 {number(margin - 5)} {number(margin + cell * classes)})"
        shapes.append(text(margin - 5, margin + cell * classes, "true class →", transform=side))
    size = margin + cell * classes
    return svg(size + (0.5 * margin if named else 4), size + 4, "confusion matrix", shapes)


def reliability(found: Reliability) -> Markup:
    """Accuracy against confidence, one bar a bin, beside the diagonal of a model that knows how sure it may be."""
    left, top, side, below = 40.0, 10.0, 300.0, 50.0
    most = max(int(found.count.max()), 1)
    shapes: list[Shape] = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        y, x = top + side * (1 - tick), left + side * tick
        shapes.append(shape("line", "grid", x1=left, x2=left + side, y1=y, y2=y))
        shapes.append(text(left - 6, y + 4, f"{100 * tick:g}", anchor="end"))
        shapes.append(text(x, top + side + below + 24, f"{100 * tick:g}", anchor="middle"))
    for low, high, count, confidence, accuracy in zip(
        found.low, found.high, found.count, found.confidence, found.accuracy, strict=True
    ):
        if not count:
            continue
        x, width = left + side * low + 1, side * (high - low) - 2
        title = f"{count} rows: confidence {100 * confidence:.1f} %, right {100 * accuracy:.1f} %"
        sure, gap = min(accuracy, confidence), abs(accuracy - confidence)
        kind = "over" if confidence > accuracy else "under"
        shapes.append(shape("rect", "bar", title, x=x, y=top + side * (1 - sure), width=width, height=side * sure))
        shapes.append(shape("rect", kind, title, x=x, y=top + side * (1 - sure - gap), width=width, height=side * gap))
        tall = max(1.0, below * count / most)
        shapes.append(shape("rect", "many", title, x=x, y=top + side + 8 + below - tall, width=width, height=tall))
    shapes.append(shape("line", "diagonal", x1=left, y1=top + side, x2=left + side, y2=top))
    shapes.append(text(left + 8, top + 16, "right (%)", "axis"))
    shapes.append(text(left + side, top + side + below + 40, "confidence (%); the lower bars are rows", "axis", "end"))
    return svg(left + side + 20, top + side + below + 48, "reliability diagram", shapes)


def curves(epochs: Sequence[float], lines: Mapping[str, Sequence[float]], label: str) -> Markup:
    """Values over epochs, one line a name, each named at its end. A value that is no number leaves a gap."""
    left, right, top, bottom = 46.0, 330.0, 12.0, 190.0
    known = [value for values in lines.values() for value in values if np.isfinite(value)]
    if not known:
        return Markup("")
    ticks = nice(min(known), max(known), 5)
    low, high = min(*ticks, *known), max(*ticks, *known)
    first, last = min(epochs), max(epochs)

    def x(epoch: float) -> float:
        return left + (right - left) * ((epoch - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / max(high - low, 1e-9)

    shapes: list[Shape] = []
    for tick in ticks:
        shapes.append(shape("line", "grid", x1=left, x2=right, y1=y(tick), y2=y(tick)))
        shapes.append(text(left - 6, y(tick) + 4, f"{tick:.4g}", anchor="end"))
    step = -(-len(epochs) // 8)
    shapes += [text(x(epoch), bottom + 16, f"{epoch:g}", anchor="middle") for epoch in epochs[::step]]
    shapes.append(text(right, bottom + 32, "epoch", "axis", "end"))
    ends: list[float] = []
    for place, (name, values) in enumerate(lines.items()):
        points = [(x(epoch), y(value)) for epoch, value in zip(epochs, values, strict=True) if np.isfinite(value)]
        if not points:
            continue
        path = " ".join(f"{number(across)},{number(up)}" for across, up in points)
        shapes.append(shape("polyline", f"curve c{place % 4}", name, points=path))
        shapes += [shape("circle", f"point c{place % 4}", name, cx=across, cy=up, r=2.4) for across, up in points]
        at = points[-1][1]
        while any(abs(at - other) < 13 for other in ends):
            at += 1
        ends.append(at)
        shapes.append(text(right + 9, at + 4, name, f"name c{place % 4}"))
    return svg(right + 170, bottom + 40, label, shapes)


def nice(low: float, high: float, most: int) -> list[float]:
    """Round values around [low, high], about `most` of them: steps of 1, 2 or 5 times a power of ten."""
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    power = 10.0 ** np.floor(np.log10(span / most))
    step = next(power * each for each in (1, 2, 5, 10) if span / (power * each) <= most)
    return [float(value) for value in np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step]
