"""What clients see when an isolated engine dies, hangs or starves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import frames
import load
import topologies
from cell import Cell, Seen
from fleet import Fleet, eventually

RATE, SECONDS = 40, 6


def child(fleet: Fleet) -> int:
    """The process of the leaf's isolated engine; the node itself where it has none."""
    pid = fleet["leaf"].process.pid
    # Any thread of the node may have started it.
    children = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children")
                for child in file.read_text().split()]
    return children[0] if children else pid


def strike(number: int):
    def run(folder: Path, mutated: bool) -> Seen:
        def change(plan):
            topologies.digits(plan, deadline="2s")
            topologies.power(plan)
            if not mutated:
                plan["tasks"]["meter-digits"]["leaf"]["engine"] = "isolated"

        with topologies.make(folder / "fleet", ("leaf", "region"), change) as fleet:
            fleet.start()
            return watch(fleet, number)
    return run


def watch(fleet: Fleet, number: int) -> Seen:
    port = fleet["leaf"].plain
    digits = [load.request("meter-digits", one, accept=0.0) for one in frames.digits()]
    # Sure at once: this model answers here whatever happens to the other.
    power = load.request("power-demand", frames.series(), accept=0.0)
    messages = [message for one in digits for message in (one, power)]
    victim = child(fleet)

    async def kill():
        await asyncio.sleep(1)
        os.kill(victim, number)

    outcomes = load.run(port, messages, RATE, SECONDS, during=kill)
    if victim == fleet["leaf"].process.pid and fleet["leaf"].process.poll() is None:
        os.kill(victim, signal.SIGCONT)
    seen = Seen(figures={"frames": len(outcomes), "p99_ms": outcomes.millis(99)})
    seen.check(f"{len(outcomes)} frames, {dict(outcomes.errors) or 'no'} errors",
               len(outcomes) == RATE * SECONDS and not outcomes.errors)
    if fleet["leaf"].process.poll() is not None or child(fleet) == fleet["leaf"].process.pid:
        seen.check("the node lives and has an engine of its own", False)
        return seen
    elsewhere = outcomes.share(lambda one: one.tier == "regional")
    seen.check(f"{elsewhere:.0%} of the frames were answered above meanwhile", elsewhere > 0)
    begin = time.monotonic()
    eventually(lambda: load.run(port, digits, 10, 0.3)[-1].tier == "leaf",
               "the engine answers again", 20)
    seen.check(f"the engine is another process, and answered {time.monotonic() - begin:.1f} s after"
               " the load", child(fleet) != victim)
    metrics = fleet["leaf"].metrics()
    copied = {name: value for name, value in metrics.items() if "engine" in name and "copied" in name}
    seen.figures |= {"elsewhere": elsewhere, **copied}
    return seen


CELLS = [
    Cell("engine-killed", "an isolated engine dies (kill -9): 0 errors, the other model serves on",
         "the model lives in the node's process", strike(signal.SIGKILL)),
    Cell("engine-wedged", "an isolated engine is stopped: 0 errors, it is started again",
         "the model lives in the node's process", strike(signal.SIGSTOP)),
]
