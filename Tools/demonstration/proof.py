"""What the figures prove: intervals of a share, a paired test, confusion. Exact where it can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Z95 = 1.959963984540054  # of the normal distribution, two-sided 95 %


def percent(share: float, digits: int = 1) -> str:
    """A share as people write it."""
    return f"{share * 100:.{digits}f} %"


def chance(p: float) -> str:
    """A p-value as people write it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) for no trials."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mcnemar(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """McNemar's exact test on paired right/wrong answers.

    `gained` frames are right only after, `lost` only before; `p` is two-sided: how probable a
    difference as large is if both were equally often right.
    """
    gained = int(np.sum(~before & after))
    lost = int(np.sum(before & ~after))
    n, least = gained + lost, min(gained, lost)
    tail = sum(math.comb(n, k) for k in range(least + 1)) / 2**n
    return {"gained": gained, "lost": lost, "p": min(1.0, 2 * tail)}


def accuracy(right: np.ndarray) -> dict[str, Any]:
    """Share of right answers and its 95 % interval."""
    n, hits = len(right), int(right.sum())
    low, high = wilson(hits, n)
    return {"accuracy": hits / n if n else 0.0, "right": hits, "frames": n,
            "interval": [round(low, 5), round(high, 5)]}


def confusion(truth: list[str], answers: list[str | None], labels: list[str]) -> list[list[int]]:
    """How often each true label (row) was answered with each label (column)."""
    place = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)), int)
    for true, said in zip(truth, answers):
        if said in place:
            table[place[true], place[said]] += 1
    return table.tolist()
