"""The fleets that the system tests run against."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import topologies  # noqa: E402
from fleet import ROOT, Fleet  # noqa: E402
from relay import Relay  # noqa: E402

LOOPS = pytest.mark.parametrize("loops", [1, 2], ids=["one loop", "two loops"])


@pytest.fixture(scope="session", autouse=True)
def compile_cache(tmp_path_factory):
    """One folder of compiled models for all nodes of a run, so that each is compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANOPY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", params=[1, 2], ids=["one loop", "two loops"])
def fleet(request, tmp_path_factory):
    """Three running tiers that tests share; none may stop a node of it."""
    nodes = topologies.three_tiers(tmp_path_factory.mktemp("fleet"), loops=request.param)
    with nodes:
        nodes.start()
        yield nodes


@pytest.fixture
def build(tmp_path):
    """Makes fleets that one test may break: `build(names, *changes)`. Not started."""
    fleets: list[Fleet] = []

    def make(names=("leaf", "region", "cloud"), *changes, **more) -> Fleet:
        folder = tmp_path / f"fleet{len(fleets)}"
        fleets.append(topologies.make(folder, names, *changes, **more))
        return fleets[-1]

    yield make
    for nodes in fleets:
        nodes.close()


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def linked(request, tmp_path_factory):
    """A leaf whose only way to its region leads through a relay: (fleet, relay). Tests heal it."""
    folder = tmp_path_factory.mktemp("linked")
    with Relay(folder) as relay:
        def through_relay(plan):
            topologies.digits(plan, deadline="600ms")
            topologies.power(plan)
            plan["nodes"]["region"]["address"] = f"127.0.0.1:{relay.port}"

        nodes = topologies.make(folder, ("leaf", "region"), through_relay, loops=request.param)
        with nodes:
            relay.start(nodes.nodes["region"].secure)
            nodes.start()
            yield nodes, relay


@pytest.fixture(scope="session")
def frames() -> list[tuple[bytes, str]]:
    """Test digits as camera frames: JPEG bytes and the true label."""
    folder = ROOT / ".cache" / "frames" / "test"
    if not (folder / "labels.csv").exists():
        subprocess.run(
            [sys.executable, ROOT / "Tools" / "models" / "frames.py", "--split", "test",
             "--out", folder], check=True)
    with (folder / "labels.csv").open() as file:
        return [((folder / row["file"]).read_bytes(), row["label"])
                for row in csv.DictReader(file)]
