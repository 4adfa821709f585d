"""Unary gRPC: an identity task of a Canopy node against a C++ gRPC server, h2load on a core of its
own, the two taking turns.

The two are compared by what a core of each can serve: calls per second of its own CPU time. Where a
server fills its core, that is its rate; where the load's core is full first, as with 100 KB, or the
machine is shared, the rate seen says less than either can do.
"""

from __future__ import annotations

import os
import re
import statistics
import struct
import subprocess
import time
from pathlib import Path

import tritonclient.grpc.service_pb2 as pb
from claims import Claims
from fleet import ROOT, Fleet, Node, free_port, program

SIZES = {"1 KB": 1_024, "100 KB": 102_400}
SHAPES = [(8, 16), (32, 1)]  # connections × streams
# Calls for each second that a load is to last: about what one core serves.
PACE = {"1 KB": 20_000, "100 KB": 2_000}
ROUNDS = 3  # turns of each server; the median is taken
BUDGET_CPU = {"1 KB": 15.0, "100 KB": 160.0}  # µs per call
BUDGET_RATIO = {"1 KB": 3.0, "100 KB": 1.5}
METHOD = "/inference.GRPCInferenceService/ModelInfer"
TOPOLOGY = """\
canopy: 1
nodes:
  leaf:
    tier: leaf
    listen: [{{ at: "127.0.0.1:{port}", clients: open, tls: false }}]
tasks:
  echo:
    leaf: {{ builtin: identity }}
"""


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    canopy = start_canopy(folder)
    yardstick = start_yardstick()
    results: dict = {}
    try:
        for size, count in SIZES.items():
            body = write_body(folder, count)
            for connections, streams in SHAPES:
                name = f"{size}, {connections} × {streams}"
                rows: dict = {"canopy": [], "grpc++": []}
                for _ in range(ROUNDS):
                    for who, (process, port) in {"canopy": canopy, "grpc++": yardstick}.items():
                        rows[who].append(load(
                            process, port, body, connections, streams, seconds * PACE[size]))
                results[name] = summary(rows)
                show(name, results[name])
                if (connections, streams) == SHAPES[0]:
                    judge(size, results[name], claims)
    finally:
        for process, _ in (canopy, yardstick):
            process.terminate()
            process.wait(10)
    return results


def start_canopy(folder: Path) -> tuple[subprocess.Popen, int]:
    port = free_port()
    topology = folder / "rpc.yaml"
    topology.write_text(TOPOLOGY.format(port=port))
    fleet = Fleet(folder, {"leaf": Node("leaf", 0, port)}, topology)
    fleet.start("leaf")
    process = fleet.nodes["leaf"].process
    pin(process.pid, 0)
    return process, port


def start_yardstick() -> tuple[subprocess.Popen, int]:
    port = free_port()
    path = ROOT / ".cache" / "yardsticks" / "grpc_echo"
    process = subprocess.Popen([str(path), str(port)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    pin(process.pid, 0)
    return process, port


def pin(pid: int, core: int) -> None:
    """Every thread of a process onto one core."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def write_body(folder: Path, count: int) -> Path:
    request = pb.ModelInferRequest(model_name="echo", id="1")
    tensor = request.inputs.add(name="INPUT", datatype="UINT8")
    tensor.shape.extend([count])
    request.raw_input_contents.append(os.urandom(count))
    message = request.SerializeToString()
    path = folder / f"body-{count}"
    path.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    return path


def load(process, port: int, body: Path, connections: int, streams: int, calls: int,
         pace: int | None = None) -> dict:
    """One h2load run: calls per second, and CPU time of the server per call in µs. With `pace`, a
    connection begins so many calls a second; without, the next when one has ended."""
    # A stated number of calls, so that all CPU time is that of calls which are counted.
    line = ["taskset", "-c", "1", "h2load", "-c", str(connections), "-m", str(streams), "-n",
            str(calls), "-d", str(body), "-H", "content-type: application/grpc", "-H",
            "te: trailers", *(["--rps", str(pace)] if pace else []),
            f"http://127.0.0.1:{port}{METHOD}"]
    before = cpu_seconds(process.pid)
    done = subprocess.run(line, capture_output=True, text=True, timeout=600)
    used = cpu_seconds(process.pid) - before
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout).group(1))
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    assert counts and int(counts.group(2)) == int(counts.group(3)) == 0, done.stdout
    return {"rate": rate, "cpu_us": used / calls * 1e6}


def cpu_seconds(pid: int) -> float:
    """CPU time of a process by its own clock (`clock_getcpuclockid`), those of its threads that have
    ended among it: /proc/PID/stat counts in hundredths of a second, and a thread's own account ends
    with the thread."""
    return time.clock_gettime(~pid << 3 | 2)


def summary(rows: dict) -> dict:
    result = {who: {key: statistics.median(row[key] for row in runs) for key in runs[0]}
              for who, runs in rows.items()}
    result["rate_ratio"] = result["canopy"]["rate"] / result["grpc++"]["rate"]
    result["core_ratio"] = result["grpc++"]["cpu_us"] / result["canopy"]["cpu_us"]
    return result


def show(name: str, result: dict) -> None:
    ours, theirs = result["canopy"], result["grpc++"]
    print(f"  {name:16} canopy {ours['rate']:9.0f}/s {ours['cpu_us']:6.1f} µs   "
          f"grpc++ {theirs['rate']:9.0f}/s {theirs['cpu_us']:6.1f} µs   "
          f"ratio a core {result['core_ratio']:.2f}, seen {result['rate_ratio']:.2f}", flush=True)


def judge(size: str, result: dict, claims: Claims) -> None:
    cpu, ratio = result["canopy"]["cpu_us"], result["core_ratio"]
    claims.at_most(f"CPU per unary call of {size}, µs", cpu, BUDGET_CPU[size])
    claims.at_least(
        f"rate of a core against C++ gRPC, {size}", ratio, BUDGET_RATIO[size],
        f"rate seen {result['rate_ratio']:.2f} ×")
