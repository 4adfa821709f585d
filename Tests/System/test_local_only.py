"""What must stay at a site stays: what went up is read in plain text, in every mode.

A tap with the certificates of both nodes stands between them. Pictures of a task that may leave its
site are found in what it keeps, in every mode: so the search finds what is there. Those of a task
whose payload is local-only are not.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
import topologies
from calls import facts, image, plain
from fleet import bundle_id, eventually
from ledger import accounts
from tap import Tap
from test_owing import drained

# A run of so many bytes of a picture is its own: as many as a hash has.
RUN = 32
# Tables at the start of a JPEG are those of all JPEGs.
HEAD = 700
EACH = 6
OPEN, PRIVATE = "open", "private"


def tasks(plan: dict) -> None:
    leaf = {"bundle": bundle_id("digits-leaf"), "accept": 0.9999}
    region = {"regional": {"bundle": bundle_id("digits-regional")}}
    more = {**region, "deadline": "2s"}
    plan["tasks"] |= {
        OPEN: {"leaf": leaf, **more},
        PRIVATE: {"leaf": leaf, **more, "payload": "local-only"},
        # Sure of all, and asked about all the same.
        "audited": {"leaf": {**leaf, "accept": 0.0}, **more, "escalate": {"audit": "100%"}},
    }
    plan["nodes"]["region"]["records"] = {"folder": "records"}
    plan["nodes"]["leaf"]["budget"] = {"spool": "64MiB"}
    plan["nodes"]["leaf"]["spool"] = {"gather": "200ms", "rate": "100Mbit/s", "results": "100ms"}


@contextmanager
def tapped(folder: Path, loops: int):
    """(fleet, tap), started."""
    port = topologies.free_port()

    def through_tap(plan):
        tasks(plan)
        plan["nodes"]["region"]["address"] = f"127.0.0.1:{port}"

    with topologies.make(folder / "fleet", ("leaf", "region"), through_tap, loops=loops) as fleet:
        with Tap(port, fleet.folder / "certificates", "region", fleet["region"].secure,
                 "leaf") as tap:
            fleet.start()
            yield fleet, tap


class Sent:
    """Sends pictures that nobody has sent before, and remembers what for."""

    def __init__(self, fleet, frames):
        self.client = plain(fleet, "leaf")
        self.frames = iter(jpeg for jpeg, _ in frames)
        self.pictures: dict[str, list[bytes]] = {}
        self.number = 0

    def send(self, what: str, task: str, **parameters) -> list[dict]:
        """The answers' facts."""
        said = []
        for _ in range(EACH):
            jpeg = next(self.frames)
            self.pictures.setdefault(what, []).append(jpeg)
            self.number += 1
            given = {"canopy.stream": "gate", "canopy.sequence": self.number}
            given |= {f"canopy.{name}": value for name, value in parameters.items()}
            said.append(facts(self.client.infer(task, [image(jpeg)], client_timeout=30,
                                                parameters=given)))
        return said


def owners(pictures: dict[str, list[bytes]]) -> dict[bytes, str]:
    """What every run of a picture's own bytes was sent for; runs that two have are left out."""
    found: dict[bytes, str] = {}
    common: set[bytes] = set()
    for what, some in pictures.items():
        for picture in some:
            runs = {picture[at:at + RUN] for at in range(HEAD, len(picture) - RUN)}
            common |= runs & found.keys()
            found |= dict.fromkeys(runs, what)
    return {run: what for run, what in found.items() if run not in common}


def carried(known: dict[bytes, str], where: list[bytes]) -> set[str]:
    """For what the pictures were sent of which any run is in any of these bytes."""
    return {what for content in where for at in range(len(content) - RUN + 1)
            if (what := known.get(content[at:at + RUN])) is not None}


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("loops", [1, 2], ids=["one loop", "two loops"])
def test_no_byte_of_a_local_only_frame_goes_up_in_any_mode(tmp_path, frames, loops):
    with tapped(tmp_path, loops) as (fleet, tap):
        leaf, sent = fleet["leaf"], Sent(fleet, frames)
        for mode in ("wait", "refine"):
            sent.send(f"{OPEN} {mode}", OPEN, mode=mode, accept=1.0)
            for said in sent.send(f"{PRIVATE} {mode}", PRIVATE, mode=mode, accept=1.0):
                assert said["tier"] == "leaf" and said["degraded"] == "local_only"
        sent.send("audited", "audited")
        tap.cut()
        eventually(lambda: leaf.metrics()["canopy_hub_away"] == 1, "the leaf is cut off")
        owed = []
        for mode in ("wait", "refine"):
            owed += sent.send(f"{OPEN} owed {mode}", OPEN, mode=mode, accept=1.0)
            assert not any("receipt" in said and mode == "wait" for said in sent.send(
                f"{PRIVATE} owed {mode}", PRIVATE, mode=mode, accept=1.0))
        assert any("receipt" in said for said in owed), "frames of the other task are owed"
        spool = contents(fleet.folder / "spool")
        tap.heal()
        drained(leaf)
        eventually(lambda: sum(one.held for one in accounts(fleet.folder / "records")
                               if one.queue == "result") == sent.number, "every result arrives")

        up = tap.went_up()
        fleet.canopy("export", fleet.topology, "--output", tmp_path / "set")
        export, records = contents(tmp_path / "set"), contents(fleet.folder / "records")

    known = owners(sent.pictures)
    assert set(known.values()) == set(sent.pictures)
    found = {place: carried(known, where) for place, where in (
        ("what went up", up), ("the spool", spool), ("the region's records", records),
        ("the export", export))}
    for place, what in found.items():
        assert not [one for one in what if one.startswith(PRIVATE)], f"{place} has bytes of it"
    # The search finds what is there.
    may_go = {what for what in sent.pictures if not what.startswith(PRIVATE)}
    assert found["what went up"] == may_go and len(may_go) == 5
    # What was answered at once is with the region as well, within its room.
    for place in ("the spool", "the region's records", "the export"):
        assert found[place] >= {f"{OPEN} owed wait", f"{OPEN} owed refine"}, place
