"""Heap allocations, bytes copied, system calls and instructions of one unary call: numbers that do
not depend on what else the machine does, and so can be gates."""

from __future__ import annotations

import functools
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import layout
import rpc
from claims import Claims
from fleet import ROOT, eventually, free_port, program

# Two loads of different length; the difference is what the calls cost, without start and end.
FEW, MANY = 2_000, 22_000
# What was measured when the gate was set, and a tenth more for other versions of the libraries.
MOST = {"allocations": 10, "bytes_copied": 5_700, "system_calls": 0.25, "instructions": 42_000}
# An instruction that is counted takes as long as fifty others.
SLOWER = {"instructions": 5}
COUNTER = ROOT / ".cache" / "yardsticks" / "count_memory.so"


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    body = rpc.write_body(folder, 1_024)
    result = {}
    for what, measure in (("allocations", allocations), ("bytes_copied", bytes_copied),
                          ("system_calls", system_calls), ("instructions", instructions)):
        loads = [calls // SLOWER.get(what, 1) for calls in (FEW, MANY)]
        few, many = (measure(folder, body, calls) for calls in loads)
        result[what] = (many - few) / (loads[1] - loads[0])
        print(f"  1 KB identity, 8 × 16: {result[what]:.6g} {what.replace('_', ' ')} a call",
              flush=True)
        claims.at_most(f"{what.replace('_', ' ')} per unary call of 1 KB", result[what], MOST[what])
    known, named, pages = layout.state()
    result["layout"] = {"known": known, "named": named, "pages": pages}
    claims.at_least("share of the functions of layout.txt that the program has", known / named,
                    layout.LEAST_KNOWN, f"{known} of {named}")
    claims.at_most("pages that they lie on", pages, layout.MOST_PAGES)
    return result


def allocations(folder: Path, body: Path, calls: int) -> int:
    return memory(folder, body, calls)[0]


def bytes_copied(folder: Path, body: Path, calls: int) -> int:
    """By memcpy and memmove: the body's and, far more, those of values that are handed on whole. A
    method that only reads, called on a large value, is handed a copy of it."""
    return memory(folder, body, calls)[1]


@functools.cache
def memory(folder: Path, body: Path, calls: int) -> tuple[int, int]:
    """Allocations and bytes copied."""
    out = folder / f"memory-{calls}"
    load(folder, body, calls, [], {"LD_PRELOAD": str(COUNTER), "CANOPY_COUNT_FILE": str(out)})
    allocated, copied = out.read_text().split()
    return int(allocated), int(copied)


def system_calls(folder: Path, body: Path, calls: int) -> int:
    out = folder / f"calls-{calls}"
    load(folder, body, calls, ["strace", "-f", "-c", "-o", str(out)], {})
    return int(re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)", out.read_text(), re.M).group(1))


def instructions(folder: Path, body: Path, calls: int) -> int:
    """Instructions of all threads outside the kernel, by callgrind, which does not read our debug
    information."""
    out, bare = folder / f"instructions-{calls}", folder / "canopy-bare"
    subprocess.run(["strip", "-g", "-o", str(bare), str(program("canopy"))], check=True)
    load(folder, body, calls, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"], {},
         bare)
    return int(re.search(r"^totals: (\d+)", out.read_text(), re.M).group(1))


def load(
    folder: Path, body: Path, calls: int, before: list, env: dict, what: Path | None = None
) -> None:
    """One node through one load, and its orderly end."""
    port = free_port()
    topology = folder / f"counts-{port}.yaml"
    topology.write_text(rpc.TOPOLOGY.format(port=port))
    node = subprocess.Popen(
        [*before, str(what or program("canopy")), "serve", "--topology", str(topology),
         "--node", "leaf"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **env})
    try:
        eventually(lambda: listens(port), "the node listens", 60)
        done = subprocess.run(
            ["h2load", "-c", "8", "-m", "16", "-n", str(calls), "-d", str(body), "-H",
             "content-type: application/grpc", "-H", "te: trailers",
             f"http://127.0.0.1:{port}{rpc.METHOD}"], capture_output=True, text=True, timeout=120)
        assert f"{calls} succeeded" in done.stdout, done.stdout
    finally:
        target = child_of(node.pid) if before[:1] == ["strace"] else node.pid
        os.kill(target, signal.SIGTERM)
        node.wait(60)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def child_of(pid: int) -> int:
    """The program that strace runs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
