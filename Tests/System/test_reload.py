"""Edits of a topology while nodes run: a good one is in force without a lost frame, a bad one is
refused, and the node goes on."""

from __future__ import annotations

import os
import shutil
import signal
import threading

import operators
import pytest
import topologies
from calls import digit, echo, facts, plain, refusal
from conftest import LOOPS
from fleet import MODELS, bundle_id, eventually
from operators import edit, status, task
from tritonclient.utils import InferenceServerException

GOOD, BAD = 'canopy_reloads_total{outcome="accepted"}', 'canopy_reloads_total{outcome="refused"}'


def tasks(plan: dict) -> None:
    topologies.digits(plan)
    topologies.identity(plan)
    operators.operator(plan)


@pytest.fixture
def alone(build, request):
    """A leaf without anybody upstream; the test says how many loops."""
    def make(loops: int):
        fleet = operators.certify(build(("leaf",), tasks, loops=loops))
        fleet.start()
        return fleet

    return make


class Load:
    """Frames that are sent one after the other by each of some clients, until the end."""

    def __init__(self, fleet, jpeg: bytes, clients: int = 4):
        self.fleet, self.jpeg = fleet, jpeg
        self.answers: list[dict] = []
        self.faults: list[str] = []
        self.isOver = threading.Event()
        self.threads = [threading.Thread(target=self.send) for _ in range(clients)]

    def send(self) -> None:
        with plain(self.fleet, "leaf", fresh=True) as client:
            while not self.isOver.is_set():
                try:
                    self.answers.append(facts(digit(client, self.jpeg)))
                    client.infer("echo", [echo()], client_timeout=20)
                except Exception as fault:  # noqa: BLE001 - whatever it is, it is a lost frame
                    self.faults.append(str(fault))

    def more(self, count: int = 20) -> None:
        """Waits for so many more answers."""
        wanted = len(self.answers) + count
        eventually(lambda: len(self.answers) >= wanted or self.faults, "frames are answered")

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.isOver.set()
        for thread in self.threads:
            thread.join()


@LOOPS
def test_models_and_bars_change_under_load_and_no_frame_is_lost_or_judged_by_two_of_them(
        alone, frames, loops):
    """One bundle's bar is met by every answer, the other's by none: an answer that was made by one
    model and judged by the bar of the other would show."""
    fleet = alone(loops)
    models = {name: bundle_id(name) for name in ("digits-leaf", "digits-regional")}

    def use(name, bar):
        def change(plan):
            plan["tasks"]["meter-digits"]["leaf"] = {"bundle": models[name], "accept": bar}
        return change

    def serves(name):
        return task(fleet, "leaf", "meter-digits")["bundle"] == models[name]

    edit(fleet, use("digits-leaf", 0.0), "leaf")
    eventually(lambda: task(fleet, "leaf", "meter-digits")["bar"] == 0.0, "the bar is in force")
    with Load(fleet, frames[0][0]) as load:
        for _ in range(3):
            for name, bar in (("digits-regional", 1.0), ("digits-leaf", 0.0)):
                edit(fleet, use(name, bar), "leaf")
                eventually(lambda: serves(name), f"{name} answers")
                load.more()
    assert load.faults == []
    made = {(one["bundle"], one["accepted"]) for one in load.answers}
    assert made == {(models["digits-leaf"], True), (models["digits-regional"], False)}
    assert fleet["leaf"].metrics()[GOOD] == 7


@LOOPS
def test_a_bad_edit_is_refused_with_its_line_while_the_node_serves(alone, frames, loops):
    fleet = alone(loops)
    leaf, before = fleet["leaf"], operators.digest(fleet)
    good = fleet.topology.read_text()
    with Load(fleet, frames[0][0]) as load:
        fleet.topology.write_text(good.replace('"limits"', '"limitz"'))
        line = leaf.await_log("the topology is not taken over")
        load.more()
        fleet.topology.write_text("canopy: [1\n")
        eventually(lambda: leaf.metrics()[BAD] == 2, "the second bad edit is counted")
        load.more()
        assert f"{fleet.topology}:" in line and "did you mean `limits`?" in line
        # The operator's own copy is good; what lies at the node's is not.
        copy = fleet.folder / "copy.yaml"
        copy.write_text(good)
        said = fleet.canopy("reload", "leaf", "--topology", copy, check=False)
        assert said.returncode == 1 and "refused" in said.stdout
        assert f"{fleet.topology}:" in said.stdout
        table = fleet.canopy("status", copy)
        assert "leaf did not take over its topology" in table.stdout
        assert before[:12] in table.stdout
        fleet.topology.write_text(good)
        eventually(lambda: status(fleet, "leaf")["topology"]["refusal"] == "", "it is mended")
    assert load.faults == []
    assert leaf.metrics()[GOOD] == 0


