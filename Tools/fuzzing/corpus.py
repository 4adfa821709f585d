#!/usr/bin/env python3
"""Writes the first inputs of each fuzzer, made of committed goldens: corpus.py FOLDER.

Each fuzzer's first bytes steer it; what they mean stands in its source.
"""
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIRE = ROOT / "Tests/Golden/wire"
IMAGES = ROOT / "Tests/InferenceTests/Golden"


def wire():
    for path in sorted(WIRE.glob("*.bin")):
        data = path.read_bytes()
        kinds = {"request": [0], "response": [1], "stream": [2]}.get(path.stem.split("-")[0])
        for kind in kinds or [0, 1, 2]:
            yield bytes([kind]) + data
        if path.stem.startswith("rest"):
            yield b"\x03" + data
            # The JSON ends where what follows it is no JSON any more.
            head = len(data)
            text = data.decode("utf-8", "replace")
            length = len(text[:json.JSONDecoder().raw_decode(text)[1]].encode())
            yield b"\x07" + struct.pack(">H", min(length, head)) + data


def steered(bodies):
    """Each body at once, byte by byte, in random pieces, and with every kind of answer."""
    for body in bodies:
        for chunking, bits in ((0, 0), (1, 1), (7, 2), (200, 3), (0, 4), (0, 0x18), (50, 0x6C)):
            yield bytes([chunking, bits]) + body


def http1():
    rest = (WIRE / "rest-json.bin").read_bytes()
    post = b"POST /v2/models/digits/infer?a=1 HTTP/1.1\r\nHost: a\r\nX-Trace: 7\r\n"
    get = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    chunked = post + b"Transfer-Encoding: chunked\r\n\r\n"
    chunked += b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
    yield from steered([
        get, get * 3, chunked, chunked + get,
        post + b"Content-Length: %d\r\n\r\n" % len(rest) + rest + get,
        post + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        post + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
        b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get,
        b"GET http://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get,
        post + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + get,
        post + b"X: a\r\n Content-Length : +4\r\n\r\n",
    ])


def frame(kind, flags, stream, payload=b""):
    length = len(payload)
    return struct.pack(">BHBBI", length >> 16, length & 0xFFFF, kind, flags, stream) + payload


