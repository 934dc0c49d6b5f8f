# SPDX-License-Identifier: Apache-2.0
"""'tapeline export': the files that come out are whole, and Python; what they are worth on an engine is told by tests/conformance."""
import ast
import csv
import glob
import os
import sys
import tempfile
import threading
import unittest
from unittest import mock

from tapeline import PIPELINE, REFERENCE, ROOT, run, shared_absent, wait_for

TEMPLATE = os.path.join(ROOT, "src", "sql", "templates", "spark_job.py")
# One of each kind of thing that a job can have.
RICH = r"""
CREATE PIPELINE "rich-er";
CREATE PROFILE aws DEFAULT WITH (kinesis = 'aws', lake = 's3://a-bucket/lake', catalog = 'glue', region = 'eu-west-1');
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "last close" DOUBLE, n BIGINT, t TIMESTAMP, mid AS "last close" / 2, shard_id VARCHAR METADATA,
  WATERMARK FOR t AS t - INTERVAL '2' MINUTE) WITH (stream = 's');
CREATE VIEW "per-minute" AS SELECT UPPER(ticker) AS symbol, window_start, window_end, VWAP(mid, n) AS vwap, FIRST(n IGNORE NULLS) AS n,
  'it''s' || MAX(shard_id) AS shard FROM HOP(ticks, t, INTERVAL '10' SECOND, INTERVAL '1' MINUTE) WHERE ticker <> 'a"b\c'
  GROUP BY UPPER(ticker), window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW calls AS SELECT ticker, window_end, COUNT(*) AS n FROM SESSION(ticks, t, INTERVAL '5' SECOND) GROUP BY ticker, window_start, window_end;
CREATE VIEW totals AS SELECT COUNT(DISTINCT ticker) AS n FROM ticks EMIT SNAPSHOT;
CREATE SINK a FROM "per-minute" WITH (path = 'a', partition_by = 'symbol, hour(window_end)', format = 'delta', table = 'd.a');
CREATE SINK b FROM LATE("per-minute") WITH (path = 'b');
"""


def load_job(text):
    """The job as a module, with Arrow's types as words and batches as lists; Spark itself is not needed for what records become."""
    arrow = mock.MagicMock(**{"%s.return_value" % t: t for t in ("string", "bool_", "int32", "int64", "float64", "date32", "timestamp", "binary")})
    arrow.RecordBatch.from_pylist = lambda rows, schema: rows
    module = {"__name__": "job"}
    with mock.patch.dict(sys.modules, {name: mock.MagicMock() for name in ("pyspark", "pyspark.sql")} | {"pyarrow": arrow}):
        exec(compile(text, "job.py", "exec"), module)
    return module


def decode(job, lines):
    """Rows of one file, in two batches."""
    raw = [dict(_shard="file", _sequence=None, _arrival=None, _key=None, _data=line) for line in lines]
    half = len(raw) // 2
    batches = [mock.Mock(to_pylist=lambda part=part: part) for part in (raw[:half], raw[half:])]
    return [row for rows in job["decoder"](job["TICKS"])(batches) for row in rows]


def names_of(tree):
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


