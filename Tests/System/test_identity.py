"""Who may speak to a node, and what those are told who may not."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
import topologies
import tritonclient.grpc as triton
from calls import credentials, digit, echo, facts, plain, refusal, secure
from fleet import Fleet, eventually, free_port

TOKEN = "a token that only the scanner knows"


def identities(plan):
    """A leaf that echoes, with a listener for tokens and identities of all kinds."""
    topologies.identity(plan)
    plan["tasks"]["secret"] = {"leaf": {"builtin": "identity"}}
    plan["nodes"]["leaf"]["listen"].append(
        {"at": f"127.0.0.1:{free_port()}", "clients": "token"})
    plan["identities"] = {
        "camera": {"tasks": ["echo"]},
        "scanner": {"tasks": ["echo"], "token": {
            "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}},
        "operator": {"kind": "role"},
    }


@pytest.fixture(scope="module", params=[1, 2], ids=["one loop", "two loops"])
def leaf(request, tmp_path_factory):
    """One leaf that needs no model."""
    folder = tmp_path_factory.mktemp("identity")
    with topologies.make(folder, ("leaf",), identities, loops=request.param) as fleet:
        fleet.canopy("cert", "issue", "--folder", folder / "certificates", "--role", "operator")
        fleet.start()
        yield fleet


def ask(client, task="echo", **more):
    return client.infer(task, [echo()], client_timeout=20, **more)


def tls(fleet: Fleet, chain: Path | None = None, newest=ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    """A client that trusts the fleet's authority and shows NAME.pem with NAME.key."""
    context = ssl.create_default_context(cafile=fleet.folder / "certificates" / "ca.pem")
    context.maximum_version = newest
    context.set_alpn_protocols(["http/1.1"])
    if chain:
        context.load_cert_chain(chain, chain.with_suffix(".key"))
    return context


def get(port: int, context: ssl.SSLContext, path="/v2") -> bytes:
    """The status line of an answer over TLS; raises what TLS says."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
            secured.sendall(f"GET {path} HTTP/1.1\r\nhost: leaf\r\n\r\n".encode())
            return secured.recv(65536).split(b"\r\n")[0]


def alert(port: int, context: ssl.SSLContext) -> str:
    """Which alert a handshake, or what comes first after it, ends with."""
    with pytest.raises(ssl.SSLError) as refused:
        get(port, context)
    return refused.value.reason


def test_a_caller_with_a_known_certificate_is_let_in(leaf):
    context = tls(leaf, leaf.folder / "certificates" / "camera.pem")
    assert get(leaf["leaf"].secure, context) == b"HTTP/1.1 200 OK"
    assert ask(secure(leaf, "leaf"))


def test_a_caller_without_a_certificate_is_refused(leaf):
    assert alert(leaf["leaf"].secure, tls(leaf)) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert "UNAVAILABLE" in refusal(lambda: ask(secure(leaf, "leaf", None)))


def test_a_certificate_of_another_authority_is_refused(leaf, tmp_path):
    leaf.canopy("cert", "init", "--folder", tmp_path)
    leaf.canopy("cert", "issue", "--folder", tmp_path, "--client", "camera")
    assert alert(leaf["leaf"].secure, tls(leaf, tmp_path / "camera.pem")) in (
        "TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_DECRYPT_ERROR")


def signed(fleet: Fleet, folder: Path, name: str, uri: str, start: str, end: str) -> Path:
    """A certificate of the fleet's authority with any dates, made by openssl."""
    where = fleet.folder / "certificates"
    (folder / "index.txt").write_text("")
    (folder / "openssl.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\n"
        f"dir={folder}\nnew_certs_dir={folder}\ndatabase={folder}/index.txt\n"
        "default_md=sha256\nrand_serial=yes\npolicy=any\nx509_extensions=leaf\n"
        "unique_subject=no\n[any]\ncommonName=supplied\n"
        f"[leaf]\nsubjectAltName=URI:{uri}\nextendedKeyUsage=clientAuth,serverAuth\n")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
            "-out", folder / f"{name}.csr")
    openssl("ca", "-batch", "-config", folder / "openssl.cnf", "-cert", where / "ca.pem",
            "-keyfile", where / "ca.key", "-startdate", start, "-enddate", end, "-notext",
            "-in", folder / f"{name}.csr", "-out", folder / f"{name}.pem")
    return folder / f"{name}.pem"


def test_an_expired_certificate_is_refused_and_a_valid_one_like_it_is_not(leaf, tmp_path):
    for end, expected in (("20200102000000Z", None), ("20990101000000Z", b"HTTP/1.1 200 OK")):
        chain = signed(leaf, tmp_path, "camera", "canopy:client:camera", "20200101000000Z", end)
        context = tls(leaf, chain)
        if expected:
            assert get(leaf["leaf"].secure, context) == expected
        else:
            assert alert(leaf["leaf"].secure, context) in (
                "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSL/TLS_ALERT_CERTIFICATE_EXPIRED")


def test_older_tls_is_refused(leaf):
    context = tls(leaf, leaf.folder / "certificates" / "camera.pem", ssl.TLSVersion.TLSv1_2)
    assert alert(leaf["leaf"].secure, context) == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_plain_text_on_a_tls_port_gets_no_answer_and_harms_nobody(leaf):
    for words in (b"GET /live HTTP/1.1\r\nhost: leaf\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", leaf["leaf"].secure), 10) as raw:
            raw.sendall(words)
            try:
                said = raw.recv(65536)
            except ConnectionResetError:
                said = b""
        # At most a TLS alert (record type 21).
        assert said[:1] in (b"", b"\x15")
    assert ask(secure(leaf, "leaf"))


