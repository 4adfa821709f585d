"""A hub that is given what four leaves owe, and a leaf that owes ten gigabytes: how fast, and in how
much memory.

Batches are made before the clock starts; each leaf has one under way, as leaves do, over mutual TLS.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import frames
import grpc
import ledger
import load
import topologies
import zstd
from calls import credentials
from claims import Claims
from fleet import ROOT, Fleet, bundle_id, eventually, program

sys.path.insert(0, str(ROOT / "Tests" / "Golden" / "wire" / "v1"))
import schema  # noqa: E402

LEAVES = ("leaf-1", "leaf-2", "leaf-3", "leaf-4")
# A million results: two hours of four cameras of 30 FPS.
RESULTS, BATCH = 1_000_000, 512
# Twenty leaves of four cameras of 30 FPS.
LEAST_RATE = 2_400
# Twice what was seen when the bound was set.
MOST_HUB_MB, MOST_GROWTH_MB = 80, 16
BACKLOG, RECORD = 10 << 30, 100_000
# Batches of 1 MiB, read, packed and on their way at once. 1 % of the backlog would be 107 MB.
MOST_LEAF_MORE_MB = 64
RESULT_QUEUE = 2


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    # Not in a memory that calls itself a disk: where the project lies.
    place = ROOT / ".build" / "bench-hub"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        return {"ingest": ingest(place / "hub", claims),
                "backlog": backlog(place / "leaf", max(seconds * 3, 15), claims)}
    finally:
        shutil.rmtree(place, ignore_errors=True)


def ingest(folder: Path, claims: Claims) -> dict:
    def change(plan):
        for name in LEAVES:
            plan["nodes"][name]["tier"] = "leaf"
        topologies.identity(plan, tier="regional")
        plan["nodes"]["region"]["records"] = {"folder": "records"}

    with topologies.make(folder, (*LEAVES, "region"), change) as fleet:
        batches = {name: list(uploads(name)) for name in LEAVES}
        size = sum(len(one) for some in batches.values() for one in some)
        fleet.start("region")
        watch = Watch(fleet, "region")
        begun = time.monotonic()
        threads = [threading.Thread(target=give, args=(fleet, name, batches[name]))
                   for name in LEAVES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - begun
        watch.stop()
        held = sum(one.held for one in ledger.accounts(fleet.folder / "records"))
        stored = ledger.disk_bytes(fleet.folder / "records")
    rate = held / took
    print(f"  {held:,} results of {len(LEAVES)} leaves: {rate:,.0f} a second over mTLS,"
          f" {size / held:.0f} bytes each on the wire, {stored / held:.0f} on disk; resident"
          f" {watch.first:.0f} MB before, {watch.most:.0f} MB at most, last quarter"
          f" {watch.growth:+.1f} MB over the first", flush=True)
    assert held == RESULTS, f"{held} of {RESULTS} arrived"
    claims.at_least("a hub: results a second from uploads over mTLS", rate, LEAST_RATE)
    claims.at_most("a hub: resident memory with a million results arriving, MB", watch.most,
                   MOST_HUB_MB)
    claims.at_most("a hub: last quarter's memory over the first's, MB", watch.growth,
                   MOST_GROWTH_MB)
    return {"rate": rate, "seconds": took, "wire_bytes": size / held, "disk_bytes": stored / held,
            "resident_mb": watch.most, "growth_mb": watch.growth}


def uploads(node: str):
    """The serialized batches of one leaf."""
    messages = schema.frozen()
    block_type, batch_type = messages("canopy.v1.OwedBlock"), messages("canopy.v1.UploadBatch")
    bundle, wall = bundle_id("digits-leaf"), time.time_ns()
    for first in range(1, RESULTS // len(LEAVES) + 1, BATCH):
        last = min(first + BATCH - 1, RESULTS // len(LEAVES))
        block = block_type()
        for number in range(first, last + 1):
            at = wall + number * 8_333_333
            record = block.records.add(sequence=number, at=at, clock=at // 1_000_000 << 16)
            result = record.result
            result.task, result.stream = "meter-digits", f"{node}/gate-{number % 4}"
            result.sequence, result.numbered = number // 4, True
            result.tier, result.tier_rank, result.node = "leaf", 1, node
            result.bundle, result.label = bundle, str(number % 10)
            result.confidence, result.has_confidence = 0.5 + number % 499 / 1_000, True
            result.accepted, result.approved = True, True
            result.answered_at, result.latency_us = at, 2_000 + number % 997
        plain = block.SerializeToString()
        batch = batch_type(first=first, last=last, sha256=hashlib.sha256(plain).digest(),
                           size=len(plain), block_zstd=zstd.compressed(plain))
        batch.origin.node, batch.origin.epoch, batch.origin.queue = node, 7, RESULT_QUEUE
        yield batch.SerializeToString()


def give(fleet: Fleet, name: str, batches: list[bytes]) -> None:
    address = f"127.0.0.1:{fleet['region'].secure}"
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, credentials(fleet.folder, name), options) as channel:
        call = channel.unary_unary("/canopy.v1.Owing/Upload")
        for batch in batches:
            call(batch, timeout=60)


class Watch(threading.Thread):
    """Looks at a node's resident memory ten times a second; in MB."""

    def __init__(self, fleet: Fleet, name: str):
        super().__init__(daemon=True)
        self.node = fleet[name]
        self.seen = [self.node.resident() / 1e6]
        self.over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.over.wait(0.1):
            self.seen.append(self.node.resident() / 1e6)

    def stop(self) -> None:
        self.over.set()
        self.join()

    @property
    def first(self) -> float:
        return self.seen[0]

    @property
    def most(self) -> float:
        return max(self.seen)

    @property
    def growth(self) -> float:
        """The most of the last quarter, over the most of the first."""
        quarter = max(1, len(self.seen) // 4)
        return max(self.seen[-quarter:]) - max(self.seen[:quarter])


def backlog(folder: Path, seconds: int, claims: Claims) -> dict:
    """A leaf with ten gigabytes of owed frames beside a leaf with none."""
    def change(plan):
        topologies.digits(plan)
        plan["nodes"]["region"]["records"] = {"folder": "records", "quota": "1GiB"}
        plan["nodes"]["leaf"]["budget"] = {"spool": "20GiB"}
        plan["nodes"]["leaf"]["spool"] = {"rate": "1Gbit/s"}

    with topologies.make(folder, ("leaf", "region"), change) as fleet:
        fleet.start()
        time.sleep(2)
        empty = fleet["leaf"].resident() / 1e6
        fleet.stop("leaf")
        shutil.rmtree(fleet.folder / "spool")
        stuff(fleet)
        begun = time.monotonic()
        fleet.start("leaf", ready=False)
        fleet.await_ready("leaf")
        ready = time.monotonic() - begun
        watch = Watch(fleet, "leaf")
        before = owed(fleet)
        time.sleep(seconds)
        watch.stop()
        eventually(lambda: owed(fleet) < before, "some of it was sent", 30)
        drained = before - owed(fleet)
    more = watch.most - empty
    print(f"  a leaf that owes {before * RECORD / 1e9:.1f} GB: ready after {ready:.2f} s;"
          f" {drained:,.0f} frames settled in {seconds} s; resident {empty:.0f} MB with nothing"
          f" owed, {watch.first:.0f} MB at the start, {watch.most:.0f} MB at most", flush=True)
    claims.at_most("a leaf that owes 10 GB: memory over one that owes nothing, MB", more,
                   MOST_LEAF_MORE_MB)
    claims.at_most("a leaf that owes 10 GB: last quarter's memory over the first's, MB",
                   watch.growth, MOST_GROWTH_MB)
    return {"frames": before, "ready_s": ready, "settled": drained, "empty_mb": empty,
            "resident_mb": watch.most, "growth_mb": watch.growth}


def owed(fleet: Fleet) -> float:
    return fleet["leaf"].metrics()['canopy_spool_records{queue="escalation"}']


def stuff(fleet: Fleet) -> None:
    """Fills the leaf's spool with frames of 100 KB, as the leaf would have."""
    messages = schema.frozen()
    picture = frames.digits(1)[0]
    record = messages("canopy.v1.OwedRecord")(at=time.time_ns(), clock=1)
    record.escalation.receipt = "a-receipt"
    # What follows a picture's end is no part of it, and makes it as large as a camera's.
    record.escalation.request = load.request("meter-digits", picture + bytes(RECORD - len(picture)))
    record.escalation.answer.task, record.escalation.answer.node = "meter-digits", "leaf"
    file = fleet.folder / "record"
    file.write_bytes(record.SerializeToString())
    done = subprocess.run(
        [str(program("spool-proof")), "stuff", "--folder", str(fleet.folder / "spool" / "leaf"),
         "--quota", str(20 << 30), "--record", str(file), "--queue", "escalation", "--records",
         str(BACKLOG // RECORD)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
