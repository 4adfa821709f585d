"""Meter-digit frames as the digit models see them: rendered, JPEG-coded, preprocessed to 28x28 grey, and cached."""

from __future__ import annotations

import hashlib
import json
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

import frames
import preprocess

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "models"
TRAIN_VARIANTS = 6
PREPROCESSING: dict[str, Any] = {
    "version": 1, "input": "image", "kind": "image", "color": "gray",
    "steps": [{"op": "crop", "fraction": 1.0}, {"op": "resize", "width": 28, "height": 28, "filter": "bilinear"}],
    "layout": "NCHW", "type": "FP32", "mean": [0], "scale": [0.00392156862745098],
}


def _render(job: tuple[np.ndarray, str, int, dict[str, Any], int]) -> np.ndarray:
    digit, split, position, config, variant = job
    data = frames.frame(digit, split, position, config, variant)
    return preprocess.pixels(data, PREPROCESSING)[:, :, 0]


def _key(config: dict[str, Any], split: str) -> str:
    unused = "strength" if split == "train" else "train_strength"
    config = {key: value for key, value in config.items() if key not in ("chosen", unused)}
    parts = [frames.data_sha256(), json.dumps(config, sort_keys=True), json.dumps(PREPROCESSING),
             Path(frames.__file__).read_text(encoding="utf-8")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load(split: str, config: dict[str, Any], variants: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 [n, 28, 28] and labels of a split; the frames are rendered once."""
    cached = CACHE / "frames" / f"{split}-{variants}-{_key(config, split)}.npz"
    if not cached.is_file():
        digits, labels = frames.load_digits()
        numbers = frames.split_indices(labels, config)[split]
        jobs = [(digits[n], split, i, config, v) for v in range(variants) for i, n in enumerate(numbers)]
        with Pool(2) as pool:
            images = np.stack(pool.map(_render, jobs, chunksize=100))
        cached.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cached, images=images, labels=np.tile(labels[numbers], variants))
    with np.load(cached) as data:
        return data["images"], data["labels"]


def tensors(images: np.ndarray) -> np.ndarray:
    """Model inputs [n, 1, 1, 28, 28] of 28x28 pixels."""
    scaled = (images.astype(np.float32) - np.float32(0)) * np.float32(PREPROCESSING["scale"][0])
    return scaled[:, None, None]
