"""Nodes of another maker: servers of the Open Inference Protocol that do as a test says."""

from __future__ import annotations

import threading
import time
from concurrent import futures

import grpc
import topologies
import tritonclient.grpc.service_pb2 as pb
import tritonclient.grpc.service_pb2_grpc as rpc
from fleet import free_port


class Foreign(rpc.GRPCInferenceServiceServicer):
    """Answers `7` after `delay` seconds, and not while it is `held`; fails every `period`-th call
    with a status, at once. Says all the while that it lives."""

    def __init__(self, period: int = 0, status=grpc.StatusCode.UNAVAILABLE, delay: float = 0):
        self.period, self.status, self.delay, self.count = period, status, delay, 0
        self._goes = threading.Event()
        self._goes.set()
        self._server = grpc.server(futures.ThreadPoolExecutor(24))
        rpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self.port = free_port()
        self._server.add_insecure_port(f"127.0.0.1:{self.port}")

    def __enter__(self) -> Foreign:
        self._server.start()
        return self

    def __exit__(self, *_) -> None:
        self.release()
        self._server.stop(0).wait()

    def hold(self) -> None:
        """Keeps what comes until `release`."""
        self._goes.clear()

    def release(self) -> None:
        self._goes.set()

    def ServerLive(self, request, context):
        return pb.ServerLiveResponse(live=True)

    def ModelInfer(self, request, context):
        self.count += 1
        if self.period and self.count % self.period == 0:
            context.abort(self.status, "by order")
        time.sleep(self.delay)
        self._goes.wait(60)
        answer = pb.ModelInferResponse(model_name=request.model_name, id=request.id)
        output = answer.outputs.add(name="label", datatype="BYTES", shape=[1])
        output.contents.bytes_contents.append(b"7")
        return answer


def regions(*servers: Foreign, **more):
    """A change of a plan: these are the leaf's regions, and do its digits."""
    def change(plan):
        names = ["region"] + [f"region-{number}" for number in range(1, len(servers))]
        for name, server in zip(names, servers, strict=True):
            plan["nodes"][name] = {
                "tier": "regional", "protocol": "open-inference", "tls": False,
                "address": f"127.0.0.1:{server.port}"}
        topologies.digits(plan, **more)
        plan["tasks"]["meter-digits"]["regional"] = {"model": "digits"}

    return change