class Export(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def export(self, engine, *args):
        """The job's text, and all that was written."""
        written = run("export", engine, *args, "-o", self.folder).stdout.split()
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(os.path.basename(w) for w in written))
        texts = {os.path.basename(w): open(w).read() for w in written}
        return texts

    def pipeline(self, text):
        path = os.path.join(self.folder, "..", os.path.basename(self.folder) + ".sql")
        self.addCleanup(os.remove, path)
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_reference_for_spark(self):
        texts = self.export("spark", PIPELINE)
        job, readme = texts["stock_stream.py"], texts["README.md"]
        self.assertTrue({"latest_close", "avg_1min", "main", "parse_options"} <= names_of(ast.parse(job)))
        for part in ('F.min_by("date", "_place").alias("trade_date")', 'F.max_by("close", "_place").alias("last_close")',  # rule 1
                     'path="streaming/avg_1min"', 'table="stock_streaming_database.avg_1min"', '"spark.sql.ansi.enabled", "false"',
                     '"spark.sql.session.timeZone", "UTC"', "foreachBatch", "checkpointLocation"):
            self.assertIn(part, job)
        self.assertNotIn("example", job)
        self.assertNotRegex(readme, r"@\w+@")
        for part in ("spark-submit --master 'local[*]' stock_stream.py", "spark://MASTER:7077", "aws emr add-steps", "Databricks"):
            self.assertIn(part, readme)

    def test_what_is_common_is_the_template_to_the_letter(self):
        job = self.export("spark", PIPELINE)["stock_stream.py"]
        with open(TEMPLATE) as f:
            template = f.read()
        self.assertTrue(job.endswith(template.split("# </pipeline>\n")[1]))
        ast.parse(template)

    def test_everything_at_once_is_python(self):
        text = self.pipeline(RICH)
        job = self.export("spark", text)["rich-er.py"]
        tree = ast.parse(job)
        self.assertTrue({"per_minute", "calls", "totals"} <= names_of(tree))
        constants = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        self.assertTrue({"s3://a-bucket/lake", "eu-west-1", "last close", "`last close` / 2D", "DATE_FORMAT(window_end, 'yyyy-MM-dd-HH')"} <= constants)
        where, = [c for c in constants if isinstance(c, str) and c.startswith("ticker <> ")]
        self.assertIn('"b', where)

    def test_the_same_file_gives_the_same_job(self):
        self.assertEqual(self.export("spark", PIPELINE), self.export("spark", PIPELINE))

    @unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE))
    def test_records_are_decoded_as_in_the_reference(self):
        job = load_job(self.export("spark", PIPELINE)["stock_stream.py"])
        malformed, late = [], []
        for path in sorted(glob.glob(REFERENCE + "/input/*.ndjson")):
            name = os.path.basename(path)
            with open(path, "rb") as f:
                for row in decode(job, f.read().split(b"\n")):
                    if "_reason" in row:
                        malformed.append([name, row["_sequence"], row["_reason"]])  # rule 7
                    elif row["_watermark"] is not None and (row["event_time"] // 60_000_000 + 1) * 60_000_000 <= row["_watermark"]:
                        late.append([name, row["_sequence"], row["ticker"], str(row["event_time"] * 1000)])  # rule 4
        for rows, file in ((malformed, "malformed.csv"), (late, "late.csv")):
            with open(os.path.join(REFERENCE, "expected", file)) as f:
                self.assertEqual(rows, list(csv.reader(f))[1:])

    def test_what_breaks_the_declared_types_is_kept_whole(self):
        job = load_job(self.export("spark", PIPELINE)["stock_stream.py"])
        good = b'{"ticker":"A","timestamp":"2025-09-27T12:00:00Z","close":1'
        reasons = {good + b"}": None, good + b',"volume":7.0}': "volume has a wrong type", good + b',"volume":9223372036854775808}': "volume has a wrong type",
                   good + b',"date":12}': "date has a wrong type", good + b"} {}": "not JSON", good + b',"open":NaN}': "not JSON", good + b',"open":1e999}': "open has a wrong type",
                   b"[" + good + b"}]": "not an object", b"\xff": "not JSON", b"\xef\xbb\xbf" + good + b"}": None, good.replace(b"A", b"\\ud800") + b"}": "ticker has a wrong type",
                   good.replace(b"12:00:00", b"24:00:00") + b"}": "timestamp cannot be parsed", b"[" * 100000: "not JSON"}
        for data, reason in reasons.items():
            row = job["decode_record"](job["TICKS"], data, None)
            self.assertEqual(row.get("_reason"), reason, data[:80])
            self.assertEqual(row.get("_data"), data if reason else None)
        early = job["decode_record"](job["TICKS"], good + b"}", 1758974400_000_000 - 301_000_000)  # rule 3: it would move Spark's watermark
        self.assertEqual(early["_reason"], "event_time is too far ahead of the arrival")

    def test_a_stop_waits_for_what_is_being_written_and_lets_nothing_begin(self):
        job = load_job(self.export("spark", PIPELINE)["stock_stream.py"])
        gate, entered, may_end = job["Gate"](), threading.Event(), threading.Event()

        def write():
            with gate:
                entered.set()
                may_end.wait()
        writing, closing = threading.Thread(target=write), threading.Thread(target=gate.close, args=(600,))
        writing.start()
        entered.wait()
        closing.start()
        wait_for("a closed gate", lambda: gate.closed)
        with self.assertRaises(job["Stopped"]), gate:
            self.fail("it was let in")
        self.assertTrue(closing.is_alive(), "one is inside")
        may_end.set()
        closing.join()
        writing.join()
        self.assertEqual(gate.inside, 0)

    def test_refusals_leave_nothing(self):
        p = run("export", "spark", os.path.join(ROOT, "pipelines", "lakehouse.sql"), "-o", self.folder, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, "pipeline 'lakehouse' has no view: there is nothing to export")
        self.assertEqual(os.listdir(self.folder), [])
        p = run("export", "beam", PIPELINE, check=False)
        self.assertEqual(p.returncode, 2)
        self.assertRegex(p.stderr, "'beam' is not an engine it knows: spark or flink")

    def test_engines_that_are_not_there(self):
        empty = dict(os.environ, PATH="/nonexistent")
        empty.pop("SPARK_HOME", None)
        lines = os.path.join(self.folder, "a.ndjson")
        with open(lines, "w") as f:
            f.write("{}\n")
        p = run("verify", PIPELINE, "--engines", "tapeline,spark", "--input", lines, check=False, env=empty)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, "no Spark was found: set SPARK_HOME, or bring spark-submit into PATH")
        p = run("verify", PIPELINE, "--engines", "tapeline,spark", "--master", "bogus", "--input", lines, check=False, env=empty)
        self.assertRegex(p.stderr, "--master 'bogus' is none of Spark's: local\\[N\\], spark://HOST:PORT")
        p = run("verify", PIPELINE, "--engines", "spark", "--input", lines, check=False)
        self.assertRegex(p.stderr, "name tapeline and what its rows are compared with")
        p = run("verify", PIPELINE, "--engines", "tapeline,spark", check=False)
        self.assertRegex(p.stderr, "name it with --input GLOB")


if __name__ == "__main__":
    unittest.main()
