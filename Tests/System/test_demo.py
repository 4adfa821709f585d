"""What the demonstration rests on: bundles that ship, and statistics that are right."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from fleet import MODELS, ROOT, bundle_id

sys.path.insert(0, str(ROOT / "Tools" / "demonstration"))

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