def literal(name, value):
    """A header field that is neither indexed nor compressed; both parts under 127 bytes."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def headers(stream, *extra, end=False, grpc=True):
    block = b"\x83\x86" + literal(b":path", b"/t/Raw") + literal(b":authority", b"a")
    if grpc:
        block += literal(b"content-type", b"application/grpc")
    block += b"".join(literal(*field) for field in extra)
    return frame(1, 5 if end else 4, stream, block)


def message(data, flag=0):
    return struct.pack(">BI", flag, len(data)) + data


def http2():
    settings = frame(4, 0, 0) + frame(4, 1, 0)
    body = message((WIRE / "request-raw.bin").read_bytes())
    call = headers(1, (b"grpc-timeout", b"100m")) + frame(0, 1, 1, body)
    torn = headers(3) + frame(0, 0, 3, body[:9]) + frame(0, 1, 3, body[9:])
    block = b"\x83\x86" + literal(b":path", b"/a")
    yield from steered(settings + rest for rest in [
        call, call + torn, torn + frame(3, 0, 3, struct.pack(">I", 8)),
        headers(1, grpc=False) + frame(0, 1, 1, b"body"),
        headers(1, grpc=False, end=True),
        headers(1, (b"content-length", b"4"), grpc=False) + frame(0, 1, 1, b"bodyguard"),
        headers(1, (b"grpc-encoding", b"gzip")) + frame(0, 1, 1, message(b"\x1f\x8b\x08", 1)),
        frame(1, 0, 1, block) + frame(9, 4, 1, literal(b"te", b"trailers")) + frame(0, 1, 1, body),
        call + frame(1, 5, 1, literal(b"x", b"trailer")),
        frame(8, 0, 0, struct.pack(">I", 99)) + call + frame(8, 0, 1, struct.pack(">I", 1)),
        frame(6, 0, 0, b"12345678") * 3 + call + frame(7, 0, 0, bytes(8)),
        frame(4, 0, 0, struct.pack(">HIHI", 4, 0, 3, 1)) + call,
        b"".join(headers(n) + frame(3, 0, n, struct.pack(">I", 8)) for n in (1, 3, 5, 7, 9)),
        headers(1, (b"x-long", b"y" * 120), (b"x-long", b"z" * 120))
        + frame(0, 9, 1, b"\1a" + b"\0"),
    ])


def topology():
    paths = [*ROOT.glob("Topology/*.yaml"), *ROOT.glob("Topology/examples/*.yaml"),
             *ROOT.glob("Topology/invalid/*.yaml")]
    files = [path.read_bytes() for path in sorted(paths)]
    # Some are large on purpose; they would only slow the search down.
    files = [data for data in files if len(data) <= 16 << 10]
    yield from files
    for first, second in zip(files[::7], files[3::7]):
        yield first + b"\x1e" + second


def image():
    for path in sorted(IMAGES.glob("*/input.*")):
        for steer in (0, 1, 2, 3, 4, 5, 128, 129, 130, 131, 132, 133):
            yield bytes([steer]) + path.read_bytes()


def bundle():
    kinds = {"preprocessing": 4, "postprocessing": 5, "calibration": 6}
    for index in sorted(ROOT.glob("Topology/models/*/index.json")):
        blobs = {path.name: path.read_bytes() for path in index.parent.glob("blobs/*/*")}
        entry = json.loads(index.read_bytes())["manifests"][0]
        manifest = blobs[entry["digest"].removeprefix("sha256:")]
        described = json.loads(manifest)
        configuration = blobs[described["config"]["digest"].removeprefix("sha256:")]
        yield b"\x00" + manifest
        yield b"\x01" + manifest
        yield b"\x02" + manifest + b"\n" + configuration
        yield b"\x03" + index.read_bytes()
        for layer in described["layers"]:
            data = blobs.get(layer["digest"].removeprefix("sha256:"), b"")
            for name in layer["annotations"].values():
                kind = kinds.get(name.removesuffix(".json"))
                if kind == 6:
                    data = short_calibration(data)
                if kind:
                    yield bytes([kind]) + data
    for path in sorted(IMAGES.glob("*/preprocessing.json")):
        yield b"\x04" + path.read_bytes()
    yield b'\x00[-1.5e3,0,-0,9223372036854775807,"\\u00e9\\ud83d\\ude00\\n",null,true,{"a":{}}]'
    yield b"\x07" + json.dumps({
        "name": "digits", "version": "1.0.0", "licenses": "MIT", "description": "ten digits",
        "hardware": ["cpu"], "memory": 1 << 20, "optimization": ["int8"], "teacher": "digits-cloud",
        "fp32_bytes": 4096, "precision": "int8", "parameters": 3514}).encode()


def peer():
    # The places of Tools/fuzzing/peer/PeerFuzzer.swift's table.
    names = ["hello", "hello-reply", "load-request", "load-report", "feedback", "feedback-reply",
             "node-report", "node-report-reply", "owed-block", "upload", "upload-reply"]
    for kind, name in enumerate(names):
        for path in sorted(WIRE.glob(f"v1/{name}.bin")) + sorted(WIRE.glob(f"v1/{name}-later.bin")):
            yield bytes([kind]) + path.read_bytes()
    # Of a table of 35: the records of a block, and a block as zstd, uncompressed within its frame.
    data = (WIRE / "v1/owed-block.bin").read_bytes()
    yield bytes([35]) + data
    for piece in (data, b"", bytes(600)):
        length = len(piece)
        head = b"\x28\xb5\x2f\xfd\x60" + struct.pack("<H", length - 256) if length > 255 else \
            b"\x28\xb5\x2f\xfd\x20" + bytes([length])
        raw = struct.pack("<I", length << 3 | 1)[:3] + piece
        yield bytes([36]) + struct.pack(">H", length) + head + raw
    for kind in range(35):
        yield bytes([kind])
    status = (WIRE / "status.bin").read_bytes()
    yield bytes([27]) + status
    for kind, name in ((28, "health-request"), (29, "health-response"), (30, "reference"),
                       (31, "ready"), (32, "server-metadata"), (33, "model-metadata"),
                       (34, "model-config")):
        yield bytes([kind]) + (WIRE / f"{name}.bin").read_bytes()


def short_calibration(data):
    """Three of its items: all of them would only slow the search down."""
    value = json.loads(data)
    for name, column in value["scores"].items():
        if isinstance(column, list):
            value["scores"][name] = column[:3]
    return json.dumps(value).encode()


def main():
    folder = pathlib.Path(sys.argv[1])
    for make in (wire, http1, http2, topology, image, bundle, peer):
        target = folder / make.__name__
        target.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(make()):
            (target / f"seed-{number:03}").write_bytes(data)


main()
