"""Cold start to the first right answer, and memory without an engine."""

from __future__ import annotations

import socket
import statistics
import time
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
from claims import Claims
from fleet import MODELS, Fleet, Node, bundle_id, free_port

RUNS = 5
COLD_START_MS = 300
RESIDENT_MB = 30
TOPOLOGY = """\
canopy: 1
models: ["{models}"]
nodes:
  leaf:
    tier: leaf
    listen: [{{ at: "127.0.0.1:{port}", clients: open, tls: false }}]
tasks:
  power-demand:
    leaf: {{ bundle: "{bundle}" }}
"""
NO_ENGINE = """\
canopy: 1
nodes:
  leaf:
    tier: leaf
    listen: [{{ at: "127.0.0.1:{port}", clients: open, tls: false }}]
tasks:
  echo:
    leaf: {{ builtin: identity }}
"""


def fleet(folder: Path, text: str, **values: object) -> Fleet:
    port = free_port()
    topology = folder / f"start-{port}.yaml"
    topology.write_text(text.format(port=port, models=MODELS, **values))
    return Fleet(folder, {"leaf": Node("leaf", 0, port)}, topology)


def cold(folder: Path, seconds: int, claims: Claims) -> dict:
    """From the start of the process to the first answer; the first run fills the compile cache."""
    times = []
    for run in range(RUNS + 1):
        nodes = fleet(folder, TOPOLOGY, bundle=bundle_id("power-leaf"))
        begun = time.monotonic()
        nodes.start("leaf", ready=False)
        try:
            ask(nodes.nodes["leaf"].plain)
            took = (time.monotonic() - begun) * 1e3
        finally:
            nodes.close()
        print(f"  {'cold cache' if run == 0 else 'warm cache'}: {took:.0f} ms", flush=True)
        times.append(took)
    warm = statistics.median(times[1:])
    claims.at_most(
        "cold start to the first answer with a warm compile cache, ms", warm, COLD_START_MS)
    return {"cold_cache_ms": times[0], "warm_cache_ms": warm}


def ask(port: int) -> None:
    """Asks until there is an answer. The port is awaited first: a gRPC channel that was refused
    once waits a second before it tries again."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.001)
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    series = triton.InferInput("series", [1, 1, 24], "FP32")
    series.set_data_from_numpy(np.zeros((1, 1, 24), np.float32))
    while True:
        try:
            assert client.infer("power-demand", [series]).as_numpy("label") is not None
            return
        except triton.InferenceServerException:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


def memory(folder: Path, seconds: int, claims: Claims) -> dict:
    nodes = fleet(folder, NO_ENGINE)
    nodes.start("leaf")
    try:
        resident = nodes.nodes["leaf"].resident() / 1e6
    finally:
        nodes.close()
    print(f"  resident with no engine loaded: {resident:.1f} MB", flush=True)
    claims.at_most("resident memory with no engine loaded, MB", resident, RESIDENT_MB)
    return {"resident_mb": resident}
