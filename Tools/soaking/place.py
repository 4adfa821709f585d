"""The site: a leaf, its region, the relay between them, and what is seen of them every second."""

from __future__ import annotations

import shutil
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import ledger
import operators
import topologies
from fleet import Fleet
from happenings import Happening
from relay import Relay

TASK = "meter-digits"
NODES = ("leaf", "region")
# How long a killed node stays dead: as long as a supervisor takes.
DEAD_SECONDS = 1.0
# The region's pictures: so little that the oldest must go within a quarter of an hour.
PICTURES = 4 << 20


@dataclass
class Death:
    """A node that was killed, and when it was back."""

    node: str
    at: float
    ready: float | None = None


@dataclass
class Sample:
    at: float
    spool: int
    receipts: int
    pictures: int
    # Resident bytes by node; a dead one has none.
    resident: dict[str, int] = field(default_factory=dict)
    owed: dict[str, float] = field(default_factory=dict)


class Site:
    def __init__(self, folder: Path, quota: int, *changes, loses: bool = False,
                 names: tuple[str, ...] = NODES):
        """Not started. Each change gets the topology's plan and may alter it."""
        self.quota = quota
        # Whether the spool is taken away at the leaf's first death: a proof of the soak itself.
        self.loses = loses
        self.deaths: list[Death] = []
        self.samples: list[Sample] = []
        self.outages = 0
        self.stack = ExitStack()
        self.relay = self.stack.enter_context(Relay(folder))
        self.fleet: Fleet = self.stack.enter_context(
            topologies.make(folder / "fleet", names, self._plan, *changes))
        operators.certify(self.fleet)
        self.store = self.fleet.folder / "records"

    def _plan(self, plan: dict) -> None:
        topologies.digits(plan, deadline="500ms")
        operators.operator(plan)
        plan["nodes"]["region"]["address"] = f"127.0.0.1:{self.relay.port}"
        plan["nodes"]["region"]["records"] = {"folder": "records", "quota": f"{PICTURES >> 20}MiB"}
        for name, node in plan["nodes"].items():
            if name != "region":
                node["tier"] = "leaf"
                node["budget"] = {"spool": f"{self.quota >> 10}KiB"}
                node["spool"] = {"gather": "1s", "rate": "20Mbit/s"}

    def __enter__(self) -> Site:
        return self

    def start(self, *names: str, **more) -> Site:
        if self.relay.process is None:
            self.relay.start(self.fleet["region"].secure)
        self.fleet.start(*names, **more)
        return self

    def __exit__(self, *_) -> None:
        self.stack.close()

    def do(self, happening: Happening) -> None:
        what, _, name = happening.what.partition(" ")
        if what != "kill":
            self.outages += what != "heal"
            return self.relay.say(what)
        node = self.fleet[name]
        if node.process.poll() is not None:
            return
        node.process.send_signal(signal.SIGKILL)
        node.process.wait(10)
        self.deaths.append(Death(name, time.monotonic()))
        if self.loses and name == "leaf":
            shutil.rmtree(self.fleet.folder / "spool" / "leaf")
            self.loses = False

    def tend(self) -> None:
        """Starts again who has been dead for long enough, and sees who is back."""
        now = time.monotonic()
        for death in self.deaths:
            if death.ready is not None:
                continue
            node = self.fleet[death.node]
            if node.process.poll() is not None:
                if now - death.at >= DEAD_SECONDS:
                    self.fleet.start(death.node, ready=False)
                continue
            try:
                if node.get("/ready", 1)[0] == 200:
                    death.ready = now
            except OSError:
                pass

    @property
    def is_whole(self) -> bool:
        return all(self.fleet[name].process.poll() is None for name in NODES) and all(
            death.ready is not None for death in self.deaths)

    def look(self) -> Sample:
        """What the site takes now."""
        spool = self.fleet.folder / "spool" / "leaf"
        sample = Sample(
            time.monotonic(), ledger.disk_bytes(spool, ("receipts",)),
            ledger.disk_bytes(spool / "receipts"), ledger.disk_bytes(self.store / "payloads"))
        for name in NODES:
            try:
                sample.resident[name] = self.fleet[name].resident()
            except (AssertionError, OSError):
                pass
        sample.owed = self.owed()
        self.samples.append(sample)
        return sample

    def owed(self) -> dict[str, float]:
        """Records that the leaf still owes, by queue; nothing while it is dead."""
        try:
            metrics = self.fleet["leaf"].metrics()
        except OSError:
            return {}
        prefix = 'canopy_spool_records{queue="'
        return {name.removeprefix(prefix).removesuffix('"}'): value
                for name, value in metrics.items() if name.startswith(prefix)}

    def depths(self) -> dict[str, int]:
        """The last sequence that the leaf gave in each queue."""
        counts = operators.status(self.fleet, "leaf")["counts"]
        return {name.split(".")[1]: value - 1 for name, value in counts.items()
                if name.startswith("owed.") and name.endswith(".next")}
