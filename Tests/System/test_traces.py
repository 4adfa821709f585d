"""One trace across all tiers, as an OpenTelemetry collector sees it."""

from __future__ import annotations

import signal

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
