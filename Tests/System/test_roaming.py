"""A client of several nodes: the nearest one, and what becomes of its frames when that is lost."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
import topologies
from fleet import ROOT, eventually, program
from relay import Relay

FRAMES = ROOT / ".cache" / "frames" / "test"
CAMERAS, RATE = 4, 30


@dataclass
class Run:
    """`canopy send --json` under way, and what it has said so far."""

    process: subprocess.Popen
    answers: list[dict] = field(default_factory=list)
    moves: list[dict] = field(default_factory=list)
    summary: dict = field(default_factory=dict)

    def read(self) -> bool:
        """One line more; false at the end."""
        line = self.process.stdout.readline()
        if not line:
            return False
        said = json.loads(line)
        if "moved" in said:
            self.moves.append(said["moved"])
        elif "summary" in said:
            self.summary = said["summary"]
        else:
            self.answers.append(said)
        return True

    def until(self, holds) -> None:
        """Reads until `holds()`."""
        while not holds():
            assert self.read(), f"it ended: {self.process.stderr.read()}"

    def more(self, count: int) -> None:
        """Reads so many outcomes more."""
        seen = len(self.answers) + count
        self.until(lambda: len(self.answers) >= seen)

    def finish(self) -> None:
        while self.read():
            pass
        assert self.process.wait(60) in (0, 1), self.process.stderr.read()
        assert self.summary, self.process.stderr.read()

    def numbers(self, stream: int) -> list[int]:
        """Frames of a camera that were answered, in the order in which it heard of them."""
        return [said["sequence"] for said in self.answers
                if said["stream"] == stream and "error" not in said]

    def nodes(self) -> Counter:
        return Counter(said.get("node") for said in self.answers)


class Site:
    """Leaves that answer with their inputs, each behind a relay of its own."""

    def __init__(self, stack: contextlib.ExitStack, folder, names: tuple[str, ...], *changes,
                 loops: int = 1):
        def leaves(plan):
            for node in plan["nodes"].values():
                node["tier"] = "leaf"
            topologies.identity(plan)

        self.folder = folder
        self.relays = {name: stack.enter_context(Relay(self._make(name))) for name in names}
        self.fleet = stack.enter_context(
            topologies.make(folder, names, leaves, *changes, loops=loops))
        self.stack = stack

    def _make(self, name: str):
        path = self.folder / f"relay-{name}"
        path.mkdir(parents=True)
        return path

    def start(self, delays: dict[str, str], port: str = "plain") -> None:
        """Starts relays with these delays each way, then the nodes."""
        for name, delay in delays.items():
            self.relays[name].start(getattr(self.fleet[name], port), "--delay", delay)
        self.fleet.start()

    def send(self, *words: object, names: tuple[str, ...] = (), frames: int) -> Run:
        line = [program("canopy"), "send", "--json", "--task", "echo", "--image", FRAMES,
                "--image", FRAMES, "--image", FRAMES, "--limit", frames, *words]
        for name in names:
            line += ["--plain", "--to", f"127.0.0.1:{self.relays[name].port}"]
        process = subprocess.Popen([str(word) for word in line], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, cwd=ROOT)
        self.stack.callback(process.stdout.close)
        self.stack.callback(process.stderr.close)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return Run(process)


@pytest.fixture
def site(tmp_path, frames):
    """Makes sites: `site(names, *changes)`. Not started."""
    with contextlib.ExitStack() as stack:
        yield lambda names, *changes, **more: Site(stack, tmp_path, names, *changes, **more)


def all_in_order(run: Run, frames: int) -> None:
    """Every frame has one answer, and each camera heard of its frames in their order."""
    summary = run.summary
    assert (summary["answers"], summary["failed"], summary["dropped"]) == (frames, 0, 0), summary
    for stream in range(1, CAMERAS + 1):
        numbers = run.numbers(stream)
        assert numbers == list(range(len(numbers)))
    assert len(run.answers) == frames


# Each way; round trips of 5, 25, 49, 80 and 120 ms.
FIVE = {"d": "40ms", "b": "12.5ms", "e": "60ms", "a": "2.5ms", "c": "24.5ms"}
REAL_TIME = ("--streams", CAMERAS, "--rate", RATE)


def test_of_five_nodes_the_nearest_is_used_and_none_that_is_far(site):
    here = site(tuple(FIVE))
    here.start(FIVE)
    run = here.send(*REAL_TIME, names=tuple(FIVE), frames=300)
    run.finish()
    all_in_order(run, 300)
    first = run.moves[0]
    assert first["reason"] == "found" and first["from"] is None
    assert first["to"] == f"127.0.0.1:{here.relays['a'].port}"
    assert set(run.nodes()) <= {"a", "b", "c"}, "no node over 50 ms away while one is nearer"
    assert run.nodes()["a"] > 250


@pytest.mark.parametrize("loops", [1, 2], ids=["one loop", "two loops"])
def test_when_the_nearest_node_is_killed_no_frame_is_lost_and_none_overtakes(site, loops):
    here = site(("a", "b", "c"), loops=loops)
    here.start({"a": "2ms", "b": "10ms", "c": "60ms"})
    total = CAMERAS * RATE * 8
    run = here.send(*REAL_TIME, names=("a", "b", "c"), frames=total)
    run.more(200)
    # Frames that it has and will not answer.
    here.fleet["a"].process.send_signal(signal.SIGSTOP)
    before = here.relays["a"].stats()["up"]["in"]
    eventually(lambda: here.relays["a"].stats()["up"]["in"] > before + 99_000, "frames are there")
    here.fleet["a"].process.kill()
    run.finish()
    all_in_order(run, total)
    assert run.summary["resent"] > 0 and run.summary["moved"] == 1, run.moves
    assert set(run.nodes()) == {"a", "b"}
    again = [said for said in run.answers if said["attempts"] > 1]
    assert {said["node"] for said in again} == {"b"}


def test_a_silent_node_is_left_and_its_frames_are_answered_elsewhere(site):
    here = site(("a", "b"))
    here.start({"a": "2ms", "b": "10ms"})
    total = CAMERAS * RATE * 8
    run = here.send(*REAL_TIME, names=("a", "b"), frames=total)
    run.more(200)
    here.relays["a"].say("hole")
    run.finish()
    all_in_order(run, total)
    assert run.moves[1]["reason"] == "lost" and run.nodes()["b"] > 100


def test_a_node_that_drains_hands_its_cameras_on(site):
    here = site(("a", "b"))
    here.start({"a": "2ms", "b": "10ms"})
    total = CAMERAS * RATE * 6
    run = here.send(*REAL_TIME, names=("a", "b"), frames=total)
    run.more(200)
    here.fleet["a"].process.send_signal(signal.SIGTERM)
    run.finish()
    all_in_order(run, total)
    assert here.fleet["a"].process.wait(15) == 0
    assert run.nodes()["b"] > 100


def test_cameras_follow_when_another_node_becomes_the_nearest(site):
    here = site(("a", "b"))
    here.start({"a": "2ms", "b": "15ms"})
    total = CAMERAS * RATE * 10
    run = here.send(*REAL_TIME, names=("a", "b"), frames=total)
    run.more(200)
    here.relays["a"].say("set delay 60ms")
    run.until(lambda: len(run.moves) == 2)
    there = f"127.0.0.1:{here.relays['b'].port}"
    assert (run.moves[1]["to"], run.moves[1]["reason"]) == (there, "nearer")
    assert run.moves[1]["distance_ms"] < 50
    here.relays["a"].say("set delay 2ms")
    run.until(lambda: len(run.moves) == 3)
    assert run.moves[2]["to"] == run.moves[0]["to"]
    run.finish()
    all_in_order(run, total)


@pytest.mark.parametrize("rule", ["enough room", "oldest", "newest", "reject"])
def test_while_no_node_answers_frames_wait_and_drops_are_counted(site, rule):
    here = site(("a", "b"))
    here.start({"a": "1ms", "b": "5ms"})
    total, room = CAMERAS * RATE * 6, 20
    more = [] if rule == "enough room" else ["--buffer", room, "--drop", rule]
    run = here.send(*REAL_TIME, *more, names=("a", "b"), frames=total)
    run.more(100)
    for name in ("a", "b"):
        here.fleet.stop(name, signal.SIGKILL)
    run.until(lambda: run.moves[-1]["to"] is None)
    if more:
        run.until(lambda: any("dropped" in said for said in run.answers))
    else:
        time.sleep(2)
    here.fleet.start("b")
    run.finish()
    summary = run.summary
    if not more:
        return all_in_order(run, total)
    dropped = [said for said in run.answers if "dropped" in said]
    assert len(dropped) == summary["dropped"] > 0 and summary["failed"] == len(dropped)
    assert summary["answers"] + summary["dropped"] == total
    if rule == "reject":
        assert all(f"holds {room} frames" in said["error"] for said in dropped)
        for stream in range(1, CAMERAS + 1):
            numbers = run.numbers(stream)
            assert numbers == list(range(len(numbers))), "what was not taken has no number"
        return
    assert any("no node answers" in said["error"] for said in dropped)
    assert {said["dropped"] for said in dropped} == {"full"}
    for stream in range(1, CAMERAS + 1):
        numbers = run.numbers(stream)
        assert numbers == sorted(numbers)
        lost = [said["sequence"] for said in dropped if said["stream"] == stream]
        assert not set(numbers) & set(lost) and len(numbers) + len(lost) == total / CAMERAS
        if rule == "oldest":
            assert max(numbers) > max(lost), "the newest frames were kept"


def test_a_client_of_one_node_learns_of_nearer_ones_over_tls(site):
    def through_relays(plan):
        for name, node in plan["nodes"].items():
            node["address"] = f"127.0.0.1:{here_ports[name]}"

    here_ports: dict[str, int] = {}
    here = site(("a", "b"))
    for name, relay in here.relays.items():
        here_ports[name] = relay.port
    through_relays(here.fleet.plan)
    here.fleet.write()
    here.start({"a": "2ms", "b": "30ms"}, port="secure")
    run = here.send(*REAL_TIME, "--seed", f"127.0.0.1:{here_ports['b']}", "--node", "b",
                    "--as", "camera", "--certificates", here.folder / "certificates", frames=480)
    run.finish()
    all_in_order(run, 480)
    assert [move["to"].split()[0] for move in run.moves[:2]] == ["b", "a"]
    assert run.nodes()["a"] > 100
