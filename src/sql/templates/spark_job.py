# SPDX-License-Identifier: Apache-2.0
# <head>: replaced by what the pipeline file says; as it stands here this file is a job of its own, over one small source.
"""example: the parts that every job has in common."""
# </head>
import argparse
import json
import math
import os
import re
import signal
import sys
import threading
import zlib
from collections import Counter, namedtuple
from datetime import date, datetime, timedelta, timezone
from time import monotonic, sleep

import pyarrow
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

# A source's columns are (name, Arrow type, required). event_time is (name, the column it is made of, how); delay and skew are in
# microseconds; repeats, where records come twice, is what tells them apart, and for how many microseconds one is remembered. A view
# reads a Source, or the Rows of another view, which place puts in order. A window is (size, slide, offset), each as Spark writes
# intervals; over Rows it goes by _time, the last microsecond of their window, and its offset makes up for that. The gap of a
# session_window is a microsecond short: Spark joins sessions that only touch.
Source = namedtuple("Source", "name stream start columns event_time delay skew computed repeats", defaults=(None,))
Rows = namedtuple("Rows", "view place")
View = namedtuple("View", "name source rows emit where window")
Sink = namedtuple("Sink", "name of path partition_by format options every table")

TEXT, BOOLEAN, INTEGER, BIGINT, DOUBLE = (
    pyarrow.string(), pyarrow.bool_(), pyarrow.int32(), pyarrow.int64(), pyarrow.float64())
DATE, TIMESTAMP = pyarrow.date32(), pyarrow.timestamp("us", tz="UTC")
VIEWS = {}


def view(name, source, emit, where=None, window=None):
    """Enters a function that makes a view's rows of its source's records."""
    def enter(rows):
        VIEWS[name] = View(name, source, rows, emit, where, window)
        return rows
    return enter


def vwap(price, volume):
    """SUM(price * volume) / SUM(volume) over the rows that have both."""
    return F.sum(price * volume) / F.sum(F.when(price.isNotNull(), volume))


# <pipeline>
PIPELINE = "example"
DEFAULTS = dict(lake="./lake", region="us-east-1", endpoint=None)
TICKS = Source(
    name="ticks", stream="ticks", start="LATEST",
    columns=[("ticker", TEXT, True), ("timestamp", TEXT, True), ("close", DOUBLE, True)],
    event_time=("event_time", "timestamp", "text"), delay=120_000_000, skew=300_000_000, computed={},
)


@view("closes", TICKS, emit="append", window=("1 minute", "1 minute", "0 seconds"))
def closes(ticks):
    return (
        ticks.groupBy("_window", "ticker")
        .agg(F.max_by("close", "_place").alias("last_close"))
        .select("ticker", F.col("_window.end").alias("window_end"), "last_close")
    )


SINKS = [Sink("closes_lake", of="closes", path="closes", partition_by={"ticker": "ticker"}, format="parquet",
              options={"compression": "zstd"}, every="1 minute", table=None)]
# </pipeline>


# ---- Options ----

def parse_options():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    where = p.add_argument_group("where it reads")
    where.add_argument("--input", metavar="[SOURCE=]GLOB", action="append", default=[],
                       help="NDJSON files instead of Kinesis, each file a shard: read whole, all windows closed at the end")
    where.add_argument("--follow", action="store_true",
                       help="take the files of --input as a stream: read what is there, wait for more, keep a checkpoint")
    where.add_argument("--files-per-batch", type=int, metavar="N", help="with --follow: at most so many files a micro-batch")
    where.add_argument("--connector", choices=sorted(CONNECTORS), default="databricks", help="which Kinesis source is there")
    where.add_argument("--region", default=DEFAULTS["region"])
    where.add_argument("--endpoint", default=DEFAULTS["endpoint"], metavar="URL", help="of Kinesis, if not the region's")
    where.add_argument("--start", choices=["LATEST", "TRIM_HORIZON"], help="where to begin without a checkpoint")
    to = p.add_argument_group("where it writes")
    to.add_argument("--lake", default=DEFAULTS["lake"], metavar="PATH", help="folder or URI (default %(default)s)")
    to.add_argument("--checkpoint", metavar="PATH", help="default: _spark/%s in the lake" % PIPELINE)
    to.add_argument("--register", action="store_true", help="create the sinks' tables in the session's catalog (Hive, Glue)")
    to.add_argument("--dump", metavar="PATH", help="with --input: each view's rows as JSON lines in a folder of its name, and no lake")
    how = p.add_argument_group("how it runs")
    how.add_argument("--once", action="store_true", help="of a stream: take what is there now, and stop")
    how.add_argument("--sinks-only", action="store_true", help="of a stream: leave out the views that no sink takes, which the console shows")
    how.add_argument("--partitions", type=int, metavar="N", help="of shuffles and state (default: as many as there are cores)")
    how.add_argument("--progress", metavar="FILE", help="keep there how each query stands, as JSON lines")
    how.add_argument("--owner", metavar="PID", help="stop when this process of the same machine is gone")
    return p.parse_args()


