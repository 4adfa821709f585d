"""The reference preprocessing: what a bundle's preprocessing.json means, done with PIL and numpy.

Order: decode the image, convert it to the asked colour (PIL's convert: "gray" is mode L, "rgb" and "bgr" drop any
alpha and look up any palette), apply the steps on 8-bit pixels, then (pixel - mean) * scale in float32 and the layout.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def crop_box(size: tuple[int, int], step: dict[str, Any]) -> tuple[int, int, int, int]:
    """The centred crop: offsets are rounded down."""
    width, height = size
    if "fraction" in step:
        side = int(np.floor(min(width, height) * step["fraction"] + 0.5))
        wanted = (side, side)
    else:
        wanted = (step["width"], step["height"])
    if wanted[0] > width or wanted[1] > height or min(wanted) < 1:
        raise ValueError(f"a crop of {wanted} does not fit an image of {size}")
    left, top = (width - wanted[0]) // 2, (height - wanted[1]) // 2
    return left, top, left + wanted[0], top + wanted[1]


def resized_size(size: tuple[int, int], step: dict[str, Any]) -> tuple[int, int]:
    """The size a resize step leads to; the longer side is floor(long * S / short + 0.5)."""
    if "shortest" not in step:
        return step["width"], step["height"]
    short, wanted = min(size), step["shortest"]
    width, height = ((side * wanted * 2 + short) // (2 * short) for side in size)
    return width, height


def pixels(data: bytes, spec: dict[str, Any]) -> np.ndarray:
    """8-bit pixels after all steps, [height, width, channels]."""
    return image_pixels(Image.open(io.BytesIO(data)), spec)


def image_pixels(image: Image.Image, spec: dict[str, Any]) -> np.ndarray:
    """The same of a decoded image."""
    image = image.convert("L" if spec["color"] == "gray" else "RGB")
    for step in spec["steps"]:
        if step["op"] == "crop":
            image = image.crop(crop_box(image.size, step))
        elif step["op"] == "resize":
            image = image.resize(resized_size(image.size, step), FILTERS[step["filter"]])
        else:
            raise ValueError(f"unknown step {step['op']!r}")
    array = np.asarray(image)
    array = array[:, :, None] if array.ndim == 2 else array
    return array[:, :, ::-1] if spec["color"] == "bgr" else array


def tensor(data: bytes, spec: dict[str, Any]) -> np.ndarray:
    """The model's input of one image, with the batch axis."""
    return normalise(pixels(data, spec), spec)


def normalise(array: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """The model's input of [height, width, channels] pixels."""
    if spec["type"] == "FP32":
        mean, scale = np.float32(spec["mean"]), np.float32(spec["scale"])
        array = (array.astype(np.float32) - mean) * scale
    elif "mean" in spec or "scale" in spec:
        raise ValueError("mean and scale have no place with UINT8")
    if spec["layout"] == "NCHW":
        array = array.transpose(2, 0, 1)
    return np.ascontiguousarray(array[None])


def series(values: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    """The model's input of one row of numbers (kind "tensor")."""
    array = np.asarray(values, np.float32).reshape(spec["shape"])
    for key, act in (("mean", np.subtract), ("scale", np.multiply)):
        if key in spec:
            array = act(array, np.float32(spec[key]).reshape(-1, 1))
    return array.astype(np.float32)
