"""How many cameras of 30 frames a second two cores hold; a figure, with no bound of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import frames
import topologies
from cell import Cell, NotRun, Seen
from fleet import Fleet, bundle_id, program
from overload import LITE

SECONDS = 6
MOST = 64
LIMIT_MS = 50


def hold(bundle: str, where: Path | None = None):
    def run(folder: Path, mutated: bool) -> Seen:
        if where and not (where / bundle).exists():
            raise NotRun(f"{bundle} is not made; Tools/models/make imagenet")

        def change(plan):
            if where:
                plan["models"].append(str(where))
            digest = bundle_id(bundle, where) if where else bundle_id(bundle)
            plan["tasks"]["cameras"] = {"leaf": {"bundle": digest}, "deadline": "1s"}

        frames.digits(1)
        with topologies.make(folder / "fleet", ("leaf",), change) as fleet:
            fleet.start()
            tried = search(fleet, 0.1 if mutated else LIMIT_MS)
        held = max((count for count, ok in tried.items() if ok["holds"]), default=0)
        seen = Seen(figures={"cameras": held, "tried": tried})
        seen.check(f"{held} cameras at 30 FPS with p99 ≤ {LIMIT_MS} ms, sender on the same cores",
                   held >= 1)
        return seen
    return run


def search(fleet: Fleet, limit: float) -> dict:
    """Doubles the cameras until they are too many, then halves the gap."""
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
    """One load by `canopy send`, over TLS; whether all were answered in time."""
    done = subprocess.run(
        [program("canopy"), "send", "--to", f"127.0.0.1:{fleet['leaf'].secure}", "--node", "leaf",
         "--certificates", fleet.folder / "certificates", "--as", "camera", "--task", "cameras",
         "--image", frames.FOLDER, "--streams", str(cameras), "--rate", "30",
         "--limit", str(30 * SECONDS * cameras), "--json"],
        capture_output=True, text=True, timeout=180)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    tried[cameras] = {"said": said}
    summary = said.get("summary", said)
    p99, lost = find(summary, "p99_ms"), summary.get("errors", 0)
    tried[cameras] |= {"p99_ms": p99, "errors": lost, "holds": p99 <= limit and not lost}
    return tried[cameras]["holds"]


def find(tree, name: str) -> float:
    """The largest value of this name anywhere in the sender's summary."""
    if isinstance(tree, dict):
        own = [tree[name]] if isinstance(tree.get(name), int | float) else []
        return max(own + [find(value, name) for value in tree.values()], default=0.0)
    return max((find(value, name) for value in tree), default=0.0) if isinstance(tree, list) else 0.0


CELLS = [
    Cell("cameras-digits", "how many 30 FPS cameras of digits are held with p99 ≤ 50 ms",
         "the bound is a tenth of a millisecond", hold("digits-leaf")),
    Cell("cameras-lite0", "the same of EfficientNet-Lite0 INT8",
         "the bound is a tenth of a millisecond", hold("imagenet-leaf", LITE)),
]
