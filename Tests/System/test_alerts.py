"""Alerts: emitted once and before anything else, delivered at least once, whatever the sinks do."""

from __future__ import annotations

import signal
import subprocess
from concurrent import futures

import pytest
import topologies
from calls import digit, facts, label, plain
from conftest import LOOPS
from fleet import eventually, free_port
from operators import edit
from receivers import Broker, Hook
from relay import Relay

DIGITS = [str(digit) for digit in range(10)]


def alerting(plan: dict, to, labels=DIGITS, at: float = 0.5, operator=None, **sinks) -> None:
    """Every digit is an alert, unless the labels say otherwise, and goes to these sinks."""
    if "meter-digits" not in plan["tasks"]:
        topologies.digits(plan)
    plan["tasks"]["meter-digits"]["alert"] = {"labels": labels, "at": at, "to": to}
    plan["alerts"] = {"sinks": sinks, "operator": operator or {}}


def hook(port: int, **more) -> dict:
    return {"webhook": f"http://127.0.0.1:{port}/alerts", **more}


def broker(port: int, host: str = "127.0.0.1", **more) -> dict:
    return {"mqtt": f"mqtt://{host}:{port}", **more}


def send(client, frames, first: int = 0, **parameters) -> list[str]:
    """Sends frames of camera `cam`, and gives the ids of the alerts that must come of them."""
    ids = []
    for number, (jpeg, _) in enumerate(frames, first):
        said = digit(client, jpeg, stream="cam", sequence=number, **parameters)
        if facts(said)["confidence"] >= 0.5:
            ids.append(f"leaf/meter-digits/cam/{number}")
    return ids


def sample(fleet, name: str, **labels) -> float:
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return fleet["leaf"].metrics()[f"{name}{{{text}}}" if text else name]


@LOOPS
def test_what_a_camera_sees_reaches_every_sink_once(build, frames, tmp_path, loops):
    with Broker(tmp_path / "broker") as mqtt, Hook() as web:
        fleet = build(("leaf",), lambda plan: alerting(
            plan, ["log", "mqtt", "web"], labels=["9", "7"], at=0.9, web=hook(web.port),
            mqtt=broker(mqtt.port, topic="mill/alerts")), loops=loops)
        fleet.start()
        # A connection for each frame: the kernel spreads them over the loops.
        wanted = {}
        for number, (jpeg, _) in enumerate(frames[:40]):
            with plain(fleet, "leaf", fresh=True) as client:
                answer = digit(client, jpeg, stream="gate 3", sequence=number,
                               captured_at="2026-11-22T08:00:00Z")
            said = facts(answer)
            if label(answer) in "97" and said["confidence"] >= 0.9:
                wanted[f"leaf/meter-digits/gate 3/{number}"] = (label(answer), said)
        assert len(wanted) >= 3
        for alerts in (mqtt.alerts, web.alerts):
            alerts.await_ids(wanted)
            assert sorted(alerts.ids) == sorted(wanted), "nothing comes twice, and nothing else"
            for alert in alerts:
                seen, said = wanted[alert["id"]]
                assert alert["label"] == seen and alert["bundle"] == said["bundle"]
                assert alert["confidence"] == pytest.approx(said["confidence"], abs=1e-6)
                assert alert["schema"] == "canopy.alert/1" and alert["kind"] == "detection"
                assert (alert["node"], alert["tier"], alert["seen_by"]) == ("leaf",) * 3
                assert alert["threshold"] == 0.9 and alert["stream"] == "gate 3"
                assert alert["captured_at"] == "2026-11-22T08:00:00Z" and "lost" not in alert
        assert set(mqtt.topics) == {"mill/alerts/detection/meter-digits"}
        log = fleet["leaf"].said()
        assert all(name in log for name in wanted)
        assert sample(fleet, "canopy_alerts_total", task="meter-digits") == len(wanted)
        for sink in ("mqtt", "web"):
            count = sample(fleet, "canopy_alert_outcomes_total", sink=sink, outcome="delivered")
            assert count == len(wanted) == sample(fleet, "canopy_alert_seconds_count", sink=sink)
            assert sample(fleet, "canopy_alerts_waiting", sink=sink) == 0


