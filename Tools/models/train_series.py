"""Train the power-demand networks and keep their folded weights under .cache/models/weights/power-*.npz.

leaf: a tiny student, distilled from the teacher; leaf-plain: the same without distillation; regional: the teacher.
Needs requirements-train.txt.

    python Tools/models/train_series.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import tensorflow as tf

import series
import training
from train_weights import save
from training import Recipe

LEAF = ((12, (1, 5), 2), (16, (1, 3), 2), (24, (1, 1), 1))
TEACHER = ((32, (1, 5), 1), (64, (1, 3), 2), (64, (1, 3), 1), (96, (1, 3), 2))


@tf.function
def augment(rows: Any) -> Any:
    """Meter noise, another height and spread of the curve, and one hour more or less."""
    count = tf.shape(rows)[0]
    rows = tf.roll(rows, tf.random.uniform([], -1, 2, tf.int32), 2)
    rows = rows * tf.random.uniform([count, 1, 1, 1], 0.9, 1.1) + tf.random.uniform([count, 1, 1, 1], -0.1, 0.1)
    return rows + tf.random.normal(tf.shape(rows)) * 0.08


def _run(name: str, recipe: Recipe, teachers: list[tf.keras.Model] | None = None) -> tuple[tf.keras.Model, Any]:
    started = time.monotonic()
    print(f"{name}: seed {recipe.seed}", flush=True)
    data = {split: series.load(split) for split in ("train", "validation")}
    rows = {split: values[:, None, :, None].astype(np.float32) for split, (values, _) in data.items()}
    model, layers = training.train(
        rows["train"], data["train"][1], 2, recipe, augment, teachers,
        lambda m: f"validation {training.accuracy(m, rows['validation'], data['validation'][1]):.4f}")
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return model, layers


def main() -> None:
    teacher, layers = _run("regional", Recipe(TEACHER, 80, 41, batch=32, dropout=0.2))
    save("power-regional", [layers])
    _, layers = _run("leaf", Recipe(LEAF, 80, 51, rate=6e-3, batch=32), [teacher])
    save("power-leaf", [layers])
    _, layers = _run("leaf-plain", Recipe(LEAF, 80, 51, rate=6e-3, batch=32))
    save("power-leaf-plain", [layers])


if __name__ == "__main__":
    main()
