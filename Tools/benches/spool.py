"""What a spool makes durable in a second, beside SQLite and bare writes on the same disk.

The three take turns, so that what else the disk does falls on all. Bare: the bytes of a commit by
one write and one fdatasync, over a file that has its room. SQLite: a table of blobs, write-ahead log,
synchronous=FULL, one transaction a commit.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

from claims import Claims
from fleet import ROOT, program

# Bytes of a record, records of a commit, records a second that must be reached where the bare
# writes allow it.
LOADS = {"frames of 100 KB, 16 a commit": (100_000, 16, 5_000),
         "results of 500 B, 512 a commit": (500, 512, 300_000)}
SHARE = 0.8
ROUNDS = 3
QUOTA = 2 << 30
BACKLOG = 10 << 30
OPEN_SECONDS = 1.0


def run(folder: Path, seconds: int, budgets: Claims) -> dict:
    # Not in a memory that calls itself a disk: where the project lies.
    place = ROOT / ".build" / "bench-spool"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        results = {what: load(place, what, *rest, seconds, budgets)
                   for what, rest in LOADS.items()}
        results["opening"] = opening(place / "backlog", budgets)
        return results
    finally:
        shutil.rmtree(place, ignore_errors=True)


def load(place: Path, what: str, size: int, batch: int, wanted: int, seconds: int,
         budgets: Claims) -> dict:
    ways = {"bare": lambda: rate(place, size, batch, seconds, "--raw"),
            "spool": lambda: rate(place, size, batch, seconds),
            "sqlite": lambda: sqlite(place / "sqlite", size, batch, seconds)}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, measure in ways.items():
            rates[way].append(measure())
    seen = {way: statistics.median(all_of) for way, all_of in rates.items()}
    # Of each round, so that a disk that grows slower falls on both.
    shares = [spool / bare for spool, bare in zip(rates["spool"], rates["bare"])]
    share = statistics.median(shares)
    print(f"  {what}: spool {seen['spool']:,.0f} records/s, bare writes {seen['bare']:,.0f}, "
          f"SQLite {seen['sqlite']:,.0f}; {share:.2f} × bare ({min(shares):.2f}–{max(shares):.2f}),"
          f" {seen['spool'] / seen['sqlite']:.1f} × SQLite", flush=True)
    if seen["bare"] * SHARE >= wanted:
        budgets.at_least(f"spool, {what}: records/s", seen["spool"], wanted)
    else:
        budgets.at_least(
            f"spool, {what}: share of bare writes, which do not reach {wanted / SHARE:,.0f}/s here",
            share, SHARE)
    return {"rates": rates, "median": seen, "share_of_bare": share, "shares": shares}


def rate(place: Path, size: int, batch: int, seconds: int, *more: str) -> float:
    folder = place / "spool"
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()
    try:
        return proof("rate", "--folder", folder, "--quota", QUOTA, "--size", size, "--batch", batch,
                     "--seconds", seconds, *more)["rate"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def proof(*words: object) -> dict:
    return json.loads(run_proof(*words))


def run_proof(*words: object) -> str:
    done = subprocess.run([str(word) for word in (program("spool-proof"), *words)],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sqlite(folder: Path, size: int, batch: int, seconds: int) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.sync()
    store = sqlite3.connect(folder / "store", isolation_level=None)
    store.execute("PRAGMA journal_mode=WAL")
    store.execute("PRAGMA synchronous=FULL")
    store.execute("CREATE TABLE owed (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    rows = [(os.urandom(size),) for _ in range(batch)]
    records, begun = 0, time.monotonic()
    while time.monotonic() - begun < seconds and records * size < QUOTA:
        store.execute("BEGIN")
        store.executemany("INSERT INTO owed (body) VALUES (?)", rows)
        store.execute("COMMIT")
        records += batch
    took = time.monotonic() - begun
    store.close()
    shutil.rmtree(folder)
    return records / took


def opening(folder: Path, budgets: Claims) -> dict:
    """A backlog of 10 GB. Its frames are holes, since only the first page of their segments is read
    at the start; the last segments of frames and of results, which are read, are written."""
    place = ["--folder", folder, "--quota", 2 * BACKLOG]
    run_proof("backlog", *place, "--bytes", BACKLOG)
    for size, batch in ((100_000, 250), (500, 50_000)):  # 25 MB and more of each
        proof("rate", *place, "--size", size, "--batch", batch, "--seconds", 0.1)
    held = sum(path.stat().st_size for path in folder.glob("*.segment"))
    count = len(list(folder.glob("*.segment")))
    times = []
    for _ in range(ROUNDS):
        drop_caches()
        times.append(proof("opening", *place)["seconds"])
    took = statistics.median(times)
    print(f"  opening {held / 1e9:.1f} GB in {count} segments: {took:.3f} s "
          f"({min(times):.3f}–{max(times):.3f})", flush=True)
    assert held >= BACKLOG, f"the backlog has {held} bytes only"
    budgets.at_most("opening a spool of 10 GB, s", took, OPEN_SECONDS)
    return {"seconds": times, "held": held, "segments": count}


def drop_caches() -> None:
    """So that a disk is read and not memory; as far as this user may."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        pass
