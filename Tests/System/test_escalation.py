"""Which frames go up, within which budget, and what every answer says of it."""

from __future__ import annotations

import json
import re
from concurrent import futures

import numpy as np
import pytest
import topologies
from calls import digit, facts, label, plain, refusal, series, stream_all
from fleet import bundle_id, eventually
from relay import Relay

BUNDLES = {tier: bundle_id(f"digits-{tier}") for tier in ("leaf", "regional", "cloud")}
NODES = {"leaf": "leaf", "regional": "region", "cloud": "cloud"}


def alone(fleet, jpeg) -> dict:
    """The leaf's own answer: a frame that has come through it may not travel."""
    return facts(digit(plain(fleet, "leaf"), jpeg, via="leaf"))


def test_sure_answers_stay_at_the_leaf_and_unsure_frames_go_up(fleet, frames):
    went = stayed = 0
    for jpeg, _ in frames[:60]:
        own, said = alone(fleet, jpeg), facts(digit(plain(fleet, "leaf"), jpeg))
        assert own["tier"] == "leaf"
        if own["confidence"] >= 0.9:
            stayed += 1
            assert said["tier"] == "leaf" and said["accepted"] is True
            assert said["confidence"] == own["confidence"]
        else:
            went += 1
            assert own["accepted"] is False
            assert said["tier"] in ("regional", "cloud")
    assert stayed >= 30 and went >= 1


def test_the_tiers_together_are_right_more_often_than_the_leaf(fleet, frames):
    client, unsure, own, together = plain(fleet, "leaf"), 0, 0, 0
    for jpeg, truth in frames[:120]:
        answer = digit(client, jpeg, via="leaf")
        if facts(answer)["confidence"] < 0.9:
            unsure += 1
            own += label(answer) == truth
            together += label(digit(client, jpeg)) == truth
    assert unsure >= 5 and together > own


def test_every_answer_names_tier_node_bundle_and_route(fleet, frames):
    client = plain(fleet, "leaf")
    seen = set()
    for accept in (0.0, 0.9, 1.0):
        for jpeg, _ in frames[:15]:
            said = facts(digit(client, jpeg, accept=accept))
            seen.add(said["tier"])
            assert said["node"] == NODES[said["tier"]] and said["bundle"] == BUNDLES[said["tier"]]
            assert 0 <= said["confidence"] <= 1 and isinstance(said["accepted"], bool)
            hops = [hop.split("=") for hop in said["route"].split(";")]
            names = [name for name, _ in hops]
            assert names == ["leaf", "region", "cloud"][:len(names)] and names[-1] == said["node"]
            times = [float(re.fullmatch(r"(\d+\.\d{3})ms", time)[1]) for _, time in hops]
            assert times == sorted(times, reverse=True)
            assert "degraded" not in said and "receipt" not in said
    assert {"leaf", "cloud"} <= seen


def test_a_caller_may_set_the_bar(fleet, frames):
    client, jpeg = plain(fleet, "leaf"), frames[0][0]
    said = facts(digit(client, jpeg, accept=0.0))
    assert (said["tier"], said["accepted"]) == ("leaf", True)
    assert facts(digit(client, jpeg, accept=1.0))["tier"] == "cloud"
    for bad in (1.5, -0.1, "much"):
        words = refusal(lambda bad=bad: digit(client, jpeg, accept=bad))
        assert "INVALID_ARGUMENT" in words and "canopy.accept" in words


def test_a_refined_frame_has_one_first_and_one_last_answer(fleet, frames):
    answers = stream_all(
        plain(fleet, "leaf"), [jpeg for jpeg, _ in frames[:12]], mode="refine", accept=1.0)
    for said in answers.values():
        assert [(one["tier"], one["final"]) for one in said] == [("leaf", False), ("cloud", True)]


def test_a_frame_that_needs_no_refinement_has_one_answer(fleet, frames):
    answers = stream_all(
        plain(fleet, "leaf"), [jpeg for jpeg, _ in frames[:12]], mode="refine", accept=0.0)
    for said in answers.values():
        assert [(one["tier"], one["final"]) for one in said] == [("leaf", True)]


