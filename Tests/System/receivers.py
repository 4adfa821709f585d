"""Who receives alerts: a real MQTT broker with a subscriber, and an HTTP server for webhooks."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fleet import eventually, free_port

# Debian keeps it where only root's PATH looks.
MOSQUITTO = "/usr/sbin/mosquitto"


class Alerts(list):
    """Alerts in the order in which they came, each time they came."""

    def __init__(self):
        super().__init__()
        self.times: list[float] = []

    def take(self, alerts: list[dict]) -> None:
        """Notes when they came, by the clock of the day."""
        self.times += [time.time()] * len(alerts)
        self.extend(alerts)

    @property
    def ids(self) -> list[str]:
        return [alert["id"] for alert in self]

    def once(self) -> list[dict]:
        """Each alert when it first came: what a receiver keeps that knows ids."""
        seen: dict[str, dict] = {}
        for alert in list(self):
            seen.setdefault(alert["id"], alert)
        return list(seen.values())

    def await_ids(self, ids, seconds: float = 30) -> None:
        wanted = set(ids)
        eventually(lambda: wanted <= set(self.ids), f"{len(wanted)} alerts have come", seconds)


class Broker:
    """Debian's mosquitto on a port of its own; what is published below `topic` is kept.

    It remembers its subscribers, so that it can be killed and started again."""

    def __init__(self, folder: Path, *settings: str, client: tuple[str, ...] = ()):
        self.port = free_port()
        self.folder = folder
        self.client = client
        self.alerts = Alerts()
        self.topics: list[str] = []
        self.process: subprocess.Popen | None = None
        self.subscriber: subprocess.Popen | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.configuration = folder / "mosquitto.conf"
        self.configuration.write_text("\n".join([
            f"listener {self.port} 127.0.0.1", "user root", "persistence true",
            f"persistence_location {folder}/", "autosave_interval 1",
            "autosave_on_changes true", *(settings or ("allow_anonymous true",))]) + "\n")

    def start(self) -> None:
        with (self.folder / "mosquitto.log").open("a") as log:
            self.process = subprocess.Popen(
                [MOSQUITTO, "-v", "-c", str(self.configuration)], stdout=log, stderr=log)
        self.await_log("mosquitto version", "running")

    def await_log(self, *words: str) -> None:
        log = self.folder / "mosquitto.log"
        eventually(
            lambda: any(all(word in line for word in words)
                        for line in log.read_text().splitlines()),
            f"{words} in the broker's log")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def subscribe(self) -> None:
        self.subscriber = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t", "#", "-q", "1",
             "--id", "receiver", "--disable-clean-session", "-F", "%t %p", *self.client],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self.read, args=(self.subscriber.stdout,), daemon=True).start()
        self.await_log("SUBACK", "receiver")
        # The subscription must be on disk before somebody kills the broker.
        eventually((self.folder / "mosquitto.db").exists, "the broker has saved its subscriber")

    def read(self, lines) -> None:
        for line in lines:
            topic, payload = line.rstrip("\n").split(" ", 1)
            self.topics.append(topic)
            self.alerts.take([json.loads(payload)])

    def __enter__(self) -> Broker:
        self.start()
        self.subscribe()
        return self

    def __exit__(self, *_) -> None:
        for process in (self.subscriber, self.process):
            if process is not None:
                process.kill()
                process.wait(10)
        self.subscriber.stdout.close()


class Hook:
    """An HTTP server that takes alerts, unless it is told to answer something else.

    It closes each connection behind its answer, unless it `keeps` them."""

    def __init__(self, port: int | None = None, keeps: bool = False):
        hook = self
        self.connections = 0
        self.alerts = Alerts()
        self.tokens: set[str | None] = set()
        self.status = 204
        self.port = port or free_port()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keeps else "HTTP/1.0"

            def setup(self):
                hook.connections += 1
                super().setup()

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["content-type"] == "application/json"
                assert body["schema"] == "canopy.alerts/1"
                hook.tokens.add(self.headers["authorization"])
                if hook.status < 300:
                    hook.alerts.take(body["alerts"])
                self.send_response(hook.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)

    def __enter__(self) -> Hook:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