def open_session(options):
    spark = (
        SparkSession.builder.appName(PIPELINE)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.ansi.enabled", "false")  # what has no value is NULL: one bad record must not stop the stream
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")  # instants, as others read them: not INT96
        .config("spark.sql.files.maxPartitionBytes", 1 << 40)  # a file is a shard, and its lines stay in one task and in order
        .config("spark.sql.files.openCostInBytes", 1 << 40)
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    spark.conf.set("spark.sql.shuffle.partitions", options.partitions or spark.sparkContext.defaultParallelism)
    spark.udf.register("parse_timestamp", lambda text: from_micros(instant(text)) if text else None, "timestamp")
    spark.udf.register("double_text", lambda value: None if value is None else repr(value), "string")
    return spark


# ---- Sources ----
# Raw records are _shard, _sequence (NULL of a file's line), _arrival (microseconds since 1970), _key, _data.

def kinesis_databricks(reader, source, options):
    return reader.format("kinesis").options(
        streamName=source.stream, region=options.region,
        initialPosition=(options.start or source.start).lower()), "shardId"


def kinesis_awslabs(reader, source, options):
    return reader.format("aws-kinesis").options(**{
        "kinesis.streamName": source.stream, "kinesis.region": options.region, "kinesis.endpointUrl": endpoint_of(options),
        "kinesis.consumerType": "GetRecords", "kinesis.startingPosition": options.start or source.start}), None


def kinesis_qubole(reader, source, options):
    keys = {}  # it asks the machine it runs on for its role
    if "AWS_SECRET_ACCESS_KEY" in os.environ:
        keys = dict(awsAccessKeyId=os.environ["AWS_ACCESS_KEY_ID"], awsSecretKey=os.environ["AWS_SECRET_ACCESS_KEY"])
    elif endpoint_of(options).startswith("http:"):  # none of AWS's: it takes any
        keys = dict(awsAccessKeyId="any", awsSecretKey="any")
    return reader.format("kinesis").options(
        streamName=source.stream, endpointUrl=endpoint_of(options), region=options.region,
        startingPosition=options.start or source.start, **keys), None


# The function, and what Spark has to be given for it.
CONNECTORS = {
    "databricks": (kinesis_databricks, "a cluster of Databricks, which has it"),
    "awslabs": (kinesis_awslabs, "--jars spark-streaming-sql-kinesis-connector_2.12-1.4.0.jar, which awslabs/spark-sql-kinesis-connector publishes"),
    "qubole": (kinesis_qubole, "--packages com.qubole.spark:spark-sql-kinesis_2.12:1.2.0_spark-3.0,"
                               "commons-lang:commons-lang:2.6,org.apache.httpcomponents:httpclient:4.5.14"),
}


def endpoint_of(options):
    return options.endpoint or "https://kinesis.%s.amazonaws.com" % options.region


def read_kinesis(spark, source, options):
    connect, needs = CONNECTORS[options.connector]
    reader, shard = connect(spark.readStream, source, options)
    try:
        records = reader.load()
    except Exception as error:
        if "find data source" not in str(error) and "ClassNotFound" not in str(error):
            raise
        sys.exit("%s: this Spark has no '%s' source of Kinesis; it needs %s" % (PIPELINE, options.connector, needs))
    return records.select(
        (F.col(shard) if shard else F.lit("")).alias("_shard"),
        F.col("sequenceNumber").alias("_sequence"),
        F.expr("UNIX_MICROS(approximateArrivalTimestamp)").alias("_arrival"),
        F.col("partitionKey").alias("_key"),
        F.col("data").alias("_data"),
    )


def read_files(spark, source, options):
    paths = [path for name, path in map(split_input, options.input) if name in (None, source.name)]
    if not paths:
        sys.exit("%s: no --input is of the source '%s'; say --input %s=GLOB" % (PIPELINE, source.name, source.name))
    if not options.follow:
        lines = spark.read.text(paths, lineSep="\n")
    else:
        reader = spark.readStream.option("lineSep", "\n")
        if options.files_per_batch:
            reader = reader.option("maxFilesPerTrigger", options.files_per_batch)
        lines = reader.text(paths[0])
    return lines.select(
        F.regexp_replace("_metadata.file_path", "^file:/+", "/").alias("_shard"),
        F.lit(None).cast("string").alias("_sequence"),
        F.lit(None).cast("bigint").alias("_arrival"),
        F.lit(None).cast("string").alias("_key"),
        F.col("value").cast("binary").alias("_data"),
    )


def sources():
    return list({v.source.name: v.source for v in VIEWS.values() if isinstance(v.source, Source)}.values())


def split_input(text):
    name, equals, path = text.partition("=")
    known = {s.name for s in sources()}
    return (name, path) if equals and name in known else (None, text)


# ---- Decoding: strict, record by record, nothing lost ----

STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?")
EPOCH = date(1970, 1, 1).toordinal()
EARLIEST, LATEST = -9_223_372_036_854_775, 9_223_372_036_854_775  # tapeline's range, 1677 to 2262
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}


