"""Golden cases of the preprocessing: small images with a preprocessing.json and the tensor that PIL and numpy make.

    python Tools/models/golden.py [OUT]

writes OUT/NAME/input.png or input.jpg, preprocessing.json, expected.bin (little-endian float32, or uint8 when the type
is UINT8) and expected.json {"shape","type","exact"}; OUT is Tests/InferenceTests/Golden unless given. "exact" is false
for JPEG: decoders may differ by a level or two, so those need a tolerance (and are checked beside pixels.png, what PIL
decoded). cases.json lists the names.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import frames
import preprocess

OUT = Path(__file__).resolve().parents[2] / "Tests" / "InferenceTests" / "Golden"


class Case(NamedTuple):
    """One golden case: how the image is stored, its size, and the preprocessing."""

    name: str
    mode: str  # L, RGB, RGBA, P, or "frame": a meter frame as JPEG
    size: tuple[int, int]
    spec: dict[str, Any]


def _spec(color: str, steps: list[dict[str, Any]], layout: str = "NCHW", kind: str = "FP32", mean: Any = None,
          scale: Any = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"version": 1, "input": "image", "kind": "image", "color": color, "steps": steps,
                            "layout": layout, "type": kind}
    channels = 1 if color == "gray" else 3
    if kind == "FP32":
        spec |= {"mean": mean or [0] * channels, "scale": scale or [1] * channels}
    return spec


def _crop(**how: Any) -> dict[str, Any]:
    return {"op": "crop", **how}


def _resize(how: str, **size: int) -> dict[str, Any]:
    return {"op": "resize", **size, "filter": how}


IMAGENET = {"mean": [123.675, 116.28, 103.53], "scale": [1 / 58.395, 1 / 57.12, 1 / 57.375]}
CASES = (
    Case("rgb-bicubic-imagenet", "RGB", (61, 47),
         _spec("rgb", [_crop(fraction=0.875), _resize("bicubic", width=32, height=32)], **IMAGENET)),
    Case("rgb-bilinear-nhwc", "RGB", (53, 70), _spec("rgb", [_resize("bilinear", width=29, height=17)], "NHWC")),
    Case("gray-box-digits", "L", (57, 43),
         _spec("gray", [_crop(fraction=1.0), _resize("box", width=28, height=28)], scale=[1 / 255])),
    Case("rgba-nearest-bgr", "RGBA", (33, 41), _spec("bgr", [_resize("nearest", width=20, height=30)])),
    Case("palette-bicubic-shortest", "P", (37, 52),
         _spec("rgb", [_resize("bicubic", shortest=24), _crop(width=24, height=23)], scale=[1 / 255] * 3)),
    Case("rgb-to-gray-enlarge-bicubic", "RGB", (19, 23), _spec("gray", [_resize("bicubic", width=31, height=40)])),
    Case("gray-to-rgb-uint8", "L", (48, 35),
         _spec("rgb", [_crop(width=31, height=30), _resize("bilinear", shortest=16)], "NHWC", "UINT8")),
    Case("bgr-box-enlarge-uint8", "RGB", (21, 18),
         _spec("bgr", [_resize("box", width=33, height=25)], "NCHW", "UINT8")),
    Case("jpeg-frame-gray", "frame", (320, 240),
         _spec("gray", [_crop(fraction=1.0), _resize("bilinear", width=28, height=28)], scale=[1 / 255])),
    Case("jpeg-small-rgb", "JPEG", (75, 51),
         _spec("rgb", [_crop(fraction=0.9), _resize("bicubic", width=24, height=24)], **IMAGENET)),
)


def picture(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Waves with sharp edges and some noise: every filter shows; uint8 [h, w, 4]."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    waves = [128 + 110 * np.sin(x / rng.uniform(2, 9) + y / rng.uniform(2, 9) + rng.uniform(0, 6)) for _ in range(4)]
    array = np.stack(waves, -1) + rng.normal(0, 6, (*x.shape, 4))
    array[size[1] // 4:size[1] // 2, size[0] // 3:size[0] // 2] = (250, 5, 240, 128)
    return np.clip(array, 0, 255).astype(np.uint8)


def _store(case: Case, folder: Path, rng: np.random.Generator) -> Path:
    """Write the input image."""
    if case.mode == "frame":
        path = folder / "input.jpg"
        digits, _ = frames.load_digits()
        path.write_bytes(frames.render(digits[0], rng, frames.load_config()))
        return path
    array = picture(case.size, rng)
    if case.mode == "JPEG":
        path = folder / "input.jpg"
        Image.fromarray(array[..., :3]).save(path, quality=85)
        return path
    path = folder / "input.png"
    if case.mode == "L":
        image = Image.fromarray(np.ascontiguousarray(array[..., 0]))
    elif case.mode == "P":
        image = Image.fromarray(array[..., :3]).quantize(48, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    else:
        image = Image.fromarray(array[..., :len(case.mode)])
    image.save(path)
    return path


def write(case: Case, number: int, out: Path) -> int:
    """Write one case; answers its bytes."""
    folder = out / case.name
    folder.mkdir(parents=True)
    path = _store(case, folder, np.random.default_rng([7, number]))
    exact = path.suffix == ".png"
    if not exact:
        Image.open(path).convert("RGB").save(folder / "pixels.png")
    expected = preprocess.tensor(path.read_bytes(), case.spec)
    wanted = "<f4" if case.spec["type"] == "FP32" else "u1"
    (folder / "expected.bin").write_bytes(expected.astype(wanted).tobytes())
    about = {"shape": list(expected.shape), "type": case.spec["type"], "exact": exact}
    (folder / "expected.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    (folder / "preprocessing.json").write_text(json.dumps(case.spec) + "\n", encoding="utf-8")
    return sum(file.stat().st_size for file in folder.iterdir())


def main() -> None:
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    out = Path(sys.argv[1]) if len(sys.argv) == 2 else OUT
    for case in CASES:
        shutil.rmtree(out / case.name, ignore_errors=True)
    total = sum(write(case, number, out) for number, case in enumerate(CASES))
    (out / "cases.json").write_text(json.dumps([case.name for case in CASES], indent=2) + "\n", encoding="utf-8")
    print(f"{len(CASES)} cases, {total} bytes in {out}")


if __name__ == "__main__":
    main()
