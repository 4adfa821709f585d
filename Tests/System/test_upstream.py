"""A leaf that has an answer gives it, whatever becomes of the nodes above it, and heals."""

from __future__ import annotations

import signal
import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import topologies
import tritonclient.grpc.service_pb2 as pb
import tritonclient.grpc.service_pb2_grpc as rpc
from calls import digit, facts, plain, refusal, series, stream_all
from conftest import LOOPS
from fleet import eventually, free_port

REASONS = {"upstream_down", "deadline", "overload"}


class Fault:
    """One way to break the region or the link to it, and to mend it."""

    def __init__(self, fleet, relay):
        self.fleet, self.relay, self.region = fleet, relay, fleet["region"]

    def killed(self):
        self.region.process.kill()
        self.region.process.wait(10)

    def wedged(self):
        self.region.process.send_signal(signal.SIGSTOP)

    def holed(self):
        self.relay.say("hole")

    def cut(self):
        self.relay.say("cut")

    def slow(self):
        self.relay.say("set delay 2s")

    def mend(self):
        self.relay.say("set delay 0ms")
        self.relay.say("heal")
        if self.region.process.poll() is not None:
            self.fleet.start("region")
        self.region.process.send_signal(signal.SIGCONT)


def escalates(fleet, jpeg) -> bool:
    """Whether a frame that is never sure enough is answered by the region, whichever of the leaf's
    loops takes it, and no breaker is open."""
    with plain(fleet, "leaf", fresh=True) as client:
        said = facts(digit(client, jpeg, timeout=2, accept=1.0))
    return said["tier"] == "regional" and not fleet["leaf"].metrics()[OPEN]


@pytest.fixture(params=["killed", "wedged", "holed", "cut", "slow"])
def broken(request, linked, frames):
    """The leaf of a fleet that has just escalated well, and whose region is now broken."""
    fleet, relay = linked
    fault = Fault(fleet, relay)
    fault.mend()
    jpeg = frames[0][0]
    eventually(lambda: escalates(fleet, jpeg), "the link is well before it is broken", 30)
    getattr(fault, request.param)()
    yield fleet
    fault.mend()
    eventually(lambda: escalates(fleet, jpeg), "the leaf escalates again after healing", 30)


def test_a_leaf_that_waits_in_vain_gives_its_own_answer_and_says_why(broken, frames):
    client = plain(broken, "leaf")
    for jpeg, _ in frames[:7]:
        begin = time.monotonic()
        said = facts(digit(client, jpeg, timeout=0.6, accept=1.0))
        assert time.monotonic() - begin < 3
        assert said["tier"] == "leaf" and said["accepted"] is False
        assert said["degraded"] in REASONS
    # Frames that the leaf is sure of are untouched by what happens above it.
    said = facts(digit(client, frames[0][0], accept=0.0))
    assert said["accepted"] is True and "degraded" not in said


def test_a_refinement_that_cannot_come_is_replaced_by_the_leafs_answer(broken, frames):
    answers = stream_all(
        plain(broken, "leaf"), [jpeg for jpeg, _ in frames[:5]], mode="refine", accept=1.0)
    for said in answers.values():
        assert 1 <= len(said) <= 2
        assert all(one["tier"] == "leaf" for one in said)
        assert [one["final"] for one in said] == [False] * (len(said) - 1) + [True]
        assert said[-1]["degraded"] in REASONS and said[-1]["accepted"] is False


def test_calls_that_are_cut_off_midway_are_answered_by_the_leaf(linked, frames):
    fleet, relay = linked
    Fault(fleet, relay).mend()
    jpeg = frames[0][0]
    # Each loop has a breaker of its own, and each new connection may meet another loop.
    eventually(lambda: all(escalates(fleet, jpeg) for _ in range(8)), "the link is well", 30)
    before = fleet["leaf"].metrics()[CALLS]
    # The frame has left and its answer is 300 ms away when the connection is reset.
    relay.say("set delay 150ms")
    with futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(digit, plain(fleet, "leaf"), jpeg, timeout=3, accept=1.0)
        eventually(lambda: fleet["leaf"].metrics()[CALLS] > before, "the call is under way")
        relay.say("reset")
        said = facts(answer.result(20))
    relay.say("set delay 0ms")
    assert (said["tier"], said["degraded"]) == ("leaf", "upstream_down")


OPEN = 'canopy_breaker_open{peer="region"}'
CALLS = 'canopy_upstream_calls_total{peer="region",purpose="escalation"}'


