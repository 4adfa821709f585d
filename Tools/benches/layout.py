"""Tools/layout: which functions of the program a frame runs, for the linker.

A node runs under callgrind while frames are answered: by its model, then by the node above over
mutual TLS. What runs at least once in two frames is laid side by side, in this order: a leaf that
answers alone touches the first part only. An engine in a process of its own is not watched, since
valgrind 3.19 does not know the call by which a node follows it (`pidfd_open`); nearly all that it
runs, the node's worker runs too.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "System"))
os.environ.setdefault("CANOPY_BUILD", str(ROOT / ".build" / "release"))

import inference  # noqa: E402
import rpc  # noqa: E402
import topologies  # noqa: E402
from fleet import bundle_id, end_with_children, program  # noqa: E402

LAYOUT = ROOT / "Sources" / "canopy" / "layout.txt"
FRAMES = 200
STREAMS = 3
MODEL = "digits-regional"
# By load: the task, and what it is.
LOADS = {
    "probe": {"leaf": {"bundle": bundle_id(MODEL)}, "deadline": "60s"},
    "above": {"regional": {"bundle": bundle_id(MODEL)}, "deadline": "60s"},
}
# A layout that knows less of what runs is to be written again.
LEAST_KNOWN = 0.9
# Pages of 4 KiB that its functions lie on: 134 when the bound was set, 364 as chance has it. On more,
# the build had objects from before each function had a section of its own, which are not made anew for
# that.
MOST_PAGES = 180


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/layout", description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not options.check:
        with tempfile.TemporaryDirectory(prefix="canopy-layout-") as folder:
            LAYOUT.write_text("".join(f"{name}\n" for name in watch(Path(folder))))
    known, named, pages = state()
    print(f"{LAYOUT.relative_to(ROOT)}: {known} of {named} functions are the program's, "
          f"on {pages} pages")
    return 0 if known >= LEAST_KNOWN * named and pages <= MOST_PAGES else 1


def state() -> tuple[int, int, int]:
    """How many functions of the layout the program has, how many there are in it, and on how many
    pages they lie."""
    names = set(LAYOUT.read_text().split())
    known = {name: places for name, places in functions(program("canopy")).items()
             if name in names}
    pages = {page for places in known.values() for start, size in places
             for page in range(start >> 12, (start + max(size, 1) - 1 >> 12) + 1)}
    return len(known), len(names), len(pages)


def watch(folder: Path) -> list[str]:
    """The functions in their order."""
    # Callgrind does not read our debug information.
    bare = folder / "bare"
    bare.mkdir()
    subprocess.run(["strip", "-g", "-o", bare / "canopy", program("canopy")], check=True)
    own = functions(program("canopy"))
    fleet = topologies.make(folder / "fleet", ("leaf", "region"),
                            lambda plan: plan["tasks"].update(LOADS))
    fleet.within["leaf"] = [
        "valgrind", "--tool=callgrind", "--instr-atstart=no", "--demangle=no",
        f"--callgrind-out-file={folder}/calls"]
    found: dict[str, None] = {}
    with fleet:
        fleet.start("region")
        os.environ["CANOPY_BUILD"], before = str(bare), os.environ["CANOPY_BUILD"]
        fleet.start("leaf", ready=False)
        os.environ["CANOPY_BUILD"] = before
        fleet.await_ready("leaf", 120)
        leaf = fleet["leaf"]
        for number, task in enumerate(LOADS, 1):
            body = inference.write_body(folder, "image", picture(folder), task)
            # What is made with the first frame is no part of the others.
            rpc.load(leaf.process, leaf.plain, body, 1, STREAMS, 20)
            control(leaf, "--instr=on")
            rpc.load(leaf.process, leaf.plain, body, 1, STREAMS, FRAMES)
            control(leaf, "--instr=off")
            control(leaf, "--dump")
            calls = counted(folder / f"calls.{number}")
            run = sorted(name for name in own if calls[name] >= FRAMES / 2)
            found |= dict.fromkeys(run)
            print(f"  {task}: {len(run)} functions", flush=True)
    return list(found)


def picture(folder: Path) -> bytes:
    path = folder / "frame.jpg"
    inference.picture().save(path, quality=90)
    return path.read_bytes()


def control(node, what: str) -> None:
    subprocess.run(["callgrind_control", what, str(node.process.pid)], check=True,
                   stdout=subprocess.DEVNULL)


def counted(path: Path) -> Counter:
    """How often each function was called, from what callgrind wrote: `(7) name` the first time that
    a name comes, then `(7)`."""
    names: dict[str, str] = {}
    calls: Counter = Counter()
    called = ""
    for line in path.read_text().splitlines():
        if found := re.match(r"c?fn=(\(\d+\))(?: (\S+))?", line):
            if found.group(2):
                # What calls itself is counted by depth.
                names[found.group(1)] = found.group(2).partition("'")[0]
            if line[0] == "c":
                called = names[found.group(1)]
        elif found := re.match(r"calls=(\d+)", line):
            calls[called] += int(found.group(1))
    return calls


def functions(path: Path) -> dict[str, list[tuple[int, int]]]:
    """The functions that a program has, by their names for the linker, with start and size: of some
    there is one for each file that has use for it."""
    table = subprocess.run(["nm", "--print-size", "--defined-only", str(path)],
                           capture_output=True, text=True, check=True).stdout
    found: dict[str, list[tuple[int, int]]] = {}
    for words in map(str.split, table.splitlines()):
        if len(words) == 4 and words[2] in "tTwW":
            found.setdefault(words[3], []).append((int(words[0], 16), int(words[1], 16)))
    return found


if __name__ == "__main__":
    end_with_children()
    sys.exit(main())
