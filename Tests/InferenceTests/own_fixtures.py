"""Makes the small files that the tests of this room need, with PIL, numpy and onnx:

    python Tests/InferenceTests/own_fixtures.py

Golden/own-cases.json  {"files": {name: hexadecimal image}, "cases": [{"file", "exact", "preprocessing", "expected":
                       hexadecimal bytes of the NHWC UINT8 tensor}]}: every form of PNG and JPEG, every filter both ways
Models/NAME.onnx       scale (logits = 2·image + bias over 4 values) and sum (two raw inputs, free batch)
"""

from __future__ import annotations

import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

HERE = Path(__file__).resolve().parent
FILTERS = {"nearest": 0, "box": 4, "bilinear": 2, "bicubic": 3}  # PIL's numbers
rng = np.random.default_rng(20260)


def png(width: int, height: int, depth: int, kind: int, rows: list[bytes], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of raw rows: for forms that PIL reads but does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    body = b"".join(b"\0" + row for row in rows)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    middle = b"".join(chunk(*each) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + middle + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")


def rows(width: int, height: int, bits: int) -> list[bytes]:
    """Random rows of `bits` per pixel."""
    return [rng.integers(0, 256, (width * bits + 7) // 8, dtype=np.uint8).tobytes() for _ in range(height)]


def saved(array: np.ndarray, mode: str, form: str, **how) -> bytes:
    """An image file that PIL writes."""
    out = io.BytesIO()
    Image.fromarray(array).convert(mode).save(out, form, **how)
    return out.getvalue()


def waves(width: int, height: int) -> np.ndarray:
    """A smooth colour picture with an edge, uint8 [h, w, 3]."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    planes = [128 + 100 * np.sin(x / (3 + c) + y / (7 - c)) for c in range(3)]
    array = np.stack(planes, -1) + rng.normal(0, 4, (height, width, 3))
    array[height // 3:height // 2, width // 4:width // 2] = (255, 0, 10)
    return np.clip(array, 0, 255).astype(np.uint8)


def expected(data: bytes, spec: dict) -> np.ndarray:
    """What PIL and numpy make of the file."""
    image = Image.open(io.BytesIO(data)).convert("L" if spec["color"] == "gray" else "RGB")
    for step in spec["steps"]:
        image = image.resize((step["width"], step["height"]), FILTERS[step["filter"]])
    array = np.asarray(image)
    array = array[:, :, None] if array.ndim == 2 else array
    return np.ascontiguousarray(array[None])


def golden() -> None:
    """Golden/own-cases.json."""
    palette = (b"PLTE", rng.integers(0, 256, 48, dtype=np.uint8).tobytes())
    files = {
        "gray1": png(13, 5, 1, 0, rows(13, 5, 1)),
        "gray2": png(13, 5, 2, 0, rows(13, 5, 2)),
        "gray4": png(13, 5, 4, 0, rows(13, 5, 4)),
        "gray16": png(9, 5, 16, 0, [bytes([0, 7, 0, 255, 1, 0, 255, 255, 0, 0, 128, 3, 0, 200, 2, 9, 0, 1])] * 5),
        "gray16-transparent": png(4, 2, 16, 0, [bytes([0, 7, 0, 9, 1, 0, 0, 0])] * 2, (b"tRNS", bytes([0, 7]))),
        "gray-transparent": png(4, 2, 8, 0, rows(4, 2, 8), (b"tRNS", bytes([0, 9]))),
        "gray-gamma": png(9, 5, 8, 0, rows(9, 5, 8), (b"gAMA", struct.pack(">I", 90910))),
        "gray-alpha": png(9, 5, 8, 4, rows(9, 5, 16)),
        "gray-alpha16": png(9, 5, 16, 4, rows(9, 5, 32)),
        "rgb16": png(9, 5, 16, 2, rows(9, 5, 48)),
        "rgb-transparent": png(9, 5, 8, 2, rows(9, 5, 24), (b"tRNS", bytes([0, 1, 0, 2, 0, 3]))),
        "rgba16": png(9, 5, 16, 6, rows(9, 5, 64)),
        "palette4": png(9, 5, 4, 3, rows(9, 5, 4), palette),
        "palette4-transparent": png(9, 5, 4, 3, rows(9, 5, 4), palette, (b"tRNS", bytes([0, 100, 255]))),
        "palette-past-end": png(3, 1, 8, 3, [bytes([0, 15, 77])], palette),
        "jpeg420": saved(waves(71, 45), "RGB", "JPEG", quality=90, subsampling=2),
        "jpeg422": saved(waves(71, 45), "RGB", "JPEG", quality=80, subsampling=1),
        "jpeg444": saved(waves(71, 45), "RGB", "JPEG", quality=95, subsampling=0),
        "jpeg-gray": saved(waves(71, 45), "L", "JPEG", quality=90),
        "jpeg-progressive": saved(waves(71, 45), "RGB", "JPEG", quality=90, progressive=True),
    }
    cases = [case(name, data, color, []) for name, data in files.items() for color in ("gray", "rgb")]
    picture = files["picture"] = saved(waves(61, 37), "RGB", "PNG")
    for how in FILTERS:
        for width, height in ((1, 1), (7, 90), (100, 11), (61, 20), (13, 37), (9, 9)):
            step = {"op": "resize", "width": width, "height": height, "filter": how}
            cases.append(case("picture", picture, "rgb", [step]))
    made = {"files": {name: data.hex() for name, data in files.items()}, "cases": cases}
    lines = json.dumps(made).replace('{"file"', '\n{"file"')
    (HERE / "Golden").mkdir(exist_ok=True)
    (HERE / "Golden" / "own-cases.json").write_text(lines + "\n")


def case(file: str, data: bytes, color: str, steps: list) -> dict:
    """One case."""
    spec = {"version": 1, "input": "image", "kind": "image", "color": color, "steps": steps, "layout": "NHWC",
            "type": "UINT8"}
    exact = data[:2] != b"\xff\xd8"
    return {"file": file, "exact": exact, "preprocessing": spec, "expected": expected(data, spec).tobytes().hex()}


def model(name: str, nodes: list, inputs: list, outputs: list, constants: dict) -> None:
    """One ONNX model."""
    folder = HERE / "Models"
    folder.mkdir(exist_ok=True)
    values = [numpy_helper.from_array(value, key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, values)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, folder / f"{name}.onnx")


def models() -> None:
    """The tiny models."""
    value = helper.make_tensor_value_info
    shape = np.array([1, 4], np.int64)
    model("scale", [helper.make_node("Reshape", ["image", "shape"], ["flat"]),
                    helper.make_node("Mul", ["flat", "two"], ["twice"]),
                    helper.make_node("Add", ["twice", "bias"], ["logits"])],
          [value("image", TensorProto.FLOAT, [1, 1, 2, 2])], [value("logits", TensorProto.FLOAT, [1, 4])],
          {"shape": shape, "two": np.float32([2]), "bias": np.float32([0, 0.5, 0, 0])})
    model("sum", [helper.make_node("Add", ["a", "b"], ["total"])],
          [value("a", TensorProto.INT32, ["n", 3]), value("b", TensorProto.INT32, ["n", 3])],
          [value("total", TensorProto.INT32, ["n", 3])], {})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    golden()
    models()
