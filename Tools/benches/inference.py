"""Leaf inference through a node against the runtime alone: the same model, the same input, the same
core, the two taking turns.

The budget is judged on EfficientNet-Lite0 INT8, a leaf model of the usual size (`Tools/models/make
imagenet` makes it; without it that part is *not run*). The digits show what the gateway costs a tiny
model: some tens of microseconds a frame, whatever the model."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import rpc
import tritonclient.grpc.service_pb2 as pb
from fleet import MODELS, ROOT, Fleet, Node, bundle_id, free_port

ROUNDS = 3
MOST_OVERHEAD = 0.03
CACHE = ROOT / ".cache" / "models" / "bundles"
# Bundle: its folder, its input, the input's shape, whether the budget is judged on it.
BUNDLES = {
    "digits-regional": (MODELS, "image", (1, 1, 28, 28), False),
    "imagenet-leaf": (CACHE, "image", (1, 3, 224, 224), True),
}
TOPOLOGY = """\
canopy: 1
models: ["{models}"]
nodes:
  leaf:
    tier: leaf
    workers: 1
    listen: [{{ at: "127.0.0.1:{port}", clients: open, tls: false }}]
tasks:
  probe:
    leaf: {{ bundle: "{bundle}" }}
"""
ALONE = """\
import sys, time
import numpy as np, openvino as ov
model, seconds, shape = sys.argv[1], float(sys.argv[2]), eval(sys.argv[3])
core = ov.Core()
compiled = core.compile_model(core.read_model(model), "CPU", {
    "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"})
request = compiled.create_infer_request()
data = np.random.default_rng(1).random(shape, np.float32)
for _ in range(50): request.infer([data], share_inputs=True)
count, start = 0, time.perf_counter()
while time.perf_counter() - start < seconds:
    for _ in range(20): request.infer([data], share_inputs=True)
    count += 20
print(count / (time.perf_counter() - start))
"""


def run(folder: Path, seconds: int, budgets: list) -> dict:
    results = {}
    for bundle, (where, name, shape, is_judged) in BUNDLES.items():
        if not (where / bundle).exists():
            print(f"  {bundle}: not run, it is not made; Tools/models/make imagenet", flush=True)
            results[bundle] = "not run"
            continue
        rows: dict = {"node": [], "runtime": []}
        port = free_port()
        topology = folder / f"inference-{bundle}.yaml"
        topology.write_text(TOPOLOGY.format(models=where, port=port, bundle=bundle_id(bundle, where)))
        fleet = Fleet(folder, {"leaf": Node("leaf", 0, port)}, topology)
        fleet.start("leaf")
        try:
            rpc.pin(fleet.nodes["leaf"].process.pid, 0)
            body = write_body(folder, name, shape)
            for _ in range(ROUNDS):
                rows["runtime"].append(alone(where / bundle, shape, seconds))
                load = rpc.load(fleet.nodes["leaf"].process, port, body, 1, 8, seconds)
                rows["node"].append(load["rate"])
        finally:
            fleet.close()
        node, runtime = (statistics.median(rows[who]) for who in ("node", "runtime"))
        overhead = runtime / node - 1
        results[bundle] = {"node_per_s": node, "runtime_per_s": runtime, "overhead": overhead}
        print(f"  {bundle}: node {node:.0f}/s, runtime alone {runtime:.0f}/s, one core each, "
              f"overhead {overhead * 100:.1f} %", flush=True)
        if not is_judged:
            continue
        budgets.append({"what": f"gateway's share of a leaf inference, {bundle}",
                        "seen": overhead, "must": f"≤ {MOST_OVERHEAD:g}",
                        "holds": overhead <= MOST_OVERHEAD})
    return results


def alone(bundle: Path, shape: tuple, seconds: int) -> float:
    """Inferences a second of the runtime's own loop, on core 0."""
    manifest_id = bundle_id(bundle.name, bundle.parent).removeprefix("sha256:")
    blobs = bundle / "blobs" / "sha256"
    manifest = json.loads((blobs / manifest_id).read_text())
    digest = next(layer["digest"] for layer in manifest["layers"]
                  if layer["annotations"]["org.cncf.model.filepath"] == "model.onnx")
    path = blobs / digest.removeprefix("sha256:")
    done = subprocess.run(
        ["taskset", "-c", "0", sys.executable, "-c", ALONE, str(path), str(seconds), repr(shape)],
        capture_output=True, text=True, timeout=seconds * 4 + 60)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def write_body(folder: Path, name: str, shape: tuple) -> Path:
    request = pb.ModelInferRequest(model_name="probe", id="1")
    tensor = request.inputs.add(name=name, datatype="FP32")
    tensor.shape.extend(shape)
    data = np.random.default_rng(1).random(shape, np.float32)
    request.raw_input_contents.append(data.tobytes())
    message = request.SerializeToString()
    path = folder / "body-inference"
    path.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    return path
