#!/usr/bin/env python3
"""Writes the messages beside this file: each as version 1 writes it, and as a later version might.

`make.py --freeze` first writes `schema.json` from the .proto files as they stand; that is done once,
when a version is released. Needs protobuf, and protoc for freezing.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2, json_format

HERE = Path(__file__).parent
PROTO = HERE.parents[3] / "Sources" / "C" / "CWire" / "proto"
# Between nodes; what goes to a collector of traces is another project's.
FILES = ("inference.proto", "canopy.proto", "health.proto", "rpc.proto", "owing.proto")


def freeze() -> None:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"--proto_path={PROTO}", f"--descriptor_set_out={out.name}",
                        *FILES], check=True)
        described = descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
    (HERE / "schema.json").write_text(json_format.MessageToJson(described, indent=1) + "\n")


def escalation(schema):
    """What a leaf sends up."""
    request = schema("inference.ModelInferRequest")(model_name="meter-digits", id="frame-42")
    request.parameters["timeout"].int64_param = 480_000
    for name, text in (("canopy.class", "realtime"), ("canopy.mode", "wait"),
                       ("canopy.via", "leaf-mill-3"), ("canopy.stream", "camera-1")):
        request.parameters[name].string_param = text
    request.parameters["canopy.sequence"].int64_param = 7
    request.parameters["canopy.accept"].double_param = 0.75
    request.inputs.add(name="image", datatype="UINT8", shape=[2, 3])
    request.raw_input_contents.append(bytes(range(6)))
    return request


def answer(schema):
    """What a regional node answers."""
    response = schema("inference.ModelInferResponse")(model_name="meter-digits", id="frame-42")
    for name, text in (("canopy.tier", "regional"), ("canopy.node", "region-eu-1"),
                       ("canopy.route", "region-eu-1=3.141ms")):
        response.parameters[name].string_param = text
    response.parameters["canopy.bundle"].string_param = "sha256:" + "5a" * 32
    response.parameters["canopy.confidence"].double_param = 0.875
    response.parameters["canopy.accepted"].bool_param = True
    response.outputs.add(name="class", datatype="INT64", shape=[1])
    response.raw_output_contents.append(bytes([9, 0, 0, 0, 0, 0, 0, 0]))
    return response


NOON = 1_700_000_000_123_456_789
EPOCH = 0x0123456789ABCDEF


def result(schema):
    """What a client was told of one frame."""
    return schema("canopy.v1.ResultRecord")(
        task="meter-digits", stream="gate-3", sequence=4711, numbered=True,
        input_hash=bytes(range(16)), tier="leaf", tier_rank=1, node="leaf-mill-3",
        bundle="sha256:" + "9f" * 32, label="7", confidence=0.875, has_confidence=True,
        accepted=True, degraded="upstream_down", approved=True, captured_at=NOON,
        answered_at=NOON + 5_000_000, latency_us=3141, trace=bytes(range(16, 32)),
        request="frame-42")


def records(schema):
    """One record of each kind, as one block."""
    block = schema("canopy.v1.OwedBlock")()

    def add(sequence: int, **body):
        block.records.add(sequence=sequence, at=NOON, clock=(NOON // 1_000_000) << 16 | 3, **body)

    add(1, result=result(schema))
    add(2, escalation=schema("canopy.v1.EscalationRecord")(
        receipt="r-17", answer=result(schema),
        request=escalation(schema).SerializeToString(deterministic=True)))
    telemetry = schema("canopy.v1.TelemetryRecord")(**{"from": NOON, "until": NOON + 60 * 10**9})
    telemetry.latencies.add(name="meter-digits", buckets=[3, 70, 900], counts=[1, 2**40, 5],
                            sum=123_456, least=3, most=99_999)
    telemetry.counts.add(name="canopy_frames_total", count=1800)
    telemetry.incidents.add(kind="breaker-open", subject="region-eu-1", began=NOON,
                            words="5 calls failed")
    add(3, telemetry=telemetry)
    add(4, alert=schema("canopy.v1.AlertRecord")(id="leaf/digits/gate-3/4711", sink="plant",
                                                 json='{"label":"9"}'))
    add(5, gap=schema("canopy.v1.GapRecord")(first=5, last=904, reason="overflow"))
    add(905, audit=schema("canopy.v1.AuditRecord")(
        who="operator", action="drain", subject="leaf-mill-3", words="by hand"))
    return block


def node_report(schema):
    """The first thing that a node says when it reaches the one above it."""
    report = schema("canopy.v1.NodeReport")(
        site="mill-3", node="leaf-mill-3", epoch=EPOCH, version="1.4.2", at=NOON,
        uptime_us=86_400_000_000, ready=True, topology="ab" * 32)
    report.incidents.add(kind="disconnected", subject="region-eu-1", began=NOON, ended=NOON + 1,
                         words="no call came through")
    report.depths.add(queue=1, first=17, next=42, records=25, bytes=2_500_000, dropped=3)
    report.depths.add(queue=2, first=1, next=1)
    return report


def upload_reply(schema):
    reply = schema("canopy.v1.UploadReply")(
        origin=origin(schema), watermark=20, retry_after_us=250_000)
    reply.settlements.add(sequence=17, response=answer(schema).SerializeToString(deterministic=True))
    reply.settlements.add(sequence=18, error="no model here")
    return reply


def origin(schema):
    return schema("canopy.v1.Origin")(site="mill-3", node="leaf-mill-3", epoch=EPOCH, queue=1)


def messages(schema) -> dict:
    peer = "canopy.v1."
    reply = schema(peer + "NodeReportReply")(node="region-eu-1", at=NOON)
    reply.watermarks.add(queue=2, watermark=904)
    return {
        "escalation": escalation(schema),
        "answer": answer(schema),
        "hello": schema(peer + "Hello")(
            node="leaf-mill-3", software="1.4.2", oldest_protocol=1, newest_protocol=1),
        "hello-reply": schema(peer + "HelloReply")(
            node="region-eu-1", software="1.4.2", oldest_protocol=1, newest_protocol=1, protocol=1),
        "load-request": schema(peer + "LoadReportRequest")(interval_us=250_000),
        "load-report": schema(peer + "LoadReport")(
            node="region-eu-1", pending=3, capacity=61, service_time_us=4200,
            ready_tasks=["digits", "meter"], draining=True),
        "feedback": schema(peer + "Feedback")(
            request_id="frame-42", task="digits", label="7",
            labelled_at=1_700_000_000_123_456_789),
        "feedback-reply": schema(peer + "FeedbackReply")(known=True),
        "node-report": node_report(schema),
        "node-report-reply": reply,
        "upload": schema(peer + "UploadBatch")(
            origin=origin(schema), first=17, last=20, sha256=bytes(range(32)), size=300_000,
            block_zstd=bytes(range(64))),
        "upload-reply": upload_reply(schema),
        "owed-block": records(schema),
    }


if __name__ == "__main__":
    if "--freeze" in sys.argv[1:]:
        freeze()
    import schema

    for name, message in messages(schema.frozen()).items():
        (HERE / f"{name}.bin").write_bytes(message.SerializeToString(deterministic=True))
    for name, message in messages(schema.future()).items():
        schema.fill(message)
        (HERE / f"{name}-later.bin").write_bytes(message.SerializeToString(deterministic=True))
