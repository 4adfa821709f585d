"""REST as curl, tritonclient.http and Prometheus speak it, on the same port as gRPC."""

from __future__ import annotations

import json
import re
import subprocess

import numpy as np
import pytest
import tritonclient.http as triton
from calls import facts, plain, series
from tritonclient.utils import InferenceServerException

VERSIONS = pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])


def curl(fleet, path: str, *words: str, body: bytes | None = None) -> tuple[int, dict, bytes]:
    """Status, headers and body of what curl gets from the leaf."""
    sent = ["--data-binary", "@-"] if body is not None else []
    done = subprocess.run(
        ["curl", "-sS", "-i", "--max-time", "20", *words, *sent,
         f"http://127.0.0.1:{fleet['leaf'].plain}{path}"],
        input=body, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    while True:
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        status = int(first.split(" ")[1])
        if status != 100:
            break
        done.stdout = rest
    pairs = (line.split(":", 1) for line in lines)
    return status, {name.lower(): value.strip() for name, value in pairs}, rest


def question(**more) -> bytes:
    return json.dumps({"inputs": [{
        "name": "series", "shape": [1, 1, 24], "datatype": "FP32",
        "data": [number / 10 for number in range(24)]}], **more}).encode()


INFER = "/v2/models/power-demand/infer"


@VERSIONS
def test_curl_gets_an_answer_and_all_that_is_said_of_it(fleet, version):
    status, headers, body = curl(fleet, INFER, version, body=question(id="seven"))
    answer = json.loads(body)
    assert status == 200 and headers["content-type"] == "application/json"
    assert answer["id"] == "seven" and answer["model_name"] == "power-demand"
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert outputs["label"]["datatype"] == "BYTES"
    assert sum(outputs["probability"]["data"]) == pytest.approx(1, abs=1e-4)
    assert answer["parameters"]["canopy.tier"] in ("leaf", "regional")
    assert 0 <= answer["parameters"]["canopy.confidence"] <= 1


@VERSIONS
def test_curl_says_parameters_as_grpc_does(fleet, version):
    for accept, tier in ((0.0, "leaf"), (1.0, "regional")):
        body = question(parameters={"canopy.accept": accept})
        answer = json.loads(curl(fleet, INFER, version, body=body)[2])
        assert answer["parameters"]["canopy.tier"] == tier


@VERSIONS
def test_live_ready_and_descriptions_answer(fleet, version):
    for path in ("/live", "/ready", "/v2/health/live", "/v2/health/ready",
                 "/v2/models/power-demand/ready"):
        assert curl(fleet, path, version)[0] == 200
    server = json.loads(curl(fleet, "/v2", version)[2])
    assert server["name"] == "canopy" and server["version"]
    model = json.loads(curl(fleet, "/v2/models/power-demand", version)[2])
    assert model["inputs"] == [{"name": "series", "datatype": "FP32", "shape": [1, 1, 24]}]
    status, headers, body = curl(fleet, "/live", version, "-I")
    assert status == 200 and body == b"" and int(headers.get("content-length", 0)) > 0


@VERSIONS
@pytest.mark.parametrize("path, words, body, status", [
    ("/nowhere", [], None, 404),
    ("/v2/models/none/infer", [], question(), 404),
    ("/v2/models/none", [], None, 404),
    (INFER, [], b'{"inputs"', 400),
    (INFER, [], b"{}", 400),
    (INFER, [], question(parameters={"timeout": -1}), 400),
    (INFER, [], json.dumps({"inputs": [{"name": "series", "shape": [1, 1, 24],
                                        "datatype": "FP32", "data": [1, 2]}]}).encode(), 400),
    (INFER, ["-X", "PUT"], question(), 400),
    ("/live", ["-X", "DELETE"], None, 400),
])
def test_errors_are_json_with_words(fleet, version, path, words, body, status):
    got, headers, answer = curl(fleet, path, version, *words, body=body)
    assert got == status
    assert headers["content-type"] == "application/json"
    assert json.loads(answer)["error"]


def test_a_connection_is_kept_for_the_next_request(fleet):
    port = fleet["leaf"].plain
    done = subprocess.run(
        ["curl", "-sS", "-v", *[f"http://127.0.0.1:{port}{path}" for path in ("/live", "/v2")]],
        capture_output=True, text=True, timeout=30)
    assert "Re-using existing connection" in done.stderr


def test_a_compressed_body_is_read(fleet):
    import gzip
    status, _, body = curl(fleet, INFER, "-H", "content-encoding: gzip",
                           body=gzip.compress(question()))
    assert status == 200 and json.loads(body)["outputs"]


# MARK: tritonclient.http


@pytest.fixture
def client(fleet):
    with triton.InferenceServerClient(f"127.0.0.1:{fleet['leaf'].plain}") as made:
        yield made


def tensor(values=None, binary: bool = True) -> triton.InferInput:
    data = np.asarray(values if values is not None else np.linspace(0, 1, 24), np.float32)
    made = triton.InferInput("series", [1, 1, 24], "FP32")
    made.set_data_from_numpy(data.reshape(1, 1, 24), binary_data=binary)
    return made


def test_tritons_http_client_asks_what_there_is(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("power-demand") and not client.is_model_ready("none")
    assert client.get_server_metadata()["name"] == "canopy"
    assert client.get_model_metadata("power-demand")["inputs"][0]["name"] == "series"


@pytest.mark.parametrize("binary_out", [False, True], ids=["JSON out", "binary out"])
@pytest.mark.parametrize("binary_in", [False, True], ids=["JSON in", "binary in"])
def test_tritons_http_client_gets_the_same_numbers_in_every_form(
        fleet, client, binary_in, binary_out):
    values = np.linspace(-1, 2, 24)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_out)
               for name in ("label", "class", "probability")]
    answer = client.infer("power-demand", [tensor(values, binary_in)], outputs=outputs,
                          request_id="r", parameters={"canopy.accept": 0.0})
    expected = plain(fleet, "leaf").infer(
        "power-demand", [series(values)], parameters={"canopy.accept": 0.0})
    assert answer.get_response()["id"] == "r"
    assert answer.get_response()["parameters"]["canopy.bundle"] == facts(expected)["bundle"]
    for name in ("class", "probability"):
        np.testing.assert_array_equal(answer.as_numpy(name), expected.as_numpy(name))
    said = answer.as_numpy("label")
    assert [one if isinstance(one, str) else one.decode() for one in said] == [
        one.decode() for one in expected.as_numpy("label")]


