"""Four cameras for as long as one likes: nothing lost, nothing reordered, evenly, in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import frames
import topologies
from cell import Cell, Seen
from fleet import Fleet, program

CAMERAS, RATE = 4, 30
# Set by `Tools/faults --minutes`.
minutes = 1.0


@dataclass
class Said:
    """What `canopy send` said, while it was said: an hour of frames is not kept."""

    frames: int = 0
    # Last outcomes that did not follow the one before, by camera.
    disorder: int = 0
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    summary: dict = field(default_factory=dict)
    _next: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def hear(self, line: dict) -> None:
        if "summary" in line:
            self.summary = line["summary"]
        elif line.get("final"):
            self.frames += 1
            self.disorder += line["sequence"] != self._next[line["stream"]]
            self._next[line["stream"]] = line["sequence"] + 1
            if "error" in line:
                self.errors[line["error"][:100]] += 1


def send(fleet: Fleet, task: str, cameras: int, seconds: float, *more: object) -> Said:
    """Cameras of 30 frames a second over TLS, as `canopy send` makes them."""
    frames.digits(1)
    sender = subprocess.Popen(
        [str(word) for word in (
            program("canopy"), "send", "--seed", f"127.0.0.1:{fleet['leaf'].secure}",
            "--certificates", fleet.folder / "certificates", "--as", "camera", "--task", task,
            "--image", frames.FOLDER, "--repeat", "--streams", cameras, "--rate", RATE,
            "--limit", round(RATE * seconds) * cameras, "--json", *more)],
        stdout=subprocess.PIPE, text=True)
    said = Said()
    for line in sender.stdout:
        said.hear(json.loads(line))
    sender.wait(30)
    return said


def hiccups(process, until: threading.Event) -> None:
    """Stops a process for 200 ms of each second."""
    while not until.wait(0.8):
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGCONT)


def steady(folder: Path, mutated: bool) -> Seen:
    def change(plan):
        topologies.digits(plan, deadline="500ms")

    with topologies.make(folder / "fleet", ("leaf", "region"), change) as fleet:
        fleet.start()
        over = threading.Event()
        if mutated:
            threading.Thread(target=hiccups, args=(fleet["leaf"].process, over)).start()
        try:
            said = send(fleet, "meter-digits", CAMERAS, minutes * 60)
        finally:
            over.set()
        time.sleep(0.5)
        metrics = fleet["leaf"].metrics()
    wanted = round(RATE * minutes * 60) * CAMERAS
    label = 'task="meter-digits"'
    jitter = metrics[f'canopy_worker_jitter_seconds{{{label},quantile="0.99"}}'] * 1e3
    disorder = metrics[f"canopy_worker_disorder_total{{{label}}}"]
    p99 = said.summary["tiers"]["leaf"]["p99_ms"]
    seen = Seen(figures={"minutes": minutes, "frames": said.frames, "jitter_p99_ms": jitter,
                         "leaf_p99_ms": p99, "summary": said.summary})
    seen.check(f"{said.frames} of {wanted} frames of {CAMERAS} cameras have their answer,"
               f" {dict(said.errors) or 'no'} errors", said.frames == wanted and not said.errors)
    seen.check(f"{said.disorder} answers out of a camera's order, {disorder:.0f} frames at the"
               " worker", said.disorder == 0 and disorder == 0)
    seen.check(f"jitter between a camera's frames at the worker: p99 {jitter:.2f} ms (10)",
               jitter <= 10)
    seen.check(f"p99 of what the leaf answered, over TLS: {p99:.1f} ms (100)", p99 <= 100)
    return seen


CELLS = [
    Cell("steady", "four cameras of 30 FPS (--minutes 10 is the whole proof): none lost, none out"
         " of order, jitter at the worker ≤ 10 ms, leaf's answers ≤ 100 ms",
         "the leaf is stopped for 200 ms of each second", steady),
]
