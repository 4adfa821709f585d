"""What is done to the site, and when: drawn from a seed before it begins."""

from __future__ import annotations

import random
from dataclasses import dataclass

# The link's ways to be down. One that swallows or stalls is noticed later than one that is cut.
WAYS = ("cut", "hole", "stall")


@dataclass(frozen=True)
class Happening:
    """`what` is a command of the relay, or `kill` and a node's name."""

    at: float
    what: str


def cycle_seconds(seconds: float) -> float:
    """One outage and what follows it: at least 20 s, so that a backlog drains; at most 120 s."""
    return min(max(seconds / 12, 20), 120)


def drawn(seconds: float, seed: int) -> list[Happening]:
    """An outage in every cycle; kills in the first two thirds of the time alone."""
    draws = random.Random(seed)
    length = cycle_seconds(seconds)
    found: list[Happening] = []
    for number in range(int((seconds - length / 3) / length)):
        begin = number * length
        down = begin + length * draws.uniform(0.15, 0.25)
        back = down + length * draws.uniform(0.40, 0.50)
        found += [Happening(down, WAYS[number % 3]), Happening(back, "heal")]
        if begin + length > seconds * 2 / 3:
            continue
        found += kills(number % 4, down, back, begin + length, draws)
    return sorted(found, key=lambda one: one.at)


def kills(kind: int, down: float, back: float, end: float, draws: random.Random):
    """In turn: the leaf in the outage, the region while a backlog drains, the leaf then, both."""
    in_outage = draws.uniform(down + 1, back - 1)
    # Of the two to six seconds that a drain takes.
    draining = back + draws.uniform(0.2, min(4, (end - back) / 2))
    return {0: [Happening(in_outage, "kill leaf")],
            1: [Happening(draining, "kill region")],
            2: [Happening(draining, "kill leaf")],
            3: [Happening(in_outage, "kill leaf"), Happening(draining, "kill region")]}[kind]
