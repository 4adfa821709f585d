"""Four cameras, as `canopy send` makes them, and what became of each frame."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import Counter

import frames
from fleet import Fleet, program

CAMERAS, RATE = 4, 30
UNKNOWN, ANSWERED, FAILED = range(3)


class Cameras(threading.Thread):
    """Sends for so many seconds; reads what comes of it in a thread of its own."""

    def __init__(self, fleet: Fleet, task: str, seconds: float):
        super().__init__(daemon=True)
        frames.digits(1)
        self.each = round(RATE * seconds)
        # By camera and frame.
        self.fates = [bytearray(self.each) for _ in range(CAMERAS)]
        self.tiers: Counter[str] = Counter()
        self.degraded: Counter[str] = Counter()
        # Camera, frame, when it was due, words.
        self.failures: list[tuple[int, int, float, str]] = []
        self.summary: dict = {}
        self.began: float | None = None
        self.process = subprocess.Popen(
            [str(word) for word in (
                program("canopy"), "send", *self._leaf(fleet["leaf"].secure),
                "--certificates", fleet.folder / "certificates", "--as", "camera",
                "--task", task, "--image", frames.FOLDER, "--repeat", "--streams", CAMERAS,
                "--rate", RATE, "--limit", self.each * CAMERAS, "--json")],
            stdout=subprocess.PIPE, text=True)
        self.start()

    @staticmethod
    def _leaf(port: int) -> list[str]:
        """The leaf under two addresses: cameras that know of several keep frames while it is dead
        and send them again, and from a seed they would learn of the region and go there."""
        return [f"--{word}" for host in ("127.0.0.1", "localhost")
                for word in (f"to={host}:{port}", "node=leaf")]

    def run(self) -> None:
        for line in self.process.stdout:
            self._hear(json.loads(line))

    def _hear(self, line: dict) -> None:
        if "summary" in line:
            self.summary = line["summary"]
        if not line.get("final"):
            return
        if self.began is None:
            self.began = time.monotonic() - line["latency_ms"] / 1e3
        camera, number = line["stream"] - 1, line["sequence"]
        if "error" in line:
            self.fates[camera][number] = FAILED
            self.failures.append((camera + 1, number, self.due(number), line["error"][:200]))
            return
        self.fates[camera][number] = ANSWERED
        self.tiers[line["tier"]] += 1
        self.degraded[line["degraded"] or "no"] += 1

    def due(self, number: int) -> float:
        """When a frame of this number was taken."""
        return (self.began or 0) + number / RATE

    @property
    def wanted(self) -> int:
        return self.each * CAMERAS

    @property
    def answered(self) -> int:
        return sum(self.tiers.values())

    def all_of(self, fate: int) -> set[tuple[str, int]]:
        """Frames of this fate, under the names that nodes know them by."""
        return {(f"camera-{camera + 1}", number) for camera, fates in enumerate(self.fates)
                for number, one in enumerate(fates) if one == fate}

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
