"""Formats that other tools write, one a file; ``EVERY`` has them all.

No file is recognised by two of them: each looks for fields that only its own tool writes.
"""

from typing import Final

from workbench.capture.formats.akhq import Akhq
from workbench.capture.formats.cloudevents_json import CloudEventsJson
from workbench.capture.formats.cloudwatch import CloudWatchJson
from workbench.capture.formats.console_consumer import ConsoleConsumer
from workbench.capture.formats.jaeger import JaegerJson
from workbench.capture.formats.kafbat import KafbatCsv, KafbatJson
from workbench.capture.formats.kcat import Kcat
from workbench.capture.formats.loki import LokiJson
from workbench.capture.formats.otlp import OtlpJson
from workbench.capture.formats.otlp_logs import OtlpLogs
from workbench.capture.formats.quoted_json import QuotedJson
from workbench.capture.formats.redis_streams import RedisJson, RedisText
from workbench.capture.formats.redpanda import RedpandaCsv, RedpandaJson
from workbench.capture.formats.tables import JsonRows, JsonTables
from workbench.capture.formats.vertical_records import VerticalRecords
from workbench.capture.formats.xes import Xes
from workbench.capture.formats.zipkin import ZipkinJson
from workbench.capture.reading.foreign import Format

FORMATS: Final[tuple[Format, ...]] = (
    Kcat(),
    ConsoleConsumer(),
    KafbatJson(),
    KafbatCsv(),
    Akhq(),
    RedpandaJson(),
    RedpandaCsv(),
    CloudEventsJson(),
    OtlpJson(),
    JaegerJson(),
    ZipkinJson(),
    Xes(),
)

PLATFORMS: Final[tuple[Format, ...]] = (
    LokiJson(),
    CloudWatchJson(),
    OtlpLogs(),
    RedisJson(),
    RedisText(),
    JsonTables(),
    JsonRows(),
    QuotedJson(),
)
"""Of log platforms, streams and tables. Their lines are anybody's: a column that is called as ours is may be another."""

PRINTED: Final[tuple[Format, ...]] = (VerticalRecords(),)
"""... and those in which all values are text."""

EVERY: Final = (*FORMATS, *PLATFORMS, *PRINTED)
"""All of them."""

__all__ = ["EVERY", "FORMATS", "PRINTED"]
