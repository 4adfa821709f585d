"""The outage: the leaf's way up is cut while its cameras go on, and comes back.

What the leaf owes waits on its disk. Its depth is read from the leaf's metrics as it grows and
drains; what became of the frames is asked of the region, as the operator.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import data
from live import Live
from machine import Trouble, canopy, say
from nodes import Fleet
from passes import CAMERAS, RATE, Pass, reasons, send, to_node

BEFORE, CUT, AFTER = 4, 10, 6  # seconds with the link, without it, and with it again
SAMPLE_SECONDS = 0.2
DRAIN_SECONDS = 30  # what is owed is sent at 2 Mbit/s: some seconds' worth
NAME = "outage"  # of the cameras: their records are then told from other passes'
FULL = CAMERAS * RATE * CUT  # a full bar: a record of each frame of the outage
BARS = " ▁▂▃▄▅▆▇█"
SHOWN = 48  # samples of the line in the terminal


@dataclass(frozen=True)
class Depth:
    """What the leaf owes at one moment."""

    at: float  # seconds since the first frame
    results: int
    frames: int

    @property
    def all(self) -> int:
        return self.results + self.frames


@dataclass(frozen=True)
class Counts:
    """The leaf's counters, since it started."""

    owed: int
    settled: int
    gaps: int
    upstream_bytes: int

    @staticmethod
    def of(fleet: Fleet) -> Counts:
        metrics = fleet.metrics()
        return Counts(
            owed=int(sum(value for name, value in metrics.items()
                         if name.startswith("canopy_owed_total{"))),
            settled=int(metrics["canopy_settled_total"]),
            gaps=int(metrics['canopy_spool_dropped_total{queue="escalation"}']),
            upstream_bytes=fleet.upstream_bytes())


@dataclass
class Outage:
    """All that was seen."""

    sent: Pass
    frames: int
    depths: list[Depth]
    cut_at: float
    healed_at: float
    before: Counts
    after: Counts
    left: int
    records: int

    def report(self, cloud_bytes_a_frame: float) -> dict[str, Any]:
        """As it is in the JSON file."""
        answers = [a for a in self.sent.answers if a.final and a.error is None]
        carried = self.after.upstream_bytes - self.before.upstream_bytes
        return {
            "frames": self.frames, "answered": len(answers), "errors": self.sent.errors,
            "degraded": reasons(answers), "cut_at": round(self.cut_at, 2),
            "healed_at": round(self.healed_at, 2),
            "cut_seconds": round(self.healed_at - self.cut_at, 2),
            "owed": self.after.owed - self.before.owed,
            "settled": self.after.settled - self.before.settled,
            "gaps": self.after.gaps - self.before.gaps, "left": self.left,
            "deepest": {"results": max(one.results for one in self.depths),
                        "frames": max(one.frames for one in self.depths)},
            "caught_up_seconds": round(self._caught_up(), 2), "records": self.records,
            "upstream_bytes": carried,
            "bytes_ratio": carried / (cloud_bytes_a_frame * self.frames),
            "depths": [[round(one.at, 2), one.results, one.frames] for one in self.depths]}

    def _caught_up(self) -> float:
        """Seconds from the link's return until no frame waits, and no more results than before."""
        usual = max((one.results for one in self.depths if one.at < self.cut_at), default=0)
        ends = [one.at for one in self.depths
                if one.at > self.healed_at and one.results <= usual and one.frames == 0]
        return (ends[0] if ends else self.depths[-1].at) - self.healed_at


class Watch(threading.Thread):
    """Cuts the link, heals it, and reads what the leaf owes meanwhile."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(name="outage", daemon=True)
        self.fleet = fleet
        self.depths: list[Depth] = []
        self.cut_at = self.healed_at = float("inf")
        self.trouble: Exception | None = None
        self._end = threading.Event()
        self._begun = time.monotonic()

    def run(self) -> None:
        self._begun = time.monotonic()
        try:
            while not self._end.wait(SAMPLE_SECONDS):
                self._step()
        except (OSError, Trouble, KeyError) as trouble:
            self.trouble = trouble

    def _step(self) -> None:
        now = time.monotonic() - self._begun
        if now >= BEFORE and self.cut_at == float("inf"):
            self.fleet.say_to_uplinks("cut")
            self.cut_at = now
        if now >= self.cut_at + CUT and self.healed_at == float("inf"):
            self.fleet.say_to_uplinks("heal")
            self.healed_at = now
        metrics = self.fleet.metrics()
        self.depths.append(Depth(
            now, *(int(metrics[f'canopy_spool_records{{queue="{queue}"}}'])
                   for queue in ("result", "escalation"))))

    def end(self) -> None:
        self._end.set()
        self.join()
        if self.healed_at == float("inf"):
            self.fleet.say_to_uplinks("heal")
        if self.trouble:
            raise Trouble(f"the outage: {self.trouble}")

    @property
    def line(self) -> str:
        """The depth as it grew, how deep it is, and how the link is."""
        shown = self.depths[-SHOWN:]
        if not shown:
            return "owed: nothing yet"
        most = max(FULL, max(one.all for one in self.depths))
        bars = "".join(BARS[-(-one.all * (len(BARS) - 1) // most)] for one in shown)
        last = shown[-1]
        if last.at < self.cut_at:
            link = "the link is up"
        elif last.at < self.healed_at:
            link = f"THE LINK IS CUT, for {last.at - self.cut_at:.0f} s"
        else:
            link = "the link is back"
        return f"owed {bars}  {last.results} results, {last.frames} frames; {link}"


def play(fleet: Fleet, labels: dict[str, str]) -> Outage:
    """Cameras stream, the link is cut and healed, and everything is settled."""
    frames = CAMERAS * RATE * (BEFORE + CUT + AFTER)
    say(f"the leaf's uplink is cut for {CUT} s while {CAMERAS} cameras go on")
    _drained(fleet)
    before, watch = Counts.of(fleet), Watch(fleet)
    live = Live(frames, labels, CAMERAS, lambda: watch.line)
    watch.start()
    try:
        sent = send(NAME, [
            *to_node("leaf"), "--task", "meter-digits", "--streams", CAMERAS, "--rate", RATE,
            "--name", NAME, "--image", data.FRAMES, "--repeat", "--limit", frames], live)
        left = _drained(fleet, live)
        time.sleep(2 * SAMPLE_SECONDS)  # the last sample shows it too
    finally:
        watch.end()
    live.finish()
    return Outage(
        sent=sent, frames=frames, depths=watch.depths, cut_at=watch.cut_at,
        healed_at=watch.healed_at, before=before, after=Counts.of(fleet), left=left,
        records=_records(fleet))


def _drained(fleet: Fleet, live: Live | None = None) -> int:
    """Waits until the leaf owes nothing; what it still owes after a while."""
    end = time.monotonic() + DRAIN_SECONDS
    while True:
        left = int(sum(value for name, value in fleet.metrics().items()
                       if name.startswith("canopy_spool_records{")))
        if left == 0 or time.monotonic() > end:
            return left
        if live:
            live.tick()
        time.sleep(SAMPLE_SECONDS / 2)


def _records(fleet: Fleet) -> int:
    """Frames of these cameras that the region has a record of, each once."""
    found: set[str] = set()
    for camera in range(1, CAMERAS + 1):
        lines = canopy("records", fleet.topology, "--stream", f"{NAME}-{camera}", "--json",
                       "--limit", 1_000_000, "--timeout", 10_000).splitlines()
        found.update(json.loads(line)["record"] for line in lines)
    return len(found)
