"""What a hub knows of the nodes below it: reports, incidents, telemetry; and its purges."""

from __future__ import annotations

import json
import time

import operators
from calls import plain
from fleet import eventually
from test_owing import arrived, drained, frame, outage_fleet
from test_records import ask, keeper, lines, seed, stats


def view(fleet, *words: str) -> list[dict]:
    """A view of what the region keeps, line by line."""
    said = fleet.canopy("records", fleet.topology, "--node", "region", "--json", *words)
    return [json.loads(line) for line in said.stdout.splitlines()]


def known(fleet, node: str = "leaf") -> dict:
    return next((one for one in view(fleet, "--nodes") if one["node"] == node), {})


def cuts(node: dict, since: float) -> list[dict]:
    """When a node was cut off; a leaf that starts before its region was so for a moment, too."""
    return [one for one in node.get("incidents", [])
            if one["kind"] == "disconnected" and at(one["began"]) >= since]


def at(nanoseconds: int) -> float:
    return nanoseconds / 1e9


def test_a_node_that_returns_says_since_when_it_was_cut_off_and_what_it_owes(tmp_path):
    with outage_fleet(tmp_path, ("leaf", "region"), 1, operators.operator) as (fleet, relay):
        operators.certify(fleet)
        fleet["region"].await_log("leaf reports")
        began = time.time()
        relay.say("cut")
        client = plain(fleet, "leaf")
        for number in range(20):
            frame(client, number)
        eventually(lambda: fleet["leaf"].metrics()["canopy_hub_away"] == 1, "the leaf is cut off")
        eventually(lambda: fleet["leaf"].metrics()['canopy_spool_records{queue="result"}'] == 20,
                   "its results are kept")
        healed = time.time()
        relay.say("heal")
        # The report is kept a commit after it is logged: what counts is when it was heard.
        eventually(lambda: at(known(fleet)["heard"]) > healed, "a report", 15)
        node = known(fleet)
        assert at(node["heard"]) - healed < 5
        assert node["ready"] and node["version"] and len(node["topology"]) == 64
        [cut] = cuts(node, began)
        assert cut["subject"] == "region" and cut["words"]
        assert began <= at(cut["began"]) < healed <= at(cut["ended"]) < healed + 5
        # What it owed when it came back: it reports before it sends.
        depths = {depth["queue"]: depth["records"] for depth in node["depths"]}
        assert depths["result"] == 20 and depths["escalation"] > 0
        table = fleet.canopy("records", fleet.topology, "--node", "region", "--nodes").stdout
        assert "disconnected" in table and "20 result" in table
        drained(fleet["leaf"])


def test_what_lasted_when_a_node_ended_is_told_by_its_next_life(tmp_path):
    with outage_fleet(tmp_path, ("leaf", "region"), 1, operators.operator) as (fleet, relay):
        operators.certify(fleet)
        fleet["region"].await_log("leaf reports")
        began = time.time()
        relay.say("cut")
        frame(plain(fleet, "leaf", fresh=True), 1)
        eventually(lambda: fleet["leaf"].metrics()["canopy_hub_away"] == 1, "the leaf is cut off")
        fleet.stop("leaf")
        restarted, said = time.time(), len(fleet["leaf"].said())
        fleet.start("leaf")
        # Healed before the next life has asked for the hub, that life would know of no outage.
        eventually(lambda: "what is owed is kept" in fleet["leaf"].said()[said:],
                   "the leaf's next life is cut off")
        relay.say("heal")
        drained(fleet["leaf"])
        eventually(lambda: len(cuts(known(fleet), began)) == 2,
                   "both parts of the outage are known")
        first, second = cuts(known(fleet), began)
        assert at(first["began"]) < restarted <= at(second["began"]) < at(second["ended"])
        assert first["ended"] is not None, "what a node cannot end ends with its next life"
        assert at(first["began"]) < at(first["ended"]) <= at(second["ended"])


