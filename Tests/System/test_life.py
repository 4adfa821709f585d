"""How nodes begin and end, and the way from a bare model to answers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from concurrent import futures

import numpy as np
import pytest
import raw
import topologies
import tritonclient.grpc as triton
from calls import digit, echo, facts, label, plain, refusal, tensor
from conftest import LOOPS
from fleet import MODELS, ROOT, bundle_id, eventually, program
from foreign import Foreign, regions


@LOOPS
def test_a_node_that_is_told_to_end_answers_what_it_has_and_takes_nothing_new(
        build, frames, loops):
    # The region keeps the frames for as long as we like, and is there all the while: one that
    # sleeps is given up after some seconds, and the leaf answers.
    with Foreign() as region, futures.ThreadPoolExecutor(16) as pool:
        fleet = build(("leaf",), regions(region), loops=loops)
        fleet.start()
        leaf, other = fleet["leaf"], plain(fleet, "leaf")
        assert other.is_server_ready()
        region.hold()
        clients = [plain(fleet, "leaf") for _ in range(16)]
        answers = [pool.submit(digit, client, frames[0][0], accept=1.0) for client in clients]
        eventually(lambda: calls(leaf) == 16, "all frames are under way")
        leaf.process.send_signal(signal.SIGTERM)
        leaf.await_log("the node drains")
        assert "UNAVAILABLE" in refusal(lambda: digit(other, frames[0][0]))
        with pytest.raises(OSError):
            raw.connect(leaf.plain).recv(1)
        assert leaf.process.poll() is None
        region.release()
        assert [facts(answer.result(20))["tier"] for answer in answers] == ["regional"] * 16
    assert leaf.process.wait(15) == 0
    assert "the node has ended" in leaf.said()


def calls(node) -> float:
    return node.metrics()['canopy_upstream_calls_total{peer="region",purpose="escalation"}']


def test_a_drain_has_an_end(build, frames):
    """A frame may take 20 s here, and the drain 1 s."""
    def short(plan):
        topologies.digits(plan)
        plan["limits"]["drain"] = "1s"

    fleet = build(("leaf", "region"), short)
    fleet.start()
    fleet["region"].process.send_signal(signal.SIGSTOP)
    with futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(
            refusal, lambda: digit(plain(fleet, "leaf"), frames[0][0], accept=1.0))
        eventually(lambda: calls(fleet["leaf"]) == 1, "a frame is under way")
        assert fleet.stop("leaf", seconds=10) == 0
        assert "UNAVAILABLE" in held.result(10) or "CANCELLED" in held.result(10)


def test_an_idle_node_ends_at_once_and_with_status_0(build):
    for number in (signal.SIGTERM, signal.SIGINT):
        fleet = build(("leaf",), topologies.identity)
        fleet.start()
        assert fleet.stop("leaf", number, 5) == 0


def test_a_node_lives_before_it_is_ready_and_says_what_it_waits_for(build):
    fleet = build(("leaf",), topologies.digits)
    folder = fleet.folder / "models"
    subprocess.run(["cp", "-r", MODELS / "digits-leaf", folder], check=True)
    blobs = folder / "blobs" / "sha256"
    manifest = blobs / bundle_id("digits-leaf").removeprefix("sha256:")
    whole = manifest.read_bytes()
    fleet.plan["models"] = [str(folder)]
    fleet.write()
    manifest.unlink()
    fleet.start(ready=False)
    node = fleet["leaf"]
    eventually(lambda: answers(node, "/live"), "it lives")
    status, body = node.get("/ready")
    assert status == 503 and "meter-digits" in body
    assert plain(fleet, "leaf").is_server_live()
    assert not plain(fleet, "leaf").is_server_ready()
    assert fleet.stop("leaf") == 0
    manifest.write_bytes(whole)
    fleet.start()
    assert node.get("/ready") == (200, "ready\n")


def answers(node, path: str) -> bool:
    try:
        return node.get(path)[0] == 200
    except OSError:
        return False


def test_a_port_that_is_taken_ends_the_node_with_its_name(build):
    fleet = build(("leaf",), topologies.identity)
    with raw.socket.socket() as taken:
        taken.bind(("127.0.0.1", fleet["leaf"].plain))
        taken.listen()
        fleet.start(ready=False)
        assert fleet["leaf"].process.wait(15) != 0
    assert str(fleet["leaf"].plain) in fleet["leaf"].said()


class Up:
    """`canopy up`, with its output at hand."""

    def __init__(self, fleet):
        self.process = subprocess.Popen(
            [program("canopy"), "up", fleet.topology], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        self.lines: list[str] = []
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def children(self) -> list[int]:
        """The nodes' processes."""
        pid = self.process.pid
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in open(f"/proc/{pid}/task/{task}/children").read().split()]