def instant(text):
    """Microseconds since 1970 of an ISO-8601 text (no zone means UTC), or None. Finer digits are cut."""
    match = STAMP.fullmatch(text) if text.isascii() else None
    if not match:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    hour, minute, second = int(hour or 0), int(minute or 0), int(second or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = date(int(year), int(month), int(day)).toordinal() - EPOCH
    except ValueError:
        return None
    offset = 0
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 18 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)
    micros = (days * 86400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000 + int((fraction or "").ljust(6, "0")[:6])
    return micros if EARLIEST <= micros <= LATEST else None


def from_micros(micros):
    """For Python functions inside SQL, which give datetimes: these are in UTC."""
    return None if micros is None else datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)


def is_text(value):
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))


def is_whole(value, bits):
    return isinstance(value, int) and not isinstance(value, bool) and -1 << (bits - 1) <= value < 1 << (bits - 1)


def to_double(value):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def to_day(value):
    micros = instant(value) if isinstance(value, str) else None
    return None if micros is None else micros // 86_400_000_000


# By Arrow type: the value as it goes into the column, or None where it is of another type.
CONVERT = {
    TEXT: lambda v: v if is_text(v) else None,
    BOOLEAN: lambda v: v if isinstance(v, bool) else None,
    INTEGER: lambda v: v if is_whole(v, 32) else None,
    BIGINT: lambda v: v if is_whole(v, 64) else None,
    DOUBLE: to_double,
    DATE: to_day,
    TIMESTAMP: lambda v: instant(v) if isinstance(v, str) else None,
}


class Malformed(Exception):
    """What is wrong with a record, and the byte where it stops being JSON."""
    def __init__(self, reason, offset=0):
        super().__init__(reason)
        self.reason, self.offset = reason, offset


def no_constant(name):
    raise ValueError(name)  # NaN and Infinity are no JSON


