"""Training of the small convolution networks with TensorFlow: teacher with labels, student with labels or distilled.

Loss of a distilled student: alpha * T^2 * KL(teacher at T || student at T) + (1 - alpha) * cross-entropy.
AdamW, cosine schedule, label smoothing; the caller gives the augmentation. Answers layers as convnet.py takes them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import convnet  # noqa: E402

Stage = tuple[int, tuple[int, int], int]  # channels, kernel, stride
Augment = Callable[[Any], Any]


@dataclass(frozen=True)
class Recipe:
    """How to train one network."""

    stages: tuple[Stage, ...]
    epochs: int
    seed: int
    rate: float = 3e-3
    batch: int = 64
    smoothing: float = 0.05
    decay: float = 1e-4
    dropout: float = 0.0
    temperature: float = 4.0
    alpha: float = 0.8
    steps: int | None = None  # batches an epoch; None: all the data


def _model(shape: tuple[int, ...], classes: int, recipe: Recipe) -> tf.keras.Model:
    source = x = tf.keras.Input(shape)
    for number, (channels, kernel, stride) in enumerate(recipe.stages):
        x = tf.keras.layers.ZeroPadding2D(tuple(size // 2 for size in kernel))(x)
        strides = tuple(stride if size > 1 or max(kernel) == 1 else 1 for size in kernel)
        x = tf.keras.layers.Conv2D(channels, kernel, strides, use_bias=False, name=f"conv{number}")(x)
        x = tf.keras.layers.BatchNormalization(momentum=0.95, name=f"norm{number}")(x)
        x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    if recipe.dropout:
        x = tf.keras.layers.Dropout(recipe.dropout)(x)
    return tf.keras.Model(source, tf.keras.layers.Dense(classes, name="dense")(x))


def _layers(model: tf.keras.Model, recipe: Recipe) -> list[convnet.Layer]:
    result = []
    for number, (_, _, stride) in enumerate(recipe.stages):
        kernel = model.get_layer(f"conv{number}").get_weights()[0].transpose(3, 2, 0, 1)
        norm = model.get_layer(f"norm{number}")
        weight, bias = convnet.fold(kernel, norm.get_weights(), norm.epsilon)
        result.append({"w": weight, "b": bias, "stride": stride})
    weight, bias = model.get_layer("dense").get_weights()
    return result + [{"w": weight, "b": bias, "stride": 1}]


def frozen(layers: list[convnet.Layer]) -> Callable[..., Any]:
    """A trained network as a teacher: the folded layers, called as a model is."""
    kernels = [tf.constant(layer["w"].transpose(2, 3, 1, 0)) for layer in layers[:-1]]

    def logits(images: Any, training: bool = False) -> Any:
        x = images
        for layer, kernel in zip(layers, kernels):
            high, wide = (size // 2 for size in layer["w"].shape[2:])
            stride = [layer["stride"] if size > 1 or max(layer["w"].shape[2:]) == 1 else 1
                      for size in layer["w"].shape[2:]]
            x = tf.nn.conv2d(tf.pad(x, [[0, 0], [high, high], [wide, wide], [0, 0]]), kernel, stride, "VALID")
            x = tf.nn.relu(x + layer["b"])
        return tf.reduce_mean(x, [1, 2]) @ layers[-1]["w"] + layers[-1]["b"]

    return logits


def _step(model: tf.keras.Model, optimizer: Any, recipe: Recipe, teachers: list[Callable[..., Any]],
          ) -> Callable[..., Any]:
    heat, alpha = recipe.temperature, recipe.alpha if teachers else 0.0

    @tf.function(jit_compile=False)
    def step(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.nn.softmax_cross_entropy_with_logits(targets, logits) * (1 - alpha)
            if teachers:
                taught = sum(teacher(images, training=False) for teacher in teachers) / len(teachers)
                soft = tf.nn.softmax(taught / heat)
                loss += alpha * heat * heat * tf.nn.softmax_cross_entropy_with_logits(soft, logits / heat)
            loss = tf.reduce_mean(loss)
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
        return loss

    return step


def train(images: np.ndarray, labels: np.ndarray, classes: int, recipe: Recipe, augment: Augment,
          teachers: list[Callable[..., Any]] | None = None, check: Callable[[tf.keras.Model], str] | None = None,
          ) -> tuple[tf.keras.Model, list[convnet.Layer]]:
    """Train one network on float32 images [n, h, w, c]; teachers' averaged logits are what a student learns from."""
    tf.keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    model = _model(images.shape[1:], classes, recipe)
    per_epoch = recipe.steps or len(images) // recipe.batch
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        0.0, recipe.epochs * per_epoch, warmup_target=recipe.rate, warmup_steps=per_epoch, alpha=0.01)
    optimizer = tf.keras.optimizers.AdamW(schedule, weight_decay=recipe.decay)
    step = _step(model, optimizer, recipe, teachers or [])
    smooth = (np.eye(classes) * (1 - recipe.smoothing) + recipe.smoothing / classes).astype(np.float32)
    rng = np.random.default_rng(recipe.seed)
    for epoch in range(recipe.epochs):
        order = np.resize(rng.permutation(len(images)), per_epoch * recipe.batch)
        loss = 0.0
        for start in range(0, len(order), recipe.batch):
            chosen = order[start:start + recipe.batch]
            loss += step(augment(tf.constant(images[chosen])), tf.constant(smooth[labels[chosen]]))
        if epoch % 5 == 4 or epoch == recipe.epochs - 1:
            note = check(model) if check else ""
            print(f"  epoch {epoch + 1}/{recipe.epochs} loss {float(loss) / per_epoch:.4f} {note}", flush=True)
    return model, _layers(model, recipe)


def accuracy(model: Callable[..., Any], images: np.ndarray, labels: np.ndarray) -> float:
    """Share of right answers."""
    return float(np.mean(np.argmax(model(images, training=False).numpy(), 1) == labels))
