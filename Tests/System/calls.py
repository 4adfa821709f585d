"""Calls to a node with other people's clients, and what its answers say."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.service_pb2 as pb

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
    tensor = triton.InferInput("series", list(data.shape), "FP32")
    tensor.set_data_from_numpy(data)
    return tensor


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


def plain(fleet, node: str) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(f"127.0.0.1:{fleet.nodes[node].plain}")


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


def message(jpeg: bytes, **parameters) -> pb.ModelInferRequest:
    """A request as a protobuf, for streams."""
    request = pb.ModelInferRequest(model_name="meter-digits")
    tensor = request.inputs.add(name="image", datatype="BYTES")
    tensor.shape.extend([1])
    request.raw_input_contents.append(len(jpeg).to_bytes(4, "little") + jpeg)
    return request
