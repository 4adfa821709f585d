#!/usr/bin/env python3
"""Writes the golden messages beside this file with other people's generated protobufs.

Needs: pip install 'tritonclient[grpc,http]' grpcio-health-checking googleapis-common-protos
opentelemetry-proto
"""
import pathlib
import struct

import numpy
import tritonclient.http as rest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from tritonclient.grpc import model_config_pb2, service_pb2

HERE = pathlib.Path(__file__).parent


def write(name, message):
    data = message if isinstance(message, bytes) else message.SerializeToString(deterministic=True)
    (HERE / f"{name}.bin").write_bytes(data)


def parameters(target):
    target["a.bool"].bool_param = True
    target["b.int64"].int64_param = -5
    target["c.string"].string_param = "wärme"
    target["d.double"].double_param = 0.25
    target["e.uint64"].uint64_param = 2**64 - 1


def raw_request():
    request = service_pb2.ModelInferRequest(
        model_name="meter-digits", model_version="sha256:9f2c", id="frame-42")
    parameters(request.parameters)
    request.inputs.add(name="image", datatype="FP32", shape=[2, 3])
    names = request.inputs.add(name="names", datatype="BYTES", shape=[2])
    names.parameters["canopy.encoding"].string_param = "base64"
    digit = request.outputs.add(name="digit")
    digit.parameters["classification"].int64_param = 3
    request.outputs.add(name="score")
    request.raw_input_contents.append(struct.pack("<6f", 0, 1, -1.5, 3e38, 1e-40, 0.1))
    request.raw_input_contents.append(
        struct.pack("<I", 2) + b"hi" + struct.pack("<I", 0))
    return request


def typed_request():
    request = service_pb2.ModelInferRequest(model_name="all-types")

    def add(datatype, field, values):
        tensor = request.inputs.add(
            name=datatype.lower(), datatype=datatype, shape=[len(values)])
        getattr(tensor.contents, field).extend(values)

    add("BOOL", "bool_contents", [True, False, True])
    add("INT8", "int_contents", [-128, 127])
    add("INT16", "int_contents", [-32768, 32767])
    add("INT32", "int_contents", [-(2**31), 2**31 - 1])
    add("INT64", "int64_contents", [-(2**63), 2**63 - 1])
    add("UINT8", "uint_contents", [0, 255])
    add("UINT16", "uint_contents", [0, 65535])
    add("UINT32", "uint_contents", [0, 2**32 - 1])
    add("UINT64", "uint64_contents", [0, 2**64 - 1])
    add("FP32", "fp32_contents", [1.5, -0.0])
    add("FP64", "fp64_contents", [0.1, 1e300])
    add("BYTES", "bytes_contents", [b"", b"\x00\xff", b"meter"])
    return request


def response():
    answer = service_pb2.ModelInferResponse(
        model_name="meter-digits", model_version="sha256:9f2c", id="frame-42")
    parameters(answer.parameters)
    digit = answer.outputs.add(name="digit", datatype="INT64", shape=[1])
    digit.parameters["labels"].string_param = "0-9"
    answer.outputs.add(name="scores", datatype="FP32", shape=[1, 2])
    answer.raw_output_contents.append(struct.pack("<q", 7))
    answer.raw_output_contents.append(struct.pack("<2f", 0.75, 0.25))
    return answer


def config():
    answer = service_pb2.ModelConfigResponse()
    answer.config.name = "meter-digits"
    answer.config.platform = "canopy"
    answer.config.backend = "openvino"
    answer.config.max_batch_size = 8
    answer.config.input.add(
        name="image", data_type=model_config_pb2.TYPE_UINT8, dims=[-1, 28, 1])
    answer.config.output.add(name="label", data_type=model_config_pb2.TYPE_STRING, dims=[1])
    answer.config.model_transaction_policy.decoupled = True
    return answer


def status():
    retry = any_pb2.Any()
    retry.Pack(error_details_pb2.RetryInfo(
        retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000)))
    return status_pb2.Status(code=8, message="budget", details=[retry])