def parse_object(data):
    try:
        record = json.loads(data.decode("utf-8-sig"), parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise Malformed("not JSON", len(error.doc[:error.pos].encode())) from None
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(record, dict):
        raise Malformed("not an object")
    return record


def typed(source, record):
    row = {}
    for name, kind, required in source.columns:
        value = record.get(name)
        if value is None:
            if required:
                raise Malformed(name + " is null")
            continue
        row[name] = CONVERT[kind](value)
        if row[name] is None:
            raise Malformed(name + " has a wrong type")
    return row


def event_time(source, row):
    _, column, how = source.event_time
    value = row.get(column)
    if value is None:
        return None
    if how == "column":
        return value
    if how == "text":
        return instant(value)
    micros = value // 1000 if how == "ns" else value * UNITS[how]
    return micros if EARLIEST <= micros <= LATEST else None


def decode_record(source, data, arrival):
    """The row of one record; what is wrong with it stands in _reason then, and its bytes are kept."""
    try:
        row = typed(source, parse_object(data))
        if source.event_time[2] == "sql":
            return {**row, "_data": data}  # Spark reckons its time, and judge() has the bytes still
        time = event_time(source, row)
        if time is None:
            raise Malformed("%s cannot be parsed" % source.event_time[1])
        if arrival is not None and time > arrival + source.skew:
            raise Malformed("%s is too far ahead of the arrival" % source.event_time[0])  # it would make all others late
        row[source.event_time[0]] = time
        return row
    except Malformed as wrong:
        return {"_reason": wrong.reason, "_offset": wrong.offset, "_data": data}


RECORD = [("_shard", TEXT), ("_sequence", TEXT), ("_arrival", TIMESTAMP), ("_key", TEXT), ("_watermark", TIMESTAMP),
          ("_reason", TEXT), ("_offset", BIGINT), ("_data", pyarrow.binary())]
SPARK_TYPES = {TEXT: "STRING", BOOLEAN: "BOOLEAN", INTEGER: "INT", BIGINT: "BIGINT", DOUBLE: "DOUBLE", DATE: "DATE",
               TIMESTAMP: "TIMESTAMP", pyarrow.binary(): "BINARY"}


def schema_of(source, timed=True):
    columns = [(name, kind) for name, kind, _ in source.columns]
    if timed and source.event_time[0] not in dict(columns):
        columns.append((source.event_time[0], TIMESTAMP))
    return pyarrow.schema(columns + RECORD)


def spark_schema(schema):
    return ", ".join("`%s` %s" % (field.name, SPARK_TYPES[field.type]) for field in schema)


class Shard:
    """What is known of a file's records so far. They come whole and in order: what is late, and what came before, does not depend on
    the batches."""
    def __init__(self, source):
        self.delay, self.remember = source.delay, source.repeats and source.repeats[1]
        self.watermark, self.had, self.many = None, {}, 100_000

    def take(self, time):
        """The watermark before the record (the greatest event time so far, less the delay), which then moves it."""
        before = self.watermark
        self.watermark = time - self.delay if before is None else max(before, time - self.delay)
        return before

    def is_repeat(self, key, time):
        """Whether such a record was there, which the watermark is not too far past; if not, this one is remembered."""
        if key in self.had and self.watermark < self.had[key] + self.remember:
            return True
        self.had[key] = time
        if len(self.had) > self.many:
            self.had = {k: t for k, t in self.had.items() if self.watermark is None or self.watermark < t + self.remember}
            self.many = 2 * len(self.had) + 100_000
        return False


def is_judged_later(source):
    return source.event_time[2] == "sql" or source.repeats


def decoder(source):
    """For mapInArrow: raw records to typed rows. Of files it also numbers the lines and has the shard's watermark before each record:
    by that a record is late."""
    later = is_judged_later(source)
    schema = schema_of(source, timed=source.event_time[2] != "sql")

    def decode(batches):
        lines, shards = {}, {}
        for batch in batches:
            rows = []
            for raw in batch.to_pylist():
                shard, sequence, data = raw["_shard"], raw["_sequence"], raw["_data"]
                if sequence is None:
                    line = lines[shard] = lines.get(shard, -1) + 1
                    data = data.rstrip(b"\r\n")
                    if not data.strip():
                        continue
                row = decode_record(source, data, raw["_arrival"])
                row.update(_shard=shard, _sequence=sequence or str(line), _arrival=raw["_arrival"], _key=raw["_key"])
                time = row.get(source.event_time[0])
                if sequence is None and time is not None and not later:
                    if shard not in shards:
                        shards[shard] = Shard(source)
                    row["_watermark"] = shards[shard].take(time)
                rows.append(row)
            yield pyarrow.RecordBatch.from_pylist(rows, schema=schema)
    return decode


def untimely(source, time, arrival):
    """What is wrong with an event time that Spark reckoned, or None."""
    if time is None:
        return "%s has no value" % source.event_time[0]
    if arrival is not None and time > arrival + source.skew:
        return "%s is too far ahead of the arrival" % source.event_time[0]
    return None


def judge(source, in_order):
    """For mapInArrow, behind decode() where the event time is an expression or records may come twice: does the rest of its work."""
    schema = schema_of(source)

    def keys_of(columns, count):
        if not source.repeats:
            return [None] * count
        keys = [tuple(key.values()) for key in columns["_repeats"].to_pylist()]
        return [None if None in key else key for key in keys]

    def judged(batches):
        shards = {}
        for batch in batches:
            columns = dict(zip(batch.schema.names, batch.columns))
            times, arrivals = (columns[name].cast(pyarrow.int64()).to_pylist() for name in (source.event_time[0], "_arrival"))
            reasons, data, marks, kept = columns["_reason"].to_pylist(), columns["_data"].to_pylist(), [], []
            keys = keys_of(columns, batch.num_rows)
            for i, name in enumerate(columns["_shard"].to_pylist()):
                reasons[i] = reasons[i] or untimely(source, times[i], arrivals[i])
                fine, repeat, mark = reasons[i] is None, False, None
                if fine:
                    data[i] = None
                if fine and in_order:
                    if name not in shards:
                        shards[name] = Shard(source)
                    repeat = keys[i] is not None and shards[name].is_repeat(keys[i], times[i])
                    mark = None if repeat else shards[name].take(times[i])
                marks.append(mark)
                kept.append(not repeat)
            columns.update(_watermark=pyarrow.array(marks, TIMESTAMP), _reason=pyarrow.array(reasons, TEXT),
                           _data=pyarrow.array(data, pyarrow.binary()))
            whole = pyarrow.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)
            yield whole.filter(pyarrow.array(kept, BOOLEAN))
    return judged