def test_up_restarts_a_node_that_was_killed_and_ends_all_of_them(build):
    fleet = build(("leaf", "region"), topologies.digits)
    up = Up(fleet)
    try:
        for name in ("leaf", "region"):
            eventually(lambda: answers(fleet[name], "/ready"), f"{name} is ready", 30)
        assert any(line.startswith("leaf   | ") for line in up.lines)
        first = up.children()
        assert len(first) == 2
        for child in first:
            os.kill(child, signal.SIGKILL)
        eventually(lambda: len(set(up.children()) - set(first)) == 2, "both are started again")
        for name in ("leaf", "region"):
            eventually(lambda: answers(fleet[name], "/ready"), f"{name} is ready again", 30)
        second = up.children()
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(20) == 0
        for child in second:
            assert not os.path.exists(f"/proc/{child}")
        assert sum("the node has ended" in line for line in up.lines) == 2
    finally:
        for child in up.children() if up.process.poll() is None else []:
            os.kill(child, signal.SIGKILL)
        up.process.kill()


def test_check_says_yes_with_0_and_no_with_every_fault_and_its_place(build):
    fleet = build(("leaf", "region", "cloud"), topologies.digits, topologies.power)
    assert fleet.canopy("check", fleet.topology).returncode == 0
    bad = ROOT / "Topology" / "invalid" / "many-at-once"
    done = fleet.canopy("check", bad.with_suffix(".yaml"), check=False)
    assert done.returncode not in (0, None) and done.returncode > 0
    said = done.stdout + done.stderr
    for line in bad.with_suffix(".expected").read_text().splitlines():
        place = re.match(r"\D*(\d+:\d+)", line)
        if place:
            assert place[1] in said
    assert fleet.canopy("check", fleet.folder / "none.yaml", check=False).returncode > 0


def test_check_reads_scenarios_too_and_tells_all_that_is_wrong_with_each(build, tmp_path):
    demo = ROOT / "Topology" / "demo.yaml"
    scenarios = ROOT / "Topology" / "scenarios"
    good = scenarios / "regional-outage.yaml"
    assert str(good) in build().canopy("check", demo, "--scenario", good).stdout
    bad, worse = tmp_path / "bad.yaml", tmp_path / "worse.yaml"
    bad.write_text(good.read_text().replace("scenario: 1", "scenario: 2"))
    worse.write_text("scenario: 1\nduration: 1m\nhappenings:\n"
                     "  - { at: 5m, kill: leaf }\n  - { at: 1s, kill: nobody-here }\n")
    done = build().canopy("check", demo, "--scenario", bad, "--scenario", worse, check=False)
    assert done.returncode > 0
    assert f"{bad}:" in done.stderr and f"{worse}:4:" in done.stderr
    assert f"{worse}:5:" in done.stderr


def test_serve_refuses_a_topology_that_is_not_valid_and_a_node_that_is_none(build):
    fleet = build(("leaf",), topologies.identity)
    done = fleet.canopy("serve", "--topology", fleet.topology, "--node", "laef", check=False)
    assert done.returncode != 0 and "laef" in done.stderr and "leaf" in done.stderr
    fleet.plan["nodes"]["leaf"]["tear"] = "leaf"
    fleet.write()
    done = fleet.canopy("serve", "--topology", fleet.topology, "--node", "leaf", check=False)
    assert done.returncode != 0 and "tear" in done.stderr and "tier" in done.stderr


