"""One scenario by the simulator and by real processes in network namespaces, side by side.

A leaf with its cameras on one side of a link, a region on the other. What the simulator cannot know
is measured first and told to it: the share of frames that the leaf is unsure of, the time that an
inference takes, and the frames' size. What then becomes of the frames must agree within the bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("Tests/System", "Tools/faulting", "Tools/benches"):
    sys.path.insert(0, str(ROOT / folder))
os.environ.setdefault("CANOPY_BUILD", str(ROOT / ".build" / "release"))

import frames  # noqa: E402
import load  # noqa: E402
import topologies  # noqa: E402
from bench import commit, machine  # noqa: E402
from fleet import Fleet, end_with_children, eventually  # noqa: E402
from namespaces import CENTRE, Link, Missing  # noqa: E402
from relay import Relay  # noqa: E402

# Two cameras of four frames a second each: a third of one core for the leaf.
CAMERAS, EVERY = 2, 0.25
RATE = CAMERAS / EVERY
DELAY = 20  # ms each way
FAST = 4000  # kbit/s
# From which times on a frame counts as slow. The share of slow frames is compared, not a quantile:
# where a percent of the frames waits for its deadline, the 99th percentile is either side of that
# step by chance.
SLOW = (50, 100, 250)  # ms
# Deviations of the difference of two shares that chance alone may make: once in a thousand.
CHANCE = 3.3


@dataclass
class Variant:
    name: str
    words: str
    kilobits: int
    # When the link is cut, as (from, until) in seconds.
    cuts: list[tuple[float, float]]
    # What the scenario calls that.
    happenings: list[str]


def variants(seconds: int) -> list[Variant]:
    third = seconds // 3
    flaps = [(at, at + 10.0) for at in range(0, seconds, 20)]
    return [
        Variant("outage", f"a link of 4 Mbit/s that is cut for {third} s in the middle", 4000,
                [(third, 2 * third)],
                [f"{{ at: {third}s, for: {third}s, partition: {{ between: [leaf, region] }} }}"]),
        Variant("flapping", "an uplink of 64 kbit/s that comes and goes every 20 s", 64, flaps,
                [f"{{ at: 0s, for: {seconds - 1}s,"
                 " link: { between: [leaf, region], flap: 20s } }"]),
    ]


@dataclass
class Told:
    """What the simulator is told of the real world."""

    unsure: float
    leaf_ms: float
    region_ms: float
    bytes: int


class Pair:
    """A leaf in the edge and a region in the centre, behind a relay that delays."""

    def __init__(self, folder: Path, link: Link):
        self.link, self.relay = link, Relay(folder)
        self.fleet: Fleet = topologies.make(folder / "fleet", ("leaf", "region"), self.change)
        self.fleet.within["region"] = link.within_centre

    def change(self, plan: dict) -> None:
        topologies.digits(plan, deadline="500ms")
        plan["nodes"]["region"]["address"] = f"{CENTRE}:{self.relay.port}"
        plan["sites"] = {"edge": {}, "centre": {}}
        for node, site in (("leaf", "edge"), ("region", "centre")):
            plan["nodes"][node] |= {"workers": 1, "site": site}

    def __enter__(self) -> Pair:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        region = self.fleet["region"]
        self.fleet.start("region", ready=False)
        self.relay.start(region.secure, "--delay", f"{DELAY}ms", host=CENTRE,
                         within=self.link.within_centre)
        url = f"http://127.0.0.1:{region.plain}/ready"
        eventually(lambda: self.link.get(url), "the region is ready", 60)
        # Not by the fleet's own waiting, which asks all nodes from here.
        self.fleet.start("leaf", ready=False)
        self.fleet.await_ready("leaf", 60)

    def __exit__(self, *_) -> None:
        self.fleet.close()
        self.relay.__exit__()


def measure(pair: Pair) -> Told:
    """What the leaf is like while the link is well and nobody hurries."""
    jpegs = frames.digits(200)
    port = pair.fleet["leaf"].plain
    # All 200 pictures, so that the share is that of the run; then frames that must escalate.
    own = load.run(port, [load.request("meter-digits", jpeg, accept=0.0) for jpeg in jpegs], 20, 5)
    usual = load.run(port, [load.request("meter-digits", jpeg) for jpeg in jpegs], 20, 10)
    up = load.run(port, [load.request("meter-digits", j, accept=1.0) for j in jpegs[:30]], 2, 8)
    size = sum(map(len, jpegs)) // len(jpegs)
    way = 2 * DELAY + size * 8 / FAST
    unsure = usual.share(lambda one: one.tier != "leaf" or one.degraded is not None)
    return Told(unsure, own.millis(50), max(1, up.millis(50) - way - own.millis(50)), size)


def real(pair: Pair, variant: Variant, seconds: int) -> dict:
    messages = [load.request("meter-digits", jpeg) for jpeg in frames.digits(200)]

    async def switch() -> None:
        begin = time.monotonic()
        for at, until in variant.cuts:
            for moment, up in ((at, False), (until, True)):
                await asyncio.sleep(max(0, begin + moment - time.monotonic()))
                pair.link.switch(up)

    before = pair.link.bytes()
    outcomes = load.run(pair.fleet["leaf"].plain, messages, RATE, seconds, during=switch)
    time.sleep(1)
    after = pair.link.bytes()
    tiers = Counter(one.tier for one in outcomes.answered)

    def quantile(percent: float, tier: str | None = None) -> float | None:
        chosen = load.Outcomes(one for one in outcomes if tier is None or one.tier == tier)
        return round(chosen.millis(percent), 1) if chosen.answered else None

    return {
        "sent": len(outcomes), "answered": len(outcomes.answered), "errors": dict(outcomes.errors),
        "leaf": tiers["leaf"], "regional": tiers["regional"],
        "degraded": sum(one.degraded is not None for one in outcomes),
        "leaf_p50_ms": quantile(50, "leaf"), "regional_p50_ms": quantile(50, "regional"),
        "p50_ms": quantile(50),
        **{f"over_{ms}_ms": sum(one.took * 1e3 > ms for one in outcomes.answered) for ms in SLOW},
        "bytes_up": after[0] - before[0], "bytes_down": after[1] - before[1],
    }


def simulated(pair: Pair, variant: Variant, told: Told, seconds: int, folder: Path,
              mutated: bool) -> dict:
    happenings = [] if mutated else variant.happenings
    scenario = folder / f"{variant.name}.yaml"
    scenario.write_text("\n".join([
        "scenario: 1", f"duration: {seconds}s", "load:",
        f"  - {{ to: leaf, task: meter-digits, cameras: {CAMERAS}, every: {EVERY * 1000:.0f}ms,"
        f" shape: steady, bytes: {told.bytes}, unsure: {told.unsure * 100:.2f}% }}",
        "network:",
        f"  - {{ between: [leaf, region], latency: {DELAY}ms, jitter: 0ms,"
        f" bandwidth: {variant.kilobits}kbit/s }}",
        "engines:",
        f"  - {{ of: leaf, time: {told.leaf_ms * 1000:.0f}us }}",
        f"  - {{ of: region, time: {told.region_ms * 1000:.0f}us }}",
        *(["happenings:"] if happenings else []), *(f"  - {one}" for one in happenings)]) + "\n")
    said = pair.fleet.canopy("simulate", pair.fleet.topology, "--scenario", scenario, "--json", "-")
    report = json.loads(said.stdout)
    total = report["total"]
    edge = report["sites"]["edge"]
    latency = total["latency_ms"]
    return {
        "sent": total["sent"], "answered": total["answered"],
        "errors": {what: count for what, count in total["refused"].items() if count},
        "leaf": total["answers"]["leaf"], "regional": total["answers"]["regional"],
        "degraded": sum(total["degraded"].values()),
        "leaf_p50_ms": latency["leaf"]["p50"], "regional_p50_ms": latency["regional"]["p50"],
        "p50_ms": latency["all"]["p50"],
        **{f"over_{ms}_ms": total["slower_than_ms"][str(ms)] for ms in SLOW},
        "bytes_up": edge["bytes_out"], "bytes_down": edge["bytes_in"],
    }


def share(one: dict, what: str) -> float:
    return one[what] / max(1, one["sent"])


def deviation(real: dict, simulated: dict, what: str) -> float:
    """The standard deviation of the difference of two shares that are the same in truth."""
    sent = real["sent"] + simulated["sent"]
    both = (real[what] + simulated[what]) / max(1, sent)
    return math.sqrt(both * (1 - both) * (1 / max(1, real["sent"]) + 1 / max(1, simulated["sent"])))


def judge(real: dict, simulated: dict) -> list[tuple[str, str, bool]]:
    """Each bound: what it says, what was seen, and whether it holds."""
    rows = []
    for what, points in (("answered", 0.5), ("leaf", 6), ("regional", 6), ("degraded", 6)):
        gap = abs(share(real, what) - share(simulated, what)) * 100
        rows.append((f"{what}: shares differ by at most {points} points", f"{gap:.1f}",
                     gap <= points))
    for ms in SLOW:
        what = f"over_{ms}_ms"
        points = 3 + CHANCE * deviation(real, simulated, what) * 100
        gap = abs(share(real, what) - share(simulated, what)) * 100
        rows.append((f"{what}: shares differ by at most 3 points and chance, {points:.1f}",
                     f"{gap:.1f}", gap <= points))
    for what, factor, least in (("leaf_p50_ms", 1.5, 5), ("regional_p50_ms", 1.5, 20)):
        x, y = real[what], simulated[what]
        if x is None or y is None:
            rows.append((f"{what}: both have it, or neither", f"{x}, {y}", x is y))
            continue
        holds = max(x, y) <= max(factor * min(x, y), min(x, y) + least)
        rows.append((f"{what}: within a factor of {factor} or {least} ms", f"{x:.1f}, {y:.1f}",
                     holds))
    for what, factor in (("bytes_up", 1.5), ("bytes_down", 1.5)):
        ratio = real[what] / max(1, simulated[what])
        rows.append((f"{what}: real ÷ simulated within a factor of {factor}", f"{ratio:.2f}",
                     1 / factor <= ratio <= factor))
    return rows


def play(variant: Variant, seconds: int, mutated: bool) -> dict:
    print(f"\n\033[1m▸ {variant.name}\033[0m  {variant.words}", flush=True)
    with tempfile.TemporaryDirectory(prefix="canopy-beside-") as name, \
            Link(variant.kilobits) as link, Pair(Path(name), link) as pair:
        # Measured over a fast link: a slow one would say nothing of the engines.
        told = measure_fast(pair, link, variant)
        print(f"  told: {told.unsure:.1%} unsure, leaf {told.leaf_ms:.1f} ms, region"
              f" {told.region_ms:.1f} ms, {told.bytes} bytes", flush=True)
        both = {"real": real(pair, variant, seconds),
                "simulated": simulated(pair, variant, told, seconds, Path(name), mutated)}
    for what in both["real"]:
        print(f"  {what:16} {both['real'][what]!s:>24} {both['simulated'][what]!s:>24}")
    rows = judge(**both)
    # The leaf has its model: whatever becomes of the link, its cameras see no error.
    errors = sum(both["real"]["errors"].values())
    rows.append(("no frame of a real camera without an answer", f"{errors}", errors == 0))
    for words, seen, holds in rows:
        print(f"  {'✓' if holds else '✗'} {words}: {seen}", flush=True)
    return {"name": variant.name, "told": vars(told), **both,
            "bounds": [{"bound": w, "seen": s, "holds": h} for w, s, h in rows],
            "result": "pass" if all(holds for _, _, holds in rows) else "fail"}


def measure_fast(pair: Pair, link: Link, variant: Variant) -> Told:
    link.limit(FAST)
    told = measure(pair)
    link.limit(variant.kilobits)
    time.sleep(2)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/simulate --real", description=__doc__)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="outage, flapping")
    parser.add_argument("--seconds", type=int, default=60, help="of each; 60 by default")
    parser.add_argument("--mutate", action="store_true",
                        help="the simulator is told of no cut: each variant must turn red")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = []
    for variant in variants(options.seconds):
        if options.variants and variant.name not in options.variants:
            continue
        try:
            rows.append(play(variant, options.seconds, options.mutate))
        except Missing as why:
            rows.append({"name": variant.name, "result": "not run", "why": str(why)})
            print(f"  not run: {why}")
    print(f"\n\033[1m▸ side by side\033[0m ({' and '.join(row['result'] for row in rows)})")
    if options.json:
        report = {"machine": machine(), "commit": commit(), "seconds": options.seconds,
                  "mutated": options.mutate,
                  "variants": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    unwanted = "pass" if options.mutate else "fail"
    return 1 if any(row["result"] == unwanted for row in rows) else 0


if __name__ == "__main__":
    end_with_children()
    sys.exit(main())