def decoded(spark, source, options):
    """All records of a source, the malformed ones among them."""
    if source.repeats and not options.input:
        sys.exit("%s: DEDUP BY goes by the order of a shard's records, in which no Kinesis source of Spark has them: the job "
                 "runs over files (--input), and tapeline over the stream" % PIPELINE)
    raw = read_files(spark, source, options) if options.input else read_kinesis(spark, source, options)
    time, expression, how = source.event_time
    rows = raw.mapInArrow(decoder(source), spark_schema(schema_of(source, timed=how != "sql")))
    if how == "sql":
        rows = rows.withColumn(time, F.expr(expression).cast("timestamp"))
    if source.repeats:
        rows = rows.withColumn("_repeats", F.struct(*(F.expr(e).alias("_%d" % i) for i, e in enumerate(source.repeats[0]))))
    return rows.mapInArrow(judge(source, bool(options.input)), spark_schema(schema_of(source))) if is_judged_later(source) else rows


def readable(records, source):
    """The records that could be read, with what the source computes of them and their place in its order (_place)."""
    time = source.event_time[0]
    rows = records.where("_reason IS NULL")
    for name, expression in source.computed.items():
        rows = rows.withColumn(name, F.expr(expression))
    rows = rows.withColumn("_place", F.struct(time, "_shard", F.lpad("_sequence", 64, "0")))
    return rows.withWatermark(time, "%d microseconds" % source.delay)


def windowed(rows, v):
    """Each record with its windows, but for those that its shard's watermark has passed; no row of a view is late."""
    size, slide, offset = v.window
    if isinstance(v.source, Rows):
        return rows.withColumn("_window", F.window("_time", size, slide, offset))
    rows = rows.withColumn("_window", F.window(v.source.event_time[0], size, slide, offset))
    return rows.where("_watermark IS NULL OR _window.end > _watermark")


def timed_rows_of(v, records):
    """A view's rows; where another view reads them, with the _time that its windows go by."""
    if isinstance(v.source, Rows):
        rows = timed_rows_of(VIEWS[v.source.view], records).withColumn("_place", F.struct(*v.source.place))
    else:
        rows = readable(records[v.source.name], v.source)
    if v.where:
        rows = rows.where(v.where)
    return v.rows(windowed(rows, v) if v.window else rows)


def rows_of(v, records):
    return timed_rows_of(v, records).drop("_time")


def late_rows(v, records):
    """LATE(view): the records all of whose windows had ended in their shard. What is said of them gets an underscore before its
    name where the source has a column of that name."""
    time = v.source.event_time[0]
    size, slide, offset = v.window
    rows = readable(records[v.source.name], v.source)
    if v.where:
        rows = rows.where(v.where)
    start = F.window(time, slide, slide, offset).start  # of the last of its windows: when that has ended, all have
    rows = rows.withColumn("_start", start).withColumn("_end", F.col("_start") + F.expr("INTERVAL " + size))
    names = [name for name in [column[0] for column in v.source.columns] + list(v.source.computed) if name != time] + [time]
    columns = [F.col("`%s`" % name) for name in names]
    for name, value in (("window_start", "_start"), ("window_end", "_end"), ("watermark", "_watermark"), ("shard", "_shard"),
                        ("sequence_number", "_sequence"), ("arrival_time", "_arrival")):
        while name in names:
            name = "_" + name
        names.append(name)
        columns.append(F.col(value).alias(name))
    return rows.where("_end <= _watermark").select(*columns)


