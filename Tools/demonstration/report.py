"""The report as a value: what the passes showed, in the form of the JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import proof
from machine import BUNDLES, STILL_BUNDLES, about, bundle_sizes
from outage import Outage
from passes import TIERS, Pass, latencies, reasons, right

DIGITS = [str(digit) for digit in range(10)]
CAVEAT = ("These test frames were looked at while the leaf's model was tuned "
          "(Tools/models/frames.json says how often): figures on them are slightly optimistic.")
BINS = [0.5 * 10 ** (step / 12) for step in range(43)]  # 0.5 ms to 1.6 s, 12 bins a decade


@dataclass
class Outcome:
    """All passes of a run."""

    labels: dict[str, str]
    system: Pass
    leaf_only: Pass
    regional_only: Pass
    cloud_only: Pass
    upstream_bytes: int
    rows: dict[str, str]
    sensor: Pass
    refine: Pass
    refine_frames: int
    outage: Outage
    stills: Pass | None
    still_labels: dict[str, list[str]]
    seconds: float


def make(outcome: Outcome) -> dict[str, Any]:
    """The whole report but for the claims."""
    return {
        "about": about(), "seconds": round(outcome.seconds, 1), "digits": digits(outcome),
        "tiers": tiers(outcome.system), "latency": latency(outcome),
        "sensor": sensor(outcome), "refine": refine(outcome),
        "outage": outcome.outage.report(
            outcome.cloud_only.summary["bytes_out"] / len(outcome.labels)),
        "sizes": sizes(outcome.stills is not None),
        **({"stills": stills(outcome)} if outcome.stills else {})}


def digits(outcome: Outcome) -> dict[str, Any]:
    """Accuracy of each way to answer on the same frames, and what they cost in bytes."""
    labels = outcome.labels
    passes = {"leaf_only": outcome.leaf_only, "system": outcome.system,
              "regional_only": outcome.regional_only, "cloud_only": outcome.cloud_only}
    answered = {name: one.final for name, one in passes.items()}
    rights = {name: right(one, labels) for name, one in answered.items()}
    found: dict[str, Any] = {}
    for name, one in passes.items():
        said = [answered[name][file].label if file in answered[name] else None for file in labels]
        found[name] = {
            **proof.accuracy(rights[name]), "unanswered": len(labels) - len(answered[name]),
            "errors": one.errors,
            "confusion": proof.confusion(list(labels.values()), said, DIGITS)}
    system = answered["system"].values()
    cloud_bytes = outcome.cloud_only.summary["bytes_out"]
    return {
        **found, "frames": len(labels),
        "system_above_leaf_only": proof.mcnemar(rights["leaf_only"], rights["system"]),
        "cloud_only_above_system": proof.mcnemar(rights["system"], rights["cloud_only"]),
        "upstream_bytes": outcome.upstream_bytes, "cloud_only_bytes": cloud_bytes,
        "bytes_ratio": outcome.upstream_bytes / cloud_bytes,
        "accepted": sum(answer.accepted for answer in system),
        "degraded": reasons(system), "wrong_among_accepted": _wrong(labels, outcome.system)}


def _wrong(labels: dict[str, str], one: Pass) -> dict[str, Any]:
    """Of the answers that the leaf accepted, how many are wrong: what its bar promises."""
    accepted = [a for a in one.final.values() if a.tier == "leaf" and a.accepted]
    wrong = sum(labels[answer.source] != answer.label for answer in accepted)
    low, high = proof.wilson(wrong, len(accepted))
    return {"accepted": len(accepted), "wrong": wrong, "share": wrong / max(len(accepted), 1),
            "interval": [round(low, 5), round(high, 5)]}


def tiers(one: Pass) -> dict[str, Any]:
    """Answers and times of each tier in the system's pass."""
    answers = one.final.values()
    found = {}
    for tier in TIERS:
        mine = [answer for answer in answers if answer.tier == tier]
        found[tier] = {**latencies(mine), "share": len(mine) / max(len(answers), 1)}
    return found


def latency(outcome: Outcome) -> dict[str, Any]:
    """Times at the camera for each way to answer, with their histograms."""
    ways = {"system": outcome.system, "leaf_only": outcome.leaf_only,
            "regional_only": outcome.regional_only, "cloud_only": outcome.cloud_only}
    found: dict[str, Any] = {"bins_ms": [round(edge, 3) for edge in BINS]}
    for name, one in ways.items():
        answers = list(one.final.values())
        counts, _ = np.histogram([answer.latency for answer in answers], BINS)
        found[name] = {**latencies(answers), "histogram": counts.tolist()}
    return found


def sensor(outcome: Outcome) -> dict[str, Any]:
    """The sensor task in refine mode: the leaf's answers come first, better ones follow."""
    first, final = outcome.sensor.first, outcome.sensor.final
    before, after = right(first, outcome.rows), right(final, outcome.rows)
    return {
        "rows": len(outcome.rows), "unanswered": len(outcome.rows) - len(final),
        "leaf_only": proof.accuracy(before), "system": proof.accuracy(after),
        "system_above_leaf_only": proof.mcnemar(before, after),
        "tiers": tiers(outcome.sensor)}


def refine(outcome: Outcome) -> dict[str, Any]:
    """The frames that the leaf was least sure of, answered at once and then better."""
    first, final = outcome.refine.first, outcome.refine.final
    refined = [name for name in final if not first[name].final]
    labels = outcome.labels
    return {
        "frames": outcome.refine_frames, "refined": len(refined),
        "unanswered": outcome.refine_frames - len(final),
        "changed": sum(first[name].label != final[name].label for name in refined),
        "right_first": sum(first[name].label == labels[name] for name in refined),
        "right_last": sum(final[name].label == labels[name] for name in refined),
        "first": latencies([first[name] for name in refined]),
        "last": latencies([final[name] for name in refined])}


def stills(outcome: Outcome) -> dict[str, Any]:
    """What each tier's model made of the known stills."""
    answers = outcome.stills.final
    pictures = []
    for name, labels in outcome.still_labels.items():
        answer = answers.get(name)
        pictures.append({
            "picture": Path(name).stem, "label": answer.label if answer else None,
            "tier": answer.tier if answer else None,
            "confidence": round(answer.confidence, 4) if answer else None,
            "latency_ms": round(answer.latency, 1) if answer else None,
            "right": answer is not None and answer.label in labels})
    return {"pictures": pictures, "right": sum(picture["right"] for picture in pictures),
            "unanswered": len(pictures) - len(answers)}


def sizes(with_stills: bool) -> dict[str, Any]:
    """Bytes of each model as it is served, beside the same network in FP32."""
    folders = [path.parent for path in sorted(BUNDLES.glob("*/index.json"))]
    if with_stills:
        folders += [STILL_BUNDLES / f"imagenet-{name}" for name in ("leaf", "lite1", "lite2")]
    return {folder.name: bundle_sizes(folder) for folder in folders}
