"""What a node costs a leaf inference: the same model, the same frame, one core, taking turns.

What is compared is CPU time a frame, of all threads of a process, with what the runtime's own
functions took in the same turn (`clocked_runtime.c` has a clock at those that a frame calls). Five
take turns, some hundred milliseconds each, many times over, so that whatever else the machine does
falls on all:

- the runtime's own loop on a raw tensor (`runtime_loop.c`), to see that the clock says the same;
- our engine on the same tensor in memory, which adds queue, checks and calibrated scores;
- our engine on a JPEG in memory;
- a whole node on the same JPEG, which adds the wire, limits, deadlines and metrics;
- the same node with the model in a process of its own (`engine: isolated`), both processes.

The gateway's share is what the engine adds on the tensor and what a node's other threads take beside
the worker that infers, each over the runtime's time in the same turn; of an isolated engine also what
its worker takes more than that of a node. Decoding a JPEG is no share of it, as any server would have
to. The median of all rounds counts, and is told with its 95 % interval; the upper end of that is
judged: what holds is then within the budget and not merely within the noise.

What a node's other threads take is the wire's, and a server's code and data have left the caches
after each inference. So the same frames go to a C++ gRPC server too, which echoes them while the
runtime's own loop fills the same core: the node's loop is held against it. And to a server
without a protocol, which reads a frame, has its worker infer, and answers (`bare_loop.c`): nearly all
that it takes is the kernel's.

It is judged on EfficientNet-Lite0 INT8, a leaf model of the usual size (`Tools/models/make
setup-imagenet imagenet` makes it). The digits show what a tiny model pays: some tens of microseconds
a frame, whatever the model.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import rpc
import tritonclient.grpc.service_pb2 as pb
from claims import Claims
from fleet import MODELS, ROOT, Fleet, Node, bundle_id, free_port, program
from PIL import Image

# One turn: long beside a connection's beginning and end, short beside what else the machine does.
TURN_SECONDS = 0.8
# Rounds for each second that a load is to last, of a bundle that is judged and of another: 5 s make
# 30 and 10 rounds, 3 min of turns.
ROUNDS_A_SECOND = {True: 6, False: 2}
# Frames in the node at once: more than this waiting for one worker is overload, and refused.
STREAMS = 3
MOST_SHARE = 0.03
MOST_SHARE_ISOLATED = 0.05
# The C++ gRPC server is sent this share of what one worker infers; the runtime's own loop infers so
# many times as many beside it, so that it is the one that ends last.
YARDSTICK_PACE, YARDSTICK_BESIDE = 0.85, 1.5
# A node's loop against that server.
MOST_OF_YARDSTICK = 1.0
# Times that the rounds are drawn again for the interval.
REDRAWN = 2_000
# The runtime and its clock may differ by so much: other memory, other luck with caches.
MOST_DIFFERENCE = 0.15
YARDSTICK_CLAIM = "a node's loop against a C++ gRPC server's echo of the same frames"
CACHE = ROOT / ".cache" / "models" / "bundles"
YARDSTICKS = ROOT / ".cache" / "yardsticks"
# Bytes that the server without a protocol answers, as `bare_loop.c` has it.
BARE_ANSWER = 512
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
    deadline: 60s
"""


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    results = {}
    for bundle, (where, name, shape, is_judged) in BUNDLES.items():
        if not (where / bundle).exists():
            why = "it is not made: Tools/models/make setup-imagenet imagenet"
            claims.not_run(f"gateway's share of a leaf inference, {bundle}",
                           f"≤ {MOST_SHARE:g}", why)
            claims.not_run(f"gateway's share of an isolated inference, {bundle}",
                           f"≤ {MOST_SHARE_ISOLATED:g}", why)
            claims.not_run(f"{YARDSTICK_CLAIM}, {bundle}", f"≤ {MOST_OF_YARDSTICK:g}", why)
            print(f"  {bundle}: not run, {why}", flush=True)
            results[bundle] = "not run"
            continue
        rounds = measure(
            folder, where / bundle, name, shape, seconds * ROUNDS_A_SECOND[is_judged], is_judged)
        results[bundle] = summary(rounds)
        show(bundle, results[bundle])
        if is_judged:
            judge(bundle, results[bundle], claims)
    return results


