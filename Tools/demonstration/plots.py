"""Plots as inline SVG: no script, no outside file."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from proof import percent

INK, FAINT, GRID = "#1d2733", "#5b6875", "#dfe4ea"
COLOURS = {"leaf": "#2f855a", "leaf_only": "#2f855a", "system": "#2b6cb0",
           "regional": "#b7791f", "regional_only": "#b7791f", "cloud": "#6b46c1",
           "cloud_only": "#6b46c1"}


def _svg(width: int, height: int, title: str, parts: list[str]) -> str:
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
            f'style="max-width:{width}px">' + "".join(parts) + "</svg>")


def text(x: float, y: float, words: str, anchor: str = "start", colour: str = INK,
         size: int = 13, more: str = "") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
            f'font-size="{size}" {more}>{escape(words)}</text>')


def line(x1: float, y1: float, x2: float, y2: float, colour: str = GRID, width: float = 1) -> str:
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def box(x: float, y: float, width: float, height: float, colour: str, more: str = "") -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
            f'height="{max(height, 0):.1f}" fill="{colour}" {more}/>')


def accuracy(digits: dict[str, Any], ways: dict[str, str], bar: float) -> str:
    """A dot with its 95 % interval for each way, and the bar that the system must pass."""
    left, right, top, row = 130, 700, 14, 38
    bottom = top + row * len(ways)
    lows = [digits[way]["interval"][0] for way in ways] + [bar]
    low = math.floor(min(lows) * 50 - 0.2) / 50

    def x(share: float) -> float:
        return left + (right - left) * (share - low) / (1 - low)

    parts = []
    for tick in range(round(low * 100), 101, 2):
        parts += [line(x(tick / 100), top, x(tick / 100), bottom),
                  text(x(tick / 100), bottom + 18, f"{tick} %", "middle", FAINT, 12)]
    parts += [line(x(bar), top - 6, x(bar), bottom, "#c53030", 1.5),
              text(right, bottom + 38, f"share of frames read rightly, with 95 % intervals; "
                   f"red: {percent(bar, 0)}", "end", FAINT, 12)]
    for number, (way, name) in enumerate(ways.items()):
        y, one = top + row * (number + 0.5), digits[way]
        from_, to = one["interval"]
        colour = COLOURS[way]
        parts += [text(left - 12, y + 4, name, "end"),
                  line(x(from_), y, x(to), y, colour, 3),
                  line(x(from_), y - 6, x(from_), y + 6, colour, 2),
                  line(x(to), y - 6, x(to), y + 6, colour, 2),
                  f'<circle cx="{x(one["accuracy"]):.1f}" cy="{y:.1f}" r="6" fill="{colour}"/>',
                  text(right + 16, y + 4, percent(one['accuracy']), more='font-weight="600"')]
    return _svg(770, bottom + 46, "accuracy", parts)


def histograms(latency: dict[str, Any], ways: dict[str, str]) -> str:
    """One histogram of answer times a way, on one logarithmic axis."""
    left, right, row, gap = 130, 740, 74, 16
    edges = latency["bins_ms"]
    low, high = math.log10(edges[0]), math.log10(edges[-1])

    def x(milliseconds: float) -> float:
        return left + (right - left) * (math.log10(milliseconds) - low) / (high - low)

    bottom = 8 + len(ways) * (row + gap)
    parts = []
    for tick in (1, 3, 10, 30, 100, 300, 1000):
        parts += [line(x(tick), 4, x(tick), bottom - gap),
                  text(x(tick), bottom + 2, f"{tick:,} ms", "middle", FAINT, 12)]
    for number, (way, name) in enumerate(ways.items()):
        base = 8 + number * (row + gap) + row
        one, colour = latency[way], COLOURS[way]
        most = max(max(one["histogram"]), 1)
        parts += [text(left - 12, base - row / 2, name, "end"),
                  text(left - 12, base - row / 2 + 17, _p50(one), "end", FAINT, 12)]
        for start, end, count in zip(edges, edges[1:], one["histogram"]):
            height = max((row - 6) * count / most, 2 if count else 0)  # one answer is seen too
            parts.append(box(x(start) + 0.5, base - height, x(end) - x(start) - 1, height, colour))
        parts.append(line(left, base, right, base, FAINT))
    parts.append(text(right, bottom + 22, "time from sending a frame to its answer, at the camera "
                      "(logarithmic)", "end", FAINT, 12))
    return _svg(770, bottom + 30, "latency", parts)


def _p50(one: dict[str, Any]) -> str:
    return "no answers" if one["p50_ms"] is None else f"p50 {one['p50_ms']:.1f} ms"


def volumes(rows: list[tuple[str, str, int]], most_share: float) -> str:
    """Bytes as bars: (way, name, bytes); the last row is the whole that shares are of."""
    left, right, row = 130, 640, 40
    whole = rows[-1][2]
    bottom = 10 + row * len(rows)
    limit = left + (right - left) * most_share
    parts = [line(left, 6, left, bottom, FAINT), line(limit, 6, limit, bottom, "#c53030", 1.5),
             text(limit, bottom + 17, percent(most_share, 0), "middle", "#c53030", 12)]
    for number, (way, name, count) in enumerate(rows):
        y = 10 + number * row
        width = (right - left) * count / whole
        words = f"{count / 1e6:.2f} MB · {percent(count / whole)}"
        parts += [text(left - 12, y + 20, name, "end"),
                  box(left, y + 4, width, row - 16, COLOURS[way]),
                  text(max(left + width, limit) + 10, y + 21, words, more='font-weight="600"')]
    return _svg(800, bottom + 24, "bytes", parts)


def shares(tiers: dict[str, Any]) -> str:
    """Who answered, as one stacked bar with a legend."""
    left, width, parts, at = 0.0, 770.0, [], 0.0
    for name, tier in tiers.items():
        part = tier["share"] * width
        parts.append(box(left + at, 4, part - 1 if part > 2 else part, 34, COLOURS[name]))
        at += part
    for number, (name, tier) in enumerate(tiers.items()):
        x = 256 * number
        parts += [box(x, 52, 13, 13, COLOURS[name]),
                  text(x + 20, 63, f"{name}: {tier['answers']:,} · {percent(tier['share'])}")]
    return _svg(770, 72, "share of answers", parts)


def confusion(table: list[list[int]], name: str, accuracy_: float) -> str:
    """A heat map: true digit down, answer across; errors in red, so that they stand out."""
    cell, left, top = 25, 30, 44
    size = len(table)
    parts = [text(left, 16, name, more='font-weight="600"'),
             text(left + cell * size, 16, percent(accuracy_), "end", FAINT)]
    for index in range(size):
        middle = left + cell * (index + 0.5)
        parts += [text(middle, top - 7, str(index), "middle", FAINT, 12),
                  text(left - 9, top + cell * (index + 0.5) + 4, str(index), "end", FAINT, 12)]
    for row, counts in enumerate(table):
        whole = max(sum(counts), 1)
        for column, count in enumerate(counts):
            x, y = left + column * cell, top + row * cell
            share = count / whole
            colour = "#f4f6f8"
            if count:
                depth = share if row == column else min(0.25 + 6 * share, 1)
                colour = _blend("#2b6cb0" if row == column else "#c53030", depth)
            parts.append(box(x + 0.5, y + 0.5, cell - 1, cell - 1, colour))
            if count:
                ink = "#ffffff" if (share > 0.5 if row == column else share > 0.07) else INK
                parts.append(text(x + cell / 2, y + cell / 2 + 4, str(count), "middle", ink, 11))
    return _svg(left + cell * size + 4, top + cell * size + 4, f"confusion of {name}", parts)


def _blend(colour: str, depth: float) -> str:
    """From white (0) to the colour (1)."""
    parts = [int(colour[i:i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - (255 - part) * depth):02x}" for part in parts)


def depths(outage: dict[str, Any]) -> str:
    """What the leaf owes over time: frames below, results on them; the time of the cut is grey."""
    left, right, top, bottom = 70, 740, 24, 224
    samples = outage["depths"]
    end = max(samples[-1][0], 1e-3)
    most = max(max(results + frames for _, results, frames in samples), 1)

    def x(at: float) -> float:
        return left + (right - left) * at / end

    def y(count: float) -> float:
        return bottom - (bottom - top) * count / most

    def area(counts: list[int], colour: str) -> str:
        points = [(x(sample[0]), y(count)) for sample, count in zip(samples, counts)]
        points = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
        return (f'<polygon fill="{colour}" points="'
                + " ".join(f"{px:.1f},{py:.1f}" for px, py in points) + '"/>')

    cut, healed = outage["cut_at"], outage["healed_at"]
    step = 5 if end > 12 else 2
    parts = [box(x(cut), top, x(healed) - x(cut), bottom - top, "#eceff3"),
             text((x(cut) + x(healed)) / 2, top - 8, "the link is cut", "middle", FAINT, 12)]
    parts += [area([results + frames for _, results, frames in samples], COLOURS["system"]),
              area([frames for _, _, frames in samples], COLOURS["regional"])]
    for count in (0, most // 2, most):
        parts += [line(left, y(count), right, y(count)),
                  text(left - 10, y(count) + 4, f"{count:,}", "end", FAINT, 12)]
    for tick in range(0, int(end) + 1, step):
        parts.append(text(x(tick), bottom + 18, f"{tick} s", "middle", FAINT, 12))
    for number, (words, way) in enumerate((("records of answers", "system"),
                                           ("frames that are owed an answer", "regional"))):
        parts += [box(left + 190 * number, bottom + 32, 13, 13, COLOURS[way]),
                  text(left + 190 * number + 20, bottom + 43, words)]
    return _svg(770, bottom + 52, "what the leaf owes over time", parts)
