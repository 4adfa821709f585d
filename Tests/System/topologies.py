"""Topologies for the system tests, as values: JSON is YAML, so a plan is written as it stands."""

from __future__ import annotations

from pathlib import Path

from fleet import MODELS, Fleet, Node, bundle_id, free_port


def listeners(node: Node) -> list[dict]:
    """One listener for certificates, and a plain one for everybody on this machine."""
    return [
        {"at": f"127.0.0.1:{node.secure}", "clients": "certificate"},
        {"at": f"127.0.0.1:{node.plain}", "clients": "open", "tls": False},
    ]


def base(names: dict[str, Node]) -> dict:
    """What every topology of the tests has; nodes are added by tier."""
    tiers = {"leaf": "leaf", "region": "regional", "cloud": "cloud"}
    return {
        "canopy": 1,
        "models": [str(MODELS)],
        "trust": {"ca": "certificates/ca.pem", "certificates": "certificates"},
        "limits": {"drain": "5s"},
        "nodes": {
            name: {"tier": tiers.get(name, "regional"), "loops": 1,
                   "address": f"127.0.0.1:{node.secure}", "listen": listeners(node)}
            for name, node in names.items()
        },
        "identities": {"camera": {"kind": "client"}},
        "tasks": {},
    }


def digits(plan: dict, accept=0.9, accept_regional=0.8, **more) -> None:
    """Adds meter-digits on the tiers that the plan has."""
    tiers = {node["tier"] for node in plan["nodes"].values()}
    task = {}
    bars = {"leaf": accept, "regional": accept_regional}
    for tier in ("leaf", "regional", "cloud"):
        if tier in tiers:
            task[tier] = {"bundle": bundle_id(f"digits-{tier}")}
            if tier in bars and tier != _last(tiers):
                task[tier]["accept"] = bars[tier]
    # A debug build takes 50 ms for a picture; tests send some dozens at once.
    plan["tasks"]["meter-digits"] = {**task, "deadline": "20s", **more}


def power(plan: dict, **more) -> None:
    """Adds power-demand on leaf and region."""
    tiers = {node["tier"] for node in plan["nodes"].values()}
    task = {"leaf": {"bundle": bundle_id("power-leaf")}}
    if "regional" in tiers:
        task["leaf"]["accept"] = 0.9
        task["regional"] = {"bundle": bundle_id("power-regional")}
    plan["tasks"]["power-demand"] = {**task, **more}


def identity(plan: dict, tier: str = "leaf", **more) -> None:
    """Adds a task that answers with its inputs and needs no model."""
    plan["tasks"]["echo"] = {tier: {"builtin": "identity"}, **more}


def _last(tiers: set[str]) -> str:
    return max(tiers, key=("leaf", "regional", "cloud").index)


def make(folder: Path, names: tuple[str, ...], *changes, loops: int = 1,
         clients: tuple[str, ...] = ("camera", "stranger")) -> Fleet:
    """A fleet of these nodes, not started. Each change gets the plan and may alter it.

    What a change needs to know of ports stands in the plan's `address` and `listen`.
    """
    nodes = {name: Node(name, free_port(), free_port()) for name in names}
    plan = base(nodes)
    for node in plan["nodes"].values():
        node["loops"] = loops
    for change in changes:
        change(plan)
    folder.mkdir(parents=True, exist_ok=True)
    fleet = Fleet(folder, nodes, folder / "topology.yaml", plan)
    fleet.write()
    fleet.certificates(*clients)
    return fleet


def three_tiers(folder: Path, *changes, loops: int = 1) -> Fleet:
    """Leaf, region and cloud over mTLS on loopback, with both tasks; not started. Who answers is as
    the bars say: no frame is sent to the cloud beside a region that is slow for once."""
    def unhedged(plan: dict) -> None:
        plan["routing"] = {"hedge": "off"}

    return make(folder, ("leaf", "region", "cloud"), digits, power, unhedged, *changes,
                loops=loops)
