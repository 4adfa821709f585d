"""Writes the model `scale` of own_fixtures.py in the other formats that bundles may hold:

    python Tests/InferenceTests/other_formats.py

Models/scale.xml, scale.bin   OpenVINO IR, converted from scale.onnx (needs openvino)
Models/scale.tflite           TensorFlow Lite: RESHAPE, MUL by 2, ADD the bias (needs tflite, flatbuffers)
"""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import tflite

MODELS = Path(__file__).resolve().parent / "Models"


def openvino_ir() -> None:
    import openvino

    openvino.save_model(openvino.convert_model(MODELS / "scale.onnx"), MODELS / "scale.xml",
                        compress_to_fp16=False)


def ints(builder: flatbuffers.Builder, values: list[int]) -> int:
    return builder.CreateNumpyVector(np.int32(values))


def offsets(builder: flatbuffers.Builder, start, values: list[int]) -> int:
    start(builder, len(values))
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return builder.EndVector()


def buffer(builder: flatbuffers.Builder, data: np.ndarray | None) -> int:
    content = None if data is None else builder.CreateByteVector(data.tobytes())
    tflite.BufferStart(builder)
    if content is not None:
        tflite.BufferAddData(builder, content)
    return tflite.BufferEnd(builder)


def tensor(builder, name: str, shape: list[int], number: int, kind=tflite.TensorType.FLOAT32) -> int:
    words, sizes = builder.CreateString(name), ints(builder, shape)
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, words)
    tflite.TensorAddShape(builder, sizes)
    tflite.TensorAddType(builder, kind)
    tflite.TensorAddBuffer(builder, number)
    return tflite.TensorEnd(builder)


def operator(builder, code: int, inputs: list[int], output: int, options=None, kind: int = 0) -> int:
    takes, gives = ints(builder, inputs), ints(builder, [output])
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, takes)
    tflite.OperatorAddOutputs(builder, gives)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, kind)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return tflite.OperatorEnd(builder)


def code(builder, number: int) -> int:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, number)
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    tflite.OperatorCodeAddVersion(builder, 1)
    return tflite.OperatorCodeEnd(builder)


def tensorflow_lite() -> None:
    b = flatbuffers.Builder(1024)
    shape, two = np.int32([1, 4]), np.float32([2])
    bias = np.float32([0, 0.5, 0, 0])
    # Buffer 0 is empty by rule: the tensors that are computed.
    buffers = [buffer(b, data) for data in (None, shape, two, bias)]
    tensors = [
        tensor(b, "image", [1, 1, 2, 2], 0),
        tensor(b, "shape", [2], 1, tflite.TensorType.INT32),
        tensor(b, "flat", [1, 4], 0), tensor(b, "two", [1], 2), tensor(b, "twice", [1, 4], 0),
        tensor(b, "bias", [4], 3), tensor(b, "logits", [1, 4], 0),
    ]
    new_shape = ints(b, [1, 4])
    tflite.ReshapeOptionsStart(b)
    tflite.ReshapeOptionsAddNewShape(b, new_shape)
    reshape = tflite.ReshapeOptionsEnd(b)
    tflite.MulOptionsStart(b)
    multiply = tflite.MulOptionsEnd(b)
    tflite.AddOptionsStart(b)
    add = tflite.AddOptionsEnd(b)
    options = tflite.BuiltinOptions
    operators = [
        operator(b, 0, [0, 1], 2, reshape, options.ReshapeOptions),
        operator(b, 1, [2, 3], 4, multiply, options.MulOptions),
        operator(b, 2, [4, 5], 6, add, options.AddOptions),
    ]
    listed = offsets(b, tflite.SubGraphStartTensorsVector, tensors)
    takes, gives = ints(b, [0]), ints(b, [6])
    steps = offsets(b, tflite.SubGraphStartOperatorsVector, operators)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, listed)
    tflite.SubGraphAddInputs(b, takes)
    tflite.SubGraphAddOutputs(b, gives)
    tflite.SubGraphAddOperators(b, steps)
    graph = tflite.SubGraphEnd(b)
    number = tflite.BuiltinOperator
    codes = [code(b, each) for each in (number.RESHAPE, number.MUL, number.ADD)]
    codes = offsets(b, tflite.ModelStartOperatorCodesVector, codes)
    graphs = offsets(b, tflite.ModelStartSubgraphsVector, [graph])
    memory = offsets(b, tflite.ModelStartBuffersVector, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, memory)
    b.Finish(tflite.ModelEnd(b), file_identifier=b"TFL3")
    (MODELS / "scale.tflite").write_bytes(bytes(b.Output()))


if __name__ == "__main__":
    tensorflow_lite()
    try:
        openvino_ir()
    except ImportError as missing:
        print(f"IR not written: {missing}")
