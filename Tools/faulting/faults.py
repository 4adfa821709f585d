"""Tools/faults: what clients see while real nodes, links and engines break."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "System"))
sys.path.insert(0, str(ROOT / "Tools" / "benches"))
sys.path.insert(0, str(ROOT / "Tools" / "soaking"))
os.environ.setdefault("CANOPY_BUILD", str(ROOT / ".build" / "release"))

import capacity  # noqa: E402
import crashes  # noqa: E402
import disks  # noqa: E402
import draining  # noqa: E402
import engines  # noqa: E402
import newcomer  # noqa: E402
import outages  # noqa: E402
import overload  # noqa: E402
import steady  # noqa: E402
import upstream  # noqa: E402
from bench import commit, machine  # noqa: E402
from cell import Cell, NotRun  # noqa: E402
from fleet import end_with_children  # noqa: E402

CELLS: list[Cell] = upstream.CELLS + overload.CELLS + engines.CELLS + (
    newcomer.CELLS + outages.CELLS + disks.CELLS + crashes.CELLS + draining.CELLS + steady.CELLS
    + capacity.CELLS)


def main() -> int:
    names = [cell.name for cell in CELLS]
    parser = argparse.ArgumentParser(prog="Tools/faults", description=__doc__)
    parser.add_argument("cells", nargs="*", metavar="CELL", help="; ".join(names))
    parser.add_argument("--list", action="store_true", help="names the cells and what they expect")
    parser.add_argument("--mutate", action="store_true", help="each cell must turn red")
    parser.add_argument("--minutes", type=float, default=1, metavar="N",
                        help="how long `steady` lasts, and the link is cut in `outage` (default 1; the"
                             " proof of `steady` is 10)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if unknown := [name for name in options.cells if name not in names]:
        parser.error(f"no such cell: {', '.join(unknown)}; there are {', '.join(names)}")
    steady.minutes = options.minutes
    if options.minutes > 1:
        overload.idle_seconds = options.minutes * 60
    chosen = [cell for cell in CELLS if cell.name in (options.cells or names)]
    if options.list:
        for cell in chosen:
            print(f"{cell.name:22} {cell.expected}\n{'':22} red when {cell.mutation}")
        return 0
    rows = [play(cell, options.mutate) for cell in chosen]
    if options.json:
        report = {"machine": machine(), "commit": commit(), "mutated": options.mutate,
                  "cells": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return summary(rows, options.mutate)


def play(cell: Cell, mutated: bool) -> dict:
    """Runs one cell and shows what it saw."""
    print(f"\n\033[1m▸ {cell.name}\033[0m  {cell.expected}", flush=True)
    if mutated:
        print(f"  mutated: {cell.mutation}", flush=True)
    row = {"name": cell.name, "expected": cell.expected, "mutation": cell.mutation,
           "busy": busy()}
    if row["busy"] > 0.1:
        print(f"  other work takes {row['busy']:.0%} of this machine: times say less", flush=True)
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="canopy-faults-") as folder:
            seen = cell.run(Path(folder), mutated)
        row |= {"result": "pass" if seen.passes else "fail", "figures": seen.figures,
                "seen": [{"check": words, "holds": holds} for words, holds in seen.checks]}
        for words, holds in seen.checks:
            print(f"  {'✓' if holds else '✗'} {words}", flush=True)
    except NotRun as why:
        row |= {"result": "not run", "why": str(why)}
        print(f"  not run: {why}", flush=True)
    except Exception as fault:  # noqa: BLE001: a cell that breaks is a cell that failed
        row |= {"result": "fail", "why": f"{type(fault).__name__}: {fault}"[:2000]}
        traceback.print_exc(limit=4)
    row["seconds"] = round(time.monotonic() - begin, 1)
    return row


def busy() -> float:
    """The share of the cores that is at work while no cell is."""
    def times() -> tuple[int, int]:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    (total, idle), _ = times(), time.sleep(0.5)
    later, rests = times()
    return 1 - (rests - idle) / max(1, later - total)


def summary(rows: list[dict], mutated: bool) -> int:
    wanted = "fail" if mutated else "pass"
    print(f"\n\033[1m▸ {'mutations' if mutated else 'faults'}\033[0m")
    for row in rows:
        print(f"  {row['result']:8} {row['seconds']:6.1f} s  {row['name']}")
    ran = [row for row in rows if row["result"] != "not run"]
    good = [row for row in ran if row["result"] == wanted]
    print(f"  {len(good)} of {len(ran)} {'turned red' if mutated else 'passed'},"
          f" {len(rows) - len(ran)} not run")
    return 0 if len(good) == len(ran) else 1


if __name__ == "__main__":
    end_with_children()
    sys.exit(main())
