"""What is node-wide holds for all loops of a node together."""

from __future__ import annotations

import hashlib
import select
import signal
import time

import operators
import raw
import topologies
from calls import digit, echo, facts, plain
from conftest import LOOPS
from fleet import eventually, free_port

TOKEN = "a token that only the scanner knows"
LIMIT = 50


def forwarding(plan):
    """A task that the region answers, and a tenant that may have so many frames of it."""
    plan["limits"]["connections"] = 4_000
    plan["tasks"]["echo"] = {"regional": {"builtin": "identity"}, "deadline": "30s"}
    plan["nodes"]["leaf"]["listen"].append(
        {"at": f"127.0.0.1:{free_port()}", "clients": "token", "tls": False})
    plan["identities"] = {"scanner": {"token": {
        "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}}}
    # A region that stops is taken for dead after a few probes, and its frames end: not while a
    # thousand connections come on a busy machine.
    plan["nodes"]["leaf"]["routing"] = {
        "admission": {"tenants": {"scanner": {"frames": LIMIT}}}, "probe": {"every": "15s"}}


def ask(port: int):
    """A connection of its own with one frame on it."""
    body = b'{"inputs":[{"name":"input","shape":[1],"datatype":"FP32","data":[1]}]}'
    connection = raw.connect(port)
    connection.sendall(
        b"POST /v2/models/echo/infer HTTP/1.1\r\nHost: leaf\r\nConnection: close\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return connection


def answers(connections: list, seconds: float, enough: int) -> dict:
    """The status lines of those that are answered, by connection; waits for so many."""
    poll, got = select.poll(), {}
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    end = time.monotonic() + seconds
    while len(got) < enough and time.monotonic() < end:
        for number, _ in poll.poll(100):
            poll.unregister(number)
            got[by_number[number]] = by_number[number].recv(4096).split(b"\r\n")[0].decode()
    return got


@LOOPS
def test_a_tenants_limit_holds_exactly_over_a_thousand_connections(build, loops):
    fleet = build(("leaf", "region"), forwarding, loops=loops)
    fleet.start("region")
    fleet.start("leaf")
    port = int(fleet.plan["nodes"]["leaf"]["listen"][-1]["at"].split(":")[1])

    def is_answered() -> bool:
        with ask(port) as one:
            return " 200 " in answers([one], 20, 1)[one]

    # Whichever loop takes them: each asks for itself whether the region is there.
    eventually(lambda: all(is_answered() for _ in range(8)), "the region is known to all loops")
    for _ in range(2):
        fleet["region"].process.send_signal(signal.SIGSTOP)
        try:
            all_of_them = [ask(port) for _ in range(1_000)]
            refused = answers(all_of_them, 20, 1_000 - LIMIT)
            held = [one for one in all_of_them if one not in refused]
            assert {line.split()[1] for line in refused.values()} == {"429"}
            assert len(held) == LIMIT
            assert not answers(held, 0.3, 1)
        finally:
            fleet["region"].process.send_signal(signal.SIGCONT)
        later = answers(held, 30, LIMIT)
        assert [line.split()[1] for line in later.values()] == ["200"] * LIMIT
        for one in all_of_them:
            one.close()


@LOOPS
def test_a_breaker_that_one_loop_opens_stops_all_of_them(build, frames, loops):
    def slow_to_forgive(plan):
        operators.operator(plan)
        topologies.digits(plan)
        plan["nodes"]["leaf"]["routing"] = {"breaker": {"open_time": "30s"}}
    fleet = operators.certify(build(("leaf", "region"), slow_to_forgive, loops=loops))
    fleet.start()
    jpeg = frames[0][0]
    with plain(fleet, "leaf", fresh=True) as client:
        assert facts(digit(client, jpeg, timeout=5, accept=1.0))["tier"] == "regional"
        before = operators.peer(fleet, "leaf", "region")["calls"]
        fleet["region"].process.kill()
        fleet["region"].process.wait(10)
        # One connection, so one loop.
        for _ in range(12):
            assert facts(digit(client, jpeg, timeout=5, accept=1.0))["tier"] == "leaf"
    known = operators.peer(fleet, "leaf", "region")
    calls = known["calls"] - before
    # Five failures open it; one more call may be on its way while the verdict is.
    assert known["breaker"] == "open" and 5 <= calls <= 6
    for _ in range(16):
        with plain(fleet, "leaf", fresh=True) as client:
            said = facts(digit(client, jpeg, timeout=5, accept=1.0))
        assert (said["tier"], said["degraded"]) == ("leaf", "upstream_down")
    assert operators.peer(fleet, "leaf", "region")["calls"] - before == calls
    assert fleet["leaf"].said().count("region fails: it is not called") == 1