# MARK: A leaf with its region behind a relay


def relayed(plan, port: int):
    topologies.digits(plan, deadline="20s")
    topologies.power(plan, escalate={"share": "8%"})
    leaf = {"bundle": bundle_id("power-leaf"), "accept": 0.9}
    regional = {"regional": {"bundle": bundle_id("power-regional")}}
    plan["tasks"]["private"] = {"leaf": leaf, **regional, "payload": "local-only"}
    plan["tasks"]["audited"] = {"leaf": leaf, **regional, "escalate": {"audit": "20%"}}
    plan["nodes"]["region"]["address"] = f"127.0.0.1:{port}"


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def pair(request, tmp_path_factory):
    """A leaf and a region, and the relay between them."""
    folder = tmp_path_factory.mktemp("pair")
    with Relay(folder) as relay:
        nodes = topologies.make(folder, ("leaf", "region"),
                                lambda plan: relayed(plan, relay.port), loops=request.param)
        with nodes:
            relay.start(nodes["region"].secure)
            nodes.start()
            yield nodes, relay


def sensor(client, task: str, value: float, **parameters):
    return client.infer(
        task, [series(np.sin(np.arange(24) * value))], client_timeout=30,
        parameters={f"canopy.{name}": value for name, value in parameters.items()})


def test_local_only_payload_never_reaches_the_upstream_socket(pair):
    fleet, relay = pair
    client, before = plain(fleet, "leaf"), relay.stats()
    for number in range(40):
        said = facts(sensor(client, "private", number / 7, accept=1.0))
        assert said["tier"] == "leaf" and said["accepted"] is False
        assert said["degraded"] == "local_only"
    after = relay.stats()
    assert after["up"]["in"] - before["up"]["in"] == 0
    assert after["accepted"] == before["accepted"]


def test_bytes_are_counted_as_the_link_sees_them(pair, frames):
    fleet, relay = pair
    client = plain(fleet, "leaf")
    for jpeg, _ in frames[:10]:
        assert facts(digit(client, jpeg, accept=1.0))["tier"] == "regional"

    def counted() -> bool:
        metrics, stats = fleet["leaf"].metrics(), relay.stats()
        name = 'canopy_upstream_bytes_total{{peer="region",direction="{}"}}'.format
        return (metrics[name("out")] == stats["up"]["in"]
                and metrics[name("in")] == stats["down"]["out"])

    eventually(counted, "metrics and relay agree to the byte")
    assert relay.stats()["up"]["in"] > sum(len(jpeg) for jpeg, _ in frames[:10])


def test_the_budget_bounds_the_share_that_goes_up_and_says_so(pair):
    fleet, _ = pair
    client, calls = plain(fleet, "leaf"), "canopy_upstream_calls_total"
    before = fleet["leaf"].metrics()[f'{calls}{{peer="region",purpose="escalation"}}']
    tiers = [facts(sensor(client, "power-demand", 0.1 + number / 500, accept=1.0))
             for number in range(500)]
    up = [said for said in tiers if said["tier"] == "regional"]
    kept = [said for said in tiers if said["tier"] == "leaf"]
    # 8 % of 500, and what the bucket has saved up before: see `burstFrames`.
    assert 20 <= len(up) <= 40 + 2 * 32
    assert all(said["accepted"] is False and said["degraded"] == "budget" for said in kept)
    metrics = fleet["leaf"].metrics()
    after = metrics[f'{calls}{{peer="region",purpose="escalation"}}']
    assert after - before == len(up)
    assert metrics['canopy_degraded_total{task="power-demand",reason="budget"}'] == len(kept)


