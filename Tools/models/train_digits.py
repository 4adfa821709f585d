"""Train the meter-digit networks and keep their folded weights under .cache/models/weights/digits-*.npz.

cloud: an ensemble of wide networks; regional: distilled from the cloud; leaf: a microcontroller-class student,
distilled from the regional; leaf-plain: the same without distillation. Needs requirements-train.txt.

    python Tools/models/train_digits.py [--quick]
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
from train_weights import save
from training import Recipe

LEAF = ((8, (3, 3), 1), (12, (3, 3), 2), (12, (1, 1), 1), (16, (3, 3), 2), (24, (1, 1), 1))
TEACHER = ((32, (3, 3), 1), (64, (3, 3), 2), (64, (3, 3), 1), (128, (3, 3), 2), (128, (3, 3), 1))
WIDE = ((40, (3, 3), 1), (80, (3, 3), 2), (80, (3, 3), 1), (160, (3, 3), 2), (160, (3, 3), 1))


@tf.function
def augment(images: Any) -> Any:
    """A little more shift, turn, shear, light and noise than the frames have already."""
    count = tf.shape(images)[0]
    angle = tf.random.uniform([count], -0.17, 0.17)
    size = tf.random.uniform([count], 0.88, 1.12)
    shear = tf.random.uniform([count], -0.17, 0.17)
    cos, sin = tf.cos(angle) * size, tf.sin(angle) * size
    dx, dy = tf.random.uniform([count], -1.5, 1.5), tf.random.uniform([count], -1.5, 1.5)
    a, b, d, e = cos, shear - sin, sin, cos
    c, f = 13.5 - (a + b) * 13.5 + dx, 13.5 - (d + e) * 13.5 + dy
    zero = tf.zeros([count])
    matrix = tf.stack([a, b, c, d, e, f, zero, zero], 1)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images, transforms=matrix, output_shape=tf.constant([28, 28]), fill_value=0.0,
        interpolation="BILINEAR", fill_mode="NEAREST")
    images = images * tf.random.uniform([count, 1, 1, 1], 0.7, 1.2)
    images += tf.random.normal(tf.shape(images)) * tf.random.uniform([count, 1, 1, 1], 0.0, 0.02)
    return tf.clip_by_value(images, 0.0, 1.0)


def _floats(images: np.ndarray) -> np.ndarray:
    return images[..., None].astype(np.float32) / np.float32(255)


def _run(name: str, data: dict[str, Any], recipe: Recipe, teachers: list[tf.keras.Model] | None = None) -> Any:
    started = time.monotonic()
    print(f"{name}: seed {recipe.seed}", flush=True)
    images, labels = data["train"]
    model, layers = training.train(
        images, labels, 10, recipe, augment, teachers,
        lambda m: f"validation {training.accuracy(m, *data['validation']):.4f}")
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    return model, layers


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the meter-digit networks.")
    parser.add_argument("--quick", action="store_true", help="a few epochs, to try things")
    quick = parser.parse_args().quick
    config = frames.load_config()
    data = {name: (_floats(images), labels) for name, (images, labels) in {
        "train": digits_data.load("train", config, digits_data.TRAIN_VARIANTS),
        "validation": digits_data.load("validation", config)}.items()}
    steps = 2500 // 64
    big, small = (4, 10) if quick else (45, 120)
    members = [_run("cloud", data, Recipe(WIDE, big, seed, steps=steps, dropout=0.2)) for seed in (31, 32, 33)]
    save("digits-cloud", [layers for _, layers in members])
    recipe = Recipe(TEACHER, big, 11, steps=steps, temperature=2.0)
    teacher, layers = _run("regional", data, recipe, [model for model, _ in members])
    save("digits-regional", [layers])
    _, layers = _run("leaf", data, Recipe(LEAF, small, 21, rate=6e-3, steps=steps), [teacher])
    save("digits-leaf", [layers])
    _, layers = _run("leaf-plain", data, Recipe(LEAF, small, 21, rate=6e-3, steps=steps))
    save("digits-leaf-plain", [layers])



if __name__ == "__main__":
    main()
