"""What a node recorded is lived through again, and does the same."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import operators
import topologies
from calls import digit, echo, facts, plain
from conftest import LOOPS
from fleet import eventually
from operators import edit


def plan(plan: dict) -> None:
    topologies.digits(plan, accept=0.99)
    topologies.identity(plan)
    operators.operator(plan)


class Load:
    """Frames from some clients, each one after the other, until the end; some must escalate, some
    are given up by their clients."""

    def __init__(self, fleet, jpegs: list[bytes], clients: int = 4):
        self.fleet, self.jpegs, self.isOver = fleet, jpegs, threading.Event()
        self.tiers: list[str] = []
        self.threads = [threading.Thread(target=self.send, args=(n,)) for n in range(clients)]

    def send(self, number: int) -> None:
        with plain(self.fleet, "leaf", fresh=True) as client:
            sent = number
            while not self.isOver.is_set():
                sent += 1
                accept = {"accept": 1.0} if sent % 3 == 0 else {}
                timeout = 0.05 if sent % 7 == 0 else 2
                try:
                    jpeg = self.jpegs[sent % len(self.jpegs)]
                    self.tiers.append(facts(digit(client, jpeg, timeout=timeout, **accept))["tier"])
                    client.infer("echo", [echo()], client_timeout=20)
                except Exception:  # noqa: BLE001, S110 - frames without time are refused
                    pass

    def more(self, count: int) -> None:
        wanted = len(self.tiers) + count
        eventually(lambda: len(self.tiers) >= wanted, f"{count} more answers", 40)

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.isOver.set()
        for thread in self.threads:
            thread.join()


def replay(fleet, folder, ok: bool = True) -> list[dict]:
    done = fleet.canopy("replay", folder, "--json", "-", check=False)
    loops = json.loads(done.stdout)["loops"]
    assert (done.returncode == 0) == ok, loops
    return loops


@LOOPS
def test_a_day_of_faults_and_edits_replays_to_the_same_and_a_flipped_bit_is_found(
        build, frames, loops):
    fleet = operators.certify(build(("leaf", "region"), plan, loops=loops))
    records = fleet.folder / "records"
    fleet.start("region")
    fleet.start("leaf", options=("--record", records))
    with Load(fleet, [jpeg for jpeg, _ in frames[:20]]) as load:
        load.more(15)
        fleet.stop("region", signal.SIGKILL)
        load.more(15)

        def bars(plan):
            plan["tasks"]["meter-digits"]["leaf"]["accept"] = 0.5
            plan["routing"] = {"breaker": {"consecutive_failures": 2}}

        edit(fleet, bars, "leaf")
        load.more(15)
        fleet.start("region")
        edit(fleet, lambda plan: plan["tasks"].update(
            late={"leaf": {"builtin": "identity"}}), "leaf")
        load.more(15)
        fleet.canopy("drain", "leaf", "--topology", fleet.topology)
        fleet.canopy("undrain", "leaf", "--topology", fleet.topology)
        load.more(5)
    assert set(load.tiers) == {"leaf", "regional"}
    assert fleet.stop("leaf") == 0
    recording = records / "leaf-000001"
    seen = replay(fleet, recording)
    assert len(seen) == loops
    assert all(one["identical"] and one["ended"] and one["reloads"] == 2 for one in seen), seen
    assert sum(one["events"] for one in seen) > 200
    said = fleet.canopy("replay", recording).stdout
    assert said.count(": identical") == loops and "to the node's end" in said

    log = recording / "loop-0.events"
    whole = log.read_bytes()
    for place in (40, len(whole) // 3, len(whole) // 2, len(whole) - 3):
        log.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
        one = replay(fleet, log, ok=False)[0]
        assert not one["identical"] and "damaged" in one["fault"], one
    log.write_bytes(whole)
    # Another rule in the copy of the topology: not what the node had.
    copy = next(iter(sorted(recording.glob("topology-*/*.yaml"))))
    good = copy.read_text()
    copy.write_text(good.replace("meter-digits", "meter-digit"))
    assert not all(one["identical"] for one in replay(fleet, recording, ok=False))


def test_a_killed_node_leaves_a_recording_that_replays_up_to_its_last_moments(build, frames):
    fleet = build(("leaf",), plan)
    fleet.start(options=("--record", fleet.folder / "records"))
    client = plain(fleet, "leaf")
    for jpeg, _ in frames[:5]:
        digit(client, jpeg)
    time.sleep(1)
    fleet.stop("leaf", signal.SIGKILL)
    [one] = replay(fleet, fleet.folder / "records" / "leaf-000001")
    assert one["identical"] and not one["ended"] and one["events"] > 10


def test_recordings_of_the_last_four_starts_are_kept_and_each_ends_at_its_bound(build):
    fleet = build(("leaf",), lambda plan: topologies.identity(plan))
    records = fleet.folder / "records"
    for _ in range(6):
        fleet.start(options=("--record", records, "--record-limit", 1))
        if _ < 5:
            fleet.stop("leaf")
    assert sorted(os.listdir(records)) == [f"leaf-00000{n}" for n in (3, 4, 5, 6)]
    log = records / "leaf-000006" / "loop-0.events"
    client = plain(fleet, "leaf")
    inputs = [echo()]

    def is_full() -> bool:
        for _ in range(500):
            client.infer("echo", inputs, client_timeout=20)
        return "it is as long as it may be" in fleet["leaf"].said()

    eventually(is_full, "the recording is full", 60)
    time.sleep(0.5)
    full = log.stat().st_size
    assert full < (1 << 20) + (64 << 10) + (4 << 10)
    assert client.infer("echo", inputs, client_timeout=20)
    time.sleep(0.5)
    assert log.stat().st_size == full
    [one] = replay(fleet, log)
    assert one["identical"] and one["ended"]
