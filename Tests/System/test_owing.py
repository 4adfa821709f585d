"""An outage with real processes: what a leaf owes while its link is cut, and how it is settled.

The way from the leaf to its region leads through the relay. The region keeps records; what it has
is read from its store.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
import topologies
import tritonclient.grpc as triton
from calls import credentials, facts, plain, series
from fleet import eventually, program
from operators import certify, operator
from relay import Relay

RNG = np.random.default_rng(7)


def keeping(plan: dict) -> None:
    """The leaf owes, the region keeps; what is owed is sent soon and fast."""
    plan["nodes"]["region"]["records"] = {"folder": "records"}
    for name, node in plan["nodes"].items():
        if node["tier"] == "leaf":
            node["budget"] = {"spool": "64MiB"}
            node["spool"] = {"gather": "200ms", "rate": "100Mbit/s", "results": "100ms"}
    # Hardly any answer of the leaf is sure enough, so that frames escalate.
    topologies.power(plan, deadline="2s")
    plan["tasks"]["power-demand"]["leaf"]["accept"] = 0.9999


@contextmanager
def outage_fleet(folder, names=("leaf", "region"), loops: int = 1, *changes):
    """(fleet, relay): started, with the relay before the region."""
    with Relay(folder) as relay:
        def through_relay(plan):
            keeping(plan)
            plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"

        fleet = topologies.make(folder, names, through_relay, *changes, loops=loops)
        with fleet:
            relay.start(fleet["region"].secure)
            fleet.start()
            yield fleet, relay


def frame(client, number: int, stream: str = "meter-1", values=None, **parameters):
    """One row of a sensor, under its name; the answer's facts."""
    values = RNG.normal(size=24) if values is None else values
    given = {"canopy.stream": stream, "canopy.sequence": number}
    given.update({f"canopy.{name}": value for name, value in parameters.items()})
    return facts(client.infer("power-demand", [series(values)], client_timeout=30,
                              request_id=f"{stream}-{number}", parameters=given))


def store(fleet) -> sqlite3.Connection:
    return closing(sqlite3.connect(f"file:{fleet.folder}/records/records.sqlite?mode=ro",
                                   uri=True))


def rows(fleet, query: str) -> list[tuple]:
    with store(fleet) as database:
        return database.execute(query).fetchall()


def owed(node) -> dict[str, float]:
    """Records that a node still owes, by queue."""
    prefix = 'canopy_spool_records{queue="'
    return {name.removeprefix(prefix).removesuffix('"}'): value
            for name, value in node.metrics().items() if name.startswith(prefix)}


def drained(node, seconds: float = 60) -> None:
    eventually(lambda: not any(owed(node).values()), f"{node.name} owes nothing", seconds)


def held(fleet, queue: str) -> dict[str, int]:
    """By node: how many records of a queue the region has."""
    return dict(rows(fleet, f"""
        SELECT origins.node, origins.through FROM origins WHERE origins.queue = '{queue}'"""))


def arrived(fleet, results: dict[str, int], seconds: float = 60) -> None:
    """Waits until so many results of each node are at the region; more than that never are."""
    eventually(lambda: held(fleet, "result") == results, f"{results} results", seconds)


def settled(node, receipt: str) -> dict | None:
    """The answer that a receipt stands for; none while it is owed."""
    status, body = node.get(f"/v2/receipts/{receipt}")
    assert status in (200, 202), body
    return json.loads(body)["parameters"] if status == 200 else None


@pytest.mark.parametrize("loops", [1, 2], ids=["one loop", "two loops"])
def test_what_a_cut_link_leaves_owed_is_settled_once(tmp_path, loops):
    with outage_fleet(tmp_path, loops=loops) as (fleet, relay):
        leaf = fleet["leaf"]
        client = plain(fleet, "leaf")
        said = [frame(client, number) for number in range(20)]
        relay.say("cut")
        with ThreadPoolExecutor(4) as pool:
            said += pool.map(lambda number: frame(client, number), range(20, 140))
        cut = said[20:]
        receipts = [answer["receipt"] for answer in cut if "receipt" in answer]
        assert len(said) == 140 and all("tier" in answer for answer in said)
        assert len(receipts) > 60, "frames below the bar are owed"
        assert len(set(receipts)) == len(receipts)
        assert settled(leaf, receipts[0]) is None
        eventually(lambda: owed(leaf).get("escalation", 0) >= len(receipts), "frames are kept")
        relay.say("heal")
        drained(leaf)
        later = [settled(leaf, receipt) for receipt in receipts]
        assert all(answer["canopy.tier"] == "regional" for answer in later)
        metrics = leaf.metrics()
        assert metrics["canopy_settled_total"] == metrics['canopy_owed_total{task="power-demand"}']
        # Every frame once, whatever came twice.
        arrived(fleet, {"leaf": 140})
        assert rows(fleet, "SELECT count(DISTINCT merge) FROM records")[0][0] == 140
        assert held(fleet, "escalation")["leaf"] == metrics["canopy_settled_total"]