def test_what_needs_a_restart_is_refused_by_name_and_nothing_else_of_the_edit_is_taken(alone):
    fleet = alone(1)
    def change(plan):
        plan["nodes"]["leaf"]["loops"] = 2
        plan["nodes"]["leaf"]["budget"] = {"memory": "2GiB"}
        plan["tasks"]["meter-digits"]["leaf"]["accept"] = 0.1
    change(fleet.plan)
    fleet.write()
    leaf = fleet["leaf"]
    leaf.await_log("`budget.memory` cannot change while the node runs")
    leaf.await_log("`loops` cannot change while the node runs")
    assert task(fleet, "leaf", "meter-digits")["bar"] is None
    assert leaf.metrics()[BAD] == 1


def test_a_hang_up_signal_makes_a_node_read_its_topology_again(alone):
    fleet = alone(1)
    leaf = fleet["leaf"]
    counted = 'canopy_reloads_total{outcome="unchanged"}'
    os.kill(leaf.process.pid, signal.SIGHUP)
    eventually(lambda: leaf.metrics()[counted] == 1, "it was read")
    assert fleet.canopy("reload", "leaf", "--topology", fleet.topology).stdout.startswith(
        "leaf: unchanged")
    assert leaf.metrics()[counted] == 2


@LOOPS
def test_tasks_come_and_go_and_come_back(alone, loops):
    fleet = alone(loops)

    def ask(name):
        with plain(fleet, "leaf", fresh=True) as client:
            return client.infer(name, [echo()], client_timeout=20)

    def add(plan):
        plan["tasks"]["again"] = {"leaf": {"builtin": "identity"}}

    for _ in range(2):
        edit(fleet, add, "leaf")
        assert ask("again")
        edit(fleet, lambda plan: plan["tasks"].pop("again"), "leaf")
        assert "there is no task 'again'" in refusal(lambda: ask("again"))
        assert ask("echo")
    assert fleet["leaf"].get("/ready")[0] == 200
    assert [one["task"] for one in status(fleet, "leaf")["tasks"]] == ["meter-digits", "echo"] or [
        one["task"] for one in status(fleet, "leaf")["tasks"]] == ["echo", "meter-digits"]


@LOOPS
def test_a_bundle_that_is_not_there_leaves_the_one_that_was(alone, frames, loops):
    fleet = alone(loops)
    edit(fleet, lambda plan: plan["tasks"]["meter-digits"]["leaf"].update(
        bundle="sha256:" + "0" * 64), "leaf")
    eventually(lambda: task(fleet, "leaf", "meter-digits")["fault"], "the fault is known")
    known = task(fleet, "leaf", "meter-digits")
    assert known["model"] == "ready" and known["bundle"] == bundle_id("digits-leaf")
    assert "goes on" in known["fault"]
    assert facts(digit(plain(fleet, "leaf"), frames[0][0]))["bundle"] == bundle_id("digits-leaf")
    edit(fleet, lambda plan: plan["tasks"]["meter-digits"]["leaf"].update(
        bundle=bundle_id("digits-leaf")), "leaf")
    eventually(lambda: not task(fleet, "leaf", "meter-digits")["fault"], "the fault is gone")


