"""What a leaf's clients see while the nodes above it, or the links to them, break."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import frames
import grpc
import load
import topologies
from cell import Cell, Seen
from fleet import Fleet
from foreign import Foreign, regions
from relay import Relay

RATE, SECONDS = 40, 5
DEADLINE = 0.5
# As if there were no breaker and nobody looked before a frame is sent.
BLIND = {"breaker": {"consecutive_failures": 1000, "minimum_calls": 100_000, "failures": "100%"},
         "probe": {"every": "600s"}}
CALLS = 'canopy_upstream_calls_total{peer="region",purpose="escalation"}'


def break_link(fault: str):
    """A leaf that escalates every frame to a region through a relay, both well; then the fault."""
    def run(folder: Path, mutated: bool) -> Seen:
        with Relay(folder) as relay:
            def change(plan):
                topologies.digits(plan, deadline="500ms")
                plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"
                if mutated:
                    plan["routing"] = BLIND

            with topologies.make(folder / "fleet", ("leaf", "region"), change) as fleet:
                relay.start(fleet.nodes["region"].secure)
                fleet.start()
                return watch(fleet, relay, fault)
    return run


def watch(fleet: Fleet, relay: Relay, fault: str) -> Seen:
    messages = [load.request("meter-digits", jpeg, accept=1.0) for jpeg in frames.digits()]
    port = fleet["leaf"].plain
    well = load.run(port, messages, RATE, 2)
    before = fleet["leaf"].metrics()[CALLS]

    async def strike():
        inflict(fleet, relay, fault)

    broken = load.run(port, messages, RATE, SECONDS, during=strike)
    calls = fleet["leaf"].metrics()[CALLS] - before
    mend(fleet, relay)
    healed = heal_time(port, messages)
    seen = Seen()
    seen.check(f"{len(well) + len(broken)} frames sent, "
               f"{dict(well.errors + broken.errors) or 'no'} errors",
               not well.errors and not broken.errors)
    seen.check("before the fault the region answered "
               f"{well.share(lambda one: one.tier == 'regional'):.0%} of the frames",
               well.share(lambda one: one.tier == "regional") > 0.9)
    unnamed = [one for one in broken if one.tier == "leaf" and one.degraded is None]
    seen.check(f"{len(unnamed)} answers of the leaf without a reason", not unnamed)
    late = broken.share(lambda one: one.took > DEADLINE + 0.1)
    seen.check(f"{late:.1%} of answers later than their deadline", late < 0.02)
    seen.check(f"{calls:.0f} calls to the region during the fault: its breaker opened",
               calls < len(broken) / 4)
    seen.check(f"escalates again {healed:.1f} s after the mending", healed < 10)
    seen.figures = {"frames": len(broken), "calls": calls, "healed_s": healed,
                    "p50_ms": broken.millis(50), "p99_ms": broken.millis(99)}
    return seen


def inflict(fleet: Fleet, relay: Relay, fault: str) -> None:
    region = fleet["region"]
    match fault:
        case "killed":
            region.process.kill()
            region.process.wait(10)
        case "wedged": region.process.send_signal(signal.SIGSTOP)
        case "black-holed": relay.say("hole")
        case "cut": relay.say("cut")
        case "slow": relay.say("set delay 2s")


def mend(fleet: Fleet, relay: Relay) -> None:
    relay.say("set delay 0ms")
    relay.say("heal")
    if fleet["region"].process.poll() is not None:
        fleet.start("region")
    fleet["region"].process.send_signal(signal.SIGCONT)


def heal_time(port: int, messages: list[bytes]) -> float:
    """Seconds until the region answers again; at most 30."""
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        if any(one.tier == "regional" for one in load.run(port, messages, 10, 0.3)):
            break
    return time.monotonic() - begin


def with_regions(folder: Path, servers: list[Foreign], change=lambda plan: None) -> Fleet:
    """A leaf whose regions are other makers' servers, not started."""
    return topologies.make(
        folder / "fleet", ("leaf",), regions(*servers, deadline="500ms"), change)


