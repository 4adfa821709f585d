"""Calls to a node with other people's clients, and what its answers say."""

from __future__ import annotations

import queue
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.service_pb2 as pb
from tritonclient.utils import InferenceServerException

NAMES = ("canopy.tier", "canopy.node", "canopy.bundle", "canopy.confidence", "canopy.accepted",
         "canopy.degraded", "canopy.route", "canopy.receipt")


def image(jpeg: bytes) -> triton.InferInput:
    """A frame as one BYTES element."""
    tensor = triton.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([jpeg], dtype=object))
    return tensor


def series(values) -> triton.InferInput:
    """A sensor's series as a raw tensor."""
    data = np.asarray(values, np.float32).reshape(1, 1, -1)
    return tensor("series", data)


def tensor(name: str, data: np.ndarray, kind: str = "FP32") -> triton.InferInput:
    made = triton.InferInput(name, list(data.shape), kind)
    made.set_data_from_numpy(data)
    return made


def echo(size: int = 4) -> triton.InferInput:
    """An input of the identity task."""
    return tensor("bytes", np.zeros(size, np.uint8), "UINT8")


def credentials(folder: Path, name: str | None) -> grpc.ChannelCredentials:
    """TLS with the fleet's authority, and with a client's certificate unless `name` is none."""
    where = folder / "certificates"
    root = (where / "ca.pem").read_bytes()
    if name is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(
        root, (where / f"{name}.key").read_bytes(), (where / f"{name}.pem").read_bytes())


def secure(fleet, node: str, name: str | None = "camera") -> triton.InferenceServerClient:
    """tritonclient over mTLS."""
    return triton.InferenceServerClient(
        f"127.0.0.1:{fleet.nodes[node].secure}", creds=credentials(fleet.folder, name))


def plain(fleet, node: str, fresh: bool = False) -> triton.InferenceServerClient:
    """tritonclient in plain text. Clients of one node share a connection unless it is `fresh`."""
    return triton.InferenceServerClient(
        f"127.0.0.1:{fleet.nodes[node].plain}",
        channel_args=[("grpc.use_local_subchannel_pool", 1)] if fresh else None)


def digit(client, jpeg: bytes, timeout: float | None = None, **parameters):
    """A frame of meter-digits; parameters are given without `canopy.`, the timeout in seconds."""
    return client.infer(
        "meter-digits", [image(jpeg)], client_timeout=30,
        timeout=None if timeout is None else int(timeout * 1e6),
        parameters={f"canopy.{name}": value for name, value in parameters.items()})


def stream_all(client, jpegs, expected_errors: int = 0, **parameters) -> dict[str, list[dict]]:
    """Sends frames on one stream and waits for the last answer of each: facts by id, in order."""
    came: queue.Queue = queue.Queue()
    client.start_stream(lambda result, error: came.put((result, error)))
    for index, jpeg in enumerate(jpegs):
        client.async_stream_infer(
            "meter-digits", [image(jpeg)], request_id=str(index),
            parameters={f"canopy.{name}": value for name, value in parameters.items()})
    answers: dict[str, list[dict]] = {str(index): [] for index in range(len(jpegs))}
    left = len(jpegs)
    while left:
        result, error = came.get(timeout=30)
        assert error is None, error
        response = result.get_response()
        final = response.parameters["triton_final_response"].bool_param
        answers[response.id].append({**facts(result), "final": final})
        left -= final
    client.stop_stream()
    assert came.empty()
    return answers


def refusal(call) -> str:
    """What a call is refused with: “[StatusCode.X] words”."""
    with pytest.raises(InferenceServerException) as refused:
        call()
    return str(refused.value)


def facts(result) -> dict:
    """Canopy's parameters of an answer, under their names without `canopy.`."""
    message = result.get_response() if hasattr(result, "get_response") else result
    found = {}
    for name in NAMES:
        if name in message.parameters:
            value = message.parameters[name]
            found[name.removeprefix("canopy.")] = getattr(value, value.WhichOneof(
                "parameter_choice"))
    return found


def label(result) -> str:
    """The best label of an answer."""
    return result.as_numpy("label")[0].decode()


def message(jpeg: bytes, **parameters: str) -> pb.ModelInferRequest:
    """A request as a protobuf."""
    request = pb.ModelInferRequest(model_name="meter-digits")
    image = request.inputs.add(name="image", datatype="BYTES")
    image.shape.extend([1])
    for name, value in parameters.items():
        request.parameters[f"canopy.{name}"].string_param = value
    request.raw_input_contents.append(len(jpeg).to_bytes(4, "little") + jpeg)
    return request
