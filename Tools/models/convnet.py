"""Small convolution networks as ONNX, built by hand: convolutions with BatchNorm folded in, ReLU, average pooling
over the whole map and one dense layer. Also INT8 quantising (QDQ) with onnxruntime, and running.

A network is a list of layers: {"w": [out, in, kh, kw], "b": [out], "stride": n}; SAME padding (symmetric), ReLU after
each; then the dense {"w": [in, classes], "b": [classes]}. An ensemble is several networks whose logits are averaged.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any, Iterable

import numpy as np
import onnx
import onnxruntime as ort
import openvino as ov
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

OPSET = 17
Layer = dict[str, Any]


def fold(kernel: np.ndarray, norm: list[np.ndarray], epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """A [out, in, kh, kw] kernel and its BatchNorm (gamma, beta, mean, variance) as one kernel and bias."""
    gamma, beta, mean, variance = (part.astype(np.float64) for part in norm)
    factor = gamma / np.sqrt(variance + epsilon)
    return (kernel * factor[:, None, None, None]).astype(np.float32), (beta - mean * factor).astype(np.float32)


class Graph:
    """Collects nodes and weights under short names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def _network(graph: Graph, source: str, layers: list[Layer], prefix: str, output: str) -> str:
    for number, layer in enumerate(layers[:-1]):
        name = f"{prefix}{number}"
        inputs = [source, graph.weight(f"{name}.w", layer["w"]), graph.weight(f"{name}.b", layer["b"])]
        kernel = list(layer["w"].shape[2:])
        pad = [size // 2 for size in kernel]
        strides = [layer["stride"] if size > 1 or max(kernel) == 1 else 1 for size in kernel]
        source = graph.node("Conv", inputs, f"{name}.c", kernel_shape=kernel, pads=pad + pad, strides=strides)
        source = graph.node("Relu", [source], f"{name}.r")
    source = graph.node("GlobalAveragePool", [source], f"{prefix}p")
    source = graph.node("Flatten", [source], f"{prefix}f")
    dense = layers[-1]
    inputs = [source, graph.weight(f"{prefix}d.w", dense["w"]), graph.weight(f"{prefix}d.b", dense["b"])]
    return graph.node("Gemm", inputs, output)


def build(networks: list[list[Layer]], name: str, input_name: str, shape: list[int]) -> bytes:
    """The ONNX file of one network or of an ensemble; the output is "logits"."""
    graph = Graph()
    source = input_name
    if len(shape) == 3:  # a series [1, channels, length] is handled as an image of height 1
        target = graph.weight("s", np.array([1, shape[1], 1, shape[2]], np.int64))
        source = graph.node("Reshape", [input_name, target], "x")
    if len(networks) == 1:
        _network(graph, source, networks[0], "l", "logits")
    else:
        parts = [_network(graph, source, layers, f"m{i}.", f"m{i}.o") for i, layers in enumerate(networks)]
        graph.node("Mean", parts, "logits")
    classes = len(networks[0][-1]["b"])
    proto = helper.make_graph(
        graph.nodes, name,
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes])], graph.weights)
    return serialise(helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)]))


def serialise(model: onnx.ModelProto) -> bytes:
    """Checked bytes with a fixed producer, so that the same network is the same file."""
    model.ir_version, model.producer_name, model.producer_version = 9, "canopy", ""
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def parameters(networks: list[list[Layer]]) -> int:
    """How many weights and biases."""
    return sum(layer["w"].size + layer["b"].size for layers in networks for layer in layers)


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, tensors: Iterable[np.ndarray]) -> None:
        self.items = ({name: tensor} for tensor in tensors)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.items, None)


def quantise(fp32: bytes, tensors: Iterable[np.ndarray], method: CalibrationMethod = CalibrationMethod.MinMax,
             options: dict[str, Any] | None = None) -> bytes:
    """INT8 in QDQ form: unsigned 8-bit activations, signed per-channel weights; ranges from the given tensors.

    The logits stay FP32: scores need finer steps than 8 bits give.
    """
    model = onnx.load_from_string(fp32)
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "int8.onnx"
        quantize_static(
            model, out, _Reader(model.graph.input[0].name, tensors), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method,
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]} | (options or {}))
        return serialise(_shorten(_without_zeros(onnx.load(out))))


def _without_zeros(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out the zero points of weights and biases, which are 0 for each channel: that is what absent means."""
    arrays = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) == 3 and node.input[0] in arrays:
            if not numpy_helper.to_array(arrays[node.input[2]]).any():
                del node.input[2]
    used = {name for node in model.graph.node for name in node.input}
    kept = [weight for weight in model.graph.initializer if weight.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def _shorten(model: onnx.ModelProto) -> onnx.ModelProto:
    """Short inner names and no documentation: a microcontroller-class model is mostly names otherwise."""
    graph = model.graph
    keep = {value.name for value in [*graph.input, *graph.output]} | {""}
    names: dict[str, str] = {}

    def short(name: str) -> str:
        return name if name in keep else names.setdefault(name, f"t{len(names)}")

    for node in graph.node:
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
        node.name, node.doc_string = "", ""
    for weight in graph.initializer:
        weight.name = short(weight.name)
    del graph.value_info[:]
    return model


class Runner:
    """A model file run as the gateway runs it: OpenVINO on the CPU in FP32 (no bfloat16), one item at a time."""

    def __init__(self, model: bytes) -> None:
        core = ov.Core()
        self.model = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def logits(self, tensors: Iterable[np.ndarray]) -> np.ndarray:
        request = self.model.create_infer_request()
        return np.concatenate([request.infer({0: tensor})[0].copy() for tensor in tensors])


class Reference:
    """The same with onnxruntime, to compare."""

    def __init__(self, model: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def logits(self, tensors: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate([self.session.run(None, {self.name: tensor})[0] for tensor in tensors])
