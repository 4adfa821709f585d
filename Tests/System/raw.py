"""HTTP by hand, for what no well-behaved client would send."""

from __future__ import annotations

import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1

INFER = "/inference.GRPCInferenceService/ModelInfer"


def connect(port: int, seconds: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), seconds)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _length(value: int) -> bytes:
    """An HPACK integer with a prefix of seven bits."""
    if value < 127:
        return bytes([value])
    out, value = [127], value - 127
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def block(headers: list[tuple[str, str]]) -> bytes:
    """Headers as HPACK literals that nothing is remembered of."""
    out = b""
    for name, value in headers:
        out += b"\0" + _length(len(name)) + name.encode() + _length(len(value)) + value.encode()
    return out


def grpc_headers(path: str = INFER, *more: tuple[str, str]) -> bytes:
    return block([(":method", "POST"), (":scheme", "http"), (":path", path),
                  (":authority", "test"), ("content-type", "application/grpc"),
                  ("te", "trailers"), *more])


def promise(size: int) -> bytes:
    """A connection's first bytes: a gRPC call whose message will have so many bytes, and none."""
    return (PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, grpc_headers())
            + frame(DATA, 0, 1, b"\0" + struct.pack(">I", size)))


class Frames:
    """What a server says in HTTP/2 on one connection, frame by frame."""

    def __init__(self, raw: socket.socket, seconds: float = 10):
        self.raw, self.decoder, self.buffer = raw, hpack.Decoder(), b""
        raw.settimeout(seconds)

    def next(self) -> tuple[int, int, int, bytes]:
        """Type, flags, stream and payload of the next frame."""
        length = int.from_bytes(self._take(3))
        kind, flags, stream = struct.unpack(">BBI", self._take(6))
        return kind, flags, stream, self._take(length)

    def answer(self) -> dict[str, str]:
        """The headers of the next answer that has a grpc-status."""
        while True:
            kind, _, stream, payload = self.next()
            assert kind != GOAWAY, payload
            if kind == HEADERS:
                headers = dict(self.decoder.decode(payload))
                if "grpc-status" in headers:
                    return headers

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            piece = self.raw.recv(65536)
            if not piece:
                raise ConnectionError("closed")
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


def read_all(raw: socket.socket, seconds: float = 5) -> bytes:
    """What comes until the other side closes, or says nothing for so long."""
    raw.settimeout(seconds)
    said = b""
    try:
        while piece := raw.recv(65536):
            said += piece
    except (TimeoutError, ConnectionResetError):
        pass
    return said


def read_until(raw: socket.socket, words: bytes, seconds: float = 10) -> bytes:
    """What comes until `words` are among it."""
    raw.settimeout(seconds)
    said = b""
    while words not in said:
        piece = raw.recv(65536)
        assert piece, f"closed after {said[-300:]!r}, expected {words!r}"
        said += piece
    return said
