"""The fleets that the system tests run against."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fleet import MODELS, ROOT, Fleet, Node, bundle_id, free_port  # noqa: E402

THREE_TIERS = """\
canopy: 1
models: ["{models}"]
trust: {{ ca: certificates/ca.pem, certificates: certificates }}
limits: {{ drain: 5s }}
nodes:
  leaf:
    tier: leaf
    loops: {loops}
    listen:
      - {{ at: "127.0.0.1:{leaf}", clients: certificate }}
      - {{ at: "127.0.0.1:{leaf_plain}", clients: open, tls: false }}
  region:
    tier: regional
    loops: {loops}
    address: "127.0.0.1:{region_address}"
    listen:
      - {{ at: "127.0.0.1:{region}", clients: certificate }}
      - {{ at: "127.0.0.1:{region_plain}", clients: open, tls: false }}
  cloud:
    tier: cloud
    loops: {loops}
    address: "127.0.0.1:{cloud_address}"
    listen:
      - {{ at: "127.0.0.1:{cloud}", clients: certificate }}
      - {{ at: "127.0.0.1:{cloud_plain}", clients: open, tls: false }}
identities:
  camera: {{ kind: client, tasks: [meter-digits, power-demand] }}
tasks:
  meter-digits:
    leaf: {{ bundle: "{digits_leaf}", accept: {accept} }}
    regional: {{ bundle: "{digits_regional}", accept: {accept_regional} }}
    cloud: {{ bundle: "{digits_cloud}" }}
    deadline: {deadline}
  power-demand:
    leaf: {{ bundle: "{power_leaf}", accept: 0.9 }}
    regional: {{ bundle: "{power_regional}" }}
"""


def three_tiers(folder: Path, **changes: object) -> Fleet:
    """Leaf, regional and cloud over mTLS on loopback; not started."""
    nodes = {name: Node(name, free_port(), free_port()) for name in ("leaf", "region", "cloud")}
    values = {
        "models": MODELS, "loops": 1, "deadline": "1s", "accept": 0.9, "accept_regional": 0.8,
        "leaf": nodes["leaf"].secure, "leaf_plain": nodes["leaf"].plain,
        "region": nodes["region"].secure, "region_plain": nodes["region"].plain,
        "cloud": nodes["cloud"].secure, "cloud_plain": nodes["cloud"].plain,
        "region_address": nodes["region"].secure, "cloud_address": nodes["cloud"].secure,
        "digits_leaf": bundle_id("digits-leaf"), "digits_regional": bundle_id("digits-regional"),
        "digits_cloud": bundle_id("digits-cloud"), "power_leaf": bundle_id("power-leaf"),
        "power_regional": bundle_id("power-regional"), **changes,
    }
    fleet = Fleet(folder, nodes, folder / "topology.yaml")
    fleet.topology.write_text(THREE_TIERS.format(**values))
    fleet.certificates("camera", "stranger")
    return fleet


@pytest.fixture(scope="session", params=[1, 2], ids=["one loop", "two loops"])
def fleet(request, tmp_path_factory):
    """Three running tiers that tests share; none may stop a node of it."""
    nodes = three_tiers(tmp_path_factory.mktemp("fleet"), loops=request.param)
    nodes.start()
    yield nodes
    nodes.close()


@pytest.fixture
def own_fleet(tmp_path):
    """Makes fleets that a test may break."""
    fleets = []

    def make(**changes: object) -> Fleet:
        fleets.append(three_tiers(tmp_path, **changes))
        return fleets[-1]

    yield make
    for nodes in fleets:
        nodes.close()


@pytest.fixture(scope="session")
def frames() -> list[tuple[bytes, str]]:
    """Test digits as camera frames: JPEG bytes and the true label."""
    folder = ROOT / ".cache" / "frames" / "test"
    if not (folder / "labels.csv").exists():
        subprocess.run(
            [sys.executable, ROOT / "Tools" / "models" / "frames.py", "--split", "test",
             "--out", folder], check=True)
    files = sorted(folder.glob("*.jpg"))
    return [(file.read_bytes(), file.stem.rsplit("-", 1)[1]) for file in files]
