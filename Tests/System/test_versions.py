"""Nodes of this version beside nodes of version 1 and of a later one.

The others are played by grpc's own client and server over the frozen schema: a leaf below a region
of this version, and a region above a leaf of it.
"""

from __future__ import annotations

import re
import sys
from concurrent import futures
from contextlib import contextmanager

import grpc
import numpy as np
import pytest
import topologies
from calls import credentials, facts, plain, series
from fleet import ROOT

sys.path.insert(0, str(ROOT / "Tests" / "Golden" / "wire" / "v1"))
import schema  # noqa: E402

PROTO = ROOT / "Sources" / "C" / "CWire" / "proto"
METHOD = "/inference.GRPCInferenceService/ModelInfer"
SCHEMAS = {"version 1": schema.frozen(), "a later version": schema.future()}
VERSIONS = pytest.mark.parametrize("version", SCHEMAS)
SERIES = np.linspace(-1, 1, 24, dtype=np.float32)


# MARK: The schema


def fields(text: str) -> dict[tuple[str, int], tuple[str, str]]:
    """The fields of a .proto file: (message, number) → (name, type)."""
    words = re.findall(r"map<[^>]*>|[\w.]+|[{}=;()]", re.sub(r"//.*", "", text))
    found, where, line = {}, [], []
    for word in words:
        if word == "{":
            # What is inside a `oneof` is the message's own.
            where.append(line[1] if line[0] in ("message", "enum", "service") else "")
            line = []
        elif word == "}":
            where.pop()
            line = []
        elif word == ";":
            if len(line) >= 4 and line[-2] == "=" and line[-1].isdigit():
                owner = ".".join(name for name in where if name)
                found[owner, int(line[-1])] = (line[-3], " ".join(line[:-3]))
            line = []
        else:
            line.append(word)
    return found


TYPES = {"BOOL": "bool", "INT32": "int32", "INT64": "int64", "UINT32": "uint32", "BYTES": "bytes",
         "UINT64": "uint64", "FIXED64": "fixed64", "STRING": "string", "FLOAT": "float",
         "DOUBLE": "double"}


def frozen_fields(message, owner: str = ""):
    """(message, number, name, type) of a message of the schema and of those inside it."""
    name = f"{owner}.{message.name}".strip(".")
    maps = {nested.name for nested in message.nested_type if nested.options.map_entry}
    for field in message.field:
        kind = TYPES.get(field.DESCRIPTOR.enum_types_by_name["Type"].values_by_number[
            field.type].name.removeprefix("TYPE_"), field.type_name.rsplit(".", 1)[-1])
        if kind in maps:
            kind = "map<string, InferParameter>"
        elif field.label == field.LABEL_REPEATED:
            kind = f"repeated {kind}"
        yield name, field.number, field.name, kind
    for nested in message.nested_type:
        if not nested.options.map_entry:
            yield from frozen_fields(nested, name)


@pytest.mark.parametrize("file", schema.files().file, ids=lambda file: file.name)
def test_a_number_once_used_keeps_its_name_and_type(file):
    now = fields((PROTO / file.name).read_text())
    then = [field for message in file.message_type for field in frozen_fields(message)]
    assert then
    for message, number, name, kind in then:
        assert now.get((message, number)) == (name, kind), f"{message}.{name} = {number}"


# MARK: A leaf of another version


def request_of(version: str, **parameters):
    message = SCHEMAS[version]("inference.ModelInferRequest")(model_name="power-demand", id="f-1")
    message.inputs.add(name="series", datatype="FP32", shape=[1, 1, 24])
    for name, value in parameters.items():
        name = f"canopy.{name}" if name != "timeout" else name
        kind = {int: "int64_param", str: "string_param", float: "double_param"}[type(value)]
        setattr(message.parameters[name], kind, value)
    message.raw_input_contents.append(SERIES.tobytes())
    if version != "version 1":
        message.parameters["canopy.later"].string_param = "what version 1 has no word for"
        schema.fill(message)
    return message


def call(fleet, message):
    answers = SCHEMAS["version 1"]("inference.ModelInferResponse")
    with grpc.secure_channel(
            f"127.0.0.1:{fleet['region'].secure}", credentials(fleet.folder, "leaf")) as channel:
        method = channel.unary_unary(
            METHOD, request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answers.FromString)
        return method(message, timeout=20)