def judge(bundle: str, result: dict, claims: Claims) -> None:
    cpu = result["cpu_us"]
    difference = cpu["tensor inside"] / cpu["runtime"] - 1
    for home, most in (("in-process", MOST_SHARE), ("isolated", MOST_SHARE_ISOLATED)):
        row = result["share"][home]
        what = f"gateway's share of a leaf inference, {home}, {bundle}, upper end of 95 %"
        words = f"{row['share']:.4f}, from {row['low']:.4f}"
        if abs(difference) > MOST_DIFFERENCE:
            claims.not_run(what, f"≤ {most:g}", f"{words}: the runtime's own loop took "
                           f"{-difference:+.0%}")
        else:
            claims.at_most(what, row["high"], most, words)
    claims.at_most(f"{YARDSTICK_CLAIM}, {bundle}", cpu["in-process beside"] / cpu["grpc++"],
                   MOST_OF_YARDSTICK,
                   f"{cpu['in-process beside']:.0f} µs of {cpu['grpc++']:.0f}")


def show(bundle: str, result: dict) -> None:
    cpu = result["cpu_us"]
    print(f"  {bundle}: CPU a frame, of which in the runtime: tensor: runtime's loop "
          f"{cpu['runtime']:.0f} µs, engine {cpu['tensor']:.0f} ({cpu['tensor inside']:.0f}); JPEG: "
          f"engine {cpu['image']:.0f} ({cpu['image inside']:.0f}), node {cpu['in-process']:.0f} "
          f"({cpu['in-process inside']:.0f}), isolated {cpu['isolated']:.0f} "
          f"({cpu['isolated inside']:.0f})", flush=True)
    print(f"  {bundle}: beside the worker: in-process {cpu['in-process beside']:.0f} µs, isolated "
          f"{cpu['isolated beside']:.0f} µs a frame", flush=True)
    if "grpc++" in cpu:
        print(f"  {bundle}: a C++ gRPC server's echo of the same frames, beside the runtime's own "
              f"loop: {cpu['grpc++']:.0f} µs a frame; beside the worker of a server that only reads, "
              f"infers and answers: {cpu['bare']:.0f} µs", flush=True)
    shares = "; ".join(
        f"{home} {row['share'] * 100:+.2f} % ({row['low'] * 100:+.2f} to {row['high'] * 100:+.2f})"
        for home, row in result["share"].items())
    print(f"  {bundle}: share over {result['rounds']} rounds: {shares}", flush=True)


def summary(rounds: list[dict]) -> dict:
    """What each costs, and the shares with their 95 % intervals: what the median comes to when the
    rounds are drawn again from themselves (bootstrap, seeded)."""
    of = {name: np.array([row[name] for row in rounds]) for name in rounds[0]}
    draws = np.random.default_rng(3).integers(0, len(rounds), (REDRAWN, len(rounds)))
    shares = {}
    for home in ("in-process", "isolated"):
        each = share(of, home)
        low, high = np.percentile(np.median(each[draws], axis=1), (2.5, 97.5))
        shares[home] = {"share": float(np.median(each)), "low": float(low), "high": float(high)}
    cpu = {name: float(np.median(values)) for name, values in of.items()}
    return {"cpu_us": cpu, "share": shares, "rounds": len(rounds)}


def share(of: dict[str, np.ndarray], home: str) -> np.ndarray:
    """The gateway's share in each round."""
    engine = of["tensor"] / of["tensor inside"] - 1
    beside = of[f"{home} beside"] / of[f"{home} inside"]
    return engine + beside + worker(of, home) - worker(of, "in-process")


def worker(of: dict[str, np.ndarray], home: str) -> np.ndarray:
    """What the worker takes but for the runtime: decoding, and what goes with it."""
    return (of[home] - of[f"{home} beside"]) / of[f"{home} inside"] - 1


