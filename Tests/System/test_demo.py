"""What the demonstration rests on: bundles that ship, and statistics that are right."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from fleet import MODELS, ROOT, bundle_id

sys.path.insert(0, str(ROOT / "Tools" / "demonstration"))

import claims  # noqa: E402
import outage  # noqa: E402
import passes  # noqa: E402
import plots  # noqa: E402
import proof  # noqa: E402


def test_the_demo_topology_names_bundles_that_ship():
    named = re.findall(r"sha256:[0-9a-f]{64}", (ROOT / "Topology" / "demo.yaml").read_text())
    shipped = {bundle_id(path.parent.name) for path in MODELS.glob("*/index.json")}
    assert len(named) == 5
    assert set(named) <= shipped


@pytest.mark.parametrize("hits, n, low, high", [
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718)])  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
def test_wilson_intervals_are_those_of_the_literature(hits, n, low, high):
    assert proof.wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("gained, lost, p", [
    (0, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (8, 2, 0.109375), (5, 5, 1.0)])
def test_mcnemar_counts_pairs_that_differ_and_is_exactly_binomial(gained, lost, p):
    before = np.array([False] * gained + [True] * lost + [True, False])
    after = np.array([True] * gained + [False] * lost + [True, False])
    assert proof.mcnemar(before, after) == {"gained": gained, "lost": lost, "p": p}


def test_an_answer_outside_the_labels_counts_in_no_cell_of_the_confusion():
    assert proof.confusion(["a", "b", "b"], ["a", "a", None], ["a", "b"]) == [[1, 0], [1, 0]]


def cut_off(**other) -> dict:
    """The report of an outage that went well, but for `other`."""
    depths = [outage.Depth(at / 5, 20 * at if at < 50 else 100 - at, at // 10) for at in range(101)]
    before = outage.Counts(owed=5, settled=5, gaps=0, upstream_bytes=1_000)
    after = outage.Counts(owed=15, settled=14, gaps=1, upstream_bytes=9_000)
    sent = passes.Pass("outage", [
        passes.Answer("0.jpg", 1, "7", 0.9, True, "leaf", "upstream_down" if number < 11 else None,
                      2.0, True, None) for number in range(100)])
    seen = outage.Outage(sent=sent, frames=100, depths=depths, cut_at=4.0, healed_at=10.0,
                         before=before, after=after, left=0, records=100)
    return seen.report(cloud_bytes_a_frame=1_000) | other


def test_an_outage_is_told_by_what_was_counted():
    report = cut_off()
    assert all(claim["holds"] for claim in claims.outage(report))
    assert (report["owed"], report["settled"], report["gaps"]) == (10, 9, 1)
    assert report["bytes_ratio"] == 0.08 and report["caught_up_seconds"] > 0
    assert plots.depths(report).count("<polygon") == 2


@pytest.mark.parametrize("other", [
    {"answered": 99}, {"degraded": {}}, {"settled": 8}, {"gaps": 0}, {"left": 3}, {"owed": 0},
    {"records": 99}, {"records": 101}], ids=str)
def test_a_frame_that_is_lost_or_counted_twice_breaks_a_claim(other):
    assert not all(claim["holds"] for claim in claims.outage(cut_off(**other)))
