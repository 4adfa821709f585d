"""What a node costs a leaf inference: the same model, the same frame, one core, taking turns.

Three rates: the runtime's own loop on a raw tensor; our engine on the same tensor in memory, which
adds queue, checks and calibrated scores; and the engine against a whole node on a JPEG, which adds
the wire, TLS aside. The budget bounds the two steps together. Then the same node with the model in
a process of its own (`engine: isolated`), on the same core.

It is judged on EfficientNet-Lite0 INT8, a leaf model of the usual size (`Tools/models/make imagenet`
makes it; without it that part is *not run*). The digits show what a tiny model pays: some tens of
microseconds a frame, whatever the model.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import rpc
import tritonclient.grpc.service_pb2 as pb
from fleet import MODELS, ROOT, Fleet, Node, bundle_id, free_port, program
from PIL import Image

ROUNDS = 3
MOST_OVERHEAD = 0.03
MOST_OVERHEAD_ISOLATED = 0.05
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
    leaf: {{ bundle: "{bundle}", engine: {engine} }}
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
        rates = measure(folder, where / bundle, name, shape, seconds)
        engine_share = rates["runtime"] / rates["engine_tensor"] - 1
        node_share = rates["engine_image"] / rates["node_image"] - 1
        share = (1 + engine_share) * (1 + node_share) - 1
        apart = (1 + engine_share) * rates["engine_image"] / rates["node_isolated"] - 1
        results[bundle] = {**rates, "share": share, "share_isolated": apart}
        print(f"  {bundle}: tensor: runtime {rates['runtime']:.0f}/s, engine "
              f"{rates['engine_tensor']:.0f}/s; JPEG: engine {rates['engine_image']:.0f}/s, node "
              f"{rates['node_image']:.0f}/s, isolated {rates['node_isolated']:.0f}/s; share "
              f"{share * 100:.1f} %, isolated {apart * 100:.1f} %", flush=True)
        if is_judged:
            budgets.append({"what": f"gateway's share of a leaf inference, {bundle}",
                            "seen": share, "must": f"≤ {MOST_OVERHEAD:g}",
                            "holds": share <= MOST_OVERHEAD})
            budgets.append({"what": f"gateway's share of an isolated inference, {bundle}",
                            "seen": apart, "must": f"≤ {MOST_OVERHEAD_ISOLATED:g}",
                            "holds": apart <= MOST_OVERHEAD_ISOLATED})
    return results


def measure(folder: Path, bundle: Path, name: str, shape: tuple, seconds: int) -> dict:
    """The median rates of all five, on core 0."""
    tensor, image = folder / "tensor", folder / "frame.jpg"
    data = np.random.default_rng(1).random(shape, np.float32)
    tensor.write_bytes(data.tobytes())
    picture().save(image, quality=90)
    body = write_body(folder, name, image.read_bytes())
    rows: dict = {key: [] for key in (
        "runtime", "engine_tensor", "engine_image", "node_image", "node_isolated")}
    for _ in range(ROUNDS):
        rows["runtime"].append(alone(bundle, shape, seconds))
        rows["engine_tensor"].append(engine(bundle, tensor, seconds))
        rows["engine_image"].append(engine(bundle, image, seconds))
        # As many frames as the engine alone does in that time.
        calls = max(1, int(seconds * rows["engine_image"][-1]))
        rows["node_image"].append(node(folder, bundle, "in-process", body, calls))
        rows["node_isolated"].append(node(folder, bundle, "isolated", body, calls))
    return {key: statistics.median(values) for key, values in rows.items()}


def node(folder: Path, bundle: Path, engine: str, body: Path, calls: int) -> float:
    """Frames a second of a whole node."""
    port = free_port()
    topology = folder / f"inference-{bundle.name}-{engine}.yaml"
    topology.write_text(TOPOLOGY.format(
        models=bundle.parent, port=port, bundle=bundle_id(bundle.name, bundle.parent),
        engine=engine))
    fleet = Fleet(folder, {"leaf": Node("leaf", 0, port)}, topology)
    start_on_core_0(fleet)
    try:
        return rpc.load(fleet.nodes["leaf"].process, port, body, 1, 8, calls)["rate"]
    finally:
        fleet.close()


def start_on_core_0(fleet: Fleet) -> None:
    """The runtime looks at the cores when it starts: a node that is pinned later would have been
    set up for more than it has."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        fleet.start("leaf")
    finally:
        os.sched_setaffinity(0, cores)


def picture() -> Image.Image:
    """A camera's frame: soft shapes and noise, 320 × 240."""
    random = np.random.default_rng(2)
    small = Image.fromarray(random.integers(0, 255, (12, 16, 3), np.uint8))
    soft = np.asarray(small.resize((320, 240), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray(np.clip(soft + random.integers(-8, 8, soft.shape), 0, 255)
                           .astype(np.uint8))


def engine(bundle: Path, file: Path, seconds: int) -> float:
    """Frames a second of our engine alone."""
    done = subprocess.run(
        ["taskset", "-c", "0", str(program("bench-engine")), str(bundle), str(file), str(seconds)],
        capture_output=True, text=True, timeout=seconds * 4 + 60, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


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


def write_body(folder: Path, name: str, image: bytes) -> Path:
    request = pb.ModelInferRequest(model_name="probe", id="1")
    tensor = request.inputs.add(name=name, datatype="BYTES")
    tensor.shape.append(1)
    request.raw_input_contents.append(len(image).to_bytes(4, "little") + image)
    message = request.SerializeToString()
    path = folder / "body-inference"
    path.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    return path
