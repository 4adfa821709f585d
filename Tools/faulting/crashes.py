"""Nodes that are killed at any moment, disks that lie, and clocks that disagree."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from pathlib import Path

import ledger
from cameras import ANSWERED, Cameras
from cell import Cell, Seen
from fleet import ROOT, eventually, program
from happenings import Happening
from outages import QUOTA, Gate, answered_all, balance, drain, place
from place import TASK, Site

KILLS = 8
PHASES = ("write", "rotate", "commit", "drain", "settle")


def killed(folder: Path, mutated: bool) -> Seen:
    """Leaf and region, each killed again and again while frames come and a backlog drains."""
    draws = random.Random(11)
    with place(folder, False, quota=2 << 20).start() as site:
        cameras = Cameras(site.fleet, TASK, KILLS * 6 + 6)
        try:
            for number in range(KILLS):
                blow(site, number, draws, wipes=mutated and number == KILLS - 2)
            site.relay.say("heal")
            while cameras.is_alive():
                site.tend()
                time.sleep(0.1)
        finally:
            cameras.stop()
        while not site.is_whole:
            site.tend()
            time.sleep(0.1)
        crashes = [one for one in site.deaths if one.node == "leaf"]
        seen = Seen(figures={"leaf_killed": len(crashes),
                             "region_killed": len(site.deaths) - len(crashes)})
        seen.check(f"leaf killed {len(crashes)} times, region {len(site.deaths) - len(crashes)}"
                   f" times; {cameras.answered:,} of {cameras.wanted:,} frames answered,"
                   f" {len(cameras.failures)} failed", cameras.answered == cameras.wanted)
        drain(seen, site)
        # Results of the last second, and those of frames that were under way.
        balance(seen, site, cameras.all_of(ANSWERED), crashes=180 * len(crashes))
    return seen


def blow(site: Site, number: int, draws: random.Random, wipes: bool) -> None:
    """Six seconds: the link is cut, heals, and somebody dies at a moment of its own."""
    begin = time.monotonic()
    victim = ("leaf", "leaf", "region")[number % 3]
    # While it is written and segments change, or just after the link is back: drain and settle.
    dies = draws.uniform(0.5, 3) if number % 2 else draws.uniform(3, 4)
    plan = sorted([Happening(0.2, "cut"), Happening(3, "heal"), Happening(dies, f"kill {victim}")],
                  key=lambda one: one.at)
    while (now := time.monotonic() - begin) < 6:
        while plan and plan[0].at <= now:
            site.do(plan[0])
            if wipes and plan[0].what == "kill leaf":
                shutil.rmtree(site.fleet.folder / "spool" / "leaf")
            plan.pop(0)
        site.tend()
        time.sleep(0.02)


def killed_spool(folder: Path, mutated: bool) -> Seen:
    """A spool alone, killed in each phase; mutated, it acknowledges before it commits."""
    draws, log = random.Random(5), folder / "log"
    options = ["--folder", folder / "spool", "--quota", 4 << 20, "--segment", 16 << 10,
               "--log", log]
    log.write_text("")
    planted = ["--planted", "early"] if mutated else []
    wrong: list[str] = []
    reached = dict.fromkeys(PHASES, 0)
    for number in range(60):
        writer = subprocess.Popen(line("write", *options, "--seed", number, *planted))
        eventually(lambda: "phase" in log.read_text(), "it writes")
        time.sleep(draws.uniform(0, 0.2))
        writer.kill()
        writer.wait()
        phases = [one for one in log.read_text().splitlines() if one.startswith("phase")]
        reached[phases[-1].split()[1]] += 1
        checked = subprocess.run(line("check", *options), capture_output=True, text=True)
        if checked.returncode != 0:
            wrong += checked.stdout.splitlines()[1:3]
    seen = Seen(figures={"reached": reached})
    seen.check(f"60 kills: {', '.join(f'{count} in {phase}' for phase, count in reached.items())}",
               sum(map(bool, reached.values())) >= 3)
    seen.check(f"{len(wrong)} acknowledged records are missing, wrong or lost unsaid"
               f"{': ' + wrong[0] if wrong else ''}", not wrong)
    return seen


def line(*words: object) -> list[str]:
    return [str(word) for word in (program("spool-proof"), *words)]


def two_clocks(folder: Path, mutated: bool) -> Seen:
    """Two leaves see the same frames while cut off; the second one's clock is 5 s ahead."""
    shim = folder / "clock_offset.so"
    compiler = shutil.which("clang") or shutil.which("cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim,
                    ROOT / "Tests" / "System" / "clock_offset.c"], check=True)
    first = Gate()
    second = Gate("another name" if mutated else "gate")
    seen = Seen()
    names = ("leaf", "leaf-2", "region")
    with Site(folder, QUOTA, names=names) as site:
        site.start("region", "leaf")
        site.start("leaf-2", env={"LD_PRELOAD": str(shim), "CLOCK_OFFSET": "5"})
        site.relay.say("cut")
        together = [threading.Thread(target=gate.send, args=(site.fleet, 30, 5, node))
                    for gate, node in ((first, "leaf"), (second, "leaf-2"))]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
        site.relay.say("heal")
        for gate in (first, second):
            answered_all(seen, gate)
        drain(seen, site)
        time.sleep(3)
        kept = ledger.rows(site.store, "SELECT won, node, rank, merge FROM records")
        ids = {row[3] for row in kept}
        seen.check(f"{first.sent} frames seen twice make {len(ids)} records of {len(kept)} answers;"
                   " the others are kept", len(ids) == first.sent and len(kept) >= 2 * len(ids))
        winners = [row for row in kept if row[0]]
        lowest = min(row[2] for row in kept)
        leaves = [row for row in winners if row[2] == lowest]
        seen.check(f"of {len(winners)} winners {len(winners) - len(leaves)} are of a higher tier;"
                   f" {sum(row[1] == 'leaf-2' for row in leaves)} of the other {len(leaves)} are of"
                   " the leaf whose clock is ahead",
                   len(winners) == len(ids) and all(row[1] == "leaf-2" for row in leaves))
        for gate, node in ((first, "leaf"), (second, "leaf-2")):
            mine = [one for one in ledger.accounts(site.store)
                    if one.queue == "result" and one.node == node]
            seen.check(f"{node}: {mine[0].through if mine else 0} results given = held + gaps",
                       len(mine) == 1 and mine[0].is_closed and mine[0].through == gate.sent)
    return seen