def test_tritons_http_client_sends_pictures(client, frames):
    picture = triton.InferInput("image", [1], "BYTES")
    picture.set_data_from_numpy(np.array([frames[0][0]], dtype=object), binary_data=True)
    answer = client.infer("meter-digits", [picture], parameters={"canopy.accept": 0.0})
    assert answer.get_response()["parameters"]["canopy.tier"] == "leaf"
    assert answer.as_numpy("label")[0] in {str(digit) for digit in range(10)} | {
        str(digit).encode() for digit in range(10)}


def test_tritons_http_client_may_name_the_bundle_that_is_served(client):
    served = client.get_model_metadata("power-demand")["versions"]
    assert client.infer("power-demand", [tensor()], model_version=served[0],
                        parameters={"canopy.accept": 0.0}).as_numpy("label") is not None
    assert client.is_model_ready("power-demand", served[0])
    assert client.get_model_metadata("power-demand", served[0])["name"] == "power-demand"
    assert client.get_model_config("power-demand")["name"] == "power-demand"


def test_tritons_http_client_hears_of_errors(client):
    with pytest.raises(InferenceServerException) as refused:
        client.infer("power-demand", [tensor()], model_version="latest")
    assert refused.value.status() == "400" and "latest" in str(refused.value)


def test_tritons_http_client_may_compress(client):
    for algorithm in ("gzip", "deflate"):
        answer = client.infer("power-demand", [tensor()], request_compression_algorithm=algorithm)
        assert answer.as_numpy("label") is not None


# MARK: Prometheus


LINE = re.compile(
    r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*",?)*\})? (\S+)$')


def test_metrics_keep_prometheus_rules(fleet):
    """Every family has one HELP and one TYPE before its samples, which lie together and once."""
    status, headers, body = curl(fleet, "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    text = body.decode()
    assert text.endswith("\n")
    kinds, helps, seen, families = {}, set(), set(), []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helps
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds and name not in families
            assert kind in ("counter", "gauge", "summary", "histogram")
            kinds[name] = kind
        else:
            match = LINE.match(line)
            assert match, line
            name, labels, value = match[1], match[2] or "", float(match[3])
            family = next(name.removesuffix(end) for end in ("_sum", "_count", "_bucket", "")
                          if name.removesuffix(end) in kinds)
            assert family in helps and (name, labels) not in seen
            assert families[-1:] == [family] or family not in families
            families.append(family)
            seen.add((name, labels))
            if kinds[family] == "counter":
                assert name.endswith("_total") and value >= 0


def test_counters_only_grow_and_count_what_was_asked(fleet):
    node = fleet["leaf"]
    name = 'canopy_frames_total{task="power-demand",tier="leaf",accepted="true"}'
    before = node.metrics()
    for _ in range(7):
        curl(fleet, INFER, body=question(parameters={"canopy.accept": 0.0}))
    after = node.metrics()
    assert after[name] - before[name] == 7
    shrunk = [sample for sample, value in before.items()
              if "_total" in sample and after[sample] < value]
    assert not shrunk
