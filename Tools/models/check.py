"""Check the packed bundles: every digest, then each digit and power bundle run from its packed files over the test
split with OpenVINO and, to compare, onnxruntime; the digit frames go through JPEG and PIL as a camera's would.

    python Tools/models/check.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import convnet
import frames
import pack
import preprocess
import series
import sources


def files(folder: Path) -> dict[str, bytes]:
    """The files of a packed bundle by name."""
    def blob(digest: str) -> bytes:
        return (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    manifest = json.loads(blob(pack.bundle_id(folder)))
    return {layer["annotations"]["org.cncf.model.filepath"]: blob(layer["digest"]) for layer in manifest["layers"]}


def digit_frames() -> tuple[list[bytes], np.ndarray]:
    """The JPEG frames of the test split and their labels."""
    config = frames.load_config()
    digits, labels = frames.load_digits()
    numbers = frames.split_indices(labels, config)["test"]
    return [frames.frame(digits[n], "test", i, config) for i, n in enumerate(numbers)], labels[numbers]


def check(folder: Path, inputs: list[np.ndarray], labels: np.ndarray, bundle: dict[str, bytes]) -> bool:
    """Print what a bundle reaches on its inputs; false if it is not what its evaluation.json says."""
    one = convnet.Runner(bundle["model.onnx"]).logits(inputs)
    other = convnet.Reference(bundle["model.onnx"]).logits(inputs)
    said = json.loads(bundle["evaluation.json"])["accuracy"]
    reached = sources.share_right(one, labels)
    print(f"  {folder.name}: accuracy {reached} (evaluation.json: {said}), onnxruntime "
          f"{sources.share_right(other, labels)}, both alike {sources.agreement(one, other)}, "
          f"largest difference {abs(one - other).max():.4f}")
    return abs(reached - said) <= 0.005


def main() -> None:
    folders = sorted(path for path in sources.BUNDLES.iterdir() if (path / "index.json").is_file())
    if not folders:
        sys.exit(f"check: no bundles in {sources.BUNDLES}")
    for folder in folders:
        print(f"{pack.verify(folder)}  {folder.name}", flush=True)
    images, digits = digit_frames()
    rows, seasons = series.load("test")
    sizes = sorted(map(len, images))
    print(f"digit frames: {len(images)}, JPEG bytes median {sizes[len(sizes) // 2]}, {sizes[0]} to {sizes[-1]}")
    good = True
    for folder in folders:
        bundle = files(folder)
        spec = json.loads(bundle["preprocessing.json"])
        if spec["kind"] == "image":
            good &= check(folder, [preprocess.tensor(data, spec) for data in images], digits, bundle)
        else:
            good &= check(folder, [preprocess.series(row, spec) for row in rows], seasons, bundle)
    sys.exit(0 if good else "check: a bundle is not what its evaluation.json says")


if __name__ == "__main__":
    main()
