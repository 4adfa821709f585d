"""What a hub has of what its nodes owed, read from its store, and whether the sums come out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Account:
    """One queue of one spool, as the hub has it."""

    node: str
    epoch: int
    queue: str
    # All up to this sequence is here, or stands in a gap.
    through: int
    held: int
    # First and last sequence of what was lost, and why.
    gaps: list[tuple[int, int, str]]

    @property
    def lost(self) -> int:
        return sum(last - first + 1 for first, last, _ in self.gaps)

    @property
    def is_closed(self) -> bool:
        """Whether each sequence is a record or in a gap, and none is both."""
        return self.through == self.held + self.lost


HELD = {"result": "records", "escalation": "settlements"}


def rows(store: Path, query: str) -> list[tuple]:
    """The answer of a hub's store that is being written to, or lies there."""
    with closing(sqlite3.connect(f"file:{store}/records.sqlite?mode=ro", uri=True,
                                 timeout=30)) as database:
        return database.execute(query).fetchall()


def accounts(store: Path) -> list[Account]:
    """Every queue that the hub has heard of."""
    gaps: dict[int, list] = {}
    for origin, first, last, why in rows(store, "SELECT origin, first, last, reason FROM gaps"):
        gaps.setdefault(origin, []).append((first, last, why))
    held = {table: dict(rows(store, f"SELECT origin, count(*) FROM {table} GROUP BY origin"))
            for table in ("records", "settlements", "notes")}
    return [
        Account(node, epoch, queue, through, held[HELD.get(queue, "notes")].get(row, 0),
                gaps.get(row, []))
        for row, node, epoch, queue, through in rows(
            store, "SELECT id, node, epoch, queue, through FROM origins")]


def frames(store: Path) -> set[tuple[str, int]]:
    """The frames that the hub knows of: stream and number."""
    return set(rows(store, "SELECT DISTINCT stream, frame FROM records WHERE stream IS NOT NULL"))


def disk_bytes(folder: Path, without: tuple[str, ...] = ()) -> int:
    """Bytes of disk that a folder's files have, but for those of some folders in it."""
    total = 0
    for path in folder.rglob("*"):
        if without and path.relative_to(folder).parts[0] in without:
            continue
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            pass  # It went while we looked.
    return total


def open_receipts(spool: Path) -> int:
    """Receipts of a leaf whose frames are neither answered nor said to be lost."""
    with closing(sqlite3.connect(f"file:{spool}/receipts/receipts.sqlite?mode=ro", uri=True,
                                 timeout=30)) as database:
        return database.execute(
            "SELECT count(*) FROM receipts WHERE answer IS NULL AND lost IS NULL").fetchone()[0]