def test_what_nodes_measured_is_added_up_at_the_hub(tmp_path):
    def second(plan):
        operators.operator(plan)
        plan["nodes"]["leaf-2"].update(
            tier="leaf", budget={"spool": "64MiB"}, spool={"gather": "200ms", "results": "100ms"})

    with outage_fleet(tmp_path, ("leaf", "leaf-2", "region"), 2, second) as (fleet, _):
        operators.certify(fleet)
        assert view(fleet, "--telemetry") == []
        for name, count in (("leaf", 30), ("leaf-2", 50)):
            with plain(fleet, name, fresh=True) as client:
                for number in range(count):
                    frame(client, number, stream=f"meter-{name}")
        # A minute is written when it is over, and when its node ends.
        for name in ("leaf", "leaf-2"):
            fleet.stop(name)
            fleet.start(name)
        arrived(fleet, {"leaf": 30, "leaf-2": 50})
        eventually(lambda: len(view(fleet, "--telemetry")) == 3, "both have sent their minute")
        rows = {row["node"]: row for row in view(fleet, "--telemetry", "--task", "power-demand")}
        assert {name: row["answers"] for name, row in rows.items()} == {
            "leaf": 30, "leaf-2": 50, None: 80}
        answered = [sum(value for key, value in row["counts"].items()
                        if key.split("/")[0] in ("leaf", "regional"))
                    for row in rows.values()]
        assert sorted(answered) == [30, 50, 80]
        for quantile in ("p50_ms", "p90_ms", "p99_ms"):
            each = sorted(rows[name][quantile] for name in ("leaf", "leaf-2"))
            assert each[0] <= rows[None][quantile] <= each[1]
        assert rows[None]["max_ms"] == max(rows[name]["max_ms"] for name in ("leaf", "leaf-2"))
        assert view(fleet, "--telemetry", "--until", "2001-01-01") == []
        assert [row["node"] for row in view(fleet, "--telemetry", "--by", "leaf-2")] == [
            "leaf-2", None]
        table = fleet.canopy("records", fleet.topology, "--node", "region", "--telemetry").stdout
        assert "P99" in table and "all" in table and "leaf-2" in table


def test_each_class_is_purged_after_its_term_and_the_audit_says_so(tmp_path):
    keep = {"frames": "1h", "records": "30d", "audit": "400d"}
    with keeper(tmp_path, keep=keep) as fleet:
        day = 86_400
        seed(fleet, results=40, frames=8, at=int(time.time()) - 40 * day)
        seed(fleet, results=30, frames=5, node="other", at=int(time.time()) - 2 * day)
        seed(fleet, results=20, frames=3, node="third", at=int(time.time()) - 60)
        pictures = fleet.folder / "records" / "payloads"
        # Sixteen frames of eight pictures.
        assert sum(path.is_file() for path in pictures.rglob("*")) == 8
        fleet.start()
        eventually(lambda: ask(fleet, "--audit", "--json").stdout, "something was purged")
        fleet["region"].await_log("were past their term and are purged")
        eventually(lambda: len(ask(fleet, "--audit", "--json").stdout.splitlines()) >= 3,
                   "every class was purged")
        entries = [json.loads(line) for line in ask(fleet, "--audit", "--json").stdout.splitlines()]
        assert {entry["action"] for entry in entries} == {"purge"}
        assert {entry["who"] for entry in entries} == {"region"}
        said = {entry["subject"]: entry["words"] for entry in entries}
        assert said["frames"].startswith("13 for their age, ")
        # The eight that the region answered later among them.
        assert said["records"] == "48 for their age" and said["settlements"] == "8 for their age"
        assert stats(fleet)["answers"] == 58 and stats(fleet)["payloads"] == 3
        assert sum(path.is_file() for path in pictures.rglob("*")) == 3
        assert {one["sender"] for one in lines(fleet, "--limit", "100")} == {"other", "third"}
        assert "purge" in ask(fleet, "--audit").stdout
        assert ask(fleet, "--audit", "--until", "2001-01-01").stdout.strip() == "no audit entries"
