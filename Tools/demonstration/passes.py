"""One pass of frames through `canopy send`, and what came of each frame."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from machine import Trouble, program
from nodes import CERTIFICATES, RELAY

TIERS = ("leaf", "regional", "cloud")
CAMERAS, RATE = 4, 30  # the fleet of the page: four cameras of thirty frames a second
PASS_SECONDS = 120  # longer than any pass; one that hangs is ended


@dataclass(frozen=True)
class Answer:
    """What `canopy send --json` says of one answer."""

    source: str
    stream: int
    label: str | None
    confidence: float
    accepted: bool
    tier: str
    degraded: str | None
    latency: float  # milliseconds, at the client
    final: bool
    error: str | None

    @staticmethod
    def of(line: dict[str, Any]) -> Answer:
        return Answer(
            source=Path(line["source"]).name, stream=line["stream"], label=line.get("label"),
            confidence=line.get("confidence") or 0.0, accepted=line.get("accepted") is True,
            tier=line.get("tier", ""), degraded=line.get("degraded"),
            latency=line["latency_ms"], final=line["final"], error=line.get("error"))


@dataclass
class Pass:
    """All answers of one pass."""

    name: str
    answers: list[Answer] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def final(self) -> dict[str, Answer]:
        """The last answer of each frame that has one, by the frame's name."""
        return {a.source: a for a in self.answers if a.final and a.error is None}

    @property
    def first(self) -> dict[str, Answer]:
        """The first answer of each frame that has one."""
        found: dict[str, Answer] = {}
        for answer in self.answers:
            if answer.error is None:
                found.setdefault(answer.source, answer)
        return found

    @property
    def errors(self) -> dict[str, int]:
        return self.summary.get("errors", {})


def send(name: str, words: list[object], watch: Callable[[Answer], None]) -> Pass:
    """Runs `canopy send --json` with more words; each answer is shown to `watch` as it comes."""
    line = [str(program("canopy")), "send", "--json", "--certificates", str(CERTIFICATES),
            *map(str, words)]
    result = Pass(name)
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = threading.Timer(PASS_SECONDS, child.kill)
    limit.start()
    try:
        for text in child.stdout:
            said = json.loads(text)
            if "summary" in said:
                result.summary = said["summary"]
            else:
                result.answers.append(Answer.of(said))
                watch(result.answers[-1])
        trouble = child.stderr.read()
    finally:
        limit.cancel()
        child.kill()
        child.wait()
    if not result.summary:
        raise Trouble(f"{' '.join(line)} ended without a summary\n{trouble}")
    return result


def to_node(node: str) -> list[object]:
    """The words that reach a node as the camera; the cloud is behind the relay."""
    address = {"leaf": "127.0.0.1:8443", "region": "127.0.0.1:8444",
               "cloud": f"127.0.0.1:{RELAY}"}[node]
    return ["--to", address, "--node", node, "--as", "camera"]


def right(answers: dict[str, Answer], labels: dict[str, str]) -> np.ndarray:
    """For each labelled frame in order: whether it was answered rightly. No answer is wrong."""
    return np.array([name in answers and answers[name].label == label
                     for name, label in labels.items()])


def reasons(answers: Iterable[Answer]) -> dict[str, int]:
    """How many answers were less than the task wants, by the reason that they say."""
    counts = Counter(answer.degraded for answer in answers if answer.degraded)
    return dict(sorted(counts.items()))


def latencies(answers: list[Answer]) -> dict[str, Any]:
    """How many, and the exact quantiles of their times in milliseconds."""
    times = np.array([answer.latency for answer in answers])
    quantiles = np.quantile(times, (0.5, 0.95, 0.99)) if len(times) else [None] * 3
    named = {name: None if q is None else round(float(q), 3)
             for name, q in zip(("p50_ms", "p95_ms", "p99_ms"), quantiles)}
    return {"answers": len(times), **named}
