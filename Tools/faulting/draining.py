"""What live frames pay while a backlog drains."""

from __future__ import annotations

import bisect
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import load
import overload
import steady
from cell import Cell, NotRun, Seen
from outages import Gate, drain, place
from place import TASK, Site

PHASE_SECONDS = 5
RATE = 4 * 30
# Frames of each kind that count, and how many rounds are played to get them.
WANTED, MOST = 3000, 16


@dataclass
class Round:
    """A phase with nothing to drain, then one with a backlog: the frames of each that count."""

    quiet: load.Outcomes
    busy: load.Outcomes
    dropped: int
    errors: Counter


def draining(folder: Path, mutated: bool) -> Seen:
    """Rounds of two phases, the link up in both: with nothing to drain, and with a backlog. The
    leaf has a core of its own, so that what is seen is its own work and not the region's."""
    def slowly(plan):
        plan["nodes"]["leaf"]["spool"] |= {"rate": "4Mbit/s"}

    rounds: list[Round] = []
    left = []
    with place(folder, False, slowly).start() as site:
        if overload.SERVER:
            overload.pin(site.fleet["leaf"].process.pid, overload.SERVER)
            overload.pin(site.fleet["region"].process.pid, overload.LOADER)
            step_back(site.fleet["region"].process.pid)
            os.sched_setaffinity(0, overload.LOADER)
        sure, owing = Phase("sure", 0.0), Phase("owed", 0.9999)
        try:
            sure.send(site, 2)
            while len(rounds) < MOST and not has_enough(rounds):
                with StolenTime() as stolen:
                    quiet = sure.send(site, PHASE_SECONDS)
                    site.relay.say("cut")
                    owing.send(site, 5)
                    site.relay.say("heal")
                    wait_for_upload(site)
                    busy = hiccuping(site, sure) if mutated else sure.send(site, PHASE_SECONDS)
                left.append(sum(site.owed().values()))
                kept = stolen.spared(quiet), stolen.spared(busy)
                rounds.append(Round(*kept, len(quiet) + len(busy) - sum(map(len, kept)),
                                    quiet.errors + busy.errors))
                drain(Seen(), site, 90)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
        seen = Seen()
        drain(seen, site)
    return judged(seen, rounds, left)


def has_enough(rounds: list[Round]) -> bool:
    quiet = sum(len(one.quiet) for one in rounds)
    return min(quiet, sum(len(one.busy) for one in rounds)) >= WANTED


def judged(seen: Seen, rounds: list[Round], left: list[float]) -> Seen:
    dropped = sum(one.dropped for one in rounds)
    if not has_enough(rounds):
        raise NotRun(f"this machine's host took its cores away beside {dropped:,} frames of"
                     f" {len(rounds)} rounds, which say nothing of a node")
    quiet, busy = load.Outcomes(), load.Outcomes()
    for one in rounds:
        quiet += one.quiet
        busy += one.busy
    errors = dict(sum((one.errors for one in rounds), Counter()))
    seen.check(f"{len(quiet) + len(busy):,} frames, {errors or 'no'} errors; {dropped:,} more do"
               " not count: the machine's host took a core away beside them", not errors)
    seen.check(f"{min(left):.0f} records or more were still owed when a phase with a backlog ended",
               min(left) > 0)
    ratio = busy.millis(99) / quiet.millis(99)
    rows = [(one.quiet.millis(99), one.busy.millis(99)) for one in rounds]
    seen.check(f"realtime p99 {quiet.millis(99):.2f} ms, while draining {busy.millis(99):.2f} ms:"
               f" {ratio:.2f} × (1.2); by round {', '.join(f'{b / q:.2f}' for q, b in rows)}",
               ratio <= 1.2)
    seen.figures |= {"quiet_p99_ms": quiet.millis(99), "draining_p99_ms": busy.millis(99),
                     "quiet_p50_ms": quiet.millis(50), "draining_p50_ms": busy.millis(50),
                     "ratio": ratio, "rounds_ms": rows, "frames_not_counted": dropped}
    return seen


class StolenTime:
    """When this machine's host gave its cores to others, as the kernel counts it: in ticks."""

    EVERY = 0.02
    # A tick is told up to so long after it was taken.
    SMEAR = 0.03

    def __init__(self):
        self.moments: list[float] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> StolenTime:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()

    def spared(self, outcomes: load.Outcomes) -> load.Outcomes:
        """The outcomes of frames beside which nothing was taken."""
        return load.Outcomes(one for one in outcomes if not self._hit(
            one.sent - self.SMEAR, one.sent + one.took + self.SMEAR))

    def _hit(self, begin: float, end: float) -> bool:
        place = bisect.bisect_left(self.moments, begin)
        return place < len(self.moments) and self.moments[place] <= end

    def _watch(self) -> None:
        with open("/proc/stat", "rb") as file:
            before = self._read(file)
            while not self.over.wait(self.EVERY):
                if (now := self._read(file)) != before:
                    self.moments.append(time.monotonic())
                    before = now

    @staticmethod
    def _read(file) -> bytes:
        """Ticks of all cores: user, nice, system, idle, iowait, irq, softirq, then stolen."""
        return os.pread(file.fileno(), 128, 0).split()[8]


def step_back(pid: int) -> None:
    """The region gives way to the cameras, which share its core: else their times are its own."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.setpriority(os.PRIO_PROCESS, int(thread), 10)


class Phase(Gate):
    """Frames of one kind: sure at once, or never sure."""

    def __init__(self, stream: str, accept: float):
        super().__init__(stream)
        self.accept = accept

    def send(self, site: Site, seconds: float) -> load.Outcomes:
        count = round(RATE * seconds)
        messages = [load.request(TASK, self.pictures[number % len(self.pictures)],
                                 stream=self.stream, sequence=number, accept=self.accept)
                    for number in range(self.sent, self.sent + count)]
        self.sent += count
        return load.run(site.fleet["leaf"].plain, messages, RATE, seconds)


def hiccuping(site: Site, phase: Phase) -> load.Outcomes:
    """The mutation: the leaf stops for 200 ms of each second."""
    over = threading.Event()
    thread = threading.Thread(target=steady.hiccups, args=(site.fleet["leaf"].process, over))
    thread.start()
    try:
        return phase.send(site, PHASE_SECONDS)
    finally:
        over.set()
        thread.join()


def wait_for_upload(site: Site) -> None:
    """Until the first frames of a backlog have gone up."""
    def away() -> bool:
        return bool(site.fleet["leaf"].metrics()["canopy_hub_away"])

    end = time.monotonic() + 15
    while away() and time.monotonic() < end:
        time.sleep(0.05)


CELLS = [
    Cell("draining", "realtime p99 moves by at most 20 % while a backlog drains",
         "the leaf stops for 200 ms of each second meanwhile", draining),
]
