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
FILES = ("inference.proto", "canopy.proto", "health.proto", "rpc.proto")


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


def messages(schema) -> dict:
    peer = "canopy.v1."
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
