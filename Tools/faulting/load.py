"""Cameras: frames at a steady rate whatever becomes of them (open loop), and what came of each."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from dataclasses import dataclass

import grpc
import numpy as np
import tritonclient.grpc.service_pb2 as pb

PATIENCE = 15
METHOD = "/inference.GRPCInferenceService/ModelInfer"


@dataclass
class Outcome:
    """What became of one frame."""

    sent: float
    # Seconds.
    took: float
    # The tier that answered; none when there was no answer.
    tier: str | None = None
    degraded: str | None = None
    error: str | None = None
    # Whether the refusal said when to try again.
    has_hint: bool = False
    # Which of the messages that were sent in turn.
    message: int = 0


class Outcomes(list):
    """The outcomes of one load."""

    @property
    def errors(self) -> Counter:
        return Counter(one.error for one in self if one.error)

    @property
    def answered(self) -> list[Outcome]:
        return [one for one in self if one.error is None]

    def millis(self, percent: float) -> float:
        """A percentile of the time to the answer, of frames that got one."""
        times = sorted(one.took for one in self.answered)
        if not times:
            return math.inf
        return times[min(len(times) - 1, math.ceil(len(times) * percent / 100) - 1)] * 1e3

    def share(self, holds) -> float:
        return sum(map(holds, self)) / max(1, len(self))


def request(task: str, payload: bytes | np.ndarray, **parameters) -> bytes:
    """A frame's message: JPEG bytes, or a sensor's series."""
    message = pb.ModelInferRequest(model_name=task)
    tensor = message.inputs.add()
    if isinstance(payload, bytes):
        tensor.name, tensor.datatype = "image", "BYTES"
        tensor.shape.append(1)
        message.raw_input_contents.append(len(payload).to_bytes(4, "little") + payload)
    else:
        tensor.name, tensor.datatype = "series", "FP32"
        tensor.shape.extend([1, 1, payload.size])
        message.raw_input_contents.append(payload.astype(np.float32).tobytes())
    for name, value in parameters.items():
        choice = message.parameters["timeout" if name == "timeout" else f"canopy.{name}"]
        if isinstance(value, str):
            choice.string_param = value
        elif isinstance(value, float):
            choice.double_param = value
        else:
            choice.int64_param = value
    return message.SerializeToString()


def run(port: int, messages: list[bytes], rate: float, seconds: float,
        token: str | None = None, during=None, at_once: int = 1) -> Outcomes:
    """Sends `rate` frames a second for so long, each message in turn, `at_once` of them at the same
    moment; `during` is awaited beside it, to break something midway."""
    return asyncio.run(_run(port, messages, rate, seconds, token, during, at_once))


async def _run(port, messages, rate, seconds, token, during, at_once) -> Outcomes:
    outcomes = Outcomes()
    metadata = [("authorization", f"Bearer {token}")] if token else None
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        call = channel.unary_unary(METHOD, response_deserializer=pb.ModelInferResponse.FromString)
        await channel.channel_ready()
        helper = asyncio.create_task(during()) if during else None
        start, tasks = time.monotonic(), []
        for number in range(round(rate * seconds)):
            due = start + number // at_once * at_once / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            tasks.append(asyncio.create_task(
                _send(call, messages, number % len(messages), metadata, outcomes)))
        await asyncio.gather(*tasks)
        if helper:
            await helper
    outcomes.sort(key=lambda one: one.sent)
    return outcomes


async def _send(
        call, messages: list[bytes], number: int, metadata, outcomes: Outcomes) -> None:
    begin = time.monotonic()
    try:
        # No deadline of the transport: the task's own is to hold. Longer than this is a hang.
        answer = await asyncio.wait_for(call(messages[number], metadata=metadata), PATIENCE)
        outcomes.append(Outcome(
            begin, time.monotonic() - begin, answer.parameters["canopy.tier"].string_param,
            answer.parameters["canopy.degraded"].string_param or None, message=number))
    except TimeoutError:
        outcomes.append(Outcome(begin, PATIENCE, error="HANGS", message=number))
    except grpc.aio.AioRpcError as refused:
        hint = any(key == "grpc-status-details-bin" for key, _ in refused.trailing_metadata())
        outcomes.append(Outcome(
            begin, time.monotonic() - begin, error=refused.code().name, has_hint=hint,
            message=number))