@LOOPS
def test_an_old_model_answers_as_stale_until_its_limit_and_the_right_one_when_it_comes(
        alone, frames, loops):
    fleet = alone(loops)
    folder = fleet.folder / "on-its-way"
    folder.mkdir()
    ask = lambda: facts(digit(plain(fleet, "leaf"), frames[0][0]))  # noqa: E731
    assert "degraded" not in ask()

    def want(plan):
        plan["models"] = [str(folder), str(fleet.folder / "leaf-only")]
        plan["tasks"]["meter-digits"]["leaf"]["bundle"] = bundle_id("digits-regional")

    shutil.copytree(MODELS / "digits-leaf", fleet.folder / "leaf-only" / "digits-leaf")
    edit(fleet, want, "leaf")
    eventually(lambda: ask().get("degraded") == "stale", "answers say that they are stale")
    said = ask()
    assert said["bundle"] == bundle_id("digits-leaf") and said["tier"] == "leaf"
    counted = 'canopy_degraded_total{task="meter-digits",reason="stale"}'
    assert fleet["leaf"].metrics()[counted] >= 1
    edit(fleet, lambda plan: plan["tasks"]["meter-digits"].update(
        {"staleness": "1s", "offline": "fail-closed"}), "leaf")

    def refuses():
        try:
            ask()
        except InferenceServerException as refused:
            return "UNAVAILABLE" in str(refused)

    eventually(refuses, "past the limit it refuses")
    edit(fleet, lambda plan: plan["tasks"]["meter-digits"].update(
        {"offline": "fail-safe", "safe-answer": "unreadable"}), "leaf")
    said = eventually(lambda: None if refuses() else ask(), "the safe answer")
    assert said["degraded"] == "stale" and said["confidence"] == 0 and "bundle" not in said
    # What was on its way arrives; nobody edits or restarts anything.
    shutil.copytree(MODELS / "digits-regional", folder / "digits-regional")
    eventually(lambda: ask().get("bundle") == bundle_id("digits-regional"), "the right model", 60)
    assert "degraded" not in ask()


@LOOPS
def test_a_node_that_is_new_upstream_is_asked_and_one_that_is_removed_no_more(
        build, frames, loops):
    def small(plan):
        tasks(plan)
        plan["nodes"]["leaf"]["upstream"] = ["region"]

    fleet = operators.certify(build(("leaf", "region", "other"), small, loops=loops))
    fleet.start()

    def node():
        with plain(fleet, "leaf", fresh=True) as client:
            return facts(digit(client, frames[0][0], accept=1.0))["node"]

    assert node() == "region"
    edit(fleet, lambda plan: plan["nodes"]["leaf"].update(upstream=["other"]), "leaf")
    assert [one["peer"] for one in status(fleet, "leaf")["peers"]] == ["other"]
    assert node() == "other"
    edit(fleet, lambda plan: plan["nodes"]["leaf"].update(upstream=["region"]), "leaf")
    assert node() == "region"


def test_limits_identities_and_breakers_change_without_a_restart(build, frames):
    def token(plan):
        tasks(plan)
        plan["routing"] = {"breaker": {"consecutive_failures": 1000, "minimum_calls": 1000}}

    fleet = operators.certify(build(("leaf", "region"), token))
    fleet.start()
    leaf = fleet["leaf"]
    edit(fleet, lambda plan: plan["limits"].update(message="2KiB"), "leaf")
    with plain(fleet, "leaf", fresh=True) as client:
        assert "RESOURCE_EXHAUSTED" in refusal(
            lambda: client.infer("echo", [echo(4096)], client_timeout=20))
    edit(fleet, lambda plan: plan["limits"].update(message="4MiB"), "leaf")
    with plain(fleet, "leaf", fresh=True) as client:
        assert client.infer("echo", [echo(4096)], client_timeout=20)
    fleet.stop("region", signal.SIGKILL)
    for _ in range(6):
        digit(plain(fleet, "leaf"), frames[0][0], accept=1.0)
    assert operators.peer(fleet, "leaf", "region")["breaker"] == "closed"
    edit(fleet, lambda plan: plan["routing"]["breaker"].update(consecutive_failures=2), "leaf")
    for _ in range(2):
        digit(plain(fleet, "leaf"), frames[0][0], accept=1.0)
    assert operators.peer(fleet, "leaf", "region")["breaker"] == "open"
    assert leaf.metrics()[GOOD] == 3
