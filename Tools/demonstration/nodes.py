"""Three nodes on this machine: certificates, topology, the link to the cloud, processes."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO

from machine import BUNDLES, CACHE, ROOT, STILL_BUNDLES, Trouble, bundle_id, canopy, program

PORTS = {8443: "leaf, for cameras", 8480: "leaf, plain text", 8444: "region", 8445: "cloud",
         8454: "the leaf's uplink, a relay before the region", 8455: "the relay before the cloud"}
UPLINK, RELAY = 8454, 8455
PLAIN = "127.0.0.1:8480"
DELAY = "100ms"  # each way between the region and the cloud, or a camera and the cloud
READY_SECONDS = 60  # models are compiled at the first start, on a slow machine too
END_SECONDS = 15  # the nodes' own drain limit is 10 s
CERTIFICATES = CACHE / "topology" / "certificates"

STILLS = """\
# Pictures of everyday things: EfficientNet-Lite at every tier, the leaf's in INT8.
canopy: 1
models: [{models}]
identities:
  album: {{ tasks: [stills] }}
tasks:
  stills:
    leaf:
      bundle: {leaf}
      accept: 0.60
    regional:
      bundle: {regional}
      accept: 0.50
    cloud:
      bundle: {cloud}
    deadline: 2s
"""


def check_ports() -> None:
    """Every port of the topology is free, or it says which is not."""
    taken = []
    for port, use in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(f"127.0.0.1:{port} ({use})")
    if taken:
        raise Trouble(
            f"in use: {', '.join(taken)}. End the program that listens there and try again"
            " (ss -ltnp shows it; an earlier Tools/demo --keep ends with Ctrl-C)")


def write_topology(stills: bool) -> Path:
    """A copy of Topology/demo.yaml whose nodes reach the region and the cloud through relays; the
    stills beside."""
    folder = CACHE / "topology"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    text = (ROOT / "Topology" / "demo.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("models: [models]", f"models: [{json.dumps(str(BUNDLES))}]"),
        ("    listen: 127.0.0.1:8444", f"    listen: 127.0.0.1:8444\n"
                                       f"    address: 127.0.0.1:{UPLINK}"),
        ("    listen: 127.0.0.1:8445", f"    listen: 127.0.0.1:8445\n"
                                       f"    address: 127.0.0.1:{RELAY}"),
    ):
        if text.count(old) != 1:
            raise Trouble(f"Topology/demo.yaml has changed: expected one '{old.strip()}'")
        text = text.replace(old, new)
    (folder / "demo.yaml").write_text(text, encoding="utf-8")
    if stills:
        ids = {tier: bundle_id(STILL_BUNDLES / f"imagenet-{name}") for tier, name in
               (("leaf", "leaf"), ("regional", "lite1"), ("cloud", "lite2"))}
        (folder / "stills.yaml").write_text(
            STILLS.format(models=json.dumps(str(STILL_BUNDLES)), **ids), encoding="utf-8")
    return folder


def make_certificates(clients: list[str]) -> None:
    """An authority, and a certificate for each node and client, and for the operator."""
    canopy("cert", "init", "--folder", CERTIFICATES, "--name", "Canopy demonstration")
    for node in ("leaf", "region", "cloud"):
        canopy("cert", "issue", "--folder", CERTIFICATES, "--node", node, "--host", "127.0.0.1")
    for client in clients:
        canopy("cert", "issue", "--folder", CERTIFICATES, "--client", client)
    canopy("cert", "issue", "--folder", CERTIFICATES, "--role", "operator")


class Fleet:
    """The relays and `canopy up`, as children; ended by `close`."""

    def __init__(self, topology: Path) -> None:
        self.topology = topology
        self.log = CACHE / "nodes.log"
        self._children: list[subprocess.Popen[str]] = []
        self._files: list[IO[str]] = []
        # Not in the cache: a socket's path has 107 characters at most.
        self._sockets = tempfile.TemporaryDirectory(prefix="canopy-demo-")

    def start(self) -> None:
        self._spawn("uplink.log", program("relay"), "--listen", f"127.0.0.1:{UPLINK}",
                    "--to", "127.0.0.1:8444", "--control", self._control("uplink"))
        self._spawn("relay.log", program("relay"), "--listen", f"127.0.0.1:{RELAY}",
                    "--to", "127.0.0.1:8445", "--delay", DELAY,
                    "--control", self._control("relay"))
        self._spawn(self.log.name, program("canopy"), "up", self.topology)

    def _control(self, relay: str) -> Path:
        return Path(self._sockets.name) / relay

    def say_to_uplinks(self, command: str) -> None:
        """`cut` or `heal`: the leaf's ways to the region and to the cloud break, or come back."""
        for relay in ("uplink", "relay"):
            with socket.socket(socket.AF_UNIX) as channel:
                channel.settimeout(5)
                channel.connect(str(self._control(relay)))
                channel.sendall(command.encode() + b"\n")
                answer = json.loads(channel.makefile().readline())
            if not answer.get("ok"):
                raise Trouble(f"the relay does not {command}: {answer}")

    def _spawn(self, log: str, *line: object) -> None:
        file = (CACHE / log).open("w", encoding="utf-8")
        self._files.append(file)
        self._children.append(subprocess.Popen(
            [str(word) for word in line], stdout=file, stderr=subprocess.STDOUT, text=True,
            start_new_session=True))  # Ctrl-C reaches this program alone, which ends them in order

    def await_ready(self) -> None:
        """Waits until every node has its models."""
        end = time.monotonic() + READY_SECONDS
        left = {8480: None, 8444: self._tls(), 8445: self._tls()}
        while left and time.monotonic() < end:
            if any(child.poll() is not None for child in self._children):
                break
            left = {port: tls for port, tls in left.items() if not self._is_ready(port, tls)}
            time.sleep(0.1)
        if left:
            tail = self.log.read_text(encoding="utf-8")[-2000:]
            raise Trouble(f"not ready: {[PORTS[port] for port in left]}. {self.log} ends with\n"
                          + tail)

    @staticmethod
    def _is_ready(port: int, tls: ssl.SSLContext | None) -> bool:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/ready"
        try:
            with urllib.request.urlopen(url, timeout=2, context=tls) as answer:
                return answer.status == 200
        except OSError:
            return False

    @staticmethod
    def _tls() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
        context.load_cert_chain(CERTIFICATES / "camera.pem", CERTIFICATES / "camera.key")
        return context

    def metrics(self) -> dict[str, float]:
        """Every sample of the leaf's /metrics, by its name with labels."""
        with urllib.request.urlopen(f"http://{PLAIN}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line[:1] not in ("", "#"))
        return {name: float(value) for name, value in samples}

    def upstream_bytes(self) -> int:
        """Bytes that left the leaf's site so far, to all peers, TLS and handshakes included."""
        pattern = re.compile(r'canopy_upstream_bytes_total\{.*direction="out".*\}')
        return int(sum(value for name, value in self.metrics().items() if pattern.match(name)))

    def wait(self) -> None:
        """Until the nodes end."""
        self._children[-1].wait()

    def close(self) -> None:
        """Ends the nodes in an orderly way, then the relays."""
        for child in reversed(self._children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for file in self._files:
            file.close()
        self._children, self._files = [], []
        self._sockets.cleanup()