class Clock:
    """What the runtime took of the programs that were started with `variables`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / f"clock-{name}"
        self.file.write_bytes(bytes(16))
        self.variables = {"CANOPY_OPENVINO": str(YARDSTICKS / "clocked_runtime.so"),
                          "CANOPY_CLOCK_FILE": str(self.file)}
        self.before = (0, 0)
        self.turns = 0
        # CPU time of an inference in the last turn, µs.
        self.inside = 0.0

    def begin(self) -> None:
        self.before = self.read()

    def end(self, frames: int) -> None:
        nanoseconds, inferences = (now - then for now, then in zip(self.read(), self.before))
        # In the first turn a worker may still make its request, and try it.
        assert inferences == frames or self.turns == 0, f"{inferences} inferences of {frames} frames"
        self.turns += 1
        self.inside = nanoseconds / inferences / 1e3

    def read(self) -> tuple[int, int]:
        return struct.unpack("QQ", self.file.read_bytes())


class Loop:
    """A program that is told how many frames to run, and says what CPU time they took."""

    def __init__(self, *line: object, clock: Clock | None = None) -> None:
        self.clock = clock
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *map(str, line)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=ROOT, env=os.environ | (clock.variables if clock else {}))

    def run(self, frames: int) -> float:
        """CPU time of a frame, µs."""
        if self.clock:
            self.clock.begin()
        print(frames, file=self.process.stdin, flush=True)
        used = int(self.process.stdout.readline()) / frames / 1e3
        if self.clock:
            self.clock.end(frames)
        return used

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)


class Served:
    """A node with the model, asked by h2load on the other core."""

    def __init__(self, folder: Path, bundle: Path, home: str, body: Path) -> None:
        self.port, self.body = free_port(), body
        # CPU time of a frame in the last turn, µs, of all threads but the one that took the most.
        self.beside = 0.0
        topology = folder / f"inference-{bundle.name}-{home}.yaml"
        topology.write_text(TOPOLOGY.format(
            models=bundle.parent, port=self.port, bundle=bundle_id(bundle.name, bundle.parent),
            engine=home))
        self.clock = Clock(folder, f"{bundle.name}-{home}")
        self.fleet = Fleet(folder, {"leaf": Node("leaf", 0, self.port)}, topology)
        start_on_core_0(self.fleet, self.clock.variables)

    def run(self, frames: int) -> float:
        """CPU time of a frame, µs, of the node and its engine's process."""
        # Asked first: an answer of `/metrics` is no part of a frame.
        refused = self.refused()
        self.clock.begin()
        before, threads = self.cpu(), self.threads()
        rpc.load(self.fleet["leaf"].process, self.port, self.body, 1, STREAMS, frames)
        used = self.cpu() - before
        worker = max(time - threads.get(name, 0) for name, time in self.threads().items())
        self.beside = (used - worker) / frames * 1e6
        # gRPC refuses with HTTP's 200: a frame that is refused costs little, and would flatter.
        assert self.refused() == refused, "the node refused frames"
        self.clock.end(frames)
        return used / frames * 1e6

    def refused(self) -> float:
        return sum(count for name, count in self.fleet["leaf"].metrics().items()
                   if name.startswith("canopy_refused_total{"))

    def cpu(self) -> float:
        return sum(rpc.cpu_seconds(one) for one in self.processes())

    def threads(self) -> dict[str, float]:
        """CPU time of each thread that lives, in seconds."""
        found = (file for one in self.processes() for file in Path(f"/proc/{one}/task").iterdir())
        return {str(file): int((file / "schedstat").read_text().split()[0]) / 1e9 for file in found}

    def processes(self) -> list[int]:
        """The node and its engine's process."""
        pid = self.fleet["leaf"].process.pid
        children = Path(f"/proc/{pid}/task").glob("*/children")
        return [pid, *(int(child) for found in children for child in found.read_text().split())]

    def close(self) -> None:
        self.fleet.close()


