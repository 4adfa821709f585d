"""What a hub keeps of what arrives: asked, labelled, explained, exported, handed on, and survived."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import tarfile

import grpc
import operators
import pytest
import topologies
from calls import credentials
from fleet import ROOT, Fleet, eventually, program
from stores import ObjectStore, Postgres

sys.path.insert(0, str(ROOT / "Tests" / "Golden" / "wire" / "v1"))
import schema  # noqa: E402

PASSWORD = {"CANOPY_TEST_DB": Postgres.password, "CANOPY_TEST_S3": "a-secret"}


def seed(fleet: Fleet, **words) -> dict:
    """Fills the store of a node that is down, as a leaf's uploads would."""
    line = [str(program("record-seed")), "--store", str(fleet.folder / "records")]
    for name, value in words.items():
        line += [f"--{name}", str(value)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def keeper(folder, **records) -> Fleet:
    """A regional node that keeps records; not started."""
    def change(plan):
        topologies.identity(plan, tier="regional")
        operators.operator(plan)
        plan["identities"]["watcher"] = {"kind": "role", "verbs": ["control"]}
        plan["nodes"]["region"]["records"] = {"folder": "records", **records}

    return operators.certify(topologies.make(folder, ("region",), change))


def ask(fleet: Fleet, *words, check=True) -> subprocess.CompletedProcess:
    return fleet.canopy("records", fleet.topology, *words, check=check)


def lines(fleet: Fleet, *words) -> list[dict]:
    return [json.loads(line) for line in ask(fleet, "--json", *words).stdout.splitlines()]


def stats(fleet: Fleet) -> dict:
    return json.loads(ask(fleet, "--stats", "--json").stdout)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A region whose store has 60 results of a leaf, 12 of whose frames it answered later."""
    with keeper(tmp_path_factory.mktemp("kept")) as fleet:
        seed(fleet, results=60, frames=12)
        fleet.start()
        yield fleet


def test_records_are_found_by_what_they_say(kept):
    everything = lines(kept, "--limit", "1000")
    assert len(everything) == 60 and {one["won"] for one in everything} == {True}
    assert len(lines(kept, "--limit", "1000", "--losers")) == 72
    assert {one["tier"] for one in lines(kept, "--tier", "regional")} == {"regional"}
    assert len(lines(kept, "--tier", "regional")) == len(lines(kept, "--with-frame")) == 12
    sure = lines(kept, "--min-confidence", "0.3", "--max-confidence", "0.35")
    assert sorted(one["confidence"] for one in sure) == [0.3, 0.31, 0.32, 0.33, 0.34, 0.35]
    assert lines(kept, "--label", "no such label") == lines(kept, "--until", "2001-01-01") == []
    assert len(lines(kept, "--from", "1h", "--site", "mill", "--task", "meter-digits",
                     "--stream", "cam-leaf", "--label", "5")) == len(
        [one for one in everything if one["label"] == "5"])


def test_records_are_tables_json_and_csv(kept):
    rows = list(csv.DictReader(io.StringIO(ask(kept, "--csv", "--limit", "7").stdout)))
    assert [row["record"] for row in rows] == [
        one["record"] for one in lines(kept, "--limit", "7")]
    table = ask(kept, "--limit", "3")
    assert table.stdout.startswith("RECORD") and "cam-leaf 12" in table.stdout
    assert "there are more" in table.stderr


def test_a_record_is_explained(kept):
    record = lines(kept, "--with-frame", "--limit", "1")[0]["record"]
    said = kept.canopy("explain", "record", record[:10], "--topology", kept.topology).stdout
    assert record in said and "regional stands above leaf" in said
    unknown = kept.canopy("explain", "record", "00000000", "--topology", kept.topology,
                          check=False)
    assert unknown.returncode == 1 and "no record 00000000" in unknown.stderr


def test_labels_move_the_accuracy_of_the_bundles_that_answered(kept):
    before = {(one["tier"], one["truth"]): (one["right"], one["total"])
              for one in stats(kept)["accuracy"]}
    record = lines(kept, "--with-frame", "--limit", "100")
    wrong = next(one for one in record if one["request"] == "leaf-1")
    kept.canopy("label", kept.topology, wrong["label"], "--record", wrong["record"][:12])
    after = {(one["tier"], one["truth"]): (one["right"], one["total"])
             for one in stats(kept)["accuracy"]}
    # Of the first frame the leaf was wrong and the region right.
    assert before == {} and after == {("leaf", wrong["label"]): (0, 1),
                                      ("regional", wrong["label"]): (1, 1)}
    kept.canopy("label", kept.topology, "9", "--request", "leaf-2", "--task", "meter-digits")
    assert [one["request"] for one in lines(kept, "--truth", "wrong")] == ["leaf-2"]
    early = kept.canopy("label", kept.topology, "1", "--request", "later", "--task", "echo")
    assert "waits for it" in early.stdout and stats(kept)["waiting_labels"] == 1


def test_only_a_role_that_may_sees_records(kept):
    where = kept.folder / "certificates"
    kept.canopy("cert", "issue", "--folder", where, "--role", "watcher")
    refused = ask(kept, "--as", "watcher", check=False)
    assert refused.returncode == 1 and "may not use records" in refused.stderr
    assert "verbs have records" in refused.stderr
    client = ask(kept, "--as", "camera", check=False)
    assert client.returncode == 1 and "may not use records" in client.stderr


def feedback(fleet: Fleet, request: str, label: str, channel: grpc.Channel) -> bool:
    """Whether the node knew the request, by canopy.v1.Peer/SubmitFeedback."""
    messages = schema.frozen()
    call = channel.unary_unary(
        "/canopy.v1.Peer/SubmitFeedback",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=messages("canopy.v1.FeedbackReply").FromString)
    return call(messages("canopy.v1.Feedback")(
        request_id=request, task="meter-digits", label=label), timeout=10).known


def test_nodes_and_roles_give_labels_by_feedback_and_nobody_else(kept):
    region = kept["region"]
    secure = f"127.0.0.1:{region.secure}"
    with grpc.secure_channel(secure, credentials(kept.folder, "operator")) as channel:
        assert feedback(kept, "leaf-40", "9", channel)
        assert not feedback(kept, "never-sent", "9", channel)
    with grpc.secure_channel(secure, credentials(kept.folder, "camera")) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            feedback(kept, "leaf-41", "9", channel)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    with grpc.insecure_channel(f"127.0.0.1:{region.plain}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            feedback(kept, "leaf-41", "9", channel)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    found = {one["request"]: one["truth"] for one in lines(kept, "--truth", "labelled")}
    assert found.get("leaf-40") == "9" and "leaf-41" not in found


def test_an_export_is_the_same_twice_and_its_manifest_is_true(kept, tmp_path):
    reports = []
    for name in ("one", "two"):
        done = kept.canopy("export", kept.topology, "--output", tmp_path / name, "--json",
                           "--shard", "8KiB")
        reports.append(json.loads(done.stdout))
    assert reports[0] == reports[1] and reports[0]["samples"] == 12
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert manifest["version"] == reports[0]["version"] and len(manifest["files"]) > 1
    pictures = 0
    for file in manifest["files"]:
        content = (tmp_path / "one" / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            members = {member.name: tar.extractfile(member).read() for member in tar}
        for name, picture in members.items():
            if name.endswith(".jpg"):
                about = json.loads(members[name.replace(".jpg", ".json")])
                assert picture.startswith(b"\xff\xd8\xff") and about["leaf"]["tier"] == "leaf"
                assert members[name.replace(".jpg", ".cls")].decode() == about["label"]
                pictures += 1
    assert pictures == 12


def test_a_damaged_index_does_not_stop_a_node(tmp_path):
    with keeper(tmp_path) as fleet:
        seed(fleet, results=2000)
        index = fleet.folder / "records" / "records.sqlite"
        content = bytearray(index.read_bytes())
        content[4096:8192] = bytes(4096)
        index.write_bytes(content)
        fleet.start()
        said = fleet["region"].await_log("is damaged and begins again")
        assert "records.sqlite.damaged-1" in said and "critical" in said.lower()
        assert (fleet.folder / "records" / "records.sqlite.damaged-1").read_bytes() == content
        assert stats(fleet)["frames"] == 0


def test_postgresql_gets_each_record_once_whatever_breaks(tmp_path):
    with Postgres(tmp_path) as server:
        postgres = {"at": f"127.0.0.1:{server.port}", "password": {"env": "CANOPY_TEST_DB"}}
        with keeper(tmp_path, postgres=postgres) as fleet:
            seed(fleet, results=3000, frames=5)
            # The database is down when the node starts: it starts all the same, and keeps all.
            server.stop()
            fleet.start(env=PASSWORD)
            fleet["region"].await_log("takes nothing; what is due is kept")
            assert stats(fleet)["answers"] == 3005
            server.start()
            eventually(lambda: server.count("canopy_records") == 3005, "all records are there", 60)
            fleet["region"].await_log("takes records again")
            fleet.stop("region")

            # More comes, and the node and the database die in the middle of handing it on.
            for round in range(3):
                seed(fleet, results=4000, first=10_000 * (round + 1))
                fleet.start(env=PASSWORD)
                wanted = 3005 + 4000 * round
                eventually(lambda: server.count("canopy_records") > wanted, "some came", 60)
                if round == 1:
                    server.stop()
                    server.start()
                fleet.stop("region", 9)
            fleet.start(env=PASSWORD)
            eventually(lambda: server.count("canopy_records") == 15_005, "all records came", 60)
            # The best answer about each frame is found there as it is here.
            best = server.query("SELECT id, label, tier FROM canopy_frames ORDER BY id")
            here = lines(fleet, "--limit", "100000")
            assert best == sorted([one["record"], one["label"], one["tier"]] for one in here)
            fleet.canopy("label", fleet.topology, "7", "--request", "leaf-3", "--task",
                         "meter-digits")
            eventually(lambda: server.query(
                "SELECT truth FROM canopy_frames WHERE request = 'leaf-3'") == [["7"]],
                "the label came")


def test_object_storage_gets_each_frame_once_whatever_breaks(tmp_path):
    with ObjectStore(tmp_path) as server:
        s3 = {"url": server.url, "bucket": server.bucket, "prefix": "mill",
              "key": "a-key", "secret": {"env": "CANOPY_TEST_S3"}}
        with keeper(tmp_path, s3=s3) as fleet:
            seed(fleet, results=5, frames=40)
            server.stop()
            fleet.start(env=PASSWORD)
            fleet["region"].await_log("takes nothing; what is due is kept")
            server.start()
            eventually(lambda: len(server.objects()) == 40, "all frames are there", 60)
            objects = server.objects()
            for name, content in objects.items():
                digest = hashlib.sha256(content).hexdigest()
                assert name == f"mill/sha256/{digest[:2]}/{digest}"
            # The same frames from another leaf are the same objects.
            fleet.stop("region")
            seed(fleet, results=0, frames=40, node="other")
            puts = server.puts()
            fleet.start(env=PASSWORD)
            eventually(lambda: server.puts() >= puts + 40, "the frames of the other leaf came", 60)
            assert len(server.objects()) == 40
