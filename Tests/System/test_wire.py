"""Other people's clients against real nodes, unchanged."""

from __future__ import annotations

import asyncio
import json
import queue
import urllib.request

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from calls import credentials, facts, image, label, plain, secure, series, tensor
from tritonclient.utils import InferenceServerException


def test_a_node_tells_that_it_lives_what_it_is_and_what_it_serves(fleet):
    client = secure(fleet, "leaf")
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("meter-digits")
    assert client.get_server_metadata().name == "canopy"
    metadata = client.get_model_metadata("meter-digits")
    assert [(i.name, i.datatype, list(i.shape)) for i in metadata.inputs] == [
        ("image", "BYTES", [1])]
    assert {o.name for o in metadata.outputs} == {"label", "class", "probability"}
    config = client.get_model_config("meter-digits").config
    assert config.name == "meter-digits" and config.max_batch_size == 0
    assert not client.is_model_ready("no-such-task")


def test_a_frame_is_answered_and_the_answer_says_by_whom(fleet, frames):
    client = secure(fleet, "leaf")
    right = 0
    for jpeg, truth in frames[:20]:
        answer = client.infer("meter-digits", [image(jpeg)], request_id="abc")
        said = facts(answer)
        assert answer.get_response().id == "abc"
        assert said["tier"] in ("leaf", "regional", "cloud")
        assert said["bundle"].startswith("sha256:") and 0 <= said["confidence"] <= 1
        assert said["route"].split(";")[0].startswith("leaf=")
        right += label(answer) == truth
    assert right >= 16


def test_a_sensor_series_is_answered_like_a_frame(fleet):
    answer = secure(fleet, "leaf").infer("power-demand", [series(np.linspace(-1, 1, 24))])
    assert label(answer)
    assert facts(answer)["tier"] in ("leaf", "regional")


def test_many_answers_of_a_stream_come_back_under_their_ids(fleet, frames):
    client = secure(fleet, "leaf")
    came = queue.Queue()
    client.start_stream(lambda result, error: came.put((result, error)))
    for index, (jpeg, _) in enumerate(frames[:40]):
        client.async_stream_infer("meter-digits", [image(jpeg)], request_id=str(index))
    answers = [came.get(timeout=20) for _ in range(40)]
    client.stop_stream()
    assert all(error is None for _, error in answers)
    assert {result.get_response().id for result, _ in answers} == {str(i) for i in range(40)}


def test_a_refinement_arrives_once_on_the_same_stream(fleet, frames):
    client = secure(fleet, "leaf")
    came = queue.Queue()
    client.start_stream(lambda result, error: came.put((result, error)))
    for index, (jpeg, _) in enumerate(frames[:30]):
        client.async_stream_infer(
            "meter-digits", [image(jpeg)], request_id=str(index),
            parameters={"canopy.mode": "refine", "canopy.accept": 1.0})
    finals, firsts = {}, {}
    while len(finals) < 30:
        result, error = came.get(timeout=20)
        assert error is None
        response = result.get_response()
        if response.parameters["triton_final_response"].bool_param:
            assert response.id not in finals
            finals[response.id] = facts(result)
        else:
            assert response.id not in firsts
            firsts[response.id] = facts(result)
    client.stop_stream()
    assert firsts and all(first["tier"] == "leaf" for first in firsts.values())
    assert all(finals[name]["tier"] != "leaf" for name in firsts)


def test_the_asynchronous_client_works_over_mutual_tls(fleet, frames):
    async def ask():
        async with triton_aio.InferenceServerClient(
            f"127.0.0.1:{fleet.nodes['leaf'].secure}",
            creds=credentials(fleet.folder, "camera"),
        ) as client:
            return await asyncio.gather(
                *(client.infer("meter-digits", [image(jpeg)]) for jpeg, _ in frames[:30]))

    assert len(asyncio.run(ask())) == 30


