"""Tools/demo's run: three tiers answer real frames, and a report says what came of it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import claims
import console
import data
import nodes
import outage
import page
import report
from live import Live, legend
from machine import CACHE, Trouble, say
from passes import CAMERAS, RATE, Pass, send, to_node

REFINED = 50  # frames that refine mode is shown on
PATIENCE = 5_000  # ms: the first frames wait for a connection over the slow link
TOLD = ["--task", "meter-digits", "--streams", CAMERAS, "--rate", RATE]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="Tools/demo", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", default=CACHE / "report.html",
                        help="where the page goes (%(default)s)")
    parser.add_argument("--keep", action="store_true",
                        help="leave the nodes up and say how to call them, until Ctrl-C")
    parser.add_argument("--no-imagenet", action="store_true",
                        help="without the stills, and without making their models")
    return parser.parse_args()


def digits_pass(title: str, name: str, node: str, labels: dict[str, str], *more: object) -> Pass:
    """All frames from four cameras to one node."""
    say(title)
    live = Live(len(labels), labels, CAMERAS)
    result = send(name, [*to_node(node), *TOLD, "--name", name, "--image", data.FRAMES, *more],
                  live)
    live.finish()
    return result


def run(fleet: nodes.Fleet, with_stills: bool) -> report.Outcome:
    """Every pass, one after the other."""
    start, labels = time.monotonic(), data.digits()
    print(legend())
    system = digits_pass(
        f"{CAMERAS} cameras at {RATE} frames a second, to the leaf over mutual TLS: the system",
        "system", "leaf", labels)
    upstream = fleet.upstream_bytes()  # of the nodes' whole life: nothing came before
    cloud = digits_pass(
        f"the same frames straight to the cloud, {nodes.DELAY} away: the cloud alone",
        "cloud_only", "cloud", labels, "--timeout", PATIENCE)
    regional = digits_pass("the same frames to the regional node alone", "regional_only", "region",
                           labels, "--accept", 0)
    leaf = digits_pass("the same frames, every answer of the leaf accepted: the leaf alone",
                       "leaf_only", "leaf", labels, "--accept", 0)
    rows = data.rows()
    say("a sensor's rows: the leaf answers at once, the regional node refines")
    sensor = send("sensor", [*to_node("leaf"), "--task", "power-demand", "--csv", data.ROWS,
                             "--mode", "refine"], lambda answer: None)
    unsure = sorted(leaf.final.values(), key=lambda answer: answer.confidence)[:REFINED]
    folder = data.hardest([answer.source for answer in unsure])
    say(f"the {len(unsure)} digits that the leaf is least sure of, in refine mode")
    refine = send("refine", [*to_node("leaf"), *TOLD, "--name", "refine", "--image", folder,
                             "--mode", "refine"], lambda answer: None)
    cut = outage.play(fleet, labels)
    stills, still_labels = None, {}
    if with_stills:
        still_labels = data.stills()
        say("stills of everyday things: EfficientNet-Lite0 in INT8 at the leaf, Lite1, Lite2")
        stills = send("stills", ["--to", "127.0.0.1:8443", "--node", "leaf", "--as", "album",
                                 "--task", "stills", "--image", data.STILLS, "--timeout", 2_000],
                      lambda answer: None)
    return report.Outcome(
        labels=labels, system=system, leaf_only=leaf, regional_only=regional, cloud_only=cloud,
        upstream_bytes=upstream, rows=rows, sensor=sensor, refine=refine,
        refine_frames=len(unsure), outage=cut, stills=stills, still_labels=still_labels,
        seconds=time.monotonic() - start)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path}")


def finish(outcome: report.Outcome, options: argparse.Namespace) -> bool:
    """Prints and writes the report; whether every claim holds."""
    made: dict[str, Any] = report.make(outcome)
    made["claims"] = claims.check(made)
    made["ok"] = all(claim["holds"] for claim in made["claims"])
    print(console.text(made))
    write(options.html, page.html(made))
    if options.json:
        write(options.json, json.dumps(made, indent=1) + "\n")
    return made["ok"]


def main() -> int:
    options = arguments()
    with_stills = data.has_stills() and not options.no_imagenet
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    fleet: nodes.Fleet | None = None
    status = 130  # of a run that Ctrl-C ended
    try:
        nodes.check_ports()
        CACHE.mkdir(parents=True, exist_ok=True)
        say("rendering the test digits as camera frames")
        data.digits()
        say("certificates, and three nodes: leaf, region, and the cloud behind "
            f"{nodes.DELAY} each way")
        fleet = nodes.Fleet(nodes.write_topology(with_stills))
        nodes.make_certificates(["camera"] + ["album"] * with_stills)
        fleet.start()
        fleet.await_ready()
        status = 0 if finish(run(fleet, with_stills), options) else 1
        if options.keep:
            print(console.calls(fleet.topology), flush=True)
            fleet.wait()
        return status
    except Trouble as trouble:
        print(f"Tools/demo: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return status
    finally:
        if fleet:
            fleet.close()


if __name__ == "__main__":
    sys.exit(main())
