"""How soon a node that comes up at a site takes traffic, with nobody to tell the others of it."""

from __future__ import annotations

import time
from pathlib import Path

import frames
import load
import topologies
from cell import Cell, Seen

# Long enough that the others have got used to its absence and look for it as seldom as they do.
ABSENCE = 12


def newcomer(folder: Path, mutated: bool) -> Seen:
    def change(plan):
        plan["sites"] = {"mill": {"location": [52.5, 13.4]}, "yard": {"location": [53.6, 10.0]}}
        for name in ("leaf", "twin"):
            plan["nodes"][name].update({"tier": "leaf", "site": "mill"})
        if mutated:
            plan["nodes"]["twin"]["site"] = "yard"
        topologies.digits(plan, deadline="500ms")

    messages = [load.request("meter-digits", jpeg) for jpeg in frames.digits()]
    with topologies.make(folder / "fleet", ("leaf", "twin"), change) as fleet:
        # Without its runtime the leaf has no model, and hands frames to its neighbour.
        fleet.start("leaf", env={"CANOPY_OPENVINO": "/nonexistent"}, ready=False)
        fleet["leaf"].await_log("is not served")
        port = fleet["leaf"].plain
        alone = load.run(port, messages, 5, ABSENCE)
        fleet.start("twin", ready=False)
        fleet.await_ready("twin")
        begin = time.monotonic()
        took = first_answer(port, messages, begin)
        after = load.run(port, messages, 30, 2)
    seen = Seen(figures={"seconds": took, "frames": len(after), "p99_ms": after.millis(99)})
    seen.check(f"{len(alone)} frames while it was away, all refused",
               len(alone.errors) and not alone.answered)
    seen.check(f"takes frames {took:.2f} s after it is ready (2)", took <= 2)
    seen.check(f"{len(after)} frames then, {dict(after.errors) or 'no'} errors", not after.errors)
    return seen


def first_answer(port: int, messages: list[bytes], begin: float) -> float:
    """Seconds from `begin` until a frame is answered; at most ten."""
    while time.monotonic() - begin < 10:
        outcomes = load.run(port, messages, 20, 0.2)
        if outcomes.answered:
            one = outcomes.answered[0]
            return one.sent + one.took - begin
    return 10


CELLS = [
    Cell("newcomer", "a node that comes up at a site takes its neighbour's frames within 2 s",
         "it is of another site", newcomer),
]
