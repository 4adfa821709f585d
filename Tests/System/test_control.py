"""What operators see and do: status, drain, breaker overrides, and who may."""

from __future__ import annotations

import json
import signal
from concurrent import futures

import grpc
import operators
import pytest
import topologies
from calls import credentials, digit, facts, plain, refusal
from fleet import bundle_id, eventually
from operators import peer, status, task


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def pair(request, tmp_path_factory):
    """A leaf and its region, with an operator; tests put back what they change."""
    def tasks(plan):
        topologies.digits(plan, offline="fail-closed")
        topologies.identity(plan)
        operators.operator(plan)
        # Elsewhere a region may serve control on a listener of its own.
        plan["nodes"]["region"]["listen"][0]["serves"] = ["inference", "metrics"]
        plan["nodes"]["region"]["listen"].append(
            {"at": f"127.0.0.1:{topologies.free_port()}", "serves": ["control"]})

    folder = tmp_path_factory.mktemp("pair")
    with topologies.make(folder, ("leaf", "region"), tasks, loops=request.param) as fleet:
        operators.certify(fleet).start()
        yield fleet


def control(fleet, *words, check=True):
    return fleet.canopy(*words, "--topology", fleet.topology, check=check)


def test_status_says_what_a_node_is_and_what_its_tasks_are_made_of(pair):
    said = status(pair, "leaf")
    assert (said["node"], said["tier"], said["ready"], said["draining"]) == (
        "leaf", "leaf", True, False)
    assert said["topology"]["digest"] == operators.digest(pair)
    digits = task(pair, "leaf", "meter-digits")
    assert digits["offline"] == "fail-closed" and task(pair, "leaf", "echo")["offline"] == (
        "fail-safe")
    assert digits["bundle"] == bundle_id("digits-leaf") and digits["bar"] == 0.9
    assert [(tier["tier"], tier["model"]) for tier in digits["tiers"]] == [
        ("leaf", bundle_id("digits-leaf")), ("regional", bundle_id("digits-regional"))]
    assert peer(pair, "leaf", "region")["breaker"] == "closed"
    assert [one["class"] for one in said["classes"]] == ["realtime", "standard", "batch", "sync"]


def test_status_counts_what_the_node_did(pair, frames):
    before = status(pair, "leaf")["counts"]["canopy_frames_total"]
    for _ in range(3):
        digit(plain(pair, "leaf"), frames[0][0], accept=0.0)
    assert status(pair, "leaf")["counts"]["canopy_frames_total"] == before + 3


def test_the_table_names_nodes_tasks_and_peers(pair):
    table = pair.canopy("status", pair.topology).stdout
    assert "leaf → region" in table and "fail-closed" in table and "unreachable" not in table


def test_a_node_that_does_not_answer_is_listed_with_why(build):
    fleet = operators.certify(build(
        ("leaf", "region"), topologies.digits, operators.operator))
    fleet.start("region")
    said = fleet.canopy("status", fleet.topology, "--json", check=False)
    assert said.returncode == 1
    leaf, region = json.loads(said.stdout)["nodes"]
    assert "ECONNREFUSED" in leaf["error"] and region["ready"]
    fleet["region"].process.send_signal(signal.SIGSTOP)
    said = fleet.canopy(
        "status", fleet.topology, "--node", "region", "--timeout", "300", check=False)
    assert said.returncode == 1 and "unreachable" in said.stdout


def test_only_a_role_may_control_and_only_where_control_is_served(pair):
    def ask(port, name):
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials(pair.folder, name)) as channel:
            call = channel.unary_unary("/canopy.v1.Control/Status")
            try:
                call(b"", timeout=10)
                return grpc.StatusCode.OK
            except grpc.RpcError as refused:
                return refused.code()

    leaf, region = pair["leaf"].secure, pair["region"].secure
    own = int(pair.plan["nodes"]["region"]["listen"][2]["at"].split(":")[1])
    denied = grpc.StatusCode.PERMISSION_DENIED
    assert ask(leaf, "operator") is grpc.StatusCode.OK
    assert [ask(leaf, "camera"), ask(leaf, "stranger"), ask(leaf, "region")] == [denied] * 3
    assert ask(own, "operator") is grpc.StatusCode.OK
    assert ask(region, "operator") is grpc.StatusCode.UNIMPLEMENTED
    refused = control(pair, "drain", "leaf", "--as", "camera", check=False)
    assert refused.returncode == 1 and "role" in refused.stderr
    assert not status(pair, "leaf")["draining"]


