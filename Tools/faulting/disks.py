"""Disks that are full to the brim: under a leaf's spool, and under a region's records."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import load
from cell import Cell, NotRun, Seen
from outages import ROOM, Gate, answered_all, balance, drain, place, unsure
from place import Site

MIB = 1 << 20
SMALL = 24 * MIB


def small_disk(site: Site, name: str, where: Path) -> None:
    """Gives a node a disk of 24 MB in a mount namespace of its own, at a folder."""
    where.mkdir(parents=True, exist_ok=True)
    namespace = ["unshare", "--mount", "--propagation", "private"]
    mounting = f"mount -t tmpfs -o size={SMALL} none {where}"
    if subprocess.run([*namespace, "sh", "-c", mounting], capture_output=True).returncode != 0:
        raise NotRun("this user can mount nothing, not even in a namespace of its own")
    site.fleet.within[name] = [*namespace, "sh", "-c", f'{mounting} && exec "$@"', "sh"]


def inside(site: Site, name: str, where: Path) -> Path:
    """The folder as the node sees it."""
    return Path(f"/proc/{site.fleet[name].process.pid}/root{where}")


def fill(folder: Path) -> int:
    """Takes all that is left of a disk; how many bytes that was."""
    size, taken = MIB, 0
    with (folder / "filler").open("wb", buffering=0) as file:
        while size:
            try:
                taken += file.write(b"\1" * size)
            except OSError:
                size //= 2
    return taken


def room(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def full_spool(folder: Path, mutated: bool) -> Seen:
    """The leaf's disk fills by its spool, then another file takes the rest; then there is room."""
    gate, seen = Gate(), Seen()
    with place(folder, mutated, unsure) as site:
        where = site.fleet.folder / "spool"
        small_disk(site, "leaf", where)
        site.start()
        disk = inside(site, "leaf", where)
        site.relay.say("cut")
        gate.send(site.fleet, 100, 8)
        before = room(disk)
        taken = fill(disk)
        seen.check(f"the spool left {before / MIB:.1f} of {SMALL // MIB} MiB, another file took"
                   f" {taken / MIB:.1f} of them", room(disk) < 4096)
        gate.send(site.fleet, 100, 8)
        site.relay.say("heal")
        gate.send(site.fleet, 60, 3)
        (disk / "filler").unlink()
        gate.send(site.fleet, 60, 3)
        answered_all(seen, gate)
        drain(seen, site)
        refused = site.fleet["leaf"].metrics().get("canopy_spool_refused_total", 0)
        said = site.fleet["leaf"].said()
        seen.figures |= {"refused": refused, "taken": taken,
                         "complaints": said.count("does not take what is owed")}
        copy(disk / "leaf" / "receipts", where / "leaf" / "receipts")
        balance(seen, site, gate.names)
    return seen


def copy(source: Path, target: Path) -> None:
    """A database of a node's own disk, where it can be opened."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.sqlite*"):
        (target / file.name).write_bytes(file.read_bytes())


def full_records(folder: Path, mutated: bool) -> Seen:
    """The disk of the region's records and of its recording is full, and then is not."""
    gate, seen = Gate(), Seen()
    with place(folder, mutated, unsure) as site:
        where = site.fleet.folder / "disk"
        site.fleet.plan["nodes"]["region"]["records"]["folder"] = "disk/records"
        site.fleet.write()
        small_disk(site, "region", where)
        site.start("region", options=("--record", where / "recording"), ready=False)
        site.start("leaf")
        disk = inside(site, "region", where)
        gate.send(site.fleet, 60, 3)
        taken = fill(disk)
        # What SQLite's log has of the disk already is used first, however full that is.
        full, owed = load.Outcomes(), {}
        # More than two seconds of results: less may be on its way at any moment.
        while sum(owed.values()) <= 120 and len(full) < 60 * 60:
            full += gate.send(site.fleet, 60, 8)
            owed = site.owed()
        above = full.share(lambda one: one.tier == "regional")
        seen.check(f"another file took the last {taken / MIB:.1f} MiB; the region answered"
                   f" {above:.0%} of {len(full)} frames meanwhile", above > 0.7)
        seen.check(f"the leaf kept what the region could not: {owed}", sum(owed.values()) > 120)
        (disk / "filler").unlink()
        gate.send(site.fleet, 60, 3)
        answered_all(seen, gate)
        drain(seen, site)
        site.store = site.fleet.folder / "copy"
        copy(disk / "records", site.store)
        balance(seen, site, gate.names)
        ends = [line for line in site.fleet["region"].said().splitlines() if "recording" in line]
        seen.figures["recording"] = ends[-1][-200:] if ends else ""
    return seen


CELLS = [
    Cell("full-spool", "a disk of 24 MB is full to the brim under the leaf's spool: no failed"
         " request, it recovers, and each loss stands in a gap", ROOM, full_spool),
    Cell("full-records", "the disk of the region's records and recording is full: it answers, the"
         " leaf keeps, and all is settled when there is room", ROOM, full_records),
]