def test_a_leaf_that_is_killed_in_the_outage_owes_the_same_afterwards(tmp_path):
    with outage_fleet(tmp_path) as (fleet, relay):
        leaf = fleet["leaf"]
        relay.say("cut")
        client = plain(fleet, "leaf", fresh=True)
        answers = [frame(client, number) for number in range(60)]
        client.close()
        receipts = [answer["receipt"] for answer in answers if "receipt" in answer]
        assert receipts
        leaf.process.send_signal(signal.SIGKILL)
        leaf.process.wait(10)
        fleet.start("leaf")
        assert settled(leaf, receipts[-1]) is None, "a promise outlives its node"
        relay.say("heal")
        drained(leaf)
        assert all(settled(leaf, receipt) for receipt in receipts)
        # What the commit interval allows to be lost are results, never what was promised.
        assert held(fleet, "escalation")["leaf"] >= len(receipts)
        fleet.stop("leaf")
        fleet.start("leaf")
        assert settled(leaf, receipts[0]), "settled answers outlive their node too"


def test_batches_that_are_sent_again_change_nothing(tmp_path):
    with outage_fleet(tmp_path) as (fleet, relay):
        leaf = fleet["leaf"]
        relay.say("cut")
        client = plain(fleet, "leaf")
        answers = [frame(client, number) for number in range(80)]
        receipts = [answer["receipt"] for answer in answers if "receipt" in answer]
        relay.say("heal")
        # Replies are lost again and again while it drains.
        for _ in range(8):
            time.sleep(0.25)
            relay.say("reset")
        arrived(fleet, {"leaf": 80})
        drained(leaf)
        assert all(settled(leaf, receipt) for receipt in receipts)
        assert rows(fleet, "SELECT count(DISTINCT merge) FROM records")[0][0] == 80


def test_what_must_stay_never_passes_the_link(tmp_path):
    def private(plan):
        plan["tasks"]["private"] = {"leaf": {"builtin": "identity"}, "payload": "local-only"}

    with outage_fleet(tmp_path, ("leaf", "region"), 1, private) as (fleet, relay):
        leaf = fleet["leaf"]
        client = plain(fleet, "leaf")
        secret = RNG.bytes(40_000)
        tensor = triton.InferInput("bytes", [len(secret)], "UINT8")
        tensor.set_data_from_numpy(np.frombuffer(secret, np.uint8))
        before = relay.stats()
        for number in range(50):
            if number == 25:
                relay.say("cut")
            client.infer("private", [tensor], request_id=str(number),
                         parameters={"canopy.stream": "s", "canopy.sequence": number})
        relay.say("heal")
        arrived(fleet, {"leaf": 50})
        drained(leaf)
        # 2 MB that nothing can make smaller would show.
        passed = relay.stats()
        up = sum(value for key, value in flat(passed) if "bytes" in key) - sum(
            value for key, value in flat(before) if "bytes" in key)
        assert up < 200_000, f"{up} bytes passed"
        for file in tmp_path.joinpath("records").rglob("*"):
            assert not file.is_file() or secret[:64] not in file.read_bytes()
        for file in tmp_path.joinpath("spool").rglob("*"):
            assert not file.is_file() or secret[:64] not in file.read_bytes()


