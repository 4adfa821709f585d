"""Isolated engines: whatever becomes of a model's process, its node and the other models serve."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import topologies
from calls import digit, facts, plain, series
from conftest import LOOPS
from fleet import eventually
from PIL import Image

UP = 'canopy_engine_up{task="meter-digits"}'
RESTARTS = 'canopy_engine_restarts_total{task="meter-digits"}'
COPIED = 'canopy_engine_copied_bytes_total{task="meter-digits"}'
WORKERS = 'canopy_engine_workers{task="meter-digits"}'


def isolated(plan: dict) -> None:
    """Digits in a process of their own, power in the leaf's."""
    topologies.digits(plan, accept=0.1)
    topologies.power(plan)
    plan["tasks"]["meter-digits"]["leaf"]["engine"] = "isolated"
    plan["nodes"]["leaf"]["workers"] = 2


def engines(node) -> list[int]:
    """The process ids of a node's isolated engines."""
    children = Path(f"/proc/{node.process.pid}/task").glob("*/children")
    return [int(pid) for file in children for pid in file.read_text().split()]


def the_engine(node) -> int:
    found = engines(node)
    assert len(found) == 1, found
    return found[0]


class Cameras:
    """Clients that send frames of both tasks as fast as they are answered."""

    def __init__(self, fleet, frames):
        self.fleet, self.frames = fleet, frames
        self.over = threading.Event()
        self.errors: list[str] = []
        self.digits: list[str] = []
        self.power: list[str] = []

    def run(self, task, tiers: list[str]) -> None:
        client = plain(self.fleet, "leaf", fresh=True)
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                tiers.append(facts(task(client, number))["tier"])
            except Exception as error:  # noqa: BLE001: every kind of it counts
                self.errors.append(str(error))

    def send_digit(self, client, number: int):
        return digit(client, self.frames[number % len(self.frames)][0])

    def send_power(self, client, number: int):
        return client.infer("power-demand", [series(np.full(24, number % 7))], client_timeout=30,
                            parameters={"canopy.accept": 0.0})


