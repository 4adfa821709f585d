"""Nodes of a site that find each other by themselves: nothing but the topology and their links."""

from __future__ import annotations

import time

import topologies
from calls import digit, facts, plain, refusal
from conftest import LOOPS
from fleet import eventually


def twins(plan):
    """Two leaves of one site, and nobody above them. They look for each other once, and then not
    again for ten minutes: what is found sooner made itself known."""
    plan["sites"] = {"mill": {"location": [52.5, 13.4]}}
    for name in ("leaf", "twin"):
        plan["nodes"][name].update({"tier": "leaf", "site": "mill"})
    plan["routing"] = {"probe": {"every": "600s"}}
    topologies.digits(plan)


@LOOPS
def test_a_node_that_comes_up_makes_itself_known_to_its_neighbours(build, frames, loops):
    fleet = build(("leaf", "twin"), twins, loops=loops)
    # Without its runtime the leaf has no model, and hands frames to its neighbour.
    fleet.start("leaf", env={"CANOPY_OPENVINO": "/nonexistent"}, ready=False)
    leaf = fleet["leaf"]
    leaf.await_log("is not served")
    clients = [plain(fleet, "leaf", fresh=True) for _ in range(8)]

    def silent() -> bool:
        for client in clients:
            assert "UNAVAILABLE" in refusal(lambda client=client: digit(client, frames[0][0]))
        return leaf.metrics()['canopy_peer_silent{peer="twin"}'] == loops

    eventually(silent, "every loop has found nobody where the twin should be")
    # The breakers' time is over, and a last probe found nobody.
    time.sleep(2.5)
    fleet.start("twin")
    for client in clients:
        said = eventually(lambda client=client: answer(client, frames[0][0]), "the twin answers")
        assert (said["node"], said["tier"]) == ("twin", "leaf")


def answer(client, jpeg) -> dict | None:
    try:
        return facts(digit(client, jpeg))
    except Exception as refused:
        assert "UNAVAILABLE" in str(refused)
        return None