def lying_disks(folder: Path, mutated: bool) -> Seen:
    """Simulated disks that lose what was not synced, tear, flip and fill up."""
    seen = Seen()
    for bug in ("no-sync", "no-folder-sync", "no-checksum", "unlink-first") if mutated else (None,):
        words = [str(program("simulate")), "disks", "--seeds", "400"]
        done = subprocess.run(words + (["--planted", bug] if bug else []), capture_output=True,
                              text=True, timeout=300)
        last = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
        # With a bug planted it ends well when the bug was found.
        unseen = bug is not None and done.returncode != 0
        seen.check(f"400 spools on disks that lie{f', {bug}' if bug else ''}: {last[:160]}",
                   unseen if bug else done.returncode == 0)
    if mutated:
        # All must be found: one that is not keeps the cell green.
        seen.checks = [one for one in seen.checks if one[1]] or seen.checks
    return seen


CELLS = [
    Cell("killed-owing", "leaf and region are killed (kill -9) again and again while what is owed is"
         " written and drained: each loss is in a gap, or was the last second's results",
         "the leaf's spool goes with it once", killed),
    Cell("killed-spool", "a spool alone is killed 60 times in all its phases: nothing acknowledged"
         " is missing", "it acknowledges before it commits", killed_spool),
    Cell("lying-disks", "spools on disks that lose what was not synced, tear and flip: nothing lost"
         " unsaid", "file sync, folder sync, checksum or cursor order is off: each must be found",
         lying_disks),
    Cell("two-clocks", "two leaves with clocks 5 s apart saw the same frames: one record each",
         "they name the camera differently", two_clocks),
]
