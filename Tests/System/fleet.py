"""Starts real Canopy nodes for the system tests: certificates, a topology, one process a node.

A fleet lives in a folder of its own; ports are free ports of loopback; every process it started is
ended by its id when the fleet is closed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "Topology" / "models"


def program(name: str) -> Path:
    """The newest build of one of our programs: `CANOPY_BUILD` names another folder."""
    folder = os.environ.get("CANOPY_BUILD")
    path = (Path(folder) if folder else ROOT / ".build" / "debug") / name
    assert path.exists(), f"{path} is not built; run Tools/setup --build"
    return path


_given: set[int] = set()


def free_port() -> int:
    """A port of loopback that nobody listens on, and that this process was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def bundle_id(name: str, where: Path = MODELS) -> str:
    """The digest of a bundle, by default of one that ships with the project."""
    index = json.loads((where / name / "index.json").read_text())
    return index["manifests"][0]["digest"]


def end_with_children() -> None:
    """A program that is told to end, or whose terminal closes, ends what it has started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))


def eventually(probe, what: str, seconds: float = 20):
    """The first true value of `probe()`, asked again and again; fails after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        if value := probe():
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@dataclass
class Node:
    """One running node: its process, its ports and its log."""

    name: str
    secure: int
    plain: int
    process: subprocess.Popen | None = None
    log: Path = Path()

    def get(self, path: str, timeout: float = 5) -> tuple[int, str]:
        """An HTTP GET on the plain port: status and body."""
        url = f"http://127.0.0.1:{self.plain}{path}"
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by its name with labels."""
        _, text = self.get("/metrics")
        samples = (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] not in ("", "#"))
        return {name: float(value) for name, value in samples}

    def resident(self) -> int:
        """Resident memory in bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the node is gone")

    def said(self) -> str:
        """All of its log."""
        return self.log.read_text()

    def await_log(self, words: str, seconds: float = 20) -> str:
        """The first line of the log that has these words, once it is there."""
        def find():
            return next((line for line in self.said().splitlines() if words in line), None)

        return eventually(find, f"“{words}” in the log of {self.name}", seconds)


@dataclass
class Fleet:
    """Nodes of one topology on this machine."""

    folder: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    topology: Path = Path()
    plan: dict = field(default_factory=dict)
    # By node: what its process is started within, such as a network namespace.
    within: dict[str, list[str]] = field(default_factory=dict)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def write(self) -> None:
        """Writes the plan as the fleet's topology."""
        self.topology.write_text(json.dumps(self.plan, indent=2) + "\n")

    def certificates(self, *clients: str) -> None:
        """A certificate authority, and a certificate for every node and client."""
        where = self.folder / "certificates"
        self.canopy("cert", "init", "--folder", where)
        for name in self.nodes:
            self.canopy("cert", "issue", "--folder", where, "--node", name, "--host", "127.0.0.1")
        for name in clients:
            self.canopy("cert", "issue", "--folder", where, "--client", name)

    def canopy(self, *words: object, check: bool = True) -> subprocess.CompletedProcess:
        """Runs one canopy command to its end."""
        line = [str(program("canopy")), *map(str, words)]
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *names: str, env: dict[str, str] | None = None, ready: bool = True,
              options: tuple[object, ...] = ()) -> None:
        for name in names or list(self.nodes):
            node = self.nodes[name]
            node.log = self.folder / f"{name}.log"
            line = [*self.within.get(name, ()), program("canopy"), "serve",
                    "--topology", self.topology, "--node", name, *options]
            with node.log.open("a") as log:
                node.process = subprocess.Popen(
                    [str(word) for word in line], stdout=log, stderr=subprocess.STDOUT,
                    cwd=ROOT, env={**os.environ, **(env or {})},
                )
        if ready:
            for name in names or list(self.nodes):
                self.await_ready(name)
            for node in self.nodes.values():
                self.await_peers(node)

    def await_ready(self, name: str, seconds: float = 30) -> None:
        """Waits until a node is ready: every model of it is loaded, or is to be had upstream."""
        node = self.nodes[name]

        def is_ready() -> bool:
            if node.process.poll() is not None:
                raise AssertionError(f"{name} has ended:\n{node.said()[-3000:]}")
            try:
                return node.get("/ready")[0] == 200
            except OSError:
                return False

        eventually(is_ready, f"{name} is ready", seconds)

    def await_peers(self, node: Node, seconds: float = 5) -> None:
        """Waits until a node knows of those that run: one that was up first has asked the others in
        vain, takes them for dead, and asks again within two seconds. Who is silent for longer is
        so on purpose."""
        def runs(name: str) -> bool:
            other = self.nodes.get(name)
            return other is not None and other.process is not None and other.process.poll() is None

        end = time.monotonic() + seconds
        while runs(node.name) and time.monotonic() < end:
            _, text = node.get("/metrics")
            silent = re.findall(r'^canopy_peer_silent\{peer="(.*)"\} [1-9]', text, re.MULTILINE)
            if not any(map(runs, silent)):
                return
            time.sleep(0.05)

    def stop(self, name: str, number: int = signal.SIGTERM, seconds: float = 15) -> int:
        process = self.nodes[name].process
        process.send_signal(number)
        return process.wait(seconds)

    def close(self) -> None:
        for node in self.nodes.values():
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
                node.process.kill()
                node.process.wait(10)
