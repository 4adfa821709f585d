"""EfficientNet-Lite as an ONNX graph built from its weights: BatchNorm folded, ReLU6 as Clip, TensorFlow's SAME
padding (the odd pixel at the end), static batch of one, output "logits"."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, helper

import convnet

EPSILON = 1e-3
SIZES = {0: 224, 1: 240, 2: 260}
DEPTHS = {0: 1.0, 1: 1.1, 2: 1.2}
REPEATS = (1, 2, 2, 3, 3, 4, 1)
STRIDES = (1, 2, 2, 2, 1, 2, 1)
Weights = dict[str, np.ndarray]


def block_strides(variant: int) -> list[int]:
    """The stride of every block; Lite does not deepen the first and the last stage."""
    strides = []
    for stage, (repeats, stride) in enumerate(zip(REPEATS, STRIDES)):
        if 0 < stage < len(REPEATS) - 1:
            repeats = math.ceil(repeats * DEPTHS[variant])
        strides += [stride] + [1] * (repeats - 1)
    return strides


class _Builder(convnet.Graph):
    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.from_file = weights
        self.size = 0

    def conv(self, source: str, name: str, conv: str, norm: str, stride: int = 1, clip: bool = True) -> str:
        """Convolution with its BatchNorm folded, and ReLU6 unless told otherwise."""
        parts = [self.from_file[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
        kernel, bias = convnet.fold(self.from_file[f"{conv}.weight"], parts, EPSILON)
        width = kernel.shape[2]
        out = math.ceil(self.size / stride)
        total = max((out - 1) * stride + width - self.size, 0)
        begin, self.size = total // 2, out
        inputs = [source, self.weight(f"{name}.w", kernel), self.weight(f"{name}.b", bias)]
        result = self.node(
            "Conv", inputs, name, kernel_shape=[width, width], strides=[stride, stride],
            pads=[begin, begin, total - begin, total - begin],
            group=kernel.shape[0] if conv.endswith("_depthwise_conv") else 1)
        return self.node("Clip", [result, "zero", "six"], f"{name}.a") if clip else result

    def block(self, source: str, number: int, stride: int) -> str:
        prefix, name = f"_blocks.{number}", f"b{number}"
        x = source
        if f"{prefix}._expand_conv.weight" in self.from_file:
            x = self.conv(x, f"{name}.e", f"{prefix}._expand_conv", f"{prefix}._bn0")
        x = self.conv(x, f"{name}.d", f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride)
        x = self.conv(x, f"{name}.p", f"{prefix}._project_conv", f"{prefix}._bn2", clip=False)
        wide = self.from_file.get(f"{prefix}._expand_conv.weight", self.from_file[f"{prefix}._depthwise_conv.weight"])
        same = wide.shape[1 if wide.shape[1] > 1 else 0] == self.from_file[f"{prefix}._project_conv.weight"].shape[0]
        return self.node("Add", [x, source], f"{name}.s") if stride == 1 and same else x


def build(variant: int, weights: Weights) -> bytes:
    """The FP32 model file."""
    strides, size = block_strides(variant), SIZES[variant]
    blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("_blocks."))
    if blocks != len(strides):
        raise ValueError(f"Lite{variant} has {len(strides)} blocks, these weights have {blocks}")
    graph = _Builder(weights)
    graph.size = size
    graph.weight("zero", np.float32(0).reshape(()))
    graph.weight("six", np.float32(6).reshape(()))
    x = graph.conv("image", "stem", "_conv_stem", "_bn0", 2)
    for number, stride in enumerate(strides):
        x = graph.block(x, number, stride)
    x = graph.conv(x, "head", "_conv_head", "_bn1")
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x], "pool")], "flat")
    dense = [graph.weight("fc.w", weights["_fc.weight"]), graph.weight("fc.b", weights["_fc.bias"])]
    graph.node("Gemm", [x, *dense], "logits", transB=1)
    proto = helper.make_graph(
        graph.nodes, f"efficientnet-lite{variant}",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, len(weights["_fc.bias"])])], graph.weights)
    return convnet.serialise(helper.make_model(proto, opset_imports=[helper.make_opsetid("", convnet.OPSET)]))


def parameters(weights: Weights) -> int:
    """How many weights and biases after folding."""
    kernels = {name: value for name, value in weights.items() if name.endswith("conv.weight") or "_conv_" in name}
    return sum(value.size + value.shape[0] for value in kernels.values()) \
        + weights["_fc.weight"].size + weights["_fc.bias"].size