def flat(value, name=""):
    """All numbers of a value, with the names that lead to them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner, name)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield name, value


def test_two_leaves_that_saw_the_same_frames_make_one_record_each(tmp_path):
    def second(plan):
        plan["nodes"]["leaf-2"]["tier"] = "leaf"
        plan["nodes"]["leaf-2"]["budget"] = {"spool": "64MiB"}
        plan["nodes"]["leaf-2"]["spool"] = {"gather": "200ms", "results": "100ms"}

    with outage_fleet(tmp_path, ("leaf", "leaf-2", "region"), 1, second) as (fleet, relay):
        relay.say("cut")
        values = [RNG.normal(size=24) for _ in range(30)]
        for name in ("leaf", "leaf-2"):
            client = plain(fleet, name)
            for number, row in enumerate(values):
                frame(client, number, values=row)
        relay.say("heal")
        arrived(fleet, {"leaf": 30, "leaf-2": 30})
        for name in ("leaf", "leaf-2"):
            drained(fleet[name])
        assert rows(fleet, "SELECT count(DISTINCT merge) FROM records")[0][0] == 30


def test_a_region_without_records_refuses_and_the_leaf_keeps(tmp_path):
    def forgetful(plan):
        del plan["nodes"]["region"]["records"]

    with outage_fleet(tmp_path, ("leaf", "region"), 1, forgetful) as (fleet, relay):
        leaf = fleet["leaf"]
        client = plain(fleet, "leaf")
        for number in range(5):
            frame(client, number)
        leaf.await_log("keeps no records")
        eventually(lambda: owed(leaf).get("result") == 5, "the results are kept")


def test_a_node_that_returns_reports_before_it_sends(tmp_path):
    with outage_fleet(tmp_path) as (fleet, relay):
        region = fleet["region"]
        region.await_log("leaf reports")
        relay.say("cut")
        client = plain(fleet, "leaf")
        for number in range(10):
            frame(client, number)
        eventually(lambda: fleet["leaf"].metrics()["canopy_hub_away"] == 1, "the leaf is cut off")
        before = region.said().count("leaf reports")
        relay.say("heal")
        eventually(lambda: region.said().count("leaf reports") > before, "the leaf reports", 5)
        drained(fleet["leaf"])


def test_nobody_speaks_of_what_another_node_owes(tmp_path):
    from test_versions import schema

    with outage_fleet(tmp_path) as (fleet, _):
        frozen = schema.frozen()
        batch = frozen("canopy.v1.UploadBatch")(first=1, last=1, sha256=bytes(32))
        batch.origin.node, batch.origin.epoch, batch.origin.queue = "leaf", 1, 2
        for name, code in (("camera", grpc.StatusCode.PERMISSION_DENIED),
                           ("region", grpc.StatusCode.PERMISSION_DENIED),
                           ("leaf", grpc.StatusCode.DATA_LOSS)):
            address = f"127.0.0.1:{fleet['region'].secure}"
            with grpc.secure_channel(address, credentials(fleet.folder, name)) as channel:
                call = channel.unary_unary("/canopy.v1.Owing/Upload")
                with pytest.raises(grpc.RpcError) as refused:
                    call(batch.SerializeToString(), timeout=10)
            assert refused.value.code() == code, name


def receipts(fleet, *words: str) -> tuple[int, list[dict]]:
    """What `canopy receipts --json` says: its exit status, and the receipts."""
    done = subprocess.run(
        [program("canopy"), "receipts", fleet.topology, "--json", *words], capture_output=True,
        text=True, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_receipts_are_listed_open_then_settled_and_outlive_their_node(tmp_path):
    with outage_fleet(tmp_path, ("leaf", "region"), 1, operator) as (fleet, relay):
        leaf = certify(fleet)["leaf"]
        relay.say("cut")
        client = plain(fleet, "leaf", fresh=True)
        answers = [frame(client, number) for number in range(30)]
        client.close()
        promised = {answer["receipt"] for answer in answers if "receipt" in answer}
        assert promised
        eventually(lambda: len(receipts(fleet)[1]) == len(promised), "all receipts are listed")
        status, found = receipts(fleet, "--state", "open")
        assert status == 0 and {one["receipt"] for one in found} == promised
        assert all(one["task"] == "power-demand" and one["request"].startswith("meter-1-")
                   and one["promised_at"] and one["ended_at"] is None for one in found)
        one = found[0]["receipt"]
        assert receipts(fleet, one)[0] == 1, "it is not settled"
        assert receipts(fleet, "--wait", "1s")[0] == 1, "nothing settles what is cut off"
        assert receipts(fleet, "--state", "settled")[1] == []
        leaf.process.send_signal(signal.SIGKILL)
        leaf.process.wait(10)
        fleet.start("leaf")
        assert {one["receipt"] for one in receipts(fleet, "--state", "open")[1]} == promised
        relay.say("heal")
        status, found = receipts(fleet, one, "--wait", "30s")
        assert status == 0 and found[0]["state"] == "settled" and found[0]["tier"] == "regional"
        assert found[0]["ended_at"] > found[0]["promised_at"]
        assert found[0]["answered_by"] == "region"
        status, found = receipts(fleet, "--wait", "30s")
        assert status == 0 and {one["state"] for one in found} == {"settled"}
        fleet.stop("leaf")
        fleet.start("leaf")
        assert receipts(fleet, one) == (0, [found_one for found_one in found
                                            if found_one["receipt"] == one])
        words = subprocess.run([program("canopy"), "receipts", fleet.topology], capture_output=True,
                               text=True, timeout=60).stdout
        assert f"leaf holds 0 open, {len(promised)} settled and 0 failed receipts" in words
        refused = subprocess.run([program("canopy"), "receipts", fleet.topology, "abc"],
                                 capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and "has no receipt 'abc'" in refused.stderr


def sure(plan) -> None:
    """Every answer of a leaf is accepted."""
    plan["tasks"]["power-demand"]["leaf"]["accept"] = 0.0
    operator(plan)


@pytest.mark.parametrize("first", ["leaf", "leaf-2"])
def test_of_two_leaves_the_one_whose_clock_is_ahead_wins_whoever_comes_first(tmp_path, first):
    """Both saw the same frames while they were cut off; the first has a clock 5 s ahead."""
    def second(plan):
        plan["nodes"]["leaf-2"]["tier"] = "leaf"
        plan["nodes"]["leaf-2"]["budget"] = {"spool": "64MiB"}
        plan["nodes"]["leaf-2"]["spool"] = {"gather": "200ms", "results": "100ms"}

    shim = tmp_path / "clock_offset.so"
    source = Path(__file__).with_name("clock_offset.c")
    compiler = shutil.which("clang") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source], check=True)
    ahead = {**os.environ, "LD_PRELOAD": str(shim), "CLOCK_OFFSET": "5"}
    with Relay(tmp_path) as relay:
        def through_relay(plan):
            keeping(plan)
            second(plan)
            sure(plan)
            plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"

        with topologies.make(tmp_path, ("leaf", "leaf-2", "region"), through_relay) as fleet:
            certify(fleet)
            relay.start(fleet["region"].secure)
            fleet.start("region", "leaf-2")
            fleet.start("leaf", env=ahead)
            relay.say("cut")
            values = [RNG.normal(size=24) for _ in range(20)]
            # `leaf` answers before `leaf-2`, and sorts before it: only its clock is for it.
            clients = [plain(fleet, name, fresh=True) for name in ("leaf", "leaf-2")]
            for number, row in enumerate(values):
                for client in clients:
                    frame(client, number, values=row)
            for client in clients:
                client.close()
            later = "leaf-2" if first == "leaf" else "leaf"
            eventually(lambda: owed(fleet[later])["result"] == 20, f"{later} keeps its results")
            fleet.stop(later)
            relay.say("heal")
            eventually(lambda: held(fleet, "result").get(first) == 20, f"{first} comes first", 60)
            assert rows(fleet, "SELECT DISTINCT node FROM records WHERE won") == [(first,)]
            fleet.start(later, env=ahead if later == "leaf" else None)
            arrived(fleet, {"leaf": 20, "leaf-2": 20})
            won = rows(fleet, "SELECT node, count(*) FROM records WHERE won GROUP BY node")
            assert won == [("leaf", 20)]
            kept = rows(fleet, "SELECT node, count(*) FROM records WHERE NOT won GROUP BY node")
            assert kept == [("leaf-2", 20)], "losers are kept"
            record = rows(fleet, "SELECT lower(hex(merge)) FROM records WHERE won LIMIT 1")[0][0]
            told = fleet.canopy("explain", "record", record, "--topology", fleet.topology).stdout
            lines = told.splitlines()
            over = next(n for n, line in enumerate(lines) if line.strip().startswith("over"))
            assert "by leaf (leaf)" in lines[over - 1] and "by leaf-2 (leaf)" in lines[over]
            assert "because its logical clock is later" in lines[over + 1]


def feedback(fleet, node: str, request: str, label: str, who: str = "operator") -> bool:
    """What a node answers to canopy.v1.Peer/SubmitFeedback: whether it knows the record."""
    from test_versions import schema

    messages = schema.frozen()
    address = f"127.0.0.1:{fleet[node].secure}"
    with grpc.secure_channel(address, credentials(fleet.folder, who)) as channel:
        call = channel.unary_unary(
            "/canopy.v1.Peer/SubmitFeedback",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=messages("canopy.v1.FeedbackReply").FromString)
        return call(messages("canopy.v1.Feedback")(
            request_id=request, task="power-demand", label=label), timeout=10).known


def test_a_label_that_is_given_at_a_cut_off_leaf_counts_at_the_region(tmp_path):
    with outage_fleet(tmp_path, ("leaf", "region"), 1, sure) as (fleet, relay):
        leaf = certify(fleet)["leaf"]
        relay.say("cut")
        client = plain(fleet, "leaf", fresh=True)
        for number in range(12):
            frame(client, number)
        client.close()
        for number in range(8):
            assert not feedback(fleet, "leaf", f"meter-1-{number}", "winter")
        with pytest.raises(grpc.RpcError) as refused:
            feedback(fleet, "leaf", "meter-1-9", "winter", who="camera")
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        # What was answered for is on disk.
        leaf.process.send_signal(signal.SIGKILL)
        leaf.process.wait(10)
        fleet.start("leaf")
        relay.say("heal")
        arrived(fleet, {"leaf": 20})
        labelled = rows(fleet, """
            SELECT r.request, r.label FROM records r JOIN truths t ON t.merge = r.merge""")
        assert {request for request, _ in labelled} == {f"meter-1-{n}" for n in range(8)}
        said = fleet.canopy("records", fleet.topology, "--stats", "--json").stdout
        accuracy = json.loads(said)["accuracy"]
        bundle = rows(fleet, "SELECT DISTINCT lower(hex(bundle)) FROM records")[0][0]
        assert len(accuracy) == 1 and bundle in accuracy[0]["bundle"]
        assert accuracy[0]["truth"] == "winter" and accuracy[0]["total"] == 8
        assert accuracy[0]["right"] == sum(label == "winter" for _, label in labelled)


def test_a_label_that_a_leaf_cannot_keep_is_refused(tmp_path):
    def forgetful(plan):
        sure(plan)
        del plan["nodes"]["leaf"]["budget"], plan["nodes"]["leaf"]["spool"]

    with outage_fleet(tmp_path, ("leaf", "region"), 1, forgetful) as (fleet, _):
        certify(fleet)
        with pytest.raises(grpc.RpcError) as refused:
            feedback(fleet, "leaf", "meter-1-1", "winter")
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "keeps no records" in refused.value.details()


def test_frames_that_the_region_answered_at_once_teach_as_well(tmp_path):
    with outage_fleet(tmp_path, ("leaf", "region"), 1, operator) as (fleet, _):
        certify(fleet)
        client = plain(fleet, "leaf")
        for number in range(40):
            frame(client, number)
        # The same picture twice is two frames and one sample.
        same = RNG.normal(size=24)
        for number in (40, 41):
            frame(client, number, values=same)
        arrived(fleet, {"leaf": 42})
        above = rows(fleet, "SELECT merge, label FROM records WHERE node = 'region'")
        assert len(above) > 20, "frames escalate"
        eventually(lambda: len(rows(fleet, "SELECT 1 FROM frames")) == len(above),
                   "each of them is kept")
        assert {key for key, in rows(fleet, "SELECT merge FROM frames")} == {
            key for key, _ in above}
        assert rows(fleet, "SELECT count(*), count(DISTINCT merge) FROM records") == [(42, 42)]
        done = fleet.canopy("export", fleet.topology, "--output", tmp_path / "set", "--json",
                            "--format", "imagefolder")
        report = json.loads(done.stdout)
        assert report["unlabelled"] == report["unreadable"] == 0
        assert report["samples"] + report["duplicates"] == len(above)
        lines = [json.loads(line) for line in
                 (tmp_path / "set" / "metadata.jsonl").read_text().splitlines()]
        assert all(line["leaf"]["node"] == "leaf" and line["leaf"]["label"]
                   and line["leaf"]["confidence"] < 0.9999
                   and line["above"]["tier"] == "regional" for line in lines)
        labels = {key.hex(): label for key, label in above}
        assert all(labels[line["record"]] == line["label"] for line in lines)


def test_a_region_whose_share_for_live_frames_is_nothing_keeps_none(tmp_path):
    def none(plan):
        plan["nodes"]["region"]["records"]["live"] = "0%"

    with outage_fleet(tmp_path, ("leaf", "region"), 1, none) as (fleet, _):
        client = plain(fleet, "leaf")
        for number in range(10):
            frame(client, number)
        arrived(fleet, {"leaf": 10})
        assert rows(fleet, "SELECT count(*) FROM frames") == [(0,)]
