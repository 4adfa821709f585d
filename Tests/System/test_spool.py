"""Spools of real processes on real disks: killed at any moment, and on a disk that is full."""

from __future__ import annotations

import collections
import os
import random
import subprocess
import time
from pathlib import Path

import pytest
from fleet import program

KILLS = 200
PHASES = ("write", "rotate", "commit", "drain", "settle")


def proof(*words: object) -> list[str]:
    return [str(word) for word in (program("spool-proof"), *words)]


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_a_spool_survives_kills_at_any_moment(tmp_path, sealed):
    """kill -9 in all phases: nothing acknowledged is missing, changed or counted as lost."""
    draws = random.Random(4)
    folder, log = tmp_path / "spool", tmp_path / "log"
    options = ["--folder", folder, "--quota", 4 << 20, "--segment", 16 << 10, "--log", log]
    options += ["--sealed"] if sealed else []
    log.write_text("")
    reached: collections.Counter[str] = collections.Counter()
    for number in range(KILLS // 2):
        wanted = PHASES[number % len(PHASES)]
        reached[kill_in(wanted, options, number, log, draws)] += 1
        checked = subprocess.run(proof("check", *options), capture_output=True, text=True)
        assert checked.returncode == 0, f"kill {number} in {wanted}:\n{checked.stdout}"
    assert all(reached[phase] > 0 for phase in PHASES), reached


def kill_in(phase: str, options: list, seed: int, log: Path, draws: random.Random) -> str:
    """Runs a writer, kills it some moment after it has entered a phase; the phase it was in."""
    writer = subprocess.Popen(proof("write", *options, "--seed", seed))
    try:
        with log.open() as lines:
            lines.seek(0, os.SEEK_END)
            enter(phase, lines, draws.randrange(1, 6))
        # At once, or a little later: most phases are short.
        time.sleep(draws.choice((0, 0, 0.002)) * draws.random())
    finally:
        writer.kill()
        writer.wait()
    assert writer.returncode == -9, "it was killed and did not end by itself"
    phases = [line for line in log.read_text().splitlines() if line.startswith("phase")]
    return phases[-1].split()[1]


def enter(phase: str, lines, times: int) -> None:
    """Waits until the writer has said so often that it is in a phase."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        line = lines.readline()
        if not line:
            time.sleep(0.0002)
        times -= line == f"phase {phase}\n"
        if times == 0:
            return
    raise AssertionError(f"no {phase} within 30 s")


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "sealed"])
def test_a_disk_that_is_full_to_the_brim_is_survived(tmp_path, sealed):
    """A tmpfs of 24 MB in a mount namespace: filled by the spool, then by another file."""
    small = tmp_path / "small"
    small.mkdir()
    namespace = ["unshare", "--mount", "--map-root-user"]
    mounting = f"mount -t tmpfs -o size=24m none {small}"
    if subprocess.run([*namespace, "sh", "-c", mounting], capture_output=True).returncode != 0:
        pytest.skip("not run: this user can mount nothing, not even in a namespace of its own")
    command = proof("brim", "--folder", small / "spool", "--quota", 64 << 20,
                    "--filler", small / "filler", *(["--sealed"] if sealed else []))
    done = subprocess.run(
        [*namespace, "sh", "-c", f'{mounting} && exec "$@"', "sh", *command],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "with room again: whole" in done.stdout