@contextmanager
def cameras(fleet, frames):
    """Three cameras and a sensor that send until the end of the block."""
    load = Cameras(fleet, frames)
    jobs = 3 * [(load.send_digit, load.digits)] + [(load.send_power, load.power)]
    threads = [threading.Thread(target=load.run, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()


def serves_again(leaf, load, restarts: int = 1) -> None:
    """Waits until the engine was started again and answers frames."""
    eventually(lambda: leaf.metrics()[RESTARTS] == restarts and leaf.metrics()[UP] == 1,
               "the engine serves again")
    seen = len(load.digits)
    eventually(lambda: "leaf" in load.digits[seen:], "the leaf answers again")


def kill(leaf, _):
    os.kill(the_engine(leaf), signal.SIGKILL)


def stop(leaf, _):
    os.kill(the_engine(leaf), signal.SIGSTOP)


def starve(leaf, load):
    """No more memory for it; the next picture needs 24 MB."""
    resource.prlimit(the_engine(leaf), resource.RLIMIT_DATA, (16 << 20, 16 << 20))
    answer = digit(plain(load.fleet, "leaf"), picture(3000, 2000))
    assert facts(answer)["tier"] == "regional"


def picture(width: int, height: int) -> bytes:
    """A picture of a size; decoded it has four bytes a pixel."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (40, 50, 60)).save(file, "JPEG")
    return file.getvalue()


@LOOPS
@pytest.mark.parametrize("harm, why", [
    (kill, "its process ended: signal 9"),
    (stop, "its process does not run"),
    (starve, "its process ended: signal|inferences in a row failed"),
], ids=["killed", "stopped", "out of memory"])
def test_an_engine_that_is_lost_costs_nobody_an_answer(build, frames, loops, harm, why):
    fleet = build(("leaf", "region"), isolated, loops=loops)
    fleet.start()
    leaf = fleet["leaf"]
    with cameras(fleet, frames) as load:
        eventually(lambda: load.digits.count("leaf") > 10, "the leaf answers")
        assert "regional" not in load.digits
        harm(leaf, load)
        line = leaf.await_log("the engine of 'meter-digits' ended")
        assert re.search(why, line)
        eventually(lambda: "regional" in load.digits, "the region answers meanwhile")
        serves_again(leaf, load)
    assert load.errors == []
    assert set(load.power) == {"leaf"}, "the other model never stopped"
    metrics = leaf.metrics()
    assert metrics[COPIED] == 0, "no frame was copied between the processes"
    eventually(lambda: leaf.metrics()["canopy_request_bytes"] == 0, "all memory came back")
    assert leaf.metrics()["canopy_frames_under_way"] == 0


def test_an_inference_that_does_not_end_ends_its_engine(build, frames):
    """A picture of twelve megapixels takes a debug build far longer than the limit here."""
    def short(plan):
        isolated(plan)
        plan["nodes"]["leaf"]["limits"] = {"inference": "200ms"}

    fleet = build(("leaf", "region"), short)
    fleet.start()
    leaf = fleet["leaf"]
    answer = digit(plain(fleet, "leaf"), picture(4000, 3000))
    assert facts(answer)["tier"] == "regional"
    assert "an inference has been running" in leaf.await_log("the engine of 'meter-digits' ended")
    eventually(lambda: leaf.metrics()[RESTARTS] == 1, "it serves again")
    assert facts(digit(plain(fleet, "leaf"), frames[0][0]))["tier"] == "leaf"


@LOOPS
def test_a_node_whose_only_engine_is_wedged_is_alive_and_not_ready(build, frames, loops):
    fleet = build(("leaf",), isolated, loops=loops)
    fleet.start()
    leaf = fleet["leaf"]
    stop(leaf, None)
    status, why = eventually(
        lambda: (page := leaf.get("/ready"))[0] == 503 and page, "it is not ready")
    assert "meter-digits (its model's engine starts again)" in why
    assert leaf.get("/live")[0] == 200
    eventually(lambda: leaf.get("/ready")[0] == 200, "it is ready again")
    assert facts(digit(plain(fleet, "leaf"), frames[0][0]))["tier"] == "leaf"


def test_a_fourth_crash_is_the_last_and_the_other_model_serves_on(build, frames):
    fleet = build(("leaf", "region"), isolated)
    fleet.start()
    leaf = fleet["leaf"]
    with cameras(fleet, frames) as load:
        for restarts in range(1, 4):
            kill(leaf, load)
            serves_again(leaf, load, restarts)
        kill(leaf, load)
        assert "signal 9" in leaf.await_log("stays down until the topology is read again")
        seen = len(load.power)
        eventually(lambda: len(load.power) > seen + 10, "the other model serves on")
    assert load.errors == []
    assert set(load.power) == {"leaf"}
    assert leaf.metrics()[UP] == 0
    assert engines(leaf) == []
    assert leaf.get("/ready")[0] == 200, "the region answers in its place"
    assert facts(digit(plain(fleet, "leaf"), frames[0][0]))["tier"] == "regional"
    fleet.plan["limits"]["drain"] = "4s"
    fleet.write()
    eventually(lambda: leaf.metrics()[UP] == 1, "it is loaded anew with the topology")
    assert facts(digit(plain(fleet, "leaf"), frames[0][0]))["tier"] == "leaf"


def test_a_reload_moves_a_model_into_a_process_of_its_own_and_back(build, frames):
    fleet = build(("leaf", "region"), isolated)
    tier = fleet.plan["tasks"]["meter-digits"]["leaf"]
    leaf = fleet["leaf"]

    def become(engine: str, count: int) -> None:
        tier["engine"] = engine
        fleet.write()
        eventually(lambda: len(engines(leaf)) == count, f"digits run {engine}")
        eventually(lambda: leaf.get("/ready")[0] == 200, "the leaf is ready")

    tier["engine"] = "in-process"
    fleet.write()
    fleet.start()
    assert engines(leaf) == []
    with cameras(fleet, frames) as load:
        eventually(lambda: load.digits.count("leaf") > 10, "the leaf answers")
        become("isolated", 1)
        seen = len(load.digits)
        eventually(lambda: len(load.digits) > seen + 20, "it answers there")
        become("in-process", 0)
        seen = len(load.digits)
        eventually(lambda: len(load.digits) > seen + 20, "it answers here again")
    assert load.errors == []
    assert set(load.digits) == {"leaf"}, "no frame noticed"


def test_an_engine_ends_with_its_node_whatever_ends_that(build):
    fleet = build(("leaf", "region"), isolated)
    fleet.start()
    first = the_engine(fleet["leaf"])
    assert fleet.stop("leaf") == 0
    assert not Path(f"/proc/{first}").exists()
    fleet.start("leaf")
    second = the_engine(fleet["leaf"])
    fleet.stop("leaf", signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{second}").exists(), "the engine is gone")


def test_an_engine_has_no_socket_no_file_that_it_can_write_and_no_call_to_get_one(build, frames):
    fleet = build(("leaf", "region"), isolated)
    fleet.start()
    leaf = fleet["leaf"]
    digit(plain(fleet, "leaf"), frames[0][0])
    engine = the_engine(leaf)
    for file in Path(f"/proc/{engine}/fd").iterdir():
        name = os.readlink(file)
        if name.startswith(("/dev/null", "/memfd:canopy-engine", "pipe:", "anon_inode:")):
            continue
        # The runtime keeps the compiled model open.
        assert name.startswith("/"), name
        flags = (Path(f"/proc/{engine}/fdinfo") / file.name).read_text().split("flags:")[1]
        assert int(flags.split()[0], 8) & os.O_ACCMODE == os.O_RDONLY, name
    maps = Path(f"/proc/{engine}/maps").read_text().splitlines()
    frames_memory = [line for line in maps if "canopy-frames" in line]
    assert [line.split()[1] for line in frames_memory] == ["r--s"], "frames can only be read"
    for thread in Path(f"/proc/{engine}/task").iterdir():
        status = (thread / "status").read_text()
        assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE), "every thread is filtered"
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_workers_come_with_the_load(build, frames):
    fleet = build(("leaf", "region"), isolated)
    fleet.start()
    leaf = fleet["leaf"]
    assert leaf.metrics()[WORKERS] == 1
    with cameras(fleet, frames):
        eventually(lambda: leaf.metrics()[WORKERS] == 2, "a second worker has come")


def test_numbers_of_json_are_parsed_into_shared_memory(build):
    """They come from where the body lies, so that they need no copy either."""
    fleet = build(("leaf", "region"), isolated)
    fleet.start()
    leaf = fleet["leaf"]
    call = {"inputs": [{"name": "image", "shape": [1, 1, 28, 28], "datatype": "FP32",
                        "data": [0.0] * 784}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{leaf.plain}/v2/models/meter-digits/infer", json.dumps(call).encode(),
        {"content-type": "application/json"})
    assert urllib.request.urlopen(request, timeout=30).status == 200
    assert leaf.metrics()[COPIED] == 0
