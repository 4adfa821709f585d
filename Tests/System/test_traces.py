"""One trace across all tiers, as an OpenTelemetry collector sees it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import grpc
import pytest
import topologies
import tritonclient.grpc.service_pb2_grpc as rpc
from calls import digit, image, message, plain, refusal
from collector import Collector
from fleet import eventually

SERVER, CLIENT, INTERNAL = 2, 3, 1


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def traced(request, tmp_path_factory):
    """Three tiers that send every frame's spans to a collector."""
    folder = tmp_path_factory.mktemp("traced")
    with Collector() as collector:
        def change(plan):
            plan["telemetry"] = {"otlp": f"http://127.0.0.1:{collector.port}", "sample": "100%"}

        with topologies.three_tiers(folder, change, loops=request.param) as fleet:
            fleet.start()
            yield fleet, collector


SKEW = 5  # seconds that each tier's clock is ahead of the tier below


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def skewed(request, tmp_path_factory):
    """Three tiers whose times of day are 0, 5 and 10 s ahead of this machine's."""
    folder = tmp_path_factory.mktemp("skewed")
    shim = folder / "clock_offset.so"
    compiler = shutil.which("clang") or shutil.which("cc")
    source = Path(__file__).with_name("clock_offset.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, source], check=True)
    with Collector() as collector:
        def change(plan):
            plan["telemetry"] = {"otlp": f"http://127.0.0.1:{collector.port}", "sample": "100%"}

        with topologies.three_tiers(folder, change, loops=request.param) as fleet:
            for ahead, name in enumerate(("leaf", "region", "cloud")):
                fleet.start(name, env={
                    **os.environ, "LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(ahead * SKEW)})
            yield fleet, collector


def node(span) -> str:
    return dict(span.attributes).get("canopy.node", "")


def servers(spans) -> dict[str, object]:
    """The spans of frames, by node."""
    return {node(span): span for span in spans if span.kind == SERVER}


MS = 1_000_000


def check(spans) -> None:
    """Every span is whole: a parent that is there, and that it lies within."""
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    for span in spans:
        assert span.start <= span.end
        if parent := by_id.get(span.parent):
            # Lengths are monotonic, starts are of the wall clock, which may be slewed meanwhile.
            assert parent.start - MS <= span.start and span.end <= parent.end + MS, (
                f"{span.name} is not within {parent.name}")


def complete(collector, known: set[str]) -> list:
    """The spans of a trace that is not known yet, once all three tiers have told theirs."""
    for span in list(collector.spans):
        if span.trace not in known:
            found = collector.trace(span.trace)
            if set(servers(found)) == {"leaf", "region", "cloud"}:
                return found
    return []


def check_chain(spans, root_parent: str) -> None:
    """leaf's frame ⊃ its call ⊃ region's frame ⊃ its call ⊃ cloud's frame."""
    check(spans)
    frame = servers(spans)
    by_id = {span.id: span for span in spans}
    assert frame["leaf"].parent == root_parent
    for lower, upper in (("leaf", "region"), ("region", "cloud")):
        call = by_id[frame[upper].parent]
        assert call.kind == CLIENT and call.parent == frame[lower].id
    inferences = [span for span in spans if span.kind == INTERNAL]
    assert {span.parent for span in inferences} == {span.id for span in frame.values()}


def test_one_trace_joins_the_spans_of_all_tiers(traced, frames):
    fleet, collector = traced
    known = {span.trace for span in collector.spans}
    digit(plain(fleet, "leaf"), frames[0][0], accept=1.0)
    spans = eventually(lambda: complete(collector, known), "a trace of three tiers")
    assert len({span.trace for span in spans}) == 1
    check_chain(spans, root_parent="")


def test_a_node_connects_once_to_its_collector(traced, frames):
    fleet, collector = traced
    batches, connections = collector.batches, collector.connections
    client = plain(fleet, "leaf")
    for number in range(4):
        digit(client, frames[number][0], accept=1.0)
        seen = collector.batches
        eventually(lambda seen=seen: collector.batches > seen, "another second's spans")
    assert collector.batches - batches >= 4
    assert collector.connections - connections <= 3


def test_a_callers_trace_goes_on_through_all_tiers(traced, frames):
    fleet, collector = traced
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    plain(fleet, "leaf").infer(
        "meter-digits", [image(frames[1][0])], parameters={"canopy.accept": 1.0},
        headers={"traceparent": f"00-{trace}-{parent}-01"})
    eventually(lambda: len(servers(collector.trace(trace))) == 3, "all tiers have told")
    check_chain(collector.trace(trace), root_parent=parent)


def test_a_caller_who_is_not_sampled_makes_no_spans(traced, frames):
    fleet, collector = traced
    trace = "4bf92f3577b34da6a3ce929d0e0e4737"
    plain(fleet, "leaf").infer(
        "meter-digits", [image(frames[1][0])],
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    later = "4bf92f3577b34da6a3ce929d0e0e4738"
    plain(fleet, "leaf").infer(
        "meter-digits", [image(frames[1][0])],
        headers={"traceparent": f"00-{later}-00f067aa0ba902b7-01"})
    eventually(lambda: collector.trace(later), "a later frame's spans have come")
    assert not collector.trace(trace)


def test_a_traceparent_that_is_none_begins_a_new_trace(traced, frames):
    fleet, collector = traced
    known = {span.trace for span in collector.spans}
    for wrong in ("", "00-zz-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"):
        plain(fleet, "leaf").infer(
            "meter-digits", [image(frames[2][0])], parameters={"canopy.accept": 0.0},
            headers={"traceparent": wrong})

    def fresh():
        found = [span for span in list(collector.spans)
                 if span.trace not in known and span.kind == SERVER]
        return found if len(found) >= 3 else None

    found = eventually(fresh, "three new traces")
    assert len({span.trace for span in found}) == 3
    assert all(span.parent == "" and span.trace != "0" * 32 for span in found)


def test_a_refined_frame_lasts_until_its_last_answer(traced, frames):
    fleet, collector = traced
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4739", "00f067aa0ba902b7"
    plain(fleet, "leaf").infer(
        "meter-digits", [image(frames[1][0])],
        parameters={"canopy.accept": 1.0, "canopy.mode": "refine"},
        headers={"traceparent": f"00-{trace}-{parent}-01"})
    eventually(lambda: len(servers(collector.trace(trace))) == 3, "all tiers have told")
    check_chain(collector.trace(trace), root_parent=parent)


def test_a_refused_frame_is_a_failed_span(traced, frames):
    fleet, collector = traced
    known = {span.trace for span in collector.spans}
    assert refusal(lambda: digit(plain(fleet, "leaf"), frames[0][0][:700]))

    def failed():
        return [span for span in list(collector.spans) if span.trace not in known and span.failed]

    assert node(eventually(failed, "a failed span")[0]) == "leaf"


def own_times(spans) -> int:
    """The sum of what each span spent beside its children, in nanoseconds. What of a child lies
    outside its parent counts twice, so that only spans that nest add up to their root."""
    total = sum(span.end - span.start for span in spans)
    by_id = {span.id: span for span in spans}
    for span in spans:
        if parent := by_id.get(span.parent):
            total -= max(0, min(span.end, parent.end) - max(span.start, parent.start))
    return total


def test_spans_nest_and_add_up_although_clocks_differ_by_seconds(skewed, frames):
    fleet, collector = skewed
    # More than enough answers for the nodes to know how long the way up takes.
    traces = [f"4bf92f3577b34da6a3ce929d0e0e48{number:02x}" for number in range(24)]
    for trace in traces:
        plain(fleet, "leaf").infer(
            "meter-digits", [image(frames[1][0])], parameters={"canopy.accept": 1.0},
            headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    for trace in traces:
        eventually(lambda: len(servers(collector.trace(trace))) == 3, "all tiers have told")
        spans = collector.trace(trace)
        check_chain(spans, root_parent="00f067aa0ba902b7")
        root = servers(spans)["leaf"]
        assert abs(own_times(spans) - (root.end - root.start)) < MS
        for name, ahead in (("region", SKEW), ("cloud", 2 * SKEW)):
            told = dict(servers(spans)[name].numbers)["canopy.clock_ahead_ms"]
            # What is not the clocks' is the way up: far less than a second, however slow the day.
            assert abs(told - ahead * 1_000) < 1_000
        assert "canopy.clock_ahead_ms" not in dict(root.numbers)


def test_a_client_cannot_set_the_time_of_spans(traced, frames):
    fleet, collector = traced
    trace = "4bf92f3577b34da6a3ce929d0e0e473b"
    plain(fleet, "leaf").infer(
        "meter-digits", [image(frames[1][0])], parameters={"canopy.accept": 1.0},
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "tracestate": "canopy=1"})
    eventually(lambda: len(servers(collector.trace(trace))) == 3, "all tiers have told")
    check_chain(collector.trace(trace), root_parent="00f067aa0ba902b7")
    assert all(span.start > 1_700_000_000 * 10**9 for span in collector.trace(trace))


def test_a_node_without_a_collector_hands_the_trace_on(build, frames):
    """The leaf and the cloud tell of a frame; the region between them does not."""
    with Collector() as collector:
        fleet = build(("leaf", "region", "cloud"), topologies.digits)
        told = {**fleet.plan, "telemetry": {"otlp": f"http://127.0.0.1:{collector.port}"}}
        fleet.start("region", ready=False)
        fleet.plan = told
        fleet.topology = fleet.folder / "told.yaml"
        fleet.write()
        fleet.start("leaf", "cloud", ready=False)
        for name in fleet.nodes:
            fleet.await_ready(name)
        trace, parent = "4bf92f3577b34da6a3ce929d0e0e473c", "00f067aa0ba902b7"
        plain(fleet, "leaf").infer(
            "meter-digits", [image(frames[1][0])], parameters={"canopy.accept": 1.0},
            headers={"traceparent": f"00-{trace}-{parent}-01", "tracestate": "congo=t61rcWkgMzE"})
        eventually(lambda: set(servers(collector.trace(trace))) == {"leaf", "cloud"},
                   "leaf and cloud have told")
    spans = collector.trace(trace)
    check(spans)
    by_id = {span.id: span for span in spans}
    # The region makes no span, so the cloud's lies beneath the leaf's call.
    call = by_id[servers(spans)["cloud"].parent]
    assert call.kind == CLIENT and call.parent == servers(spans)["leaf"].id


def test_an_audit_has_its_span_too(build, frames):
    with Collector() as collector:
        def change(plan):
            topologies.digits(plan, escalate={"audit": "100%"})
            plan["telemetry"] = {"otlp": f"http://127.0.0.1:{collector.port}", "sample": "100%"}

        fleet = build(("leaf", "region"), change)
        fleet.start()
        digit(plain(fleet, "leaf"), frames[0][0], accept=0.0)
        eventually(lambda: set(servers(collector.spans)) == {"leaf", "region"}
                   and any(span.name.startswith("audit") for span in collector.spans),
                   "both have told")
    by_id = {span.id: span for span in collector.spans}
    frame = servers(collector.spans)
    audit = by_id[frame["region"].parent]
    # The caller has its answer before the audit begins, so the audit outlasts the frame.
    assert audit.kind == CLIENT and audit.parent == frame["leaf"].id
    assert frame["leaf"].end <= audit.start <= frame["region"].start
    assert frame["region"].end <= audit.end


def test_a_frame_whose_caller_has_gone_is_a_failed_span(traced, frames):
    fleet, collector = traced
    trace = "4bf92f3577b34da6a3ce929d0e0e473a"
    fleet["region"].process.send_signal(signal.SIGSTOP)
    try:
        channel = grpc.insecure_channel(f"127.0.0.1:{fleet['leaf'].plain}")
        request = message(frames[0][0])
        request.parameters["canopy.accept"].double_param = 1.0
        call = rpc.GRPCInferenceServiceStub(channel).ModelInfer.future(
            request, metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
        eventually(lambda: fleet["leaf"].metrics()["canopy_frames_under_way"] == 1, "under way")
        call.cancel()
        span = eventually(lambda: servers(collector.trace(trace)).get("leaf"), "the leaf has told")
    finally:
        fleet["region"].process.send_signal(signal.SIGCONT)
    assert span.failed
    channel.close()


def test_a_collector_that_is_away_costs_no_frame(build, frames):
    with Collector() as collector:
        def change(plan):
            topologies.digits(plan)
            plan["telemetry"] = {"otlp": f"http://127.0.0.1:{collector.port}", "sample": "100%"}

        fleet = build(("leaf",), change)
    fleet.start()
    assert digit(plain(fleet, "leaf"), frames[0][0])
    fleet["leaf"].await_log("spans are not taken")
    assert digit(plain(fleet, "leaf"), frames[0][0])
    assert fleet.stop("leaf") == 0
