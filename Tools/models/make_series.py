"""Make the power-demand bundles (power-leaf, power-regional) from the trained weights, as make_digits.py does.

    python Tools/models/make_series.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import convnet
import preprocess
import series
import sources
from sources import Network


def _tensors(values: np.ndarray) -> list[np.ndarray]:
    return [preprocess.series(row, series.PREPROCESSING) for row in values]


def _network(name: str, description: str, memory: int, **more: Any) -> Network:
    spec = series.PREPROCESSING
    return Network(name, description, memory, spec["shape"], spec, series.LABELS, **more)


def main() -> None:
    rows = {split: series.load(split) for split in series.SHARES}
    data = {split: (_tensors(values), labels) for split, (values, labels) in rows.items() if split != "train"}
    ranges = _tensors(rows["train"][0])
    dataset = {"name": "ItalyPowerDemand of aeon, both parts together", "sha256": series.data_sha256(),
               "seed": series.SEED, "split_sizes": {split: len(labels) for split, (_, labels) in rows.items()}}
    labels = data["test"][1]

    teacher = _network("power-regional", "Season of a day's power demand: teacher of the leaf model", 10_000_000)
    _, regional = sources.make(teacher, data, dataset, {"training_seed": 41})
    plain, _, _ = sources.models(_network("power-leaf", "", 0, weights=("power-leaf-plain",), ranges=ranges))
    undistilled = sources.share_right(convnet.Runner(plain).logits(data["test"][0]), labels)
    extra = {"training_seed": 51, "accuracy_without_distillation": undistilled,
             "ranges_from": f"training split (n={len(ranges)})",
             "teacher": {"name": "power-regional", "accuracy": sources.share_right(regional["test"], labels)}}
    student = _network("power-leaf", "Season of a day's power demand: tiny student, distilled, INT8", 13_000_000,
                       teacher="power-regional", ranges=ranges)
    temperature, leaf = sources.make(student, data, dataset, extra)
    print(f"student without distillation: {undistilled}; leaf with regional above it:")
    sources.print_cascade(leaf, regional, data, temperature)
    sources.pack_all(["power-regional", "power-leaf"])


if __name__ == "__main__":
    main()