def test_a_frame_that_has_come_through_a_node_is_answered_there(fleet, frames):
    jpeg = frames[0][0]
    before = fleet["leaf"].metrics()[CALLS]
    said = facts(digit(plain(fleet, "leaf"), jpeg, accept=1.0, via="region,leaf"))
    assert said["tier"] == "leaf" and said["accepted"] is False and "degraded" not in said
    assert fleet["leaf"].metrics()[CALLS] == before
    said = facts(digit(plain(fleet, "region"), jpeg, accept=1.0, via="leaf,region"))
    assert said["node"] == "region"
    ring = ",".join(f"node{number}" for number in range(9))
    words = refusal(lambda: digit(plain(fleet, "leaf"), jpeg, via=ring))
    assert "INVALID_ARGUMENT" in words and "canopy.via" in words


class Peer(rpc.GRPCInferenceServiceServicer):
    """Another maker's server that notes what it is asked and never answers in time."""

    def __init__(self):
        self.asked = []

    def ModelInfer(self, request, context):
        self.asked.append((request, context.time_remaining()))
        context.abort(grpc.StatusCode.UNAVAILABLE, "not now")


def foreign_region(port: int):
    def change(plan):
        plan["nodes"]["region"] = {
            "tier": "regional", "protocol": "open-inference", "tls": False,
            "address": f"127.0.0.1:{port}"}
        topologies.digits(plan)
        plan["tasks"]["meter-digits"]["regional"] = {"model": "their_digits"}

    return change


def test_what_remains_of_the_deadline_is_forwarded_to_a_foreign_server(build, frames):
    peer, port = Peer(), free_port()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    rpc.add_GRPCInferenceServiceServicer_to_server(peer, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    fleet = build(("leaf",), lambda plan: plan["nodes"].update(region={}), foreign_region(port))
    fleet.start()
    said = facts(digit(plain(fleet, "leaf"), frames[0][0], timeout=5, accept=1.0))
    server.stop(None)
    assert (said["tier"], said["degraded"]) == ("leaf", "upstream_down")
    request, remaining = peer.asked[0]
    stated = request.parameters["timeout"].int64_param / 1e6
    assert request.model_name == "their_digits"
    assert 0 < stated < 5 and 0 < remaining <= stated + 0.01
    assert set(request.parameters) == {"timeout"}


def test_an_expired_frame_is_refused_by_a_node_without_a_model(build, frames):
    relay_port = free_port()
    fleet = build(("leaf",), lambda plan: plan["nodes"].update(region={}),
                  foreign_region(relay_port))
    fleet.start(env={"CANOPY_OPENVINO": "/nonexistent"})
    # Nobody listens upstream: time is over before that is known, or it is known at once.
    words = refusal(lambda: digit(plain(fleet, "leaf"), frames[0][0], timeout=1e-6))
    assert "DEADLINE_EXCEEDED" in words and "allow more time" in words


def test_a_leaf_without_its_runtime_says_what_to_run_and_hands_frames_on(build, frames):
    fleet = build(("leaf", "region"), topologies.digits)
    fleet.start("region")
    fleet.start("leaf", env={"CANOPY_OPENVINO": "/nonexistent"})
    assert "Tools/setup" in fleet["leaf"].await_log("is not served")
    client = plain(fleet, "leaf")
    for jpeg, _ in frames[:5]:
        said = facts(digit(client, jpeg))
        assert said["tier"] == "regional" and said["route"].startswith("leaf=")
    fleet.stop("region")
    words = refusal(lambda: digit(client, frames[0][0]))
    assert "UNAVAILABLE" in words and "no node upstream answers" in words


@LOOPS
def test_with_two_regions_the_loss_of_one_costs_no_answer(build, frames, loops):
    fleet = build(("leaf", "region", "second"), topologies.digits, loops=loops)
    fleet.start()
    client, seen = plain(fleet, "leaf"), set()
    for jpeg, _ in frames[:20]:
        seen.add(facts(digit(client, jpeg, accept=1.0))["node"])
    lost = seen.pop()
    fleet[lost].process.kill()
    for jpeg, _ in frames[:10]:
        said = facts(digit(client, jpeg, accept=1.0))
        assert said["tier"] == "regional" and said["node"] != lost and "degraded" not in said


def test_a_short_deadline_is_kept_though_the_region_is_slow(linked, frames):
    fleet, relay = linked
    fault = Fault(fleet, relay)
    fault.mend()
    eventually(lambda: escalates(fleet, frames[0][0]), "the link is well", 30)
    relay.say("set delay 2s")
    client = plain(fleet, "leaf")
    for number in range(5):
        begin = time.monotonic()
        said = facts(client.infer(
            "power-demand", [series(np.linspace(0, number, 24))], client_timeout=20,
            timeout=250_000, parameters={"canopy.accept": 1.0}))
        assert time.monotonic() - begin < 2
        assert said["tier"] == "leaf" and said["degraded"] in REASONS
    fault.mend()
    eventually(lambda: escalates(fleet, frames[0][0]), "the leaf escalates again", 30)