def test_a_name_that_the_topology_does_not_know_is_told_how_to_be_known(leaf):
    words = refusal(lambda: ask(secure(leaf, "leaf", "stranger")))
    assert "PERMISSION_DENIED" in words and "stranger" in words and "identities" in words


def test_a_task_that_an_identity_may_not_use_is_refused(leaf):
    words = refusal(lambda: ask(secure(leaf, "leaf"), "secret"))
    assert "PERMISSION_DENIED" in words and "'secret'" in words and "tasks" in words


def test_metrics_need_the_verb(leaf):
    port, where = leaf["leaf"].secure, leaf.folder / "certificates"
    assert b" 403 " in get(port, tls(leaf, where / "camera.pem"), "/metrics")
    assert b" 200 " in get(port, tls(leaf, where / "operator.pem"), "/metrics")
    assert b" 200 " in get(port, tls(leaf, where / "stranger.pem"), "/live")


def test_a_token_is_asked_for_where_the_listener_says_so(leaf):
    at = leaf.plan["nodes"]["leaf"]["listen"][2]["at"]
    client = triton.InferenceServerClient(at, creds=credentials(leaf.folder, None))
    none = refusal(lambda: ask(client))
    assert "UNAUTHENTICATED" in none and "authorization: Bearer" in none
    wrong = refusal(lambda: ask(client, headers={"authorization": "Bearer wrong"}))
    assert "UNAUTHENTICATED" in wrong and "SHA-256" in wrong
    assert ask(client, headers={"authorization": f"Bearer {TOKEN}"})
    other = refusal(lambda: ask(client, "secret", headers={"authorization": f"Bearer {TOKEN}"}))
    assert "PERMISSION_DENIED" in other


def test_a_clients_certificate_with_a_nodes_name_is_no_node(leaf, tmp_path):
    chain = signed(leaf, tmp_path, "leaf", "canopy:client:leaf", "20200101000000Z",
                   "20990101000000Z")
    assert b" 403 " in get(leaf["leaf"].secure, tls(leaf, chain))
    node = leaf.folder / "certificates" / "leaf.pem"
    assert b" 200 " in get(leaf["leaf"].secure, tls(leaf, node))


def serial(fleet: Fleet) -> int:
    """The serial number of the certificate that the leaf shows to a new connection."""
    with socket.create_connection(("127.0.0.1", fleet["leaf"].secure), 10) as raw:
        context = tls(fleet, fleet.folder / "certificates" / "camera.pem")
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
            return int(secured.getpeercert()["serialNumber"], 16)


def test_a_renewed_certificate_serves_the_next_handshake_without_a_restart(leaf):
    old = serial(leaf)
    standing = secure(leaf, "leaf")
    assert ask(standing)
    leaf.canopy("cert", "renew", "--folder", leaf.folder / "certificates", "leaf")
    eventually(lambda: serial(leaf) != old, "a new certificate is shown")
    assert ask(standing)
    leaf["leaf"].await_log("certificates were read again")


def test_a_torn_renewal_changes_nothing(leaf):
    old = serial(leaf)
    chain = leaf.folder / "certificates" / "leaf.pem"
    whole = chain.read_bytes()
    chain.write_bytes(whole[:100])
    leaf["leaf"].await_log("certificates were not changed")
    assert serial(leaf) == old
    chain.write_bytes(whole)
    eventually(lambda: leaf["leaf"].said().rstrip().endswith("certificates were read again"),
               "the whole certificate is read")


@pytest.mark.parametrize("kind", ["--node", "--client"])
def test_a_region_with_another_name_gets_no_frames_and_the_log_says_who_came(
        build, frames, tmp_path, kind):
    fleet = build(("leaf", "region"), topologies.digits)
    where, name = fleet.folder / "certificates", "other" if kind == "--node" else "region"
    other = tmp_path / "other"
    other.mkdir()
    for file in ("ca.pem", "ca.key"):
        (other / file).write_bytes((where / file).read_bytes())
    fleet.canopy("cert", "issue", "--folder", other, kind, name, "--host", "127.0.0.1")
    for suffix in ("pem", "key"):
        (where / f"region.{suffix}").write_bytes((other / f"{name}.{suffix}").read_bytes())
    fleet.start()
    said = facts(digit(plain(fleet, "leaf"), frames[0][0], accept=1.0))
    assert (said["tier"], said["degraded"]) == ("leaf", "upstream_down")
    line = fleet["leaf"].await_log(f"canopy:{kind.strip('-')}:{name}")
    assert "region is not reached" in line and "canopy:node:region" in line
    assert not any(value for sample, value in fleet["region"].metrics().items()
                   if sample.startswith("canopy_frames_total"))


def test_a_region_that_does_not_know_the_leafs_authority_is_named_in_the_leafs_log(
        build, frames, tmp_path):
    fleet = build(("leaf", "region"), topologies.digits)
    where, other = fleet.folder / "certificates", tmp_path / "other"
    fleet.canopy("cert", "init", "--folder", other)
    fleet.canopy("cert", "issue", "--folder", other, "--node", "leaf", "--host", "127.0.0.1")
    for suffix in ("pem", "key"):
        (where / f"leaf.{suffix}").write_bytes((other / f"leaf.{suffix}").read_bytes())
    fleet.start()
    for jpeg, _ in frames[:3]:
        said = facts(digit(plain(fleet, "leaf"), jpeg, accept=1.0))
        assert (said["tier"], said["degraded"]) == ("leaf", "upstream_down")
    # A leaf that looked before its region listened has said that first: each new reason is a line.
    assert "region is not reached" in fleet["leaf"].await_log("does not trust")


def test_a_node_tells_until_when_its_certificate_is_valid(fleet):
    left = fleet["leaf"].metrics()["canopy_certificate_expiry_timestamp_seconds"] - time.time()
    assert 89 * 86_400 < left <= 90 * 86_400