def malformed_rows(records):
    """MALFORMED(source): the bytes as they came, in base64 where they are no text."""
    text = F.col("_data").cast("string")
    plain = (F.encode(text, "utf-8") == F.col("_data")) & ~F.contains(text, F.lit("\0"))
    return records.where("_reason IS NOT NULL").select(
        F.col("_reason").alias("reason"), F.col("_offset").alias("offset"), F.col("_shard").alias("shard"),
        F.col("_sequence").alias("sequence_number"), F.col("_arrival").alias("arrival_time"),
        F.when(plain, text).otherwise(F.base64("_data")).alias("data"),
        F.when(plain, "utf8").otherwise("base64").alias("encoding"))


# ---- Sinks: each batch once ----

class Stopped(Exception):
    pass


class Gate:
    """What is written goes through here. Once it is closed no batch begins to be written; those that are come to their end."""
    def __init__(self):
        self.changed, self.inside, self.closed = threading.Condition(), 0, False

    def __enter__(self):
        with self.changed:
            if self.closed:
                raise Stopped("the job was told to stop: the next run begins with this batch")
            self.inside += 1

    def __exit__(self, *_):
        with self.changed:
            self.inside -= 1
            self.changed.notify_all()

    def close(self, seconds):
        with self.changed:
            self.closed = True
            self.changed.wait_for(lambda: self.inside == 0, seconds)


GATE = Gate()


def path_of(spark, text):
    path = spark._jvm.org.apache.hadoop.fs.Path(text)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def files_below(fs, folder):
    walk = fs.listFiles(folder, True)
    while walk.hasNext():
        yield walk.next().getPath()


def append_files(rows, batch, sink, options):
    """One file a partition and batch, of a name that follows from the batch: a batch that is run again after a crash puts the same
    rows into the same files. They are written aside and renamed, so that whoever lists the folder sees whole files only."""
    spark = rows.sparkSession
    aside = "%s/staging/%s/%s" % (options.checkpoint, sink.name, batch)
    keys = list(sink.partition_by)
    rows = (rows.repartition(*keys) if keys else rows.coalesce(1)).sortWithinPartitions(*keys, *(c for c in rows.columns if c not in keys))
    rows.write.format(sink.format).mode("overwrite").options(**sink.options).partitionBy(*keys).save(aside)
    fs, staged = path_of(spark, aside)
    files = sorted((f for f in files_below(fs, staged) if not f.getName().startswith(("_", "."))), key=str)
    in_folder = Counter()  # NULL and an empty text are two partitions, but Spark has one folder for them
    for file in files:
        folder = fs.makeQualified(staged).toUri().relativize(file.getParent().toUri()).getPath()
        number = "-%d" % in_folder[folder] if in_folder[folder] else ""
        in_folder[folder] += 1
        ending = file.getName()[file.getName().index("."):].rsplit(".c000", 1)[-1]
        to_fs, to = path_of(spark, "%s/%s/%s/part-spark-%s%s%s" % (options.lake, sink.path, folder, batch, number, ending))
        to_fs.mkdirs(to.getParent())
        to_fs.delete(to, False)
        if not to_fs.rename(file, to):
            raise IOError("%s: cannot be renamed to %s" % (file, to))
    fs.delete(staged, True)
    return bool(files)


def append_delta(rows, batch, sink, options):
    """Delta remembers the batch by its transaction id, and passes over one that it has."""
    application = "%s/%s" % (PIPELINE, sink.name)
    if not batch.isdigit():  # recorded input is a transaction of its own
        application, batch = application + "/" + batch, "0"
    (rows.write.format("delta").mode("append").partitionBy(*sink.partition_by)
     .option("txnAppId", application).option("txnVersion", batch)
     .save("%s/%s" % (options.lake, sink.path)))
    return True