def test_frames_without_a_number_alert_under_ids_of_their_own(build, frames):
    with Hook() as web:
        fleet = build(("leaf",), lambda plan: alerting(plan, "web", at=0, web=hook(web.port)))
        fleet.start()
        for _ in range(3):
            digit(plain(fleet, "leaf"), frames[0][0])
        eventually(lambda: len(web.alerts) == 3, "three alerts")
        assert len(set(web.alerts.ids)) == 3
        assert all("stream" not in alert for alert in web.alerts)


def test_a_broker_that_is_killed_and_restarted_loses_nothing(build, frames, tmp_path):
    with Broker(tmp_path / "broker") as mqtt:
        fleet = build(("leaf",), lambda plan: alerting(plan, "mqtt", mqtt=broker(mqtt.port)))
        fleet.start()
        client = plain(fleet, "leaf")
        ids = send(client, frames[:20])
        mqtt.alerts.await_ids(ids[:1])
        with futures.ThreadPoolExecutor() as pool:
            # The broker dies in the middle of these.
            more = pool.submit(send, client, frames[20:50], 20)
            mqtt.alerts.await_ids(ids)
            mqtt.kill()
            ids += more.result()
        ids += send(client, frames[50:70], 50)
        fleet["leaf"].await_log("the sink 'mqtt' takes none")
        assert len(set(mqtt.alerts.ids)) < len(ids)
        mqtt.start()
        ids += send(client, frames[70:90], 70)
        mqtt.alerts.await_ids(ids)
        once = [alert["id"] for alert in mqtt.alerts.once()]
        assert once == ids, "each of them, in order, and no other"
        assert all("lost" not in alert for alert in mqtt.alerts)
        fleet["leaf"].await_log("the sink 'mqtt' takes alerts again")
        assert sample(fleet, "canopy_alert_outcomes_total", sink="mqtt", outcome="dropped") == 0


def test_a_webhook_that_fails_for_a_while_loses_nothing(build, frames):
    with Hook() as web:
        fleet = build(("leaf",), lambda plan: alerting(plan, "web", web=hook(web.port)))
        fleet.start()
        client = plain(fleet, "leaf")
        ids = send(client, frames[:5])
        web.alerts.await_ids(ids)
        web.status = 503
        ids += send(client, frames[5:20], 5)
        fleet["leaf"].await_log("answered 503")
        web.status = 204
        web.alerts.await_ids(ids)
        assert web.alerts.ids == ids
        assert sample(fleet, "canopy_alert_retries_total", sink="web") > 0


def test_a_webhook_that_keeps_its_connection_is_connected_to_once(build, frames):
    with Hook(keeps=True) as web:
        fleet = build(("leaf",), lambda plan: alerting(plan, "web", web=hook(web.port)))
        fleet.start()
        client = plain(fleet, "leaf")
        for number in range(0, 20, 5):
            ids = send(client, frames[number:number + 5], number)
            web.alerts.await_ids(ids)
        assert len(web.alerts) > 10 and web.connections == 1


def test_a_queue_that_is_full_drops_the_oldest_and_says_how_many(build, frames):
    port = free_port()
    fleet = build(("leaf",), lambda plan: alerting(plan, "web", web=hook(port, queue=64)))
    fleet.start()
    ids = send(plain(fleet, "leaf"), frames[:120])
    assert len(ids) > 90
    waiting = sample(fleet, "canopy_alerts_waiting", sink="web")
    assert waiting == 64
    with Hook(port) as web:
        web.alerts.await_ids(ids[-64:])
        assert web.alerts.ids == ids[-64:]
        assert [alert.get("lost", 0) for alert in web.alerts] == [len(ids) - 64] + [0] * 63
    dropped = sample(fleet, "canopy_alert_outcomes_total", sink="web", outcome="dropped")
    assert dropped == len(ids) - 64


