"""What is owed while the link, the nodes and the disks of a site break: nothing is lost unsaid."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import frames
import ledger
import load
import steady
import verdict
from cameras import ANSWERED, Cameras
from cell import Cell, Seen
from fleet import Fleet, eventually
from place import TASK, Site

QUOTA = 64 << 20
ROOM = "there is no room to keep what is owed"


def without_spool(plan: dict) -> None:
    """The mutation of most cells: the leaf answers, and keeps nothing."""
    for name, node in plan["nodes"].items():
        if name != "region":
            del node["budget"], node["spool"]


def unsure(plan: dict) -> None:
    """No answer of the leaf is sure enough: every frame is owed."""
    plan["tasks"][TASK]["leaf"]["accept"] = 0.9999


def place(folder: Path, mutated: bool, *changes, quota: int = QUOTA, **more) -> Site:
    return Site(folder, quota, *changes, *([without_spool] if mutated else []), **more)


class Gate:
    """A camera that numbers its frames, over all of its loads."""

    def __init__(self, stream: str = "gate"):
        self.stream = stream
        self.sent = 0
        self.outcomes = load.Outcomes()
        self.pictures = frames.digits()

    def send(self, fleet: Fleet, rate: float, seconds: float, node: str = "leaf",
             during=None) -> load.Outcomes:
        count = round(rate * seconds)
        messages = [
            load.request(TASK, self.pictures[number % len(self.pictures)], stream=self.stream,
                         sequence=number) for number in range(self.sent, self.sent + count)]
        self.sent += count
        outcomes = load.run(fleet[node].plain, messages, rate, seconds, during=during)
        self.outcomes += outcomes
        return outcomes

    @property
    def names(self) -> set[tuple[str, int]]:
        return {(self.stream, number) for number in range(self.sent)}


def answered_all(seen: Seen, gate: Gate) -> None:
    errors = gate.outcomes.errors
    seen.check(f"{gate.sent} frames sent, {dict(errors) or 'no'} errors",
               gate.sent == len(gate.outcomes) and not errors)


def drain(seen: Seen, site: Site, seconds: float = 60) -> None:
    """All that is owed is settled, and how long that took."""
    begin = time.monotonic()
    time.sleep(1.5)
    try:
        eventually(lambda: (owed := site.owed()) and not any(owed.values()), "nothing is owed",
                   seconds)
        seen.check(f"nothing is owed {time.monotonic() - begin:.1f} s after the mending", True)
    except AssertionError:
        seen.check(f"the leaf owes {site.owed() or 'what nobody keeps'} {seconds} s after the"
                   " mending", False)


def balance(seen: Seen, site: Site, told: set[tuple[str, int]], crashes: int = 0) -> None:
    """Given = held + gaps of each queue, and what clients were told is at the region."""
    sums = verdict.Verdict()
    try:
        verdict.sums(sums, site)
    except (KeyError, OSError, sqlite3.Error) as fault:
        sums.check(f"there is nothing to count: {type(fault).__name__} {fault}", False)
    seen.checks += sums
    seen.figures |= sums.figures
    known = ledger.frames(site.store)
    gaps = sum(one.lost for one in ledger.accounts(site.store) if one.queue == "result")
    missing = len(told - known)
    words = f" + at most {crashes} that the crash cost" if crashes else ""
    seen.check(f"{len(told)} frames answered = {len(told & known)} at the region + {missing} in"
               f" {gaps} gaps of results{words}; {len(known - told)} that nobody sent",
               missing <= gaps + crashes and known <= told)
    seen.figures |= {"answered": len(told), "at_the_region": len(told & known)}


def link_cut(folder: Path, mutated: bool) -> Seen:
    """Four cameras of 30 FPS; the link is down for as many minutes as --minutes says."""
    with place(folder, mutated).start() as site:
        cameras = Cameras(site.fleet, TASK, steady.minutes * 60 + 10)
        begin = time.monotonic()
        try:
            time.sleep(4)
            site.relay.say("cut")
            most = 0.0
            while time.monotonic() < begin + 4 + steady.minutes * 60:
                most = max(most, sum(site.look().owed.values()))
                time.sleep(1)
            site.relay.say("heal")
            cameras.join(60)
        finally:
            cameras.stop()
        seen = Seen(figures={"owed_at_most": most, "summary": cameras.summary})
        seen.check(f"{cameras.wanted:,} frames of 4 cameras × 30 FPS, link cut for"
                   f" {steady.minutes:g} min: {cameras.answered:,} answered,"
                   f" {len(cameras.failures)} failed",
                   cameras.answered == cameras.wanted and not cameras.failures)
        seen.check(f"{most:,.0f} records were owed at most", most > 0)
        drain(seen, site)
        balance(seen, site, cameras.all_of(ANSWERED))
    return seen


def damage(folder: Path, draws: random.Random, pattern: str) -> int:
    """Flips some bytes in the middle of every file that has something; how many files."""
    harmed = 0
    for file in sorted(folder.glob(pattern)):
        content = bytearray(file.read_bytes())
        used = len(content.rstrip(b"\0"))
        if used < 2_000:
            continue
        for _ in range(3):
            content[draws.randrange(used // 4, used * 3 // 4)] ^= 0xFF
        file.write_bytes(content)
        harmed += 1
    return harmed


def damaged_spool(folder: Path, mutated: bool) -> Seen:
    """Bytes of the spool's segments change while the leaf is dead; mutated, all of it goes."""
    gate = Gate()
    with place(folder, False, unsure).start() as site:
        spool = site.fleet.folder / "spool" / "leaf"
        site.relay.say("cut")
        gate.send(site.fleet, 60, 10)
        time.sleep(1.5)
        site.fleet.stop("leaf", signal.SIGKILL)
        if mutated:
            shutil.rmtree(spool)
        harmed = 0 if mutated else damage(spool, random.Random(7), "*.segment")
        site.start("leaf", ready=False)
        site.fleet.await_ready("leaf")
        gate.send(site.fleet, 60, 2)
        site.relay.say("heal")
        seen = Seen(figures={"damaged_files": harmed})
        seen.check(f"{harmed} segments were damaged; the leaf started all the same", harmed > 0
                   or mutated)
        answered_all(seen, gate)
        drain(seen, site)
        balance(seen, site, gate.names)
        lost = [one for one in ledger.accounts(site.store) if one.lost]
        reasons = sorted({why for one in lost for _, _, why in one.gaps})
        seen.check(f"what was lost stands in gaps: {', '.join(reasons) or 'none'}", bool(lost))
    return seen


