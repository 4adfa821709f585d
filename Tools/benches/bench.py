"""Tools/bench: Canopy beside its yardsticks, in one run, as ratios."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "System"))
sys.path.append(str(ROOT / "Tools" / "faulting"))
os.environ.setdefault("CANOPY_BUILD", str(ROOT / ".build" / "release"))

import alerts  # noqa: E402
import claims  # noqa: E402
import counts  # noqa: E402
import hop  # noqa: E402
import hub  # noqa: E402
import inference  # noqa: E402
import rpc  # noqa: E402
import spool  # noqa: E402
import start  # noqa: E402
from fleet import end_with_children  # noqa: E402

PARTS = {
    "rpc": rpc.run, "counts": counts.run, "hop": hop.run, "inference": inference.run,
    "start": start.cold, "memory": start.memory, "alerts": alerts.run,
    "spool": spool.run, "hub": hub.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=int, default=5, metavar="N")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")

    judged = claims.Claims()
    report: dict = {"machine": machine(), "commit": commit(), "budgets": judged}
    with tempfile.TemporaryDirectory(prefix="canopy-bench-") as folder:
        for part in options.parts or PARTS:
            print(f"\n\033[1m▸ {part}\033[0m", flush=True)
            report[part] = PARTS[part](Path(folder), options.seconds, judged)

    print("\n\033[1m▸ budgets\033[0m")
    judged.show()
    missing = [part for part in PARTS if options.parts and part not in options.parts]
    if missing:
        print(f"  nothing is said of {', '.join(missing)}, which were not asked for")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if judged.all_hold else 1


def machine() -> dict:
    model = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()}


def commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT,
                           capture_output=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    end_with_children()
    sys.exit(main())
