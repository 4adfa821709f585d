"""Alerts of a node with a spool: what a sink has not taken is on disk, and outlives the node."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import operators
import topologies
from calls import facts, plain, series
from conftest import LOOPS
from fleet import eventually, free_port
from receivers import Broker, Hook
from test_alerts import alerting, broker, edit, hook, sample, send
from test_owing import arrived, frame, held, outage_fleet, rows
from test_reports import known

RNG = np.random.default_rng(5)
# All that power-demand says.
LABELS = ["winter", "summer"]


def keeping(plan: dict, *words, room: str = "8MiB", **sinks) -> None:
    alerting(plan, *words, **sinks)
    plan["nodes"]["leaf"]["budget"] = {"spool": room}


def waiting(fleet) -> float:
    return sample(fleet, "canopy_spool_records", queue="alert")


def kill(fleet) -> None:
    fleet["leaf"].process.send_signal(signal.SIGKILL)
    fleet["leaf"].process.wait(10)


@LOOPS
def test_alerts_that_a_sink_has_not_taken_outlive_a_killed_node(build, frames, tmp_path, loops):
    port = free_port()
    with Broker(tmp_path / "broker") as mqtt:
        fleet = build(("leaf",), lambda plan: keeping(
            plan, ["web", "mqtt"], web=hook(port), mqtt=broker(mqtt.port)), loops=loops)
        fleet.start()
        client = plain(fleet, "leaf", fresh=True)
        ids = send(client, frames[:40])
        client.close()
        mqtt.alerts.await_ids(ids)
        # The broker's are done with, the webhook's wait: each of its own.
        taken = fleet.folder / "spool" / "leaf" / "alerts.taken"
        eventually(lambda: taken.exists() and f"{2 * len(ids) - 1} mqtt" in taken.read_text(),
                   "what the broker has is noted")
        kill(fleet)
        fleet.start()
        with Hook(port) as web:
            web.alerts.await_ids(ids)
            assert [alert["id"] for alert in web.alerts.once()] == ids
            assert all("lost" not in alert and alert["kind"] == "detection"
                       for alert in web.alerts)
            eventually(lambda: waiting(fleet) == 0, "nothing waits any more")
            more = send(plain(fleet, "leaf", fresh=True), frames[40:50], 40)
            web.alerts.await_ids(more)
            # What was settled is sent by no later process.
            fleet.stop("leaf")
            before = len(web.alerts)
            fleet.start()
            last = send(plain(fleet, "leaf", fresh=True), frames[50:55], 50)
            web.alerts.await_ids(last)
            assert web.alerts.ids[before:] == last
        mqtt.alerts.await_ids(last)
        assert mqtt.alerts.ids == ids + more + last, "nothing comes twice for another's sake"


def test_what_memory_does_not_hold_waits_on_the_disk_in_order(build, frames):
    port = free_port()
    fleet = build(("leaf",), lambda plan: keeping(plan, "web", web=hook(port, queue=64)))
    fleet.start()
    client = plain(fleet, "leaf")
    ids = send(client, frames[:150])
    assert len(ids) > 100
    eventually(lambda: waiting(fleet) == len(ids), "all of them are on the disk")
    with Hook(port) as web:
        web.alerts.await_ids(ids[:1])
        # More comes while the others are read.
        ids += send(client, frames[150:180], 150)
        web.alerts.await_ids(ids)
        assert [alert["id"] for alert in web.alerts.once()] == ids
        assert all("lost" not in alert for alert in web.alerts)
    assert sample(fleet, "canopy_alert_outcomes_total", sink="web", outcome="dropped") == 0
    eventually(lambda: waiting(fleet) == 0, "nothing waits any more")


def test_an_exchanged_sink_gets_what_the_one_before_was_owed(build, frames):
    fleet = build(("leaf",), lambda plan: keeping(plan, "web", web=hook(free_port())))
    fleet.start()
    ids = send(plain(fleet, "leaf"), frames[:20])
    with Hook() as web:
        edit(fleet, lambda plan: plan["alerts"]["sinks"].update(web=hook(web.port)))
        fleet["leaf"].await_log("is in force")
        web.alerts.await_ids(ids)
        assert web.alerts.ids == ids


def test_alerts_wait_at_their_node_and_their_number_is_reported(tmp_path):
    def alert(plan):
        operators.operator(plan)
        plan["tasks"]["power-demand"]["alert"] = {"labels": LABELS, "at": 0, "to": ["web"]}
        plan["alerts"] = {"sinks": {"web": hook(free_port())}}

    with outage_fleet(tmp_path, ("leaf", "region"), 1, alert) as (fleet, _):
        operators.certify(fleet)
        client = plain(fleet, "leaf", fresh=True)
        for number in range(10):
            frame(client, number)
        client.close()
        arrived(fleet, {"leaf": 10})
        eventually(lambda: waiting(fleet) == 10, "the alerts are kept")
        kill(fleet)
        fleet.start("leaf")
        eventually(lambda: owed(fleet, "alert") == 10, "the region knows how many wait")
        assert held(fleet, "alert") == {} and rows(fleet, "SELECT * FROM gaps") == []
        assert waiting(fleet) == 10


def owed(fleet, queue: str) -> int:
    """What the leaf said last that it owed."""
    return next(depth["records"] for depth in known(fleet)["depths"] if depth["queue"] == queue)


def test_alerts_are_bounded_and_what_was_dropped_is_told(build):
    port = free_port()

    def small(plan):
        topologies.power(plan)
        plan["tasks"]["power-demand"]["alert"] = {
            "labels": LABELS, "at": 0, "to": ["web"]}
        plan["alerts"] = {"sinks": {"web": hook(port)}}
        plan["nodes"]["leaf"]["budget"] = {"spool": "1MiB"}

    fleet = build(("leaf",), small)
    fleet.start()
    client = plain(fleet, "leaf", fresh=True)
    # A camera with a long name, so that few alerts take much room.
    name = "c" * 200

    def ask(number: int) -> None:
        said = facts(client.infer(
            "power-demand", [series(RNG.normal(size=24))], client_timeout=30, parameters={
                "canopy.stream": name, "canopy.sequence": number,
                "canopy.captured_at": "t" * 200}))
        assert said["tier"] == "leaf"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(1500)))
    client.close()

    def dropped() -> float:
        return sample(fleet, "canopy_spool_dropped_total", queue="alert")

    eventually(lambda: waiting(fleet) + dropped() == 1500, "all are counted")
    assert dropped() > 100
    held = sum(file.stat().st_blocks * 512
               for file in (fleet.folder / "spool" / "leaf").rglob("*.segment"))
    assert held <= 1 << 20
    kept = waiting(fleet)
    kill(fleet)
    fleet.start()
    with Hook(port) as web:
        eventually(lambda: len(web.alerts.once()) == kept, "what was kept has come")
        assert sum(alert.get("lost", 0) for alert in web.alerts.once()) == 1500 - kept
        assert web.alerts[0]["lost"] == 1500 - kept, "the oldest went"
    eventually(lambda: waiting(fleet) == 0, "nothing waits any more")
