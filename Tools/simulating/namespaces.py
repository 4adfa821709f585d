"""Two network namespaces and a link between them, with a bandwidth and a switch."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

CLONE_NEWNET = 0x40000000
EDGE, CENTRE = "10.77.0.1", "10.77.0.2"
GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"


class Missing(Exception):
    """This machine has no namespaces, or we may not make any."""


class Link:
    """`edge`, which this process enters, and `centre`, with a link that both ends limit.

    The bandwidth holds at each end for what it sends; 10 s of it may wait, as in the simulator.
    """

    def __init__(self, kilobits: int):
        self.edge, self.centre = (f"canopy-{os.getpid()}-{end}" for end in ("edge", "centre"))
        self.kilobits = kilobits
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    def __enter__(self) -> Link:
        if shutil.which("ip") is None or shutil.which("tc") is None:
            raise Missing("iproute2 is not installed")
        if os.geteuid() != 0:
            raise Missing("network namespaces need root")
        try:
            self.make()
        except subprocess.CalledProcessError as fault:
            self.__exit__()
            raise Missing(f"{' '.join(fault.cmd)}: {fault.stderr.strip()}") from fault
        enter(Path("/run/netns") / self.edge)
        return self

    def make(self) -> None:
        for name in (self.edge, self.centre):
            tell("ip", "netns", "add", name)
            self.at(name, "ip", "link", "set", "lo", "up")
        tell("ip", "link", "add", "uplink", "netns", self.edge, "type", "veth",
             "peer", "name", "downlink", "netns", self.centre)
        for name, end, address in ((self.edge, "uplink", EDGE), (self.centre, "downlink", CENTRE)):
            self.at(name, "ip", "address", "add", f"{address}/24", "dev", end)
            self.at(name, "ip", "link", "set", end, "up")
        self.limit(self.kilobits)

    def limit(self, kilobits: int) -> None:
        """Sets the bandwidth of both directions."""
        for name, end in ((self.edge, "uplink"), (self.centre, "downlink")):
            self.at(name, "tc", "qdisc", "replace", "dev", end, "root", "tbf",
                    "rate", f"{kilobits}kbit", "burst", "4kb", "latency", "10s")

    def at(self, name: str, *words: str) -> str:
        return tell("ip", "netns", "exec", name, *words)

    def switch(self, up: bool) -> None:
        """Lets everything pass, or nothing: what is sent meanwhile is lost, and nobody is told."""
        self.at(self.centre, "ip", "link", "set", "downlink", "up" if up else "down")

    def bytes(self) -> tuple[int, int]:
        """Bytes that have left the edge, and that have come, headers and all."""
        [link] = json.loads(tell("ip", "-json", "-stats", "link", "show", "dev", "uplink"))
        return link["stats64"]["tx"]["bytes"], link["stats64"]["rx"]["bytes"]

    def get(self, url: str) -> str:
        """An HTTP GET inside the centre; empty when there is no answer."""
        try:
            return self.at(self.centre, sys.executable, "-c", GET, url)
        except subprocess.CalledProcessError:
            return ""

    @property
    def within_centre(self) -> list[str]:
        return ["ip", "netns", "exec", self.centre]

    def __exit__(self, *_) -> None:
        libc().setns(self.home, CLONE_NEWNET)
        os.close(self.home)
        for name in (self.edge, self.centre):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def tell(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def enter(namespace: Path) -> None:
    """Has this process, and what it starts from now on, live in a namespace."""
    with namespace.open() as file:
        if libc().setns(file.fileno(), CLONE_NEWNET) != 0:
            raise Missing(f"setns: {os.strerror(ctypes.get_errno())}")
