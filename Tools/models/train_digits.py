"""Train the meter-digit networks and keep their folded weights under .cache/models/weights/digits-*.npz.

regional: the teacher; leaf: a microcontroller-class student, distilled from the regional; leaf-plain: the same
without distillation; cloud0: a wider network, which the bundle averages with the regional one. Needs
requirements-train.txt.

    python Tools/models/train_digits.py [--quick] [--only regional|leaf|leaf-plain|cloud0 …]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import tensorflow as tf

import digits_data
import frames
import training
from train_weights import load, save
from training import Recipe

LEAF = ((8, (3, 3), 1), (12, (3, 3), 2), (12, (1, 1), 1), (16, (3, 3), 2), (24, (1, 1), 1))
TEACHER = ((32, (3, 3), 1), (64, (3, 3), 2), (64, (3, 3), 1), (128, (3, 3), 2), (128, (3, 3), 1))
NAMES = ["regional", "leaf", "leaf-plain", "cloud0"]
STEPS = 2500 // 64  # batches an epoch: as many frames as there are digits
WIDE = ((40, (3, 3), 1), (80, (3, 3), 2), (80, (3, 3), 1), (160, (3, 3), 2), (160, (3, 3), 1))


@tf.function
def augment(images: Any) -> Any:
    """A little more shift, turn, shear, light and noise than the frames have already."""
    count = tf.shape(images)[0]
    angle = tf.random.uniform([count], -0.12, 0.12)
    size = tf.random.uniform([count], 0.92, 1.08)
    shear = tf.random.uniform([count], -0.12, 0.12)
    cos, sin = tf.cos(angle) * size, tf.sin(angle) * size
    dx, dy = tf.random.uniform([count], -1.5, 1.5), tf.random.uniform([count], -1.5, 1.5)
    a, b, d, e = cos, shear - sin, sin, cos
    c, f = 13.5 - (a + b) * 13.5 + dx, 13.5 - (d + e) * 13.5 + dy
    zero = tf.zeros([count])
    matrix = tf.stack([a, b, c, d, e, f, zero, zero], 1)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=matrix, output_shape=tf.constant([28, 28]), fill_value=0.0,
        interpolation="BILINEAR", fill_mode="NEAREST")
    images = images * tf.random.uniform([count, 1, 1, 1], 0.75, 1.2)
    images += tf.random.normal(tf.shape(images)) * tf.random.uniform([count, 1, 1, 1], 0.0, 0.02)
    return tf.clip_by_value(images, 0.0, 1.0)


def _floats(images: np.ndarray) -> np.ndarray:
    return images[..., None].astype(np.float32) / np.float32(255)


def _run(name: str, data: dict[str, Any], recipe: Recipe, teachers: list[Any]) -> Any:
    started = time.monotonic()
    print(f"{name}: seed {recipe.seed}", flush=True)
    images, labels = data["train"]
    _, layers = training.train(
        images, labels, 10, recipe, augment, teachers,
        lambda m: f"validation {training.accuracy(m, *data['validation']):.4f}")
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return layers


def _train(chosen: list[str], data: dict[str, Any], quick: bool) -> None:
    big, wide, small = (8, 4, 10) if quick else (60, 36, 120)
    student = Recipe(LEAF, small, 21, rate=6e-3, steps=STEPS)
    recipes = {"regional": Recipe(TEACHER, big, 11, steps=STEPS, dropout=0.2), "leaf": student, "leaf-plain": student,
               "cloud0": Recipe(WIDE, wide, 31, steps=STEPS, dropout=0.2)}
    for name in chosen:
        teachers = [training.frozen(load("digits-regional")[0])] if name == "leaf" else []
        save(f"digits-{name}", [_run(name, data, recipes[name], teachers)])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the meter-digit networks.")
    parser.add_argument("--quick", action="store_true", help="a few epochs, to try things")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some of the networks")
    arguments = parser.parse_args()
    config = frames.load_config()
    data = {name: (_floats(images), labels) for name, (images, labels) in {
        "train": digits_data.load("train", config, digits_data.TRAIN_VARIANTS),
        "validation": digits_data.load("validation", config)}.items()}
    _train(arguments.only, data, arguments.quick)


if __name__ == "__main__":
    main()
