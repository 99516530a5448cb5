"""Sends logs with OpenTelemetry's SDK, over HTTP and over gRPC."""
import base64
import logging
import os

import grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

url, ca = os.environ["URL"], os.environ["CA"]
key = base64.b64encode(f"{os.environ['APP_ID']}:{os.environ['SECRET']}".encode()).decode()
http = HttpExporter(
    endpoint=url + "/v1/logs", certificate_file=ca, headers={"authorization": "Basic " + key}, compression=Compression.Gzip
)
with open(ca, "rb") as file:
    channel = grpc.ssl_channel_credentials(file.read())
rpc = GrpcExporter(
    endpoint=url.removeprefix("https://"), credentials=channel, headers=(("authorization", "Basic " + key),),
    compression=grpc.Compression.Gzip,
)
for name, exporter in [("http", http), ("grpc", rpc)]:
    provider = LoggerProvider(resource=Resource.create({"service.name": name, "host.name": "web-1"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.Logger(name)
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for n in range(100):
        logger.warning("message %s", n, extra={"n": n})
    assert provider.force_flush(60_000)
    provider.shutdown()
