"""Real databases and object stores for the system tests: PostgreSQL, and moto's S3 server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from fleet import eventually, free_port


def postgres_programs() -> Path:
    """Where Debian keeps initdb and its like: they are not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not installed; run Tools/setup"
    return found[-1].parent


class Postgres:
    """A server of its own on loopback, owned by an unprivileged user, whose password it asks for."""

    password = "records-of-a-test"

    def __init__(self, folder: Path):
        self.port = free_port()
        # The unprivileged user must reach it, whatever pytest's folder lets others do.
        self.folder = Path("/tmp") / f"canopy-postgres-{os.getpid()}-{self.port}"
        self.log = folder / "postgres.log"
        self.programs = postgres_programs()

    def __enter__(self) -> Postgres:
        self.folder.mkdir()
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            shutil.chown(secret, "postgres")
        self._run("initdb", "-D", self.folder / "data", "-U", "canopy", "--auth=scram-sha-256",
                  f"--pwfile={secret}", "-N")
        self.start()
        self.query("CREATE DATABASE canopy", database="postgres")
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log",
                  "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Ends it; `immediate` is a crash."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop", check=False)

    def query(self, text: str, database: str = "canopy") -> list[list[str]]:
        """The rows of a query."""
        done = subprocess.run(
            [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "canopy",
             "-d", database, "-AtqX", "-F", "\t", "-c", text],
            capture_output=True, text=True, timeout=30,
            env={**os.environ, "PGPASSWORD": self.password})
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def count(self, table: str) -> int:
        """Rows of a table; 0 while it is not there."""
        there = self.query(f"SELECT to_regclass('{table}')")[0][0]
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0]) if there else 0

    def _run(self, program: str, *words: object, check: bool = True) -> None:
        line = [str(self.programs / program), *map(str, words)]
        if os.getuid() == 0:
            line = ["runuser", "-u", "postgres", "--", *line]
        done = subprocess.run(
            line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
            cwd="/")
        assert not check or done.returncode == 0, f"{line}\n{done.stderr}"


class ObjectStore:
    """moto's S3 server with one bucket."""

    bucket = "canopy-frames"

    def __init__(self, folder: Path):
        self.port = free_port()
        self.log = folder / "moto.log"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> ObjectStore:
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; what it had is gone."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p",
                 str(self.port)], stdout=log, stderr=subprocess.STDOUT)
        eventually(self._answers, "moto answers", 40)
        self.client().create_bucket(Bucket=self.bucket)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/moto-api/", timeout=2):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def client(self):
        import boto3
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="a-key",
            aws_secret_access_key="a-secret")

    def objects(self) -> dict[str, bytes]:
        """All objects by their names."""
        client = self.client()
        listed = client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read()
                for one in listed}

    def puts(self) -> int:
        """How often an object was put, as its log has it."""
        return sum("PUT /canopy-frames/" in line for line in self.log.read_text().splitlines())
