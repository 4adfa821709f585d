"""What clients see when more comes than a node can do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import time
from pathlib import Path

import frames
import load
import numpy as np
import topologies
from cell import Cell, Seen
from fleet import ROOT, Fleet, bundle_id

LITE = ROOT / ".cache" / "models" / "bundles"
# Server and load get a core each.
SERVER, LOADER = ({0}, {1}) if (os.cpu_count() or 1) > 1 else (None, None)


def leaf(folder: Path, change=None, workers: int = 1) -> Fleet:
    """A leaf alone with the heaviest digits model: some milliseconds of work a frame."""
    def plan_of(plan):
        plan["nodes"]["leaf"]["workers"] = workers
        plan["tasks"]["meter-digits"] = {
            "leaf": {"bundle": bundle_id("digits-cloud")}, "deadline": "2s"}
        topologies.identity(plan)
        if change:
            change(plan)

    return topologies.make(folder / "fleet", ("leaf",), plan_of)


def start(fleet: Fleet) -> None:
    fleet.start()
    if SERVER:
        pin(fleet["leaf"].process.pid, SERVER)


def pin(pid: int, cores: set[int]) -> None:
    """Keeps every thread of a process on these cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


class Flood:
    """h2load: `rate` calls a second of one message, on its own core, until it is stopped."""

    def __init__(self, folder: Path, name: str, port: int, message: bytes, rate: int,
                 seconds: int, token: str | None = None, clients: int = 8):
        body = folder / f"{name}.bin"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        header = ["-H", f"authorization: Bearer {token}"] if token else []
        line = ["h2load", "-c", str(clients), "-m", "64", "-t", "1", "-D", str(seconds),
                "--rps", str(max(1, rate // clients)), "-d", str(body),
                "-H", "content-type: application/grpc", "-H", "te: trailers", *header,
                f"http://127.0.0.1:{port}{load.METHOD}"]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT)
        if LOADER:
            os.sched_setaffinity(self.process.pid, LOADER)
        # The camera that is measured has its core when it wants it: else its times are the flood's.
        os.setpriority(os.PRIO_PROCESS, self.process.pid, 10)

    def finish(self) -> int:
        """Calls that were answered, whatever with."""
        said, _ = self.process.communicate(timeout=120)
        found = re.search(r"(\d+) succeeded", said)
        return int(found.group(1)) if found else 0


def capacity(port: int, messages: list[bytes]) -> float:
    """Frames a second that the node answers when it always has some waiting."""
    outcomes = load.run(port, messages, 2_000, 2)
    last = max(one.sent + one.took for one in outcomes.answered)
    return len(outcomes.answered) / (last - outcomes[0].sent)


def tenfold(folder: Path, mutated: bool) -> Seen:
    pictures, held = frames.digits(), []
    camera = [load.request("meter-digits", one, **{"class": "sync" if mutated else "realtime"})
              for one in pictures]
    with leaf(folder) as fleet:
        start(fleet)
        port = fleet["leaf"].plain
        rated = capacity(port, camera)
        rate = max(10, rated * 0.2)
        alone = load.run(port, camera, rate, 6)
        seconds, flood = 8, round(rated * 10 / 3)
        floods = [
            Flood(folder, name, port, load.request("meter-digits", pictures[0], **{"class": name}),
                  flood, seconds)
            for name in ("standard", "batch", "sync")]
        loaded = load.run(port, camera, rate, 6)
        sync = load.request("meter-digits", pictures[0], **{"class": "sync"})
        # What a client of that machine sees of any call, which no refusal can be quicker than.
        echo = load.request("echo", np.zeros(4, np.float32))
        both = load.run(port, [sync, echo], 200, 1.5, during=lambda: watch_places(fleet, held))
        asked = [one for one in both if one.message == 0]
        echoes = load.Outcomes(one for one in both if one.message == 1)
        sent = sum(one.finish() for one in floods)
        work, metrics = service(fleet), fleet["leaf"].metrics()
    bound = alone.millis(99) * 1.2 + work
    refused = load.Outcomes(one for one in asked if one.error)
    inside = [metrics[f'canopy_refusal_seconds{{task="meter-digits",quantile="{q}"}}'] * 1e3
              for q in ("0.5", "0.99")]
    late = [metrics[f'canopy_loop_late_seconds{{quantile="{q}"}}'] * 1e3 for q in ("0.5", "0.99")]
    seen = Seen(figures={
        "capacity_per_s": rated, "flood_calls": sent, "alone_p99_ms": alone.millis(99),
        "loaded_p99_ms": loaded.millis(99), "service_p99_ms": work,
        "refusal_in_the_node_ms": inside, "loop_late_ms": late, "held": held})
    seen.check(f"{sent / seconds / rated:.1f} × of {rated:.0f} frames/s came in lower classes",
               sent / seconds > rated * 7)
    seen.check(f"{dict(loaded.errors) or 'no'} realtime frame was refused", not loaded.errors)
    seen.check(f"realtime p99 {alone.millis(99):.1f} ms alone, {loaded.millis(99):.1f} ms under"
               f" load; bound 1.2 × and one service time of {work:.1f} ms (one worker): "
               f"{bound:.1f} ms", loaded.millis(99) <= bound)
    if refused:
        times = sorted(one.took * 1e3 for one in refused)
        middle, most = times[len(times) // 2], times[len(times) * 95 // 100]
        way = echoes.millis(95)
        seen.check(f"{len(refused)} of {len(asked)} more of class sync were refused, half of them"
                   f" within {middle:.1f} ms, 95 % within {most:.1f} ms, as the client sees it, for"
                   f" whom 95 % of calls that are answered at once take {way:.1f} ms (5 more)",
                   most <= way + 5)
        seen.check(f"in the node a refusal takes {inside[0]:.2f} ms, the 99th percentile"
                   f" {inside[1]:.2f} ms (5); its loop is {late[0]:.2f} and {late[1]:.2f} ms late",
                   inside[1] <= 5)
        seen.check("each with a hint when to try again", all(one.has_hint for one in refused))
    else:
        seen.check("none of class sync was refused in ten times overload", False)
    seen.check(f"at most {max(count for count, _ in held)} frames were in at once, and"
               f" {max(places for _, places in held)} had a place",
               all(count <= 2 * places for count, places in held))
    return seen


async def watch_places(fleet: Fleet, held: list[tuple[float, float]]) -> None:
    """Notes how many frames are in and how many places there are; classes that are owed a place
    may have some more for a moment."""
    for _ in range(12):
        metrics = await asyncio.to_thread(fleet["leaf"].metrics)
        held.append((sum(value for name, value in metrics.items()
                         if name.startswith("canopy_frames_held")), metrics["canopy_places"]))
        await asyncio.sleep(0.1)


def service(fleet: Fleet) -> float:
    """The 99th percentile of the model's own time and its preprocessing, in milliseconds."""
    metrics = fleet["leaf"].metrics()
    names = [f'canopy_{stage}_seconds{{task="meter-digits",quantile="0.99"}}'
             for stage in ("preprocess", "inference")]
    return sum(metrics[name] for name in names) * 1e3


# Of the burst's node, by `Tools/faults --minutes`.
idle_seconds = 5.0


def burst(folder: Path, mutated: bool) -> Seen:
    """The mean rate, nothing at all, then fifty times the mean rate for two seconds, from eight
    cameras that fire at the same moment, then the mean rate again."""
    def change(plan):
        if mutated:
            plan["routing"] = {"admission": {"places": 4}}

    mean = 4
    messages = [load.request("meter-digits", one) for one in frames.digits()]
    with leaf(folder, change, workers=2) as fleet:
        start(fleet)
        port = fleet["leaf"].plain
        quiet = load.run(port, messages, mean, 10)
        time.sleep(idle_seconds)
        storm = load.run(port, messages, mean * 50, 2, at_once=8)
        after = load.run(port, messages, mean, 5)
    seen = Seen(figures={"burst": len(storm), "quiet_p99_ms": quiet.millis(99),
                         "burst_p99_ms": storm.millis(99), "after_p99_ms": after.millis(99)})
    seen.check(f"{len(storm)} frames in 2 s, after {idle_seconds:g} s of none,"
               f" {dict(storm.errors) or 'none'} lost",
               not storm.errors)
    settled = load.Outcomes(one for one in after if one.sent - after[0].sent > 3)
    seen.check(f"p50 {quiet.millis(50):.1f} ms before, {settled.millis(50):.1f} ms 3 s after",
               settled.millis(50) <= quiet.millis(50) * 1.5 + 1)
    return seen


def unfair(folder: Path, mutated: bool) -> Seen:
    """Two senders at one node: one sends a hundred times its share. The mutation gives both the
    same name, so that the node cannot tell them apart."""
    tokens = {"quiet": "quiet-token", "loud": "loud-token"}

    def change(plan):
        port = topologies.free_port()
        plan["nodes"]["leaf"]["listen"].append(
            {"at": f"127.0.0.1:{port}", "clients": "token", "tls": False})
        for name, token in tokens.items():
            digest = hashlib.sha256(token.encode()).hexdigest()
            plan["identities"][name] = {
                "token": {"sha256": digest}, "tenant": "one" if mutated else name}

    messages = [load.request("meter-digits", one) for one in frames.digits()]
    with leaf(folder, change) as fleet:
        start(fleet)
        port = int(fleet.plan["nodes"]["leaf"]["listen"][-1]["at"].rsplit(":", 1)[1])
        rated = capacity(fleet["leaf"].plain, messages)
        rate = max(10, rated * 0.1)
        alone = load.run(port, messages, rate, 6, token=tokens["quiet"])
        flood = Flood(folder, "loud", port, messages[0], round(rate * 100), 8,
                      token=tokens["loud"])
        beside = load.run(port, messages, rate, 6, token=tokens["quiet"])
        sent = flood.finish()
        work = service(fleet)
    bound = alone.millis(99) * 1.2 + work
    seen = Seen(figures={"capacity_per_s": rated, "loud_calls": sent,
                         "alone_p99_ms": alone.millis(99), "beside_p99_ms": beside.millis(99),
                         "service_p99_ms": work})
    seen.check(f"{sent / 8 / rate:.0f} × the quiet one's share came from the loud one",
               sent / 8 > rate * 70)
    seen.check(f"{dict(beside.errors) or 'no'} frame of the quiet one was refused",
               not beside.errors)
    seen.check(f"its p99 is {alone.millis(99):.1f} ms alone, {beside.millis(99):.1f} ms beside the"
               f" loud one; bound 1.2 × and one service time of {work:.1f} ms (one worker): "
               f"{bound:.1f} ms", beside.millis(99) <= bound)
    return seen


CELLS = [
    Cell("tenfold", "ten times overload in the lower classes: realtime keeps its p99, the excess is"
         " refused at once", "the camera's frames come as class sync", tenfold),
    Cell("burst", "50 × the mean rate after idling (--minutes 10 is the whole proof): nothing lost,"
         " then as before",
         "the node has four places", burst),
    Cell("unfair", "one sender at 100 × its share: another's p99 moves by at most 20 %",
         "both have one name", unfair),
]