def export():
    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add()
    spans.resource.attributes.add(key="service.name").value.string_value = "leaf-mill-3"
    scope = spans.scope_spans.add()
    scope.scope.name = "canopy"
    scope.scope.version = "1.0"
    span = scope.spans.add(
        trace_id=bytes(range(16)), span_id=bytes(range(8)), parent_span_id=bytes(range(8, 16)),
        name="infer", kind=2, start_time_unix_nano=1_700_000_000_000_000_000,
        end_time_unix_nano=1_700_000_000_001_000_000, flags=1)
    span.attributes.add(key="task").value.string_value = "meter-digits"
    span.attributes.add(key="accepted").value.bool_value = False
    span.attributes.add(key="pending").value.int_value = -3
    span.attributes.add(key="confidence").value.double_value = 0.5
    span.status.code = 2
    span.status.message = "deadline"
    scope.spans.add(
        trace_id=bytes(range(16)), span_id=bytes([1] * 8), name="root", kind=1,
        start_time_unix_nano=1, end_time_unix_nano=2)
    return request


def node_export():
    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add()
    for key, value in [("service.name", "canopy"), ("service.instance.id", "leaf-mill-3"),
                       ("service.version", "1.0")]:
        spans.resource.attributes.add(key=key).value.string_value = value
    scope = spans.scope_spans.add()
    scope.scope.name = "canopy"
    scope.scope.version = "1.0"
    span = scope.spans.add(
        trace_id=bytes(range(16)), span_id=bytes(range(8)), parent_span_id=bytes(range(8, 16)),
        name="infer", kind=2, start_time_unix_nano=1_700_000_000_000_000_000,
        end_time_unix_nano=1_700_000_000_001_000_000, flags=1)
    span.attributes.add(key="task").value.string_value = "meter-digits"
    span.status.code = 2
    span.status.message = "deadline"
    return request


def rest_request(binary):
    image = rest.InferInput("image", [2, 3], "FP32")
    image.set_data_from_numpy(
        numpy.array([[0, 1, -1.5], [3e38, 1e-40, 0.1]], numpy.float32), binary_data=binary)
    names = rest.InferInput("names", [2], "BYTES")
    names.set_data_from_numpy(numpy.array([b"hi", b""], object), binary_data=binary)
    digit = rest.InferRequestedOutput("digit", binary_data=binary)
    return rest.InferenceServerClient.generate_request_body(
        [image, names], outputs=[digit], request_id="frame-42",
        parameters={"canopy.stream": "cam-1"})


raw = raw_request()
write("request-raw", raw)
write("request-typed", typed_request())
# Raw contents first, everything else behind them: legal, and what no common writer does.
front = service_pb2.ModelInferRequest(raw_input_contents=raw.raw_input_contents[:1])
middle = service_pb2.ModelInferRequest()
middle.CopyFrom(raw)
del middle.raw_input_contents[:]
back = service_pb2.ModelInferRequest(raw_input_contents=raw.raw_input_contents[1:])
write("request-raw-first", b"".join(
    part.SerializeToString(deterministic=True) for part in (front, middle, back)))
write("response", response())
write("stream-response", service_pb2.ModelStreamInferResponse(infer_response=response()))
write("stream-error", service_pb2.ModelStreamInferResponse(
    error_message="no such model", infer_response=service_pb2.ModelInferResponse(id="7")))
write("reference", service_pb2.ModelReadyRequest(name="meter-digits", version="3"))
write("ready", service_pb2.ModelReadyResponse(ready=True))
write("server-metadata", service_pb2.ServerMetadataResponse(
    name="canopy", version="1.0", extensions=["model_configuration", "parameters"]))
write("model-metadata", service_pb2.ModelMetadataResponse(
    name="meter-digits", versions=["1", "2"], platform="canopy",
    inputs=[dict(name="image", datatype="UINT8", shape=[-1, 28, 28, 1])],
    outputs=[dict(name="label", datatype="BYTES", shape=[-1, 1])]))
write("model-config", config())
write("health-request", health_pb2.HealthCheckRequest(service="inference"))
write("health-response", health_pb2.HealthCheckResponse(status=2))
write("status", status())
write("trace-export", export())
write("node-export", node_export())
body, _ = rest_request(binary=False)
write("rest-json", body if isinstance(body, bytes) else body.encode())
body, length = rest_request(binary=True)
write("rest-binary", body)
assert length == 301, "JSONTests states the header's length"
