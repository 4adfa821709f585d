"""What operators do to a running fleet: its status, and edits of its topology."""

from __future__ import annotations

import hashlib
import json

from fleet import Fleet, eventually


def operator(plan: dict) -> None:
    """Names a role that may control the nodes."""
    plan["identities"]["operator"] = {"kind": "role"}


def certify(fleet: Fleet) -> Fleet:
    """Gives the operator a certificate."""
    where = fleet.folder / "certificates"
    fleet.canopy("cert", "issue", "--folder", where, "--role", "operator")
    return fleet


def status(fleet: Fleet, node: str, *words: str) -> dict:
    """What one node says of itself."""
    said = fleet.canopy("status", fleet.topology, "--node", node, "--json", *words)
    return json.loads(said.stdout)["nodes"][0]


def task(fleet: Fleet, node: str, name: str) -> dict:
    return next(one for one in status(fleet, node)["tasks"] if one["task"] == name)


def peer(fleet: Fleet, node: str, name: str) -> dict:
    return next(one for one in status(fleet, node)["peers"] if one["peer"] == name)


def digest(fleet: Fleet) -> str:
    """SHA-256 of the topology as it is on disk."""
    return hashlib.sha256(fleet.topology.read_bytes()).hexdigest()


def edit(fleet: Fleet, change, *nodes: str) -> None:
    """Changes the plan, writes it, and waits until the nodes follow it."""
    change(fleet.plan)
    fleet.write()
    wanted = digest(fleet)
    for node in nodes:
        eventually(lambda: status(fleet, node)["topology"]["digest"] == wanted,
                   f"{node} follows the edit")


def fields(message: bytes):
    """Number and value of each field of a protobuf message; doubles as their bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
            continue
        size = varint() if key & 7 == 2 else 8
        yield key >> 3, message[at:at + size]
        at += size
