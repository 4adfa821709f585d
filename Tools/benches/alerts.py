"""How long a critical alert takes: four cameras of 30 frames a second send digits to a leaf that
escalates to a region and a cloud, all on this machine; each sure nine is an alert to a broker and to
a webhook."""

from __future__ import annotations

import math
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import topologies
from claims import Claims
from fleet import ROOT, Fleet, eventually, program
from receivers import Alerts, Broker, Hook

CAMERAS, RATE = 4, 30
FRAMES = ROOT / ".cache" / "frames" / "test"  # a thousand
BUDGET_MS = 50
LEAST_SECONDS = 30  # for some hundred alerts: the 99th percentile of fewer is one alert


def run(folder: Path, seconds: int, claims: Claims) -> dict:
    with Broker(folder / "broker") as mqtt, Hook() as web:
        fleet = topologies.make(
            folder / "alerts", ("leaf", "region", "cloud"), lambda plan: prepare(plan, mqtt, web))
        with fleet:
            fleet.start()
            passes = math.ceil(max(seconds, LEAST_SECONDS) * CAMERAS * RATE / 1_000)
            for _ in range(passes):
                send(fleet)
            metrics = fleet["leaf"].metrics()
            emitted = int(metrics['canopy_alerts_total{task="meter-digits"}'])
            for alerts in (mqtt.alerts, web.alerts):
                eventually(lambda got=alerts: len(got) >= emitted, f"{emitted} alerts have come")
            metrics = fleet["leaf"].metrics()
            result = {"frames": passes * 1_000, "alerts": emitted, "escalations": up(metrics)}
            result["emitted_ms"] = {
                name: metrics[f'canopy_alert_emission_seconds{{quantile="{quantile}"}}'] * 1e3
                for name, quantile in (("p50", "0.5"), ("p99", "0.99"))}
            result |= {"mqtt": times(mqtt.alerts, "mqtt", metrics),
                       "webhook": times(web.alerts, "web", metrics)}
    print(f"  {result['frames']} frames, {emitted} alerts, {result['escalations']} escalations")
    print("  leaves the node after {p50:.1f} ms (p99 {p99:.1f})".format(**result["emitted_ms"]))
    for sink in ("mqtt", "webhook"):
        show(sink, result[sink])
        judge(sink, result[sink], emitted, claims)
    return result


def prepare(plan: dict, mqtt: Broker, web: Hook) -> None:
    topologies.digits(plan, deadline="1s", escalate={"share": "8%", "audit": "0.1%"},
                      alert={"labels": ["9"], "at": 0.98, "to": ["mqtt", "web"]})
    topologies.power(plan)
    # Alerts are written to disk beside their delivery, which must not wait for it.
    plan["nodes"]["leaf"]["budget"] = {"spool": "64MiB"}
    plan["alerts"] = {"sinks": {"mqtt": {"mqtt": f"127.0.0.1:{mqtt.port}"},
                                "web": {"webhook": f"http://127.0.0.1:{web.port}/"}}}


def send(fleet: Fleet) -> None:
    """All frames once, by mutual TLS."""
    subprocess.run(
        [program("canopy"), "send", "--to", f"127.0.0.1:{fleet['leaf'].secure}", "--node", "leaf",
         "--certificates", fleet.folder / "certificates", "--as", "camera",
         "--task", "meter-digits", "--image", FRAMES, "--streams", str(CAMERAS),
         "--rate", str(RATE)], check=True, stdout=subprocess.DEVNULL, timeout=120)


def up(metrics: dict[str, float]) -> int:
    return int(sum(value for name, value in metrics.items()
                   if name.startswith("canopy_upstream_calls_total") and "escalation" in name))


def times(alerts: Alerts, sink: str, metrics: dict[str, float]) -> dict:
    """Milliseconds from a frame's arrival at the node: until the receiver had the alert, by the
    machine's clock, and until the node had the acknowledgement, by its own."""
    took = [(came - datetime.fromisoformat(alert["time"]).timestamp()) * 1e3
            for alert, came in zip(alerts, alerts.times)]
    at_receiver = dict(zip(("p50", "p99", "max"), map(float, np.quantile(took, (0.5, 0.99, 1)))))
    acknowledged = {
        name: metrics[f'canopy_alert_seconds{{sink="{sink}",quantile="{quantile}"}}'] * 1e3
        for name, quantile in (("p50", "0.5"), ("p99", "0.99"))}
    return {"received": len(set(alerts.ids)), "came": len(alerts), "at_receiver_ms": at_receiver,
            "acknowledged_ms": acknowledged}


def show(sink: str, row: dict) -> None:
    there, back = row["at_receiver_ms"], row["acknowledged_ms"]
    print(f"  {sink:8} received after {there['p50']:.1f} ms (p99 {there['p99']:.1f}, most"
          f" {there['max']:.1f}), acknowledged after {back['p50']:.1f} ms (p99 {back['p99']:.1f})")


def judge(sink: str, row: dict, emitted: int, claims: Claims) -> None:
    for name in ("at_receiver_ms", "acknowledged_ms"):
        worst = row[name]["p99"]
        words = "received" if name == "at_receiver_ms" else "acknowledged"
        claims.at_most(f"alert {words} by {sink}, p99 ms", worst, BUDGET_MS)
    claims.equal(f"alerts that came by {sink}", row["came"], emitted)
