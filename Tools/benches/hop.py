"""What one escalation hop adds: a node below another, over pooled mutual TLS on loopback.

The same task is asked of the upper node, and of the lower node, which has no model of its own for it
and sends every frame up. Both tasks answer with their input, so that what differs is the hop alone:
decoding, the journey, encoding, two crossings of TLS, and the answer's way back. The two ways take
turns in short runs, so that what else the machine does falls on both.
"""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

import rpc
import topologies
from fleet import Fleet

SIZES = {"1 KB": 1_024, "10 KB": 10_240}  # a sensor's rows; a camera's JPEG of 320×240
# As the budget of a unary call; what a larger frame adds is copies and ciphers, and is shown.
JUDGED = "1 KB"
MOST_MS = 0.3
MOST_CPU_US = 60.0
# Calls of one turn, one at a time, and turns of each way: 6,000 calls a way, some seconds.
CALLS, TURNS = 300, 20
# Calls of one turn under load, 8 connections × 16 streams: CPU where calls come in batches.
LOADED = 3_000


def run(folder: Path, seconds: int, budgets: list) -> dict:
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
    judge(results[JUDGED]["one at a time"], results[JUDGED]["8 × 16"], budgets)
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


def judge(alone: dict, loaded: dict, budgets: list) -> None:
    added, cpu = alone["added_p50_ms"], loaded["hop_cpu_us"]
    budgets.append({"what": f"escalation hop of {JUDGED}, added p50, ms", "seen": added,
                    "must": f"≤ {MOST_MS:g}", "holds": added <= MOST_MS})
    budgets.append({"what": f"CPU of an escalation hop of {JUDGED} under load, µs", "seen": cpu,
                    "must": f"≤ {MOST_CPU_US:g}", "holds": cpu <= MOST_CPU_US})
