"""Sensor rows: a day's electrical power demand, 24 hourly values, winter (October to March) or summer.

The 1,096 days of ItalyPowerDemand, which aeon ships, are put together, split by class with a seed into train /
validation / calibration / test; no day is in two splits. Needs numpy and aeon's data files only.

    python Tools/models/series.py --split test --out FILE.csv [--limit N]

writes one day a line: the 24 values, then the label (winter or summer) in the last column; no header.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20262
SHARES = {"train": 436, "validation": 120, "calibration": 240, "test": 300}
LABELS = ["winter", "summer"]  # classes 1 and 2 of the data
PREPROCESSING: dict[str, Any] = {"version": 1, "input": "series", "kind": "tensor", "type": "FP32", "shape": [1, 1, 24]}


def data_files() -> list[Path]:
    """aeon's ItalyPowerDemand files, found without importing aeon."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or spec.origin is None:
        sys.exit("series: aeon is not installed: run Tools/models/make setup")
    folder = Path(spec.origin).parent / "datasets" / "data" / "ItalyPowerDemand"
    files = [folder / f"ItalyPowerDemand_{part}.ts" for part in ("TRAIN", "TEST")]
    if not all(path.is_file() for path in files):
        sys.exit(f"series: no ItalyPowerDemand in this aeon: {folder}")
    return files


def data_sha256() -> str:
    """SHA-256 of the data files, one after the other."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in data_files())).hexdigest()


def load_rows() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """All days: values float32 [1096, 24], labels uint8, and the values as they are written."""
    texts, labels = [], []
    for path in data_files():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and line[0] not in "#@":
                text, label = line.rsplit(":", 1)
                texts.append(text)
                labels.append(int(label) - 1)
    values = np.array([text.split(",") for text in texts], np.float32)
    return values, np.array(labels, np.uint8), texts


def split_indices(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Row numbers of each split: classes in the same proportion, in a seeded order, no row twice."""
    rng = np.random.default_rng(SEED)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in SHARES}
    for label in range(len(LABELS)):
        numbers = rng.permutation(np.flatnonzero(labels == label))
        ends = np.round(np.cumsum(list(SHARES.values())) * len(numbers) / len(labels)).astype(int)
        for name, part in zip(SHARES, np.split(numbers, ends[:-1])):
            parts[name].append(part)
    return {name: rng.permutation(np.concatenate(part)) for name, part in parts.items()}


def load(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Values [n, 24] and labels of a split."""
    values, labels, _ = load_rows()
    numbers = split_indices(labels)[split]
    return values[numbers], labels[numbers]


def write_rows(split: str, out: Path, limit: int | None) -> int:
    """Write the split as CSV; answers how many rows."""
    _, labels, texts = load_rows()
    numbers = split_indices(labels)[split][:limit]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{texts[n]},{LABELS[labels[n]]}\n" for n in numbers), encoding="ascii")
    return len(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write days of power demand as CSV.")
    parser.add_argument("--split", choices=list(SHARES), default="test")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--limit", type=int, help="only the first N rows")
    arguments = parser.parse_args()
    count = write_rows(arguments.split, arguments.out, arguments.limit)
    print(f"{count} rows of the {arguments.split} split in {arguments.out}")


if __name__ == "__main__":
    main()
