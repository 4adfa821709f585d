"""An OTLP/HTTP collector that keeps what comes, read with OpenTelemetry's own protobufs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """One span, by its names: what a person sees in a trace viewer."""

    service: str
    name: str
    kind: int
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: tuple
    numbers: tuple
    failed: bool


class Collector:
    """Listens on `port` from the beginning to the end of its context."""

    def __init__(self):
        collector = self
        self.spans: list[Span] = []
        # Batches that came, and connections that they came over.
        self.batches = self.connections = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                collector.connections += 1

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                assert self.path == "/v1/traces"
                assert self.headers["content-type"] == "application/x-protobuf"
                collector.spans += read(body)
                collector.batches += 1
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def trace(self, name: str) -> list[Span]:
        return [span for span in list(self.spans) if span.trace == name]

    def __enter__(self) -> Collector:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


def read(body: bytes) -> list[Span]:
    request, spans = ExportTraceServiceRequest(), []
    request.ParseFromString(body)
    for resource in request.resource_spans:
        attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8
                spans.append(Span(
                    f"{attributes['service.name']}/{attributes.get('service.instance.id', '')}",
                    span.name, span.kind, span.trace_id.hex(), span.span_id.hex(),
                    span.parent_span_id.hex(), span.start_time_unix_nano, span.end_time_unix_nano,
                    tuple((item.key, item.value.string_value) for item in span.attributes),
                    tuple((item.key, item.value.double_value) for item in span.attributes
                          if item.value.HasField("double_value")),
                    span.status.code == 2))
    return spans