def register(spark, rows, sink, options):
    """The table by its name, over the same folder, and the partitions that have come. Delta's log knows the columns by itself."""
    name = "`%s`.`%s`" % tuple(sink.table.split("."))
    columns = "(%s) " % ", ".join("`%s` %s" % (f.name, f.dataType.simpleString()) for f in rows.schema.fields)
    parted = "PARTITIONED BY (%s) " % ", ".join("`%s`" % key for key in sink.partition_by) if sink.partition_by else ""
    delta = sink.format == "delta"
    spark.sql("CREATE DATABASE IF NOT EXISTS `%s`" % sink.table.split(".")[0])
    spark.sql("CREATE TABLE IF NOT EXISTS %s %sUSING %s %sLOCATION '%s/%s'"
              % (name, "" if delta else columns, sink.format, "" if delta else parted, options.lake, sink.path))
    if sink.partition_by and not delta:
        spark.sql("MSCK REPAIR TABLE " + name)


def writer(sink, options):
    def write(rows, batch):
        for name, expression in sink.partition_by.items():
            if name not in rows.columns:
                rows = rows.withColumn(name, F.expr(expression))
        append = append_delta if sink.format == "delta" else append_files
        label = "%08d" % batch if isinstance(batch, int) else batch
        with GATE:
            if append(rows, label, sink, options) and sink.table and options.register:
                register(rows.sparkSession, rows, sink, options)
    return write


def dead_letter(label, of):
    return Sink(label, of=of, path="dead_letter/%s/%s" % (PIPELINE, label), partition_by={}, format="parquet",
                options={"compression": "zstd"}, every="1 minute", table="%s.%s" % (PIPELINE.replace("-", "_"), label))


def outputs(records, options):
    """All that is to be written: sinks and their rows. On Kinesis late records are Spark's matter, which drops and counts them."""
    def rows_for(sink):
        kind, _, name = sink.of.rstrip(")").rpartition("(")
        if kind == "MALFORMED":
            return malformed_rows(records[name])
        return (late_rows if kind == "LATE" else rows_of)(VIEWS[name], records)

    dead_letters = [dead_letter("%s_malformed" % name, "MALFORMED(%s)" % name) for name in records]
    dead_letters += [dead_letter("%s_late" % v.name, "LATE(%s)" % v.name) for v in VIEWS.values() if v.window and isinstance(v.source, Source)]
    for sink in SINKS + dead_letters:
        if options.input or not sink.of.startswith("LATE("):
            yield sink, rows_for(sink)


# ---- Runs ----

NOTE_SECONDS = 5  # between two notes of how the job stands, while nothing changes
WRITE_SECONDS, COMMIT_SECONDS = 40, 10  # for batches that are being written when the job is stopped, and then for their checkpoints


class Termination:
    """Whether SIGTERM has come. A run over recorded input waits for Spark then: what it waits for is ended."""
    def __init__(self, spark, recorded):
        self.asked, self.spark, self.recorded = False, spark, recorded
        signal.signal(signal.SIGTERM, self.ask)

    def ask(self, *_):
        if self.recorded and not self.asked:
            threading.Thread(target=self.cancel, daemon=True).start()
        self.asked = True

    def cancel(self):
        while True:
            self.spark.sparkContext.cancelAllJobs()
            sleep(1)


def run_batch(records, options, termination):
    """Recorded input, whole: every window is closed at the end."""
    for r in records.values():
        r.persist()
    if options.dump:
        for v in VIEWS.values():
            dump(rows_of(v, records), "%s/%s" % (options.dump, v.name))
        for name, r in records.items():
            dump(malformed_rows(r), "%s/%s_malformed" % (options.dump, name))
        return
    batch = "files-%08x" % zlib.crc32(" ".join(sorted(options.input)).encode())  # the same input again: the same files
    stopped = "%s: stopped before all was written: the same again writes the same files" % PIPELINE
    for sink, rows in outputs(records, options):
        if termination.asked:
            sys.exit(stopped)
        try:
            writer(sink, options)(rows, batch)
        except Exception:
            if termination.asked:
                sys.exit(stopped)
            raise


def dump(rows, path):
    rows.coalesce(1).write.mode("overwrite").json(
        path, ignoreNullFields=False, timestampFormat="yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")