def half_failing(folder: Path, mutated: bool) -> Seen:
    def without_retries(plan):
        if mutated:
            plan["routing"] = {"breaker": BLIND["breaker"], "retries": {"share": "0%", "floor": 0}}

    messages = [load.request("meter-digits", jpeg, accept=1.0) for jpeg in frames.digits()]
    # The bad one is the quicker one: by speed alone it would get nearly every frame.
    with (Foreign(delay=0.005) as good, Foreign(period=2) as bad,
          with_regions(folder, [good, bad], without_retries) as fleet):
        fleet.start()
        outcomes = load.run(fleet["leaf"].plain, messages, 60, SECONDS)
    degraded = outcomes.share(lambda one: one.degraded is not None)
    seen = Seen(figures={"frames": len(outcomes), "degraded": degraded,
                         "calls": {"good": good.count, "bad": bad.count}})
    seen.check(f"{len(outcomes)} frames, {dict(outcomes.errors) or 'no'} errors",
               not outcomes.errors)
    seen.check(f"{degraded:.1%} of answers without the region's help", degraded < 0.05)
    seen.check(f"{bad.count} calls to the bad one, {good.count} to the good one",
               bad.count * 2 < good.count)
    return seen


def throttled(folder: Path, mutated: bool) -> Seen:
    def closed(plan):
        if mutated:
            plan["tasks"]["meter-digits"]["offline"] = "fail-closed"

    messages = [load.request("meter-digits", jpeg, accept=1.0) for jpeg in frames.digits()]
    with (Foreign(period=1, status=grpc.StatusCode.RESOURCE_EXHAUSTED) as region,
          with_regions(folder, [region], closed) as fleet):
        fleet.start()
        outcomes = load.run(fleet["leaf"].plain, messages, RATE, SECONDS)
        is_open = fleet["leaf"].metrics()['canopy_breaker_open{peer="region"}']
    seen = Seen(figures={"frames": len(outcomes), "calls": region.count})
    seen.check(f"{len(outcomes)} frames, {dict(outcomes.errors) or 'no'} errors",
               not outcomes.errors)
    named = outcomes.share(lambda one: one.degraded == "overload")
    seen.check(f"{named:.0%} of answers say `overload`", named > 0.99)
    seen.check("to be busy is no failure: the breaker stays closed", not is_open)
    return seen


def pooled(folder: Path, mutated: bool) -> Seen:
    """10,000 escalations over one peer; the mutation cuts the link again and again."""
    with Relay(folder) as relay:
        def change(plan):
            topologies.power(plan, deadline="5s")
            plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"

        with topologies.make(folder / "fleet", ("leaf", "region"), change) as fleet:
            relay.start(fleet.nodes["region"].secure)
            fleet.start()
            message = load.request("power-demand", frames.series(), accept=1.0)

            async def cut():
                for _ in range(8 if mutated else 0):
                    await asyncio.sleep(1)
                    relay.say("reset")

            before = fleet["leaf"].metrics()
            outcomes = load.run(fleet["leaf"].plain, [message], 800, 12.5, during=cut)
            after = fleet["leaf"].metrics()
    seen = Seen()
    calls = 'canopy_upstream_calls_total{peer="region",purpose="escalation"}'
    made = after[calls] - before[calls]
    shakes = after['canopy_upstream_handshakes_total{peer="region"}']
    seen.check(f"{len(outcomes)} frames, {made:.0f} escalations,"
               f" {dict(outcomes.errors) or 'no'} errors",
               made >= 10_000 and not outcomes.errors)
    seen.check(f"{shakes:.0f} handshakes in all, the pool holds 2", shakes <= 2)
    seen.figures = {"escalations": made, "handshakes": shakes, "p99_ms": outcomes.millis(99)}
    return seen


BLINDLY = "the breaker never opens and nobody probes"
CELLS = [
    Cell("killed", "the region dies (kill -9): 0 errors, few calls, escalates again after",
         BLINDLY, break_link("killed")),
    Cell("wedged", "the region is stopped with its sockets open: 0 errors, few calls", BLINDLY,
         break_link("wedged")),
    Cell("black-holed", "the link swallows everything: 0 errors, few calls", BLINDLY,
         break_link("black-holed")),
    Cell("cut", "the link is cut: 0 errors, few calls", BLINDLY, break_link("cut")),
    Cell("slow", "the link takes 2 s each way: 0 errors, few calls", BLINDLY, break_link("slow")),
    Cell("half-failing", "one region of two fails half its calls: 0 errors, hardly a worse answer",
         "there are neither retries nor breakers", half_failing),
    Cell("throttled", "the tier above answers 429: 0 errors, `overload`, no breaker opens",
         "the task fails closed", throttled),
    Cell("pooled", "10,000 escalations take no more handshakes than the pool holds",
         "the link is reset every second", pooled),
]
