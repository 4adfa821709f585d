"""What one escalation hop adds: a node below another, over pooled mutual TLS on loopback.

The same task is asked of the upper node, and of the lower node, which has no model of its own for it
and sends every frame up. Both tasks answer with their input, so that what differs is the hop alone:
decoding, the journey, encoding, two crossings of TLS, and the answer's way back. The two ways take
turns in short runs, so that what else the machine does falls on both.

What the two budgets are for:

- *added p50*: one call at a time, of 1 KB and of 10 KB. Under load a call waits for those before it,
  and how long says how full the machine is.
- *CPU*: 1 KB, 8 connections × 16 streams. A frame's bytes come on top: they cross TLS four times, as
  the echo has them come back, and that is told for each KB, without a budget. One call at a time is
  told too: then most of it is the kernel's, which puts both nodes to sleep and wakes them twice for
  each call.
"""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

import rpc
import topologies
from claims import Claims
from fleet import Fleet

SIZES = {"1 KB": 1_024, "10 KB": 10_240}  # a sensor's rows; a camera's JPEG of 320×240
# Whose CPU time is judged.
JUDGED = "1 KB"
MOST_MS = 0.3
MOST_CPU_US = 60.0
# Calls of one turn, one at a time, and turns of each way: 6,000 calls a way, some seconds.
CALLS, TURNS = 300, 20
# Calls of one turn under load, 8 connections × 16 streams: CPU where calls come in batches.
LOADED = 3_000


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    fleet = topologies.make(
        folder / "hop", ("leaf", "region"), lambda plan: topologies.identity(plan, "regional"))
    results: dict = {}
    with fleet:
        fleet.start()
        for size, count in SIZES.items():
            body = rpc.write_body(folder, count)
            alone = measure(folder, fleet, body, "-c1", "-m1", CALLS, TURNS)
            loaded = measure(folder, fleet, body, "-c8", "-m16", LOADED, TURNS // 4)
            results[size] = {"one at a time": alone, "8 × 16": loaded}
            show(size, alone, loaded)
    judge(results, claims)
    return results


def measure(
    folder: Path, fleet: Fleet, body: Path, connections: str, streams: str, calls: int, turns: int
) -> dict:
    """Latency and CPU of the upper node asked directly, and through the lower one."""
    ways: dict = {"direct": fleet["region"], "through": fleet["leaf"]}
    times: dict = {way: [] for way in ways}
    cpu: dict = {way: [] for way in ways}
    for turn in range(turns + 1):
        for way, node in ways.items():
            before = cpu_us(fleet)
            took = load(folder, node.plain, body, connections, streams, calls)
            used = (cpu_us(fleet) - before) / calls
            if turn > 0:  # the first turn opens connections and warms caches
                times[way] += took
                cpu[way].append(used)
    p50 = {way: statistics.median(all_of) / 1e3 for way, all_of in times.items()}
    mean_cpu = {way: statistics.median(all_of) for way, all_of in cpu.items()}
    return {
        "direct_p50_ms": p50["direct"], "through_p50_ms": p50["through"],
        "added_p50_ms": p50["through"] - p50["direct"],
        "direct_cpu_us": mean_cpu["direct"], "through_cpu_us": mean_cpu["through"],
        "hop_cpu_us": mean_cpu["through"] - mean_cpu["direct"], "calls": calls * turns,
    }


def load(
    folder: Path, port: int, body: Path, connections: str, streams: str, calls: int
) -> list[int]:
    """The time of each call in µs, as h2load noted it."""
    log = folder / "hop.log"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        ["h2load", connections, streams, "-n", str(calls), "-d", str(body), "--log-file", str(log),
         "-H", "content-type: application/grpc", "-H", "te: trailers",
         f"http://127.0.0.1:{port}{rpc.METHOD}"], capture_output=True, text=True, timeout=120)
    assert f"{calls} succeeded" in done.stdout, done.stdout
    return [int(line.split()[2]) for line in log.read_text().splitlines()]


def cpu_us(fleet: Fleet) -> float:
    """CPU time of both nodes in µs."""
    return sum(rpc.cpu_seconds(fleet[name].process.pid) for name in ("leaf", "region")) * 1e6


def show(size: str, alone: dict, loaded: dict) -> None:
    print(f"  {size:5}  one at a time: {alone['direct_p50_ms']:.3f} → "
          f"{alone['through_p50_ms']:.3f} ms, CPU {alone['direct_cpu_us']:.1f} → "
          f"{alone['through_cpu_us']:.1f} µs   8 × 16: CPU {loaded['direct_cpu_us']:.1f} → "
          f"{loaded['through_cpu_us']:.1f} µs", flush=True)


def judge(results: dict, claims: Claims) -> None:
    for size, row in results.items():
        claims.at_most(f"escalation hop of {size}, one at a time, added p50, ms",
                       row["one at a time"]["added_p50_ms"], MOST_MS)
    cpu = {size: row["8 × 16"]["hop_cpu_us"] for size, row in results.items()}
    more = (cpu["10 KB"] - cpu["1 KB"]) / 9
    claims.at_most(f"CPU of an escalation hop of {JUDGED}, 8 × 16, µs", cpu[JUDGED], MOST_CPU_US,
                   f"{more:.1f} µs for each further KB")