def run_stream(records, process, options, termination):
    """A query for each view (and for each table of dead letters), each with its checkpoint."""
    def query(name, rows, emit, every):
        trigger = {"availableNow": True} if options.once else {"processingTime": every}
        return (rows.writeStream.queryName(name).outputMode(emit).trigger(**trigger)
                .option("checkpointLocation", "%s/%s" % (options.checkpoint, name)))

    written = [query(sink.name, rows, "append", sink.every).foreachBatch(writer(sink, options)).start()
               for sink, rows in outputs(records, options)]
    shown = [query(v.name, rows_of(v, records), v.emit, "1 second").format("console").option("truncate", False).start()
             for v in VIEWS.values() if v.name not in {sink.of for sink in SINKS} and not options.sinks_only]
    failed = follow(written + shown, process, options, termination)
    stop(written, shown)
    if failed:
        sys.exit("%s: the query %s failed: %s" % (PIPELINE, failed.name, cause_of(failed.exception())))


def summary(progress, records):
    """The figures of a query's progress that an operator looks at."""
    state = progress["stateOperators"]
    return {
        "query": progress["name"], "at": progress["timestamp"], "batch": progress["batchId"],
        "rows": progress["numInputRows"], "records": records,
        "input_rate": progress.get("inputRowsPerSecond") or 0.0, "rate": progress.get("processedRowsPerSecond") or 0.0,
        "batch_ms": progress["durationMs"].get("triggerExecution", 0), "state_rows": sum(s["numRowsTotal"] for s in state),
        "state_bytes": sum(s["memoryUsedBytes"] for s in state), "late": sum(s["numRowsDroppedByWatermark"] for s in state),
        "watermark": progress.get("eventTime", {}).get("watermark"),
    }


def process_of(spark):
    return {"pid": os.getpid(), "ui": spark.sparkContext.uiWebUrl}


def note(options, process, state, queries):
    """How the job stands, for whoever follows it: a JSON object a line, the whole file anew."""
    if options.progress:
        with open(options.progress + ".tmp", "w") as out:
            out.writelines(json.dumps(line) + "\n" for line in [dict(process, state=state), *queries])
        os.replace(options.progress + ".tmp", options.progress)


def follow(queries, process, options, termination):
    """Until all queries have ended, or SIGTERM, or one has failed, which is returned."""
    seen, noted, failed = {}, 0, None
    owner = "/proc/%s" % (options.owner or "self")
    while not failed and not termination.asked and os.path.exists(owner) and any(query.isActive for query in queries):
        sleep(0.5)
        moved = look(queries, seen)
        if moved or monotonic() - noted > NOTE_SECONDS:
            note(options, process, "running", seen.values())
            noted = monotonic()
        failed = next((query for query in queries if query.exception()), None)
    look(queries, seen)
    note(options, process, "failed" if failed else "ended", seen.values())
    return failed


def look(queries, seen):
    """Whether a query has made a batch since it was last seen."""
    moved = False
    for query in queries:
        for progress in query.recentProgress:
            before = seen.get(query.name, {"at": "", "records": 0})
            if progress["timestamp"] > before["at"]:
                seen[query.name] = summary(progress, before["records"] + progress["numInputRows"])
                moved = True
    return moved


def stop(written, shown):
    """Lets batches that are being written come to their end, and into their checkpoints, before it ends the queries."""
    GATE.close(WRITE_SECONDS)
    until = monotonic() + COMMIT_SECONDS
    while monotonic() < until and any(query.isActive and query.status["isTriggerActive"] for query in written):
        sleep(0.1)
    for query in written + shown:
        query.stop()


def cause_of(error):
    """What is at the bottom of a chain of Java's exceptions, on a line."""
    while getattr(error, "cause", None):
        error = error.cause
    return str(error).split("\n")[0]


def main():
    options = parse_options()
    options.checkpoint = options.checkpoint or "%s/_spark/%s" % (options.lake, PIPELINE)
    recorded = bool(options.input) and not options.follow
    spark = open_session(options)
    termination, process = Termination(spark, recorded), process_of(spark)
    note(options, process, "running", [])
    records = {source.name: decoded(spark, source, options) for source in sources()}
    if recorded:
        try:
            run_batch(records, options, termination)
        finally:
            note(options, process, "ended", [])
    else:
        run_stream(records, process, options, termination)
    spark.stop()


if __name__ == "__main__":
    main()
