"""Nothing that a caller sends takes more of a node than the topology allows."""

from __future__ import annotations

import json
import random
import shutil
import struct
import time
import zlib
from concurrent import futures

import numpy as np
import pytest
import raw
import topologies
from calls import digit, echo, image, label, plain, refusal, tensor
from fleet import MODELS, bundle_id, eventually

MIB = 1 << 20
BUDGET = 16 * MIB
LARGEST = 4 * MIB


def bounded(plan):
    """A small leaf: 16 MiB of frames, 4 MiB for one, ten megapixels."""
    topologies.digits(plan)
    topologies.identity(plan)
    plan["nodes"]["leaf"] |= {
        "budget": {"bytes": BUDGET},
        "limits": {"message": LARGEST, "pixels": 10_000_000, "streams": 256,
                   "connections": 2100, "header_time": "1s", "request": "30s"}}


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def leaf(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bounds")
    with topologies.make(folder, ("leaf",), bounded, loops=request.param) as fleet:
        fleet.start()
        yield fleet


def alive(fleet, frames) -> bool:
    """Whether the node still answers others."""
    return bool(label(digit(plain(fleet, "leaf"), frames[0][0])))


def crowd(node, first: bytes, count: int = 1000) -> list:
    """Connections that each sent `first`, and stay."""
    sockets = []
    for _ in range(count):
        sockets.append(raw.connect(node.plain))
        sockets[-1].sendall(first)
    return sockets


def rest_promise(size: int) -> bytes:
    return (b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: a\r\ncontent-length: "
            + str(size).encode() + b"\r\n\r\n{")


@pytest.mark.parametrize("size", [2 << 30, LARGEST], ids=["two GiB", "as much as one may"])
@pytest.mark.parametrize("make", [raw.promise, rest_promise], ids=["grpc", "rest"])
def test_a_thousand_promises_take_no_more_than_the_byte_budget(leaf, frames, make, size):
    node = leaf["leaf"]
    # As many connections that promise nothing take some 17 KB each: what comes on top is counted.
    for one in crowd(node, make(1)):
        one.close()
    eventually(lambda: node.metrics()["canopy_request_bytes"] == 0, "the small ones are gone")
    before = node.resident()
    crowded = crowd(node, make(size))
    try:
        refused = sum(is_refused(one, make) for one in crowded[-200:])
        assert refused >= 200 - BUDGET // LARGEST
        assert node.metrics()["canopy_request_bytes"] <= BUDGET
        grown = node.resident() - before
        assert grown <= BUDGET, f"{grown >> 10} KiB"
        if size > LARGEST:
            # Those promises hold nothing, so others are served.
            assert alive(leaf, frames)
    finally:
        for one in crowded:
            one.close()
    eventually(lambda: node.metrics()["canopy_request_bytes"] == 0, "what was held is free")
    assert alive(leaf, frames)


def is_refused(connection, make) -> bool:
    """Whether a connection was told that its message is too large or that there is no room."""
    if make is raw.promise:
        # RESOURCE_EXHAUSTED is 8.
        return raw.Frames(connection).answer()["grpc-status"] == "8"
    said = raw.read_until(connection, b"\r\n\r\n")
    return said.split(b" ")[1] in (b"413", b"429")


def test_a_message_over_the_limit_is_refused_with_both_sizes(leaf):
    words = refusal(lambda: plain(leaf, "leaf").infer("echo", [echo(5 * MIB)]))
    assert "RESOURCE_EXHAUSTED" in words and str(LARGEST) in words
    sizes = [int(word) for word in words.replace(",", " ").split() if word.isdigit()]
    assert any(size > 5 * MIB for size in sizes)
    assert plain(leaf, "leaf").infer("echo", [echo(3 * MIB)])


def test_a_body_over_the_limit_is_refused_with_both_sizes(leaf):
    connection = raw.connect(leaf["leaf"].plain)
    connection.sendall(rest_promise(5 * MIB))
    said = raw.read_until(connection, b"\r\n\r\n") + raw.read_all(connection, 0.2)
    assert b" 413 " in said and str(5 * MIB).encode() in said and str(LARGEST).encode() in said


def test_headers_over_the_limit_are_refused(leaf, frames):
    connection = raw.connect(leaf["leaf"].plain)
    connection.sendall(b"GET /live HTTP/1.1\r\nx: " + b"a" * 30_000 + b"\r\n\r\n")
    assert b" 431 " in raw.read_until(connection, b"\r\n\r\n")
    words = refusal(lambda: plain(leaf, "leaf").infer(
        "echo", [echo()], headers={"x": "a" * 30_000}))
    assert "RESOURCE_EXHAUSTED" in words or "INTERNAL" in words
    assert alive(leaf, frames)


def png(width: int, height: int) -> bytes:
    """A PNG that claims so many pixels and has none."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b""))


def test_an_image_of_a_hundred_megapixels_is_refused_by_its_header(leaf):
    before = leaf["leaf"].resident()
    words = refusal(lambda: digit(plain(leaf, "leaf"), png(10_000, 10_000)))
    assert "INVALID_ARGUMENT" in words and "10000 × 10000" in words and "10000000" in words
    assert leaf["leaf"].resident() - before < 50 * MIB


def test_a_damaged_frame_is_its_senders_alone(leaf, frames):
    jpeg = frames[0][0]
    client = plain(leaf, "leaf")
    for cut in (3, 20, 150, 300, 500, 700, 2000):
        assert "INVALID_ARGUMENT" in refusal(lambda: digit(client, jpeg[:cut]))
        for _ in range(3):
            assert digit(client, jpeg)


def rubbish() -> dict[str, bytes]:
    random.seed(20)
    hello = raw.PREFACE + raw.frame(raw.SETTINGS)
    call = raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.grpc_headers())
    body = b"\0" + struct.pack(">I", 20) + random.randbytes(20)
    return {
        "random bytes": random.randbytes(5000),
        "half a preface": raw.PREFACE[:10],
        "random frames": hello + random.randbytes(5000),
        "a frame cut short": hello + call[:20],
        "a message cut short": hello + call + raw.frame(raw.DATA, 1, 1, body[:10]),
        "a message that is no protobuf": hello + call + raw.frame(raw.DATA, 1, 1, body),
        "a flag that gRPC does not know": hello + call + raw.frame(raw.DATA, 1, 1, b"\7" + body),
        "a frame that is too large": hello + raw.frame(raw.DATA, 0, 1, b"a" * 20_000),
        "data before a call": hello + raw.frame(raw.DATA, 0, 5, b"abc"),
        "continuation without end": hello + raw.frame(raw.HEADERS, 0, 1, raw.grpc_headers())
        + raw.frame(raw.CONTINUATION, 0, 1, raw.block([("a", "b" * 1000)])) * 100,
        "resets without end": hello + b"".join(
            raw.frame(raw.HEADERS, raw.END_HEADERS, stream, raw.grpc_headers())
            + raw.frame(raw.RESET, 0, stream, b"\0\0\0\x08") for stream in range(1, 8001, 2)),
        "pings without end": hello + raw.frame(raw.PING, 0, 0, b"12345678") * 20_000,
        "settings without end": hello + raw.frame(raw.SETTINGS) * 20_000,
        "empty data without end": hello + call + raw.frame(raw.DATA, 0, 1) * 20_000,
        "HTTP/1.1 with two lengths":
            b"POST /v2 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "HTTP/1.1 with length and chunks":
            b"POST /v2 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n"
            b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 with a chunk without end":
            b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: a\r\n"
            b"transfer-encoding: chunked\r\n\r\n" + b"f" * 30,
        "JSON that is none":
            b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"
            b'{"inputs"',
        "JSON without bottom":
            b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n"
            + b"[" * 100_000,
    }


@pytest.mark.parametrize("name", list(rubbish()))
def test_rubbish_harms_nobody_but_its_sender(leaf, frames, name):
    connection = raw.connect(leaf["leaf"].plain)
    try:
        connection.sendall(rubbish()[name])
    except (BrokenPipeError, ConnectionResetError):
        pass
    raw.read_all(connection, 0.2)
    connection.close()
    assert leaf["leaf"].process.poll() is None
    assert alive(leaf, frames)
    eventually(lambda: leaf["leaf"].metrics()["canopy_request_bytes"] == 0, "nothing is held")


def test_random_bytes_in_a_call_are_refused_as_the_callers_fault(leaf):
    random.seed(21)
    for _ in range(50):
        body = random.randbytes(random.randrange(1, 200))
        sent = (raw.PREFACE + raw.frame(raw.SETTINGS)
                + raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.grpc_headers())
                + raw.frame(raw.DATA, 1, 1, b"\0" + struct.pack(">I", len(body)) + body))
        connection = raw.connect(leaf["leaf"].plain)
        connection.sendall(sent)
        answer = raw.Frames(connection).answer()
        connection.close()
        # INVALID_ARGUMENT, or NOT_FOUND where the bytes happened to be a message.
        assert answer["grpc-status"] in ("3", "5"), body.hex()


def test_a_head_that_does_not_end_is_cut_off(leaf):
    unfinished = raw.frame(raw.HEADERS, 0, 1, raw.grpc_headers())
    held = []
    for first in (b"", b"GET /live HTTP/1.1\r\nhost:", raw.PREFACE[:20], raw.PREFACE,
                  raw.PREFACE + raw.frame(raw.SETTINGS) + unfinished):
        held.append(raw.connect(leaf["leaf"].plain))
        held[-1].sendall(first)
    began = time.monotonic()
    for connection in held:
        # A second by the topology; what is said before the end is a 408, or frames of HTTP/2.
        raw.read_all(connection, 15)
        connection.close()
    assert time.monotonic() - began < 12


def test_a_client_that_promises_and_sleeps_loses_its_bytes(leaf):
    """Sixteen KiB a second must come, after five seconds of grace."""
    connection = raw.connect(leaf["leaf"].plain)
    connection.sendall(raw.promise(LARGEST))
    eventually(lambda: leaf["leaf"].metrics()["canopy_request_bytes"] == LARGEST, "it holds")
    eventually(lambda: leaf["leaf"].metrics()["canopy_request_bytes"] == 0, "it was freed")
    connection.close()


def test_streams_beyond_the_limit_of_a_connection_are_refused_alone(leaf, frames):
    connection = raw.connect(leaf["leaf"].plain)
    sent = raw.PREFACE + raw.frame(raw.SETTINGS)
    half = b"\0" + struct.pack(">I", 64) + b"a" * 32
    for stream in range(1, 601, 2):
        sent += raw.frame(raw.HEADERS, raw.END_HEADERS, stream, raw.grpc_headers())
        sent += raw.frame(raw.DATA, 0, stream, half)
    connection.sendall(sent)
    heard, refused = raw.Frames(connection), []
    while len(refused) < 300 - 256:
        kind, _, stream, payload = heard.next()
        assert kind != raw.GOAWAY
        if kind == raw.RESET:
            # REFUSED_STREAM (RFC 9113, 7): the client may try again.
            assert payload == b"\0\0\0\x07"
            refused.append(stream)
    assert refused == list(range(513, 601, 2))
    assert alive(leaf, frames)
    connection.close()


def test_three_hundred_calls_at_once_on_one_connection_are_answered(leaf):
    client = plain(leaf, "leaf")
    with futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: client.infer("echo", [echo()]), range(300)))
    assert len(answers) == 300


def test_connections_beyond_the_limit_are_closed_and_counted(build):
    def few(plan):
        topologies.identity(plan)
        plan["nodes"]["leaf"]["limits"] = {"connections": 5}

    fleet = build(("leaf",), few)
    fleet.start()
    node = fleet["leaf"]
    held = [raw.connect(node.plain) for _ in range(5)]
    eventually(lambda: is_turned_away(node), "a further connection is closed")
    held.pop().close()
    eventually(lambda: not is_turned_away(node), "there is room again")
    for one in held:
        one.close()
    eventually(lambda: not is_turned_away(node), "there is room again")
    assert node.metrics()["canopy_connections_refused_total"] >= 1


def is_turned_away(node) -> bool:
    try:
        with raw.connect(node.plain) as connection:
            connection.sendall(b"GET /live HTTP/1.1\r\nhost: a\r\n\r\n")
            return connection.recv(1000) == b""
    except OSError:
        return True


def test_a_request_of_too_many_parts_is_refused_with_both_numbers(leaf):
    client = plain(leaf, "leaf")
    words = refusal(lambda: client.infer(
        "echo", [echo()], parameters={f"p{number}": "v" for number in range(50_000)}))
    assert "RESOURCE_EXHAUSTED" in words and "50000" in words and "256" in words
    words = refusal(lambda: client.infer("echo", [echo()] * 5000))
    assert "RESOURCE_EXHAUSTED" in words and "at most 64" in words
    deep = tensor("bytes", np.zeros([1] * 60, np.uint8), "UINT8")
    deep._input.shape.extend([1] * 100_000)
    words = refusal(lambda: client.infer("echo", [deep]))
    assert "shape" in words or "dimensions" in words


def test_a_wrong_version_is_refused(leaf, frames):
    words = refusal(lambda: plain(leaf, "leaf").infer(
        "meter-digits", [image(frames[0][0])], model_version="latest"))
    assert "INVALID_ARGUMENT" in words and "latest" in words and "digest" in words


# MARK: Bundles


def test_a_bundle_over_the_memory_budget_is_refused_with_both_numbers_and_the_line(build):
    def small(plan):
        topologies.digits(plan)
        plan["nodes"]["leaf"]["budget"] = {"memory": "1MiB"}
        plan["tasks"]["meter-digits"]["leaf"]["bundle"] = bundle_id("digits-cloud")

    fleet = build(("leaf",), small)
    fleet.start(ready=False)
    words = fleet["leaf"].await_log("is not served")
    line = next(number for number, text in enumerate(
        fleet.topology.read_text().splitlines(), 1) if '"memory"' in text)
    needs = needed_memory("digits-cloud")
    assert f"{fleet.topology}:{line}" in words
    assert str(needs) in words and str(MIB) in words


def needed_memory(name: str) -> int:
    """What a bundle's config says that it needs."""
    folder = MODELS / name / "blobs" / "sha256"
    manifest = json.loads((folder / bundle_id(name).removeprefix("sha256:")).read_text())
    texts = [manifest["annotations"]] + [
        json.loads((folder / manifest["config"]["digest"].removeprefix("sha256:")).read_text())]
    return next(found for found in map(find_memory, texts) if found)


def find_memory(value) -> int:
    if isinstance(value, dict):
        for key, inner in value.items():
            if "memory" in key and str(inner).isdigit():
                return int(inner)
            if found := find_memory(inner):
                return found
    return 0


def test_a_bundle_for_other_hardware_is_refused_with_both_names(build):
    def other(plan):
        topologies.digits(plan)
        plan["nodes"]["leaf"]["hardware"] = "intel-npu"

    fleet = build(("leaf",), other)
    fleet.start(ready=False)
    words = fleet["leaf"].await_log("is not served")
    assert "intel-npu" in words and "cpu" in words
    status, body = fleet["leaf"].get("/ready")
    assert status == 503 and "meter-digits" in body


def test_a_damaged_bundle_is_refused_by_its_digest(build, tmp_path):
    copies = tmp_path / "models"
    shutil.copytree(MODELS / "digits-leaf", copies / "digits-leaf")
    blobs = sorted((copies / "digits-leaf" / "blobs" / "sha256").iterdir(),
                   key=lambda blob: blob.stat().st_size)
    damaged = bytearray(blobs[-1].read_bytes())
    damaged[len(damaged) // 2] ^= 1
    blobs[-1].write_bytes(damaged)

    def from_copies(plan):
        topologies.digits(plan)
        plan["models"] = [str(copies)]

    fleet = build(("leaf",), from_copies)
    fleet.start(ready=False)
    assert blobs[-1].name[:12] in fleet["leaf"].await_log("is not served")
    done = fleet.canopy("model", "inspect", copies / "digits-leaf", check=False)
    assert done.returncode != 0 and blobs[-1].name[:12] in done.stderr