def test_control_is_not_to_be_had_without_a_certificate(pair):
    with grpc.insecure_channel(f"127.0.0.1:{pair['leaf'].plain}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary("/canopy.v1.Control/Drain")(b"", timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert not status(pair, "leaf")["draining"]


def test_a_drained_node_answers_what_it_has_and_takes_nothing_new_until_it_is_undrained(
        pair, frames):
    leaf, region = pair["leaf"], pair["region"]
    # The region sleeps, so the frames that escalate stay under way as long as we like.
    region.process.send_signal(signal.SIGSTOP)
    with futures.ThreadPoolExecutor(4) as pool:
        held = [pool.submit(digit, plain(pair, "leaf"), frames[0][0], accept=1.0)
                for _ in range(4)]
        eventually(lambda: status(pair, "leaf")["frames"] == 4, "the frames are under way")
        assert "drains now; 4 frames" in control(pair, "drain", "leaf").stdout
        assert "UNAVAILABLE" in refusal(lambda: digit(plain(pair, "leaf"), frames[0][0]))
        assert leaf.get("/ready")[0] == 503 and leaf.get("/live")[0] == 200
        assert status(pair, "leaf")["draining"]
        region.process.send_signal(signal.SIGCONT)
        assert {facts(answer.result(20))["tier"] for answer in held} == {"regional"}
    assert "0 frames" in control(pair, "drain", "leaf", "--wait").stdout
    assert "takes frames again" in control(pair, "undrain", "leaf").stdout
    assert leaf.get("/ready")[0] == 200
    assert facts(digit(plain(pair, "leaf"), frames[0][0]))
    assert "by=canopy:role:operator" in leaf.await_log("the node drains")


def test_those_who_ask_a_drained_node_hear_of_it_and_ask_nothing_new(pair, frames):
    def unsure():
        with plain(pair, "leaf", fresh=True) as client:
            return digit(client, frames[0][0], accept=1.0)

    control(pair, "drain", "region")
    eventually(lambda: "region drains" in pair["leaf"].said(),
               "a loop of the leaf has heard of it, and told the others")
    assert peer(pair, "leaf", "region")["draining"]
    calls = peer(pair, "leaf", "region")["calls"]
    assert "UNAVAILABLE" in refusal(unsure)
    known = peer(pair, "leaf", "region")
    assert (known["calls"], known["breaker"]) == (calls, "closed")
    control(pair, "undrain", "region")
    eventually(lambda: not peer(pair, "leaf", "region")["draining"], "the leaf has heard of it")
    assert facts(unsure())["tier"] == "regional"


def test_a_breaker_that_is_held_open_is_obeyed_and_seen(pair, frames):
    calls = peer(pair, "leaf", "region")["calls"]
    said = control(pair, "breaker", "leaf", "region", "open", "--for", "10m").stdout
    assert said == "leaf → region: the breaker is open for 10m\n"
    known = peer(pair, "leaf", "region")
    assert known["override"] == "open" and 590_000 < known["override_ms"] <= 600_000
    for _ in range(4):
        with plain(pair, "leaf", fresh=True) as client:
            assert "UNAVAILABLE" in refusal(lambda: digit(client, frames[0][0], accept=1.0))
    assert peer(pair, "leaf", "region")["calls"] == calls
    control(pair, "breaker", "leaf", "region", "auto")
    assert peer(pair, "leaf", "region")["override"] == ""
    with plain(pair, "leaf", fresh=True) as client:
        assert facts(digit(client, frames[0][0], accept=1.0))["tier"] == "regional"
    assert peer(pair, "leaf", "region")["calls"] == calls + 1


def test_an_override_ends_with_its_time(pair):
    control(pair, "breaker", "leaf", "region", "open", "--for", "1s")
    eventually(lambda: peer(pair, "leaf", "region")["override"] == "", "the override is over")
    pair["leaf"].await_log("the breaker of region judges by itself again")


def test_a_breaker_that_is_held_closed_lets_calls_through_whatever_fails(build, frames):
    fleet = operators.certify(build(
        ("leaf", "region"), topologies.digits, operators.operator))
    fleet.start()
    control(fleet, "breaker", "leaf", "region", "close")
    fleet.stop("region", signal.SIGKILL)
    for _ in range(8):
        digit(plain(fleet, "leaf"), frames[0][0], accept=1.0)
    known = peer(fleet, "leaf", "region")
    assert (known["override"], known["breaker"]) == ("closed", "open")
    assert "peer=region" in fleet["leaf"].await_log("region fails: it is not called for")
    fleet.start("region")
    # By itself the breaker would let one call through after a second or more.
    eventually(lambda: facts(digit(plain(fleet, "leaf"), frames[0][0], accept=1.0))["tier"]
               == "regional", "the region is asked again")


def test_a_peer_that_a_node_does_not_call_is_named_as_such(pair):
    refused = control(pair, "breaker", "leaf", "cloud", "open", check=False)
    assert refused.returncode == 1 and "it calls region" in refused.stderr
    refused = control(pair, "breaker", "leaf", "region", "open", "--for", "2d", check=False)
    assert refused.returncode != 0 and "--for" in refused.stderr


def test_a_node_tells_its_neighbours_to_any_client_that_may_use_it(build):
    def sites(plan):
        topologies.identity(plan)
        operators.operator(plan)
        plan["sites"] = {"mill": {"location": [52.5, 13.4]}, "shop": {"location": [40.7, -74.0]},
                         "yard": {"location": [53.6, 10.0]}}
        for name, site in (("leaf", "mill"), ("east", "yard"), ("west", "shop"),
                           ("twin", "mill")):
            plan["nodes"][name].update({"tier": "leaf", "site": site})

    fleet = build(("leaf", "east", "west", "twin"), sites)
    fleet.start("leaf")
    with grpc.insecure_channel(f"127.0.0.1:{fleet['leaf'].plain}") as channel:
        said = channel.unary_unary("/canopy.v1.Discovery/Neighbours")(b"", timeout=10)
    found = [dict(operators.fields(one)) for _, one in operators.fields(said)]
    assert [one[1] for one in found] == [b"leaf", b"twin", b"east", b"west"]
    assert [one[2] for one in found] == [
        f"127.0.0.1:{fleet[name].plain}".encode() for name in ("leaf", "twin", "east", "west")]
