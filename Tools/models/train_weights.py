"""Folded network weights as npz files under .cache/models/weights: what training leaves and the bundles are made of."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

WEIGHTS = Path(__file__).resolve().parents[2] / ".cache" / "models" / "weights"


def save(name: str, networks: list[list[dict[str, Any]]]) -> None:
    """Keep networks as one npz: arrays named network.layer.key."""
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    arrays = {f"{n}.{i}.{key}": np.asarray(value) for n, layers in enumerate(networks)
              for i, layer in enumerate(layers) for key, value in layer.items()}
    np.savez(WEIGHTS / f"{name}.npz", **arrays)


def load(name: str) -> list[list[dict[str, Any]]]:
    """The networks that save() kept."""
    path = WEIGHTS / f"{name}.npz"
    if not path.is_file():
        sys.exit(f"no weights at {path}: train them first (Tools/models/make --help)")
    networks: dict[int, dict[int, dict[str, Any]]] = {}
    with np.load(path) as data:
        for full in data.files:
            n, i, key = full.split(".")
            value = data[full]
            networks.setdefault(int(n), {}).setdefault(int(i), {})[key] = int(value) if key == "stride" else value
    return [[layers[i] for i in sorted(layers)] for _, layers in sorted(networks.items())]