def test_a_share_of_sure_answers_is_audited_and_the_caller_does_not_wait(pair):
    fleet, _ = pair
    client, leaf = plain(fleet, "leaf"), fleet["leaf"]
    for number in range(400):
        said = facts(sensor(client, "audited", number / 50, accept=0.0))
        assert (said["tier"], said["accepted"]) == ("leaf", True)
    audits = leaf.metrics()['canopy_upstream_calls_total{peer="region",purpose="audit"}']
    # 20 % of 400 is 80, with a deviation of 8.
    assert 40 <= audits <= 120

    def compared() -> bool:
        metrics = leaf.metrics()
        return audits == sum(metrics[f'canopy_audits_total{{task="audited",agreed="{agreed}"}}']
                             for agreed in ("true", "false"))

    eventually(compared, "every audit is compared")


def test_a_receipt_is_pending_until_it_is_settled(pair, frames):
    fleet, relay = pair
    leaf, client = fleet["leaf"], plain(fleet, "leaf")
    relay.say("stall")
    said = facts(digit(client, frames[0][0], timeout=20, mode="refine", accept=1.0))
    assert (said["tier"], said["accepted"]) == ("leaf", False)
    path = f"/v2/receipts/{said['receipt']}"
    # Any loop of the node knows it: every GET is a connection of its own.
    for _ in range(8):
        assert leaf.get(path)[0] == 202
    relay.say("heal")
    eventually(lambda: leaf.get(path)[0] == 200, "the receipt is settled")
    answer = json.loads(leaf.get(path)[1])
    assert answer["parameters"]["canopy.tier"] == "regional"
    assert answer["model_name"] == "meter-digits"
    assert {output["name"] for output in answer["outputs"]} == {"label", "class", "probability"}
    assert leaf.get("/v2/receipts/0123456789abcdef")[0] == 404
    assert leaf.get("/v2/receipts/none")[0] == 404


def test_a_receipt_is_settled_with_the_leafs_answer_when_nothing_better_comes(pair, frames):
    fleet, relay = pair
    leaf, client = fleet["leaf"], plain(fleet, "leaf")
    relay.say("stall")
    said = facts(digit(client, frames[0][0], timeout=0.5, mode="refine", accept=1.0))
    path = f"/v2/receipts/{said['receipt']}"
    eventually(lambda: leaf.get(path)[0] == 200, "the receipt is settled")
    relay.say("heal")
    parameters = json.loads(leaf.get(path)[1])["parameters"]
    assert parameters["canopy.tier"] == "leaf" and parameters["canopy.degraded"] == "deadline"


def test_a_risk_becomes_a_bar_that_the_log_names(build, frames):
    def risk(plan):
        topologies.digits(plan, accept={"risk": "2%", "confidence": "95%"})

    fleet = build(("leaf", "region"), risk)
    fleet.start()
    bar = float(re.search(r"bar=([0-9.]+)", fleet["leaf"].await_log("model loaded"))[1])
    assert 0 < bar < 1
    client = plain(fleet, "leaf")
    for jpeg, _ in frames[:30]:
        own = facts(digit(client, jpeg, via="leaf"))
        assert own["accepted"] is (own["confidence"] >= bar)
        assert (facts(digit(client, jpeg))["tier"] == "leaf") is (own["confidence"] >= bar)


def test_ten_thousand_escalations_take_no_more_connections_than_the_pool_may_hold(fleet):
    clients = [plain(fleet, "leaf") for _ in range(8)]
    row = series(np.linspace(-1, 1, 24))

    def ask(number: int) -> dict:
        return facts(clients[number % 8].infer(
            "power-demand", [row], timeout=20_000_000, parameters={"canopy.accept": 1.0}))

    before = fleet["leaf"].metrics()
    with futures.ThreadPoolExecutor(8) as pool:
        said = list(pool.map(ask, range(10_000)))
    after = fleet["leaf"].metrics()
    calls = 'canopy_upstream_calls_total{peer="region",purpose="escalation"}'
    kept = [one for one in said if one["tier"] != "regional"]
    assert not kept and after[calls] - before[calls] >= 10_000
    connections, failures, handshakes = (
        after[f'canopy_upstream_{what}_total{{peer="region"}}']
        for what in ("connections", "connect_failures", "handshakes"))
    # The leaf may have looked for its region before there was one.
    assert connections - failures == handshakes <= 2