def damaged_store(folder: Path, mutated: bool) -> Seen:
    """Pages of the region's SQLite file change; mutated, one label changes and all else is well."""
    gate = Gate()
    with place(folder, False).start() as site:
        fleet = site.fleet
        gate.send(fleet, 60, 5)
        seen = Seen()
        drain(seen, site)
        before = len(ledger.frames(site.store))
        fleet.stop("region", signal.SIGKILL)
        if mutated:
            forge(site.store)
        else:
            fold(site.store)
            tear(site.store / "records.sqlite")
        gate.send(fleet, 60, 3)
        site.start("region", ready=False)
        fleet.await_ready("region")
        gate.send(fleet, 60, 3)
        drain(seen, site)
        answered_all(seen, gate)
        aside = list(site.store.glob("records.sqlite.damaged-*"))
        accounts = [one for one in ledger.accounts(site.store) if one.queue == "result"]
        known = ledger.frames(site.store)
        lost = sum(one.lost for one in accounts)
        wrong = ledger.rows(site.store, "SELECT count(*) FROM records WHERE label NOT IN "
                            "('0','1','2','3','4','5','6','7','8','9')")[0][0]
        seen.check(f"the damaged index was moved aside ({len(aside)} file) and begins again",
                   bool(aside))
        seen.check(f"{gate.sent} frames = {len(known)} at the region + {gate.sent - len(known)} in"
                   f" gaps of {lost}; it had {before} before",
                   gate.sent - len(known) <= lost and all(one.is_closed for one in accounts))
        seen.check(f"{wrong} records say what nobody said", wrong == 0)
    return seen


def fold(store: Path) -> None:
    """Puts SQLite's log into its file, so that the damage meets what counts."""
    with closing(sqlite3.connect(store / "records.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def tear(file: Path) -> None:
    """Every tenth page begins with something else."""
    content = bytearray(file.read_bytes())
    for at in range(4096 * 2, len(content), 4096 * 10):
        content[at:at + 64] = b"\xA5" * 64
    file.write_bytes(content)


def forge(store: Path) -> None:
    """Changes a label with SQLite's own hands: the file is whole, and wrong."""
    with closing(sqlite3.connect(store / "records.sqlite")) as database:
        database.execute("UPDATE records SET label = 'forged' WHERE id = 1")
        database.commit()


CELLS = [
    Cell("outage", "the link is cut for --minutes at 4 cameras × 30 FPS: no failed request, and"
         " everything is settled afterwards", ROOM, link_cut),
    Cell("damaged-spool", "bytes of the leaf's spool change while it is dead: it starts, and what"
         " was lost stands in gaps", "the spool is gone altogether", damaged_spool),
    Cell("damaged-store", "pages of the region's SQLite file change: it serves on, and the hole"
         " stands in gaps", "a label is changed behind its back", damaged_store),
]