class Echo:
    """A C++ gRPC server that gives the same frames back, on core 0 beside the runtime's own loop."""

    def __init__(self, body: Path) -> None:
        self.body = body
        self.process, self.port = rpc.start_yardstick()

    def run(self, runtime: Loop, frames: int) -> float:
        """CPU time of a frame, µs, of the server."""
        beside = threading.Thread(target=runtime.run, args=(round(frames * YARDSTICK_BESIDE),))
        beside.start()
        used = rpc.load(self.process, self.port, self.body, 1, STREAMS, frames,
                        pace=round(frames / TURN_SECONDS * YARDSTICK_PACE))["cpu_us"]
        assert beside.is_alive(), "the runtime's own loop ended before the load"
        beside.join()
        return used

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Bare:
    """A server that only reads a frame, has its worker infer, and answers; the client is here."""

    def __init__(self, bundle: Path, elements: int, tensor: Path, body: Path) -> None:
        self.frame = body.read_bytes()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *map(str, (
                YARDSTICKS / "bare_loop", library(), model_of(bundle), elements, tensor,
                len(self.frame)))], stdout=subprocess.PIPE, text=True)
        self.socket = socket.create_connection(
            ("127.0.0.1", int(self.process.stdout.readline())), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, frames: int) -> float:
        """CPU time of a frame, µs, of the thread that serves."""
        thread = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat")
        before = int(thread.read_text().split()[0])
        sent = received = 0
        while received < frames * BARE_ANSWER:
            while sent < min(frames, received // BARE_ANSWER + STREAMS):
                self.socket.sendall(self.frame)
                sent += 1
            received += len(self.socket.recv(1 << 16))
        return (int(thread.read_text().split()[0]) - before) / frames / 1e3

    def close(self) -> None:
        self.socket.close()
        self.process.wait(20)


def measure(folder: Path, bundle: Path, name: str, shape: tuple, rounds: int,
            is_judged: bool) -> list[dict]:
    """CPU time of a frame, µs, for each of the five in each round; where the bundle is judged, of
    the C++ gRPC server and of the one without a protocol too."""
    tensor, image = folder / "tensor", folder / "frame.jpg"
    tensor.write_bytes(np.random.default_rng(1).random(shape, np.float32).tobytes())
    picture().save(image, quality=90)
    body = write_body(folder, name, image.read_bytes())
    loop, engine = YARDSTICKS / "runtime_loop", program("bench-engine")
    takers = {
        "runtime": Loop(loop, library(), model_of(bundle), int(np.prod(shape)), tensor),
        "tensor": Loop(engine, bundle, tensor, clock=Clock(folder, f"{bundle.name}-tensor")),
        "image": Loop(engine, bundle, image, clock=Clock(folder, f"{bundle.name}-image")),
        "in-process": Served(folder, bundle, "in-process", body),
        "isolated": Served(folder, bundle, "isolated", body),
    }
    echo = Echo(body) if is_judged else None
    bare = Bare(bundle, int(np.prod(shape)), tensor, body) if is_judged else None
    try:
        for taker in takers.values():
            taker.run(20)  # caches, and what is made with the first frame
        frames = max(8, round(TURN_SECONDS * 1e6 / takers["runtime"].run(20)))
        results = []
        for number in range(rounds):
            # There and back again: what drifts falls on both ends alike.
            order = list(takers) if number % 2 == 0 else list(takers)[::-1]
            row = {who: takers[who].run(frames) for who in order}
            if echo:
                row["grpc++"] = echo.run(takers["runtime"], frames)
                row["bare"] = bare.run(frames)
            row |= {f"{who} beside": takers[who].beside for who in ("in-process", "isolated")}
            row |= {f"{who} inside": taker.clock.inside
                    for who, taker in takers.items() if taker.clock}
            results.append(row)
        return results
    finally:
        for taker in (*takers.values(), *([echo, bare] if echo else [])):
            taker.close()


def start_on_core_0(fleet: Fleet, variables: dict[str, str]) -> None:
    """The runtime looks at the cores when it starts: a node that is pinned later would have been
    set up for more than it has."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    os.environ.update(variables)
    try:
        fleet.start("leaf")
    finally:
        for name in variables:
            del os.environ[name]
        os.sched_setaffinity(0, cores)


def picture() -> Image.Image:
    """A camera's frame: soft shapes and noise, 320 × 240."""
    random = np.random.default_rng(2)
    small = Image.fromarray(random.integers(0, 255, (12, 16, 3), np.uint8))
    soft = np.asarray(small.resize((320, 240), Image.Resampling.BICUBIC), np.int16)
    return Image.fromarray(np.clip(soft + random.integers(-8, 8, soft.shape), 0, 255)
                           .astype(np.uint8))


def library() -> Path:
    """The runtime's C library, as the set-up installed it."""
    return next((ROOT / ".venv").glob("lib/python*/site-packages/openvino/libs/libopenvino_c.so.*"))


def model_of(bundle: Path) -> Path:
    """The model's file among a bundle's blobs."""
    manifest_id = bundle_id(bundle.name, bundle.parent).removeprefix("sha256:")
    blobs = bundle / "blobs" / "sha256"
    manifest = json.loads((blobs / manifest_id).read_text())
    digest = next(layer["digest"] for layer in manifest["layers"]
                  if layer["annotations"]["org.cncf.model.filepath"] == "model.onnx")
    return blobs / digest.removeprefix("sha256:")


def write_body(folder: Path, name: str, image: bytes, task: str = "probe") -> Path:
    request = pb.ModelInferRequest(model_name=task, id="1")
    tensor = request.inputs.add(name=name, datatype="BYTES")
    tensor.shape.append(1)
    request.raw_input_contents.append(len(image).to_bytes(4, "little") + image)
    message = request.SerializeToString()
    path = folder / "body-inference"
    path.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    return path
