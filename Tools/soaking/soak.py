"""Tools/soak: outage after outage, and nothing owed is lost."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for place in ("Tests/System", "Tools/benches", "Tools/faulting"):
    sys.path.insert(0, str(ROOT / place))
os.environ.setdefault("CANOPY_BUILD", str(ROOT / ".build" / "release"))

import happenings  # noqa: E402
import verdict  # noqa: E402
from bench import commit, machine  # noqa: E402
from cameras import Cameras  # noqa: E402
from fleet import end_with_children  # noqa: E402
from place import TASK, Site  # noqa: E402

SAMPLE_SECONDS, SHOW_SECONDS = 1, 10
# How long the cameras' last answers and a backlog may take after the end.
LAST_SECONDS, DRAIN_SECONDS = 60, 180


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N",
                        help="of the moments at which things happen")
    parser.add_argument("--quota", type=int, metavar="KIB",
                        help="of the leaf's spool; by default too small for an outage's frames")
    parser.add_argument("--lose", action="store_true",
                        help="takes the leaf's spool away once: must turn red")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="lives there and leaves logs, spool and records behind")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.minutes < 3:
        parser.error("three minutes are the least: shorter ones say nothing of memory")
    seconds = options.minutes * 60
    # Results take some 30 KB a second of an outage, frames below the bar a multiple of it.
    outage = happenings.cycle_seconds(seconds) / 2
    quota = (options.quota or max(1_024, round(outage * 64))) << 10
    plan = happenings.drawn(seconds, options.seed)
    print(f"\033[1m▸ soak\033[0m  {options.minutes:g} minutes,"
          f" {sum(one.what in happenings.WAYS for one in plan)} outages,"
          f" {sum(one.what.startswith('kill') for one in plan)} kills, a spool of"
          f" {quota >> 10} KiB, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="canopy-soak-") as folder:
        with Site(options.keep or Path(folder), quota, loses=options.lose) as site:
            return run(site.start(), plan, seconds, options)


def run(site: Site, plan: list[happenings.Happening], seconds: float, options) -> int:
    cameras = Cameras(site.fleet, TASK, seconds)
    begin = time.monotonic()
    try:
        live(site, cameras, plan, begin)
        drained = settle(site)
        result = verdict.judge(site, cameras, drained)
    finally:
        cameras.stop()
    print("\n\033[1m▸ claims\033[0m")
    for words, holds in result:
        print(f"  {'✓' if holds else '✗'} {words}")
    print(f"  {'passed' if result.holds else 'FAILED'}")
    if options.json:
        options.json.write_text(json.dumps(report(site, cameras, plan, result, begin, options),
                                           indent=1) + "\n")
    return 0 if result.holds else 1


def live(site: Site, cameras: Cameras, plan, begin: float) -> None:
    """Until the cameras have sent everything and have heard of it."""
    waiting, sampled, shown = list(plan), begin, begin
    end = begin + cameras.each / 30 + LAST_SECONDS
    while cameras.is_alive() and time.monotonic() < end:
        now = time.monotonic()
        while waiting and begin + waiting[0].at <= now:
            happening = waiting.pop(0)
            print(f"  {clock(now - begin)}  {happening.what}", flush=True)
            site.do(happening)
        site.tend()
        if now - sampled >= SAMPLE_SECONDS:
            sampled, sample = now, site.look()
            if now - shown >= SHOW_SECONDS:
                shown = now
                show(sample, cameras, now - begin)
        time.sleep(0.1)


def show(sample, cameras: Cameras, at: float) -> None:
    resident = ", ".join(f"{name} {value >> 20} MiB" for name, value in sample.resident.items())
    owed = ", ".join(f"{value:.0f} {name}" for name, value in sample.owed.items() if value)
    print(f"  {clock(at)}  {cameras.answered:,} answered, {len(cameras.failures)} failed;"
          f" owes {owed or 'nothing'}; spool {sample.spool >> 10} KiB; {resident}", flush=True)


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:3}:{int(seconds) % 60:02}"


def settle(site: Site) -> float | None:
    """The link is well, nobody sends: seconds until nothing is owed, none when it goes on."""
    site.relay.say("heal")
    begin = time.monotonic()
    while time.monotonic() - begin < DRAIN_SECONDS:
        site.tend()
        owed = site.owed()
        # What was just appended is committed within a second.
        if site.is_whole and owed and not any(owed.values()) and time.monotonic() - begin > 3:
            return time.monotonic() - begin
        time.sleep(0.25)
    return None


def report(site, cameras, plan, result, begin, options) -> dict:
    return {
        "machine": machine(), "commit": commit(), "minutes": options.minutes,
        "seed": options.seed, "holds": result.holds, "figures": result.figures,
        "claims": [{"claim": words, "holds": holds} for words, holds in result],
        "summary": cameras.summary,
        "happenings": [asdict(one) for one in plan],
        "missing": verdict.missing(site, cameras)[:2000],
        "failures": [one for one in cameras.failures[:100]],
        "deaths": [asdict(one) | {"at": one.at - begin,
                                  "ready": one.ready and one.ready - begin}
                   for one in site.deaths],
        "samples": [asdict(one) | {"at": round(one.at - begin, 1)}
                    for one in site.samples[::10]],
    }


if __name__ == "__main__":
    end_with_children()
    sys.exit(main())