def test_the_alert_is_there_while_its_frame_is_still_escalating(build, frames, tmp_path):
    with Relay(tmp_path) as relay, Hook() as web:
        def holed(plan):
            topologies.digits(plan, deadline="20s")
            alerting(plan, "web", web=hook(web.port))
            plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"

        fleet = build(("leaf", "region"), holed)
        relay.start(fleet["region"].secure)
        fleet.start()
        client = plain(fleet, "leaf")
        assert facts(digit(client, frames[0][0], accept=1.0))["tier"] == "regional"
        relay.say("hole")
        with futures.ThreadPoolExecutor() as pool:
            answer = pool.submit(
                digit, client, frames[0][0], timeout=6, accept=1.0, stream="cam", sequence=7)
            web.alerts.await_ids(["leaf/meter-digits/cam/7"], seconds=5)
            assert not answer.done(), "the region is still being asked"
            said = facts(answer.result())
        assert said["tier"] == "leaf" and said["degraded"] in ("upstream_down", "deadline")
        assert web.alerts.ids.count("leaf/meter-digits/cam/7") == 1


def test_a_detection_that_only_a_higher_tier_is_sure_of_alerts_once(build, frames):
    with Hook() as web:
        def unsure(plan):
            topologies.digits(plan, accept=1.0)
            alerting(plan, "web", at=0.95, web=hook(web.port))

        fleet = build(("leaf", "region"), unsure)
        fleet.start()
        client = plain(fleet, "leaf")
        alone = [facts(digit(client, jpeg, via="leaf"))["confidence"] for jpeg, _ in frames[:120]]
        unsure_here = [number for number, score in enumerate(alone) if score < 0.95]
        wanted = []
        for number in unsure_here:
            said = facts(digit(client, frames[number][0], stream="cam", sequence=number))
            assert said["tier"] == "regional"
            if said["confidence"] >= 0.95:
                wanted.append(f"leaf/meter-digits/cam/{number}")
        assert wanted
        web.alerts.await_ids(wanted)
        assert web.alerts.ids == wanted
        assert {alert["seen_by"] for alert in web.alerts} == {"region"}


def test_operators_hear_once_that_a_breaker_opened_and_once_that_it_closed(build, frames):
    with Hook() as web:
        def watched(plan):
            topologies.digits(plan)
            plan["alerts"] = {"sinks": {"web": hook(web.port)},
                              "operator": {"to": ["log", "web"], "hold": "0s", "quiet": "1s"}}

        fleet = build(("leaf", "region"), watched)
        fleet.start()
        client = plain(fleet, "leaf")
        assert facts(digit(client, frames[0][0], accept=1.0))["tier"] == "regional"
        fleet.stop("region", signal.SIGKILL)

        def opened() -> bool:
            digit(client, frames[0][0], accept=1.0, timeout=1)
            return any(alert["condition"] == "breaker-open" for alert in web.alerts)

        eventually(opened, "the breaker's alert")
        fleet.start("region")

        def cleared() -> bool:
            digit(client, frames[0][0], accept=1.0, timeout=1)
            return any(alert["condition"] == "breaker-open" and alert["state"] == "cleared"
                       for alert in web.alerts)

        eventually(cleared, "the end of it", 60)
        story = [alert for alert in web.alerts if alert["condition"] == "breaker-open"]
        assert [alert["state"] for alert in story] == ["raised", "cleared"]
        assert story[1]["id"] == story[0]["id"] + "/cleared"
        assert story[0]["kind"] == "operator" and story[0]["subject"] == "region"
        fleet["leaf"].await_log("alert: breaker-open (region)")
        fleet["leaf"].await_log("alert over: breaker-open (region)")


def secured(fleet, folder) -> Broker:
    """A broker with TLS by the fleet's authority, and one user."""
    where = fleet.folder / "certificates"
    fleet.canopy("cert", "issue", "--folder", where, "--node", "broker", "--host", "127.0.0.1")
    folder.mkdir()
    words = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", words, "mill", "right"], check=True)
    return Broker(
        folder, "allow_anonymous false", f"password_file {words}", f"cafile {where}/ca.pem",
        f"certfile {where}/broker.pem", f"keyfile {where}/broker.key",
        client=("--cafile", f"{where}/ca.pem", "-u", "mill", "-P", "right"))