def test_a_bundle_that_is_not_served_is_not_answered_for_another(fleet, frames):
    client = plain(fleet, "leaf")
    served = client.get_model_metadata("meter-digits").versions[0]
    assert client.infer("meter-digits", [image(frames[0][0])], model_version=served)
    other = "sha256:" + "1" * 64
    said = wrong(fleet, [image(frames[0][0])], model_version=other)
    assert "NOT_FOUND" in said and other[:15] in said


def test_a_bad_frame_of_a_stream_does_not_end_it(fleet, frames):
    client = plain(fleet, "leaf")
    came = queue.Queue()
    client.start_stream(lambda result, error: came.put((result, error)))
    for index, (jpeg, _) in enumerate(frames[:9]):
        data = jpeg[:300] if index % 3 == 1 else jpeg
        task = "no-such-task" if index % 3 == 2 else "meter-digits"
        client.async_stream_infer(task, [image(data)], request_id=str(index))
    answers = [came.get(timeout=20) for _ in range(9)]
    client.stop_stream()
    assert {result.get_response().id for result, error in answers if error is None} == set("036")
    assert sum("no-such-task" in str(error) for _, error in answers) == 3


def wrong(fleet, tensors, task="meter-digits", **more):
    with pytest.raises(InferenceServerException) as refused:
        plain(fleet, "leaf").infer(task, tensors, **more)
    return str(refused.value)


def test_a_wrong_input_is_refused_with_what_came_and_what_was_expected(fleet, frames):
    zeros = np.zeros((1, 1, 24), np.float32)
    said = wrong(fleet, [tensor("serie", zeros)], "power-demand")
    assert "INVALID_ARGUMENT" in said and "serie" in said and "series" in said
    short = np.zeros((1, 1, 23), np.float32)
    said = wrong(fleet, [tensor("series", short)], "power-demand")
    assert "INVALID_ARGUMENT" in said and "23" in said and "24" in said
    whole = np.zeros((1, 1, 24), np.int32)
    said = wrong(fleet, [tensor("series", whole, "INT32")], "power-demand")
    assert "INVALID_ARGUMENT" in said and "INT32" in said and "FP32" in said
    said = wrong(fleet, [image(frames[0][0][:-2000][:500])])
    assert "INVALID_ARGUMENT" in said
    assert "NOT_FOUND" in wrong(fleet, [image(frames[0][0])], "no-such-task")
    said = wrong(fleet, [image(frames[0][0])], model_version="latest")
    assert "INVALID_ARGUMENT" in said and "digest" in said


def test_json_over_http_answers_like_grpc(fleet):
    node = fleet.nodes["leaf"]
    body = {"inputs": [{"name": "series", "shape": [1, 1, 24], "datatype": "FP32",
                        "data": [0.1] * 24}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{node.plain}/v2/models/power-demand/infer",
        json.dumps(body).encode(), {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=10))
    assert answer["model_name"] == "power-demand"
    assert {output["name"] for output in answer["outputs"]} == {"label", "class", "probability"}
    assert answer["parameters"]["canopy.tier"] in ("leaf", "regional")


def test_live_ready_and_metrics_answer_on_the_same_port(fleet):
    node = fleet.nodes["leaf"]
    assert node.get("/live")[0] == 200 and node.get("/ready")[0] == 200
    assert node.get("/no/such/page")[0] == 404
    assert any(name.startswith("canopy_frames_total") for name in node.metrics())


def test_the_standard_health_service_answers(fleet):
    channel = grpc.insecure_channel(f"127.0.0.1:{fleet.nodes['leaf'].plain}")
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"", timeout=5) == b"\x08\x01"
    with pytest.raises(grpc.RpcError) as refused:
        check(b"\x0a\x04nope", timeout=5)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_an_unknown_method_is_unimplemented(fleet):
    channel = grpc.insecure_channel(f"127.0.0.1:{fleet.nodes['leaf'].plain}")
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/inference.GRPCInferenceService/Nonsense")(b"", timeout=5)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