@VERSIONS
def test_a_region_answers_a_leaf_of(fleet, version):
    answer = call(fleet, request_of(
        version, timeout=5_000_000, mode="wait", via="leaf", stream="camera-1", sequence=7,
        **{"class": "realtime"}))
    said = {name: getattr(value, value.WhichOneof("parameter_choice"))
            for name, value in answer.parameters.items()}
    assert said["canopy.tier"] == "regional" and said["canopy.node"] == "region"
    assert isinstance(said["canopy.accepted"], bool) and 0 <= said["canopy.confidence"] <= 1
    assert re.fullmatch(r"region=\d+\.\d{3}ms", said["canopy.route"])
    assert {output.name for output in answer.outputs} == {"label", "class", "probability"}
    assert len(answer.raw_output_contents) == len(answer.outputs)


def test_a_region_answers_a_leaf_that_says_nothing_but_the_frame(fleet):
    answer = call(fleet, request_of("version 1"))
    assert answer.id == "f-1" and answer.parameters["canopy.tier"].string_param == "regional"


# MARK: A region of another version


class Region:
    """A node upstream of another version: it notes what comes and gives one answer."""

    def __init__(self, version: str, parameters: dict):
        self.version, self.parameters = version, parameters
        self.came = []

    def answer(self, data: bytes, _context) -> bytes:
        request = SCHEMAS["version 1"]("inference.ModelInferRequest").FromString(data)
        self.came.append(request)
        message = SCHEMAS[self.version]("inference.ModelInferResponse")(
            model_name=request.model_name, id=request.id)
        for name, (kind, value) in self.parameters.items():
            setattr(message.parameters[name], kind, value)
        message.outputs.add(name="class", datatype="INT64", shape=[1])
        message.raw_output_contents.append(np.array([9], "<i8").tobytes())
        if self.version != "version 1":
            schema.fill(message)
        return message.SerializeToString()

    def service(self, call):
        if call.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self.answer)

    @contextmanager
    def serving(self, fleet):
        where = fleet.folder / "certificates"
        server = grpc.server(futures.ThreadPoolExecutor(2))
        server.add_generic_rpc_handlers((self,))
        server.add_secure_port(
            f"127.0.0.1:{fleet['region'].secure}", grpc.ssl_server_credentials(
                [((where / "region.key").read_bytes(), (where / "region.pem").read_bytes())],
                (where / "ca.pem").read_bytes(), require_client_auth=True))
        server.start()
        try:
            yield self
        finally:
            server.stop(None).wait()


def escalated(build, region: Region, frame):
    """What a leaf makes of the answer of this region."""
    fleet = build(("leaf", "region"), topologies.power)
    with region.serving(fleet):
        fleet.start("leaf")
        return plain(fleet, "leaf", fresh=True).infer(
            "power-demand", [frame], request_id="f-1",
            parameters={"canopy.accept": 1.0, "canopy.stream": "camera-1", "canopy.sequence": 7},
            timeout=5_000_000)


@VERSIONS
def test_a_leaf_takes_the_answer_of_a_region_of(build, version):
    region = Region(version, {
        "canopy.tier": ("string_param", "regional"), "canopy.node": ("string_param", "region"),
        "canopy.bundle": ("string_param", "sha256:" + "5a" * 32),
        "canopy.confidence": ("double_param", 0.875), "canopy.accepted": ("bool_param", True),
        "canopy.route": ("string_param", "region=3.141ms")})
    answer = escalated(build, region, series(SERIES))
    said = facts(answer)
    assert said["tier"] == "regional" and said["accepted"] and said["confidence"] == 0.875
    assert re.fullmatch(r"leaf=\d+\.\d{3}ms;region=3\.141ms", said["route"])
    assert answer.as_numpy("class").tolist() == [9] and answer.get_response().id == "f-1"
    # What version 1 reads of the request is all that it needs.
    (request,) = region.came
    assert request.model_name == "power-demand"
    assert request.parameters["canopy.via"].string_param == "leaf"
    assert request.parameters["canopy.mode"].string_param == "wait"
    assert request.parameters["canopy.class"].string_param == "realtime"
    assert 0 < request.parameters["timeout"].int64_param <= 5_000_000
    assert request.parameters["canopy.sequence"].int64_param == 7
    assert request.raw_input_contents[0] == SERIES.tobytes()


def test_a_leaf_takes_an_answer_that_says_nothing_of_itself(build):
    answer = escalated(build, Region("version 1", {}), series(SERIES))
    said = facts(answer)
    assert said["tier"] == "regional" and said["node"] == "region" and said["accepted"]
    assert answer.as_numpy("class").tolist() == [9]
