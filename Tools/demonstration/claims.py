"""What the demonstration claims, each held against the report."""

from __future__ import annotations

from typing import Any

from proof import chance, percent

LEAST_ACCURACY = 0.95
MOST_BYTES = 0.10  # of what the cloud alone takes
SIGNIFICANT = 0.05
LEAST_CLOUD_MS = 200.0  # the link alone takes 100 ms each way


def check(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Each claim with what was seen and whether it holds."""
    digits, latency = report["digits"], report["latency"]
    system, leaf = digits["system"], digits["leaf_only"]
    gain = digits["system_above_leaf_only"]
    leaf_ms, cloud_ms = (latency[way]["p50_ms"] or 0.0 for way in ("leaf_only", "cloud_only"))
    int8 = report["sizes"]["digits-leaf"]
    ratio = int8["bytes"] / int8["fp32_bytes"]
    unanswered = sum(digits[way]["unanswered"] for way in
                     ("system", "leaf_only", "regional_only", "cloud_only"))
    unanswered += report["sensor"]["unanswered"] + report["refine"]["unanswered"]
    unanswered += report.get("stills", {}).get("unanswered", 0)
    return [
        _claim("the leaf alone reads less than 95 % of the digits rightly",
               leaf["accuracy"] < LEAST_ACCURACY, percent(leaf["accuracy"])),
        _claim("the system reads more than 95 %",
               system["accuracy"] > LEAST_ACCURACY,
               f"{percent(system['accuracy'])} ({_interval(system)})"),
        _claim("the system is significantly better than the leaf alone (McNemar, p < 0.05)",
               gain["p"] < SIGNIFICANT and gain["gained"] > gain["lost"],
               f"{gain['gained']} frames gained, {gain['lost']} lost, {chance(gain['p'])}"),
        _claim("at most 10 % of the cloud-only bytes leave the leaf's site",
               digits["bytes_ratio"] <= MOST_BYTES,
               f"{digits['upstream_bytes']:,} of {digits['cloud_only_bytes']:,} bytes, "
               f"{percent(digits['bytes_ratio'])}"),
        _claim("the leaf's median answer is faster than the cloud's",
               0 < leaf_ms < cloud_ms, f"{leaf_ms:.1f} ms against {cloud_ms:.1f} ms"),
        _claim("the cloud's median answer takes its link's 200 ms at least",
               cloud_ms >= LEAST_CLOUD_MS, f"{cloud_ms:.1f} ms"),
        _claim("the leaf's INT8 model is smaller than in FP32",
               ratio < 1, f"{int8['bytes']:,} of {int8['fp32_bytes']:,} bytes, {percent(ratio)}"),
        _claim("every frame and every sensor row is answered", unanswered == 0,
               f"{unanswered} without an answer"),
        *outage(report["outage"]),
    ]


def outage(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Nothing is lost while the uplink is cut: what is claimed of that part of the report."""
    frames, deepest = report["frames"], report["deepest"]
    return [
        _claim(f"with the uplink cut for {report['cut_seconds']:.0f} s every frame is answered",
               frames == report["answered"] and report["degraded"].get("upstream_down", 0) > 0,
               f"{frames:,} sent, {report['answered']:,} answered, "
               f"{report['degraded'].get('upstream_down', 0)} of them less than wanted"),
        _claim("what the leaf then owes is kept, and settled when the link is back: "
               "owed = settled + gaps",
               0 < report["owed"] == report["settled"] + report["gaps"]
               and report["left"] == 0 and deepest["results"] > 0,
               f"{report['owed']} owed = {report['settled']} settled + {report['gaps']} gaps; "
               f"{deepest['results']:,} results and {deepest['frames']} frames waited at most"),
        _claim("the region has one record of each frame", report["records"] == frames,
               f"{report['records']:,} of {frames:,}"),
    ]


def _claim(what: str, holds: bool, seen: str) -> dict[str, Any]:
    return {"claim": what, "holds": bool(holds), "seen": seen}


def _interval(accuracy: dict[str, Any]) -> str:
    low, high = accuracy["interval"]
    return f"95 % interval {percent(low)} to {percent(high)}"
