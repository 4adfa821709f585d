"""A tap between two nodes: it has the certificates of both, passes everything on, and keeps in plain
text what went up. It can cut the link too.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from pathlib import Path

import zstd

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, PADDED = 0, 8


class Tap:
    """Listens on `port` as `above`, and calls `above` at its own port as `below`."""

    def __init__(self, port: int, certificates: Path, above: str, above_port: int, below: str):
        self.port, self.target = port, above_port
        self.ups: list[bytearray] = []
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server = self._context(ssl.PROTOCOL_TLS_SERVER, certificates, above)
        self._server.verify_mode = ssl.CERT_REQUIRED
        self._client = self._context(ssl.PROTOCOL_TLS_CLIENT, certificates, below)
        self._client.check_hostname = False

    @staticmethod
    def _context(side: int, certificates: Path, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        context.load_verify_locations(certificates / "ca.pem")
        context.set_alpn_protocols(["h2"])
        return context

    def __enter__(self) -> Tap:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_) -> None:
        self.cut()
        self._do(asyncio.sleep(0.1))  # What was cut ends.
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _do(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._server)

    def cut(self) -> None:
        """Ends all connections, and new ones at once, until `heal`."""
        async def end() -> None:
            self._is_cut = True
            for writer in self._writers:
                writer.transport.abort()
        self._do(end())

    def heal(self) -> None:
        self._is_cut = False

    async def _accept(self, reader, writer) -> None:
        if self._is_cut:
            return writer.transport.abort()
        try:
            up_reader, up_writer = await asyncio.open_connection(
                "127.0.0.1", self.target, ssl=self._client)
        except OSError:
            return writer.transport.abort()
        kept = bytearray()
        self.ups.append(kept)
        self._writers |= {writer, up_writer}
        await asyncio.gather(self._pump(reader, up_writer, kept),
                             self._pump(up_reader, writer, None))

    async def _pump(self, reader, writer, kept: bytearray | None) -> None:
        try:
            while block := await reader.read(1 << 16):
                if kept is not None:
                    kept += block
                writer.write(block)
                await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        self._writers.discard(writer)
        writer.transport.abort()

    def went_up(self) -> list[bytes]:
        """All that went up: each connection as it was, each stream's data in one piece, and what
        unpacks in it."""
        found: list[bytes] = []
        for kept in list(self.ups):
            found.append(bytes(kept))
            for data in streams(bytes(kept)):
                found.append(data)
                found += unpacked(data)
        return found


def streams(connection: bytes) -> list[bytes]:
    """The data of each HTTP/2 stream that a client sent."""
    assert connection.startswith(PREFACE)
    at, data = len(PREFACE), {}
    while at + 9 <= len(connection):
        size, kind, flags = int.from_bytes(connection[at:at + 3]), *connection[at + 3:at + 5]
        stream = int.from_bytes(connection[at + 5:at + 9])
        if kind == DATA:
            assert not flags & PADDED
            data.setdefault(stream, bytearray()).extend(connection[at + 9:at + 9 + size])
        at += 9 + size
    return [bytes(one) for one in data.values()]


def unpacked(data: bytes) -> list[bytes]:
    """What zstd makes of every place in `data` that looks like the start of a block of its."""
    found, at = [], data.find(zstd.MAGIC)
    while at >= 0:
        if plain := zstd.expanded(data[at:]):
            found.append(plain)
        at = data.find(zstd.MAGIC, at + 1)
    return found