def test_certificates_are_made_shown_and_never_overwritten_by_another_authority(tmp_path, build):
    fleet = build(("leaf",), topologies.identity)
    where = fleet.folder / "certificates"
    again = fleet.canopy("cert", "init", "--folder", where, check=False)
    assert again.returncode != 0 and "ca.key is there already" in again.stderr
    shown = fleet.canopy("cert", "show", where / "leaf.pem", where / "camera.pem").stdout
    assert "canopy:node:leaf" in shown or "node leaf" in shown
    assert (where / "leaf.key").stat().st_mode & 0o077 == 0
    assert (where / "ca.key").stat().st_mode & 0o077 == 0


def blob(name: str, title: str):
    """A file of a bundle by its title."""
    import json
    folder = MODELS / name / "blobs" / "sha256"
    manifest = json.loads((folder / bundle_id(name).removeprefix("sha256:")).read_text())
    for layer in manifest["layers"]:
        if title in layer["annotations"].values():
            return folder / layer["digest"].removeprefix("sha256:")
    raise AssertionError(f"{name} has no {title}")


def test_a_bare_model_is_served_in_three_steps(build, tmp_path):
    """Import, name it in a topology, serve; then tritonclient."""
    model = tmp_path / "sensor.onnx"
    model.write_bytes(blob("power-leaf", "model.onnx").read_bytes())
    labels = tmp_path / "labels.txt"
    labels.write_text("low\nhigh\n")

    def own(plan):
        plan["models"] = ["own"]
        plan["tasks"]["sensor"] = {"leaf": {"bundle": "sha256:" + "0" * 64}}

    fleet = build(("leaf",), own)
    bundle = fleet.folder / "own" / "sensor"
    name, shape, output = signature(fleet, model)
    made = fleet.canopy("model", "import", model, "--name", "sensor", "--series",
                        f"{name}:{','.join(map(str, shape))}", "--labels", labels,
                        "--model-output", output, "--output", bundle).stdout.strip()
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", made)
    assert made in fleet.canopy("model", "inspect", bundle).stdout
    fleet.plan["tasks"]["sensor"]["leaf"]["bundle"] = made
    fleet.write()
    fleet.start()
    client = plain(fleet, "leaf")
    assert client.get_model_metadata("sensor").versions == [made]
    answer = client.infer("sensor", [tensor(name, np.zeros(shape, np.float32))])
    assert label(answer) in ("low", "high") and facts(answer)["bundle"] == made
    assert answer.as_numpy("probability").sum() == pytest.approx(1, abs=1e-4)
    pinned = client.infer("sensor", [tensor(name, np.zeros(shape, np.float32))],
                          model_version=made)
    assert label(pinned) == label(answer)


def signature(fleet, model) -> tuple[str, list[int], str]:
    """Input and output of a model, as OpenVINO's own Python reads it."""
    openvino = pytest.importorskip("openvino")
    read = openvino.Core().read_model(str(model))
    return (read.inputs[0].any_name, list(read.inputs[0].shape), read.outputs[0].any_name)


def test_a_model_whose_bundle_comes_later_is_served_without_a_restart(build, frames, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()

    def elsewhere(plan):
        topologies.digits(plan)
        plan["models"] = [str(folder)]

    fleet = build(("leaf",), elsewhere)
    fleet.start(ready=False)
    fleet["leaf"].await_log("is not served")
    shutil.copytree(MODELS / "digits-leaf", tmp_path / "digits-leaf")
    (tmp_path / "digits-leaf").rename(folder / "digits-leaf")
    fleet.await_ready("leaf")
    assert digit(plain(fleet, "leaf"), frames[0][0])
    assert fleet["leaf"].said().count("is not served") == 1


def test_refusals_are_in_the_log_with_their_reason(build):
    fleet = build(("leaf",), topologies.identity)
    fleet.start()
    client = plain(fleet, "leaf", fresh=True)
    for _ in range(50):
        assert refusal(lambda: client.infer("no-such-task", [echo()]))
    line = fleet["leaf"].await_log("refused: there is no task 'no-such-task'")
    assert "reason=notFound" in line
    # One line, and how often it came with the next of its kind.
    assert fleet["leaf"].said().count("refused: there is no task") <= 2
