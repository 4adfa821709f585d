"""How many cameras of 30 frames a second two cores hold; a figure, with no bound of its own."""

from __future__ import annotations

from pathlib import Path

import steady
import topologies
from cell import Cell, NotRun, Seen
from fleet import Fleet, bundle_id
from overload import LITE

SECONDS = 6
MOST = 64
LIMIT_MS = 50


def hold(bundle: str, where: Path | None = None):
    def run(folder: Path, mutated: bool) -> Seen:
        if where and not (where / bundle).exists():
            raise NotRun(f"{bundle} is not made; Tools/models/make setup-imagenet imagenet")

        def change(plan):
            plan["nodes"]["leaf"]["workers"] = 2
            if where:
                plan["models"].append(str(where))
            digest = bundle_id(bundle, where) if where else bundle_id(bundle)
            plan["tasks"]["cameras"] = {"leaf": {"bundle": digest}, "deadline": "1s"}

        with topologies.make(folder / "fleet", ("leaf",), change) as fleet:
            fleet.start()
            tried = search(fleet, 0.1 if mutated else LIMIT_MS)
        held = max((count for count, ok in tried.items() if ok["holds"]), default=0)
        seen = Seen(figures={"cameras": held, "tried": tried})
        seen.check(f"{held} cameras at 30 FPS with p99 ≤ {LIMIT_MS} ms, sender on the same cores",
                   held >= 1)
        for count, one in sorted(tried.items()):
            seen.check(f"{count} cameras: p99 {one['p99_ms']:.1f} ms, {one['lost']} of"
                       f" {one['frames']} lost", True)
        return seen
    return run


def search(fleet: Fleet, limit: float) -> dict:
    """Doubles the cameras until they are too many, then halves the gap."""
    steady.send(fleet, "cameras", 2, 1)
    tried: dict[int, dict] = {}
    low, high = 0, 1
    while high <= MOST and attempt(fleet, high, limit, tried):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if attempt(fleet, middle, limit, tried):
            low = middle
        else:
            high = middle
    return tried


def attempt(fleet: Fleet, cameras: int, limit: float, tried: dict) -> bool:
    """One load; whether all were answered in time."""
    said = steady.send(fleet, "cameras", cameras, SECONDS)
    p99 = max((tier["p99_ms"] for tier in said.summary["tiers"].values()), default=0.0)
    lost = said.summary["failed"] + round(steady.RATE * SECONDS) * cameras - said.frames
    tried[cameras] = {"p99_ms": p99, "lost": lost, "frames": said.frames,
                      "holds": p99 <= limit and not lost and said.frames > 0}
    return tried[cameras]["holds"]


CELLS = [
    Cell("cameras-digits", "how many 30 FPS cameras of digits are held with p99 ≤ 50 ms",
         "the bound is a tenth of a millisecond", hold("digits-leaf")),
    Cell("cameras-lite0", "the same of EfficientNet-Lite0 INT8",
         "the bound is a tenth of a millisecond", hold("imagenet-leaf", LITE)),
]