def test_a_broker_may_want_tls_and_a_password_which_may_be_replaced(build, frames, tmp_path):
    fleet = build(("leaf",))
    with secured(fleet, tmp_path / "broker") as mqtt:
        secret = tmp_path / "password"
        secret.write_text("wrong\n")
        alerting(fleet.plan, "mqtt", mqtt={
            "mqtt": f"mqtts://127.0.0.1:{mqtt.port}", "ca": "certificates/ca.pem", "user": "mill",
            "password": {"file": str(secret)}})
        fleet.write()
        fleet.start()
        ids = send(plain(fleet, "leaf"), frames[:5])
        line = fleet["leaf"].await_log("takes none")
        assert "check user, password" in line and "wrong" not in line
        secret.write_text("right\n")
        mqtt.alerts.await_ids(ids)


def test_a_webhook_is_shown_its_token_and_a_missing_one_stops_the_start(build, frames):
    with Hook() as web:
        fleet = build(("leaf",), lambda plan: alerting(
            plan, "web", at=0, web=hook(web.port, token={"env": "CANOPY_TEST_TOKEN"})))
        fleet.start(ready=False)
        assert fleet["leaf"].process.wait(20) != 0
        assert "CANOPY_TEST_TOKEN" in fleet["leaf"].said()
        assert "the sink 'web' cannot be used" in fleet["leaf"].said()
        fleet.start(env={"CANOPY_TEST_TOKEN": "open-sesame"})
        digit(plain(fleet, "leaf"), frames[0][0])
        eventually(lambda: web.alerts, "an alert")
        assert web.tokens == {"Bearer open-sesame"}
        assert "open-sesame" not in fleet["leaf"].said()


def test_a_node_that_ends_delivers_what_it_owes(build, frames, tmp_path):
    with Broker(tmp_path / "broker") as mqtt, Hook() as web:
        fleet = build(("leaf",), lambda plan: alerting(
            # By its name, which may have an address that nobody listens on.
            plan, ["mqtt", "web"], mqtt=broker(mqtt.port, "localhost"), web=hook(web.port)))
        fleet.start()
        ids = send(plain(fleet, "leaf"), frames[:20])
        assert fleet.stop("leaf") == 0
        mqtt.alerts.await_ids(ids)
        assert mqtt.alerts.ids == ids and web.alerts.ids == ids


def test_a_node_ends_though_a_sink_is_away_and_says_what_is_lost(build, frames):
    fleet = build(("leaf",), lambda plan: alerting(plan, "web", web=hook(free_port())))
    fleet.start()
    ids = send(plain(fleet, "leaf"), frames[:5])
    assert fleet.stop("leaf") == 0
    assert f"{len(ids)} alerts to the sink 'web' are lost" in fleet["leaf"].said()


def test_a_reload_exchanges_sinks_and_labels_and_loses_no_alert(build, frames):
    with Hook() as old, Hook() as new, Hook() as kept:
        fleet = build(("leaf",), lambda plan: alerting(
            plan, ["old", "kept"], old=hook(old.port), kept=hook(kept.port)))
        fleet.start()
        client = plain(fleet, "leaf")
        # What one sink is owed when the topology changes is delivered all the same.
        kept.status = 503
        ids = send(client, frames[:10])
        fleet["leaf"].await_log("the sink 'kept' takes none")

        def change(plan):
            plan["alerts"]["sinks"]["new"] = hook(new.port)
            plan["alerts"]["operator"] = {"hold": "1s"}
            plan["tasks"]["meter-digits"]["alert"]["to"] = ["new", "kept"]

        edit(fleet, change)
        said = fleet["leaf"].await_log("is in force")
        assert "task meter-digits: alert" in said and "alerts" in said
        more = send(client, frames[10:20], 10)
        kept.status = 204
        kept.alerts.await_ids(ids + more)
        new.alerts.await_ids(more)
        assert kept.alerts.ids == ids + more and new.alerts.ids == more
        assert old.alerts.ids == ids

        def spoil(plan):
            plan["alerts"]["sinks"]["new"]["token"] = {"env": "CANOPY_TEST_NO_SUCH_TOKEN"}

        edit(fleet, spoil)
        assert "CANOPY_TEST_NO_SUCH_TOKEN" in fleet["leaf"].await_log("is not taken over")
        last = send(client, frames[20:30], 20)
        new.alerts.await_ids(last)
