# SPDX-License-Identifier: Apache-2.0
"""The Glue catalog beside the lake's own, and 'tapeline verify', which compares lake, catalogs and checkpoint."""
import json
import os
import tempfile
import unittest

from duck import Duck
from fake_json import FakeGlue
from fake_s3 import FakeS3, Thing
from tapeline import PIPELINE, run

TICKERS = ["A%d" % i for i in range(7)]


def ticks(path, tickers, minute=0):
    with open(path, "w") as f:
        for i, ticker in enumerate(tickers):
            f.write(json.dumps({"ticker": ticker, "date": "2024-01-02", "timestamp": "2024-01-02T10:%02d:%02dZ" % (minute, i),
                                "close": 1.5 + i, "volume": 7}) + "\n")


class Catalog(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.input = os.path.join(self.folder.name, "ticks.ndjson")
        ticks(self.input, TICKERS)

    def tearDown(self):
        self.folder.cleanup()

    def pipeline(self, *changes):
        with open(PIPELINE) as f:
            text = f.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = os.path.join(self.folder.name, "p.sql")
        with open(path, "w") as f:
            f.write(text)
        return path

    def run_on(self, s3, glue, path, name="run", **kw):
        env = s3.env(AWS_ENDPOINT_URL_GLUE=glue.url, BUCKET="bucket/prefix", AWS_MAX_ATTEMPTS="2")
        args = ["--input", self.input] if name == "run" else []
        if "state" in kw:  # from the beginning again: an engine refuses to write rows twice, so those of the last run go
            for key in [k for k in s3.buckets["bucket"] if "/part-" in k]:
                del s3.buckets["bucket"][key]
        return run(name, path, *args, "--profile", "aws", "--lake", "s3://bucket/prefix",
                   *(["--state", kw.pop("state", os.path.join(self.folder.name, "state"))]), env=env, **kw)

    def test_tables_and_partitions_are_registered(self):
        with FakeGlue() as glue:
            s3 = FakeS3(region="us-east-1")
            s3.buckets["bucket"] = {}
            self.addCleanup(s3.close)
            glue.trouble = [("CreateTable", 500, "InternalServiceException"), ("BatchCreatePartition", 400, "ThrottlingException")]
            self.run_on(s3, glue, self.pipeline())
            table = glue.tables["stock_streaming_database", "avg_1min"]
            self.assertEqual(table["StorageDescriptor"]["Location"], "s3://bucket/prefix/streaming/avg_1min/")
            self.assertEqual([(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]],
                             [("trade_date", "string"), ("window_start", "timestamp"), ("window_end", "timestamp"), ("avg_close", "double"), ("last_close", "double")])
            self.assertEqual(table["PartitionKeys"], [{"Name": "ticker", "Type": "string"}])
            self.assertEqual(table["Parameters"]["classification"], "parquet")
            partitions = glue.partitions["stock_streaming_database", "avg_1min"]
            self.assertEqual(sorted(partitions), [(t,) for t in TICKERS])
            self.assertEqual(partitions["A3",]["StorageDescriptor"]["Location"], "s3://bucket/prefix/streaming/avg_1min/ticker=A3/")
            self.assertIn(("stock_stream", "ticks_malformed"), glue.tables)
            self.assertEqual(self.run_on(s3, glue, self.pipeline(), "verify").stdout, "")

            # Again: nothing is made, nothing changed.
            glue.calls.clear()
            self.run_on(s3, glue, self.pipeline(), state=os.path.join(self.folder.name, "state2"))
            self.assertEqual({a for a, _ in glue.calls}, {"GetDatabase", "GetTable", "GetPartitions"})

            # What is missing there is made, and what differs is named.
            del partitions["A3",]
            partitions["ghost",] = {"Values": ["ghost"], "StorageDescriptor": {"Location": "s3://bucket/prefix/streaming/avg_1min/ticker=ghost/"}}
            p = self.run_on(s3, glue, self.pipeline(), "verify", check=False)
            self.assertEqual((p.returncode, p.stdout.splitlines()), (1, [
                "stock_streaming_database.avg_1min: partition 'ticker=A3' is in the lake, and not in Glue",
                "stock_streaming_database.avg_1min: partition 'ticker=ghost' is in Glue, and not in the lake"]))
            self.run_on(s3, glue, self.pipeline(), state=os.path.join(self.folder.name, "state3"))
            self.assertIn(("A3",), partitions)

    def test_columns_are_added_and_nothing_else(self):
        with FakeGlue() as glue:
            s3 = FakeS3(region="us-east-1")
            s3.buckets["bucket"] = {}
            self.addCleanup(s3.close)
            self.run_on(s3, glue, self.pipeline())
            more = self.pipeline(("LAST(close) AS last_close\n", "LAST(close) AS last_close, MIN(close) AS least\n"))
            self.run_on(s3, glue, more, state=os.path.join(self.folder.name, "state2"))
            self.assertEqual(glue.tables["stock_streaming_database", "avg_1min"]["StorageDescriptor"]["Columns"][-1], {"Name": "least", "Type": "double"})
            for values, p in glue.partitions["stock_streaming_database", "avg_1min"].items():
                self.assertEqual(p["StorageDescriptor"]["Columns"][-1], {"Name": "least", "Type": "double"})
                self.assertEqual(p["StorageDescriptor"]["Location"], "s3://bucket/prefix/streaming/avg_1min/ticker=%s/" % values)
            glue.tables["stock_streaming_database", "avg_1min"]["StorageDescriptor"]["Columns"][0]["Type"] = "int"
            p = self.run_on(s3, glue, more, state=os.path.join(self.folder.name, "state3"), check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn("has other columns or partitions than the lake's", p.stderr)

    def test_tables_of_text(self):
        """CSV and JSON sinks are tables as Parquet's is: the same rows in tapeline, libraries in Glue that read them, and 'verify' knows all of it."""
        rows, columns = {}, "avg_close, last_close, ticker, trade_date, window_start, window_end"
        for form, serde in (("parquet", "ParquetHiveSerDe"), ("csv", "LazySimpleSerDe"), ("json", "org.openx.data.jsonserde.JsonSerDe")):
            with FakeGlue() as glue:
                s3 = FakeS3(region="us-east-1")
                s3.buckets["bucket"] = {}
                self.addCleanup(s3.close)
                change = [("partition_by = 'ticker'", "partition_by = 'trade_date, ticker', format = '%s'" % form),
                          ("LAST(close) AS last_close\n", "LAST(close) AS last_close, IF(MIN(close) > 2, MIN(close), NULL) AS least\n")]
                state = os.path.join(self.folder.name, "state-" + form)
                self.run_on(s3, glue, self.pipeline(*change), state=state)
                env = s3.env(XDG_CACHE_HOME=os.path.join(self.folder.name, form))
                verify = lambda: run("verify", self.pipeline(*change), "--profile", "aws", "--lake", "s3://bucket/prefix", "--state", state, check=False,  # noqa: E731
                                     env=dict(env, AWS_ENDPOINT_URL_GLUE=glue.url, BUCKET="bucket/prefix"))
                ask = lambda sql: run("query", sql, "--lake", "s3://bucket/prefix", "--format", "csv", env=env).stdout  # noqa: E731
                rows[form] = [ask("SELECT %s, least FROM stock_streaming_database.avg_1min %s ORDER BY ALL" % (columns, where))
                              for where in ("", "WHERE trade_date = '2024-01-02' AND ticker = 'A3'")]
                rows[form] += [ask("SELECT column_name, column_type FROM (DESCRIBE stock_streaming_database.avg_1min)")]
                table = glue.tables["stock_streaming_database", "avg_1min"]
                storage = table["StorageDescriptor"]
                self.assertTrue(storage["SerdeInfo"]["SerializationLibrary"].endswith(serde), storage)
                self.assertEqual(table["Parameters"]["classification"], form)
                self.assertEqual(table["Parameters"].get("skip.header.line.count"), "1" if form == "csv" else None)
                self.assertEqual([c["Type"] for c in storage["Columns"]], ["timestamp", "timestamp", "double", "double", "double"])
                self.assertEqual(sorted(glue.partitions["stock_streaming_database", "avg_1min"]), [("2024-01-02", t) for t in TICKERS])
                objects = {k: v.body for k, v in s3.buckets["bucket"].items() if "/part-" in k and "/streaming/" in k}
                self.assertEqual({os.path.splitext(k)[1] for k in objects}, {"." + form})
                p = verify()
                self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr + p.stdout)
                storage["SerdeInfo"]["SerializationLibrary"] = "another"
                p = verify()
                self.assertIn("is not of %s files, as the lake's is" % form, p.stdout)
        self.assertEqual(rows["parquet"][0].count("\n"), 1 + len(TICKERS))
        self.assertIn(",\n", rows["parquet"][0])  # a NULL
        self.assertEqual(rows["parquet"], rows["csv"])
        self.assertEqual(rows["parquet"], rows["json"])

    def test_projection(self):
        with FakeGlue() as glue:
            s3 = FakeS3(region="us-east-1")
            s3.buckets["bucket"] = {}
            self.addCleanup(s3.close)
            self.run_on(s3, glue, self.pipeline(("catalog = 'glue'", "catalog = 'glue', glue_partitions = 'projection'")))
            parameters = glue.tables["stock_streaming_database", "avg_1min"]["Parameters"]
            self.assertEqual((parameters["projection.enabled"], parameters["projection.ticker.type"], parameters["storage.location.template"]),
                             ("true", "injected", "s3://bucket/prefix/streaming/avg_1min/ticker=${ticker}/"))
            self.assertEqual(glue.count("BatchCreatePartition"), 0)

    def test_a_delta_table_is_told_as_one(self):
        with FakeGlue() as glue:
            s3 = FakeS3(region="us-east-1")
            s3.buckets["bucket"] = {}
            self.addCleanup(s3.close)
            delta = self.pipeline(("table = 'stock", "format = 'delta', table = 'stock"))
            self.run_on(s3, glue, delta)
            table = glue.tables["stock_streaming_database", "avg_1min"]
            self.assertEqual((table["Parameters"]["table_type"], table["Parameters"]["spark.sql.sources.provider"], table["PartitionKeys"]), ("DELTA", "delta", []))
            self.assertEqual(table["StorageDescriptor"]["SerdeInfo"]["Parameters"], {"path": "s3://bucket/prefix/streaming/avg_1min/"})
            self.assertIn({"Name": "ticker", "Type": "string"}, table["StorageDescriptor"]["Columns"])
            self.assertEqual(glue.partitions["stock_streaming_database", "avg_1min"], {})  # they are in the log
            self.assertEqual(self.run_on(s3, glue, delta, "verify", check=False).stdout, "")
            glue.calls.clear()
            self.run_on(s3, glue, delta)
            self.assertNotIn("UpdateTable", {a for a, _ in glue.calls})
            table["Parameters"] = {"classification": "parquet"}
            p = self.run_on(s3, glue, delta, check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn("is no Delta table, unlike the lake's", p.stderr)

    def test_an_outage_of_glue_holds_up_no_rows(self):
        with FakeGlue() as glue:
            s3 = FakeS3(region="us-east-1")
            s3.buckets["bucket"] = {}
            self.addCleanup(s3.close)
            glue.trouble = [("BatchCreatePartition", 500, "InternalServiceException")] * 50
            p = self.run_on(s3, glue, self.pipeline())
            self.assertIn("does not hear of new partitions now", p.stderr)
            self.assertEqual(glue.partitions["stock_streaming_database", "avg_1min"], {})
            self.assertEqual(len([n for n in s3.names("bucket") if "streaming/avg_1min/ticker=" in n]), len(TICKERS))
            glue.trouble = []
            self.run_on(s3, glue, self.pipeline(), state=os.path.join(self.folder.name, "state2"))
            self.assertEqual(len(glue.partitions["stock_streaming_database", "avg_1min"]), len(TICKERS))

    def test_verify_looks_at_the_columns_of_a_bucket_and_at_the_files_of_the_commit(self):
        s3 = FakeS3(region="us-east-1")
        s3.buckets["bucket"] = {}
        self.addCleanup(s3.close)
        env = s3.env(AWS_MAX_ATTEMPTS="2")
        run("run", PIPELINE, "--input", self.input, "--lake", "s3://bucket/prefix", env=env)
        self.assertEqual(run("verify", PIPELINE, "--lake", "s3://bucket/prefix", env=env).stdout, "")
        files = [n for n in s3.names("bucket") if "/streaming/avg_1min/ticker=A" in n]
        other = os.path.join(self.folder.name, "other.parquet").replace("'", "''")
        duck = Duck()
        duck.rows("COPY (SELECT 1 AS avg_close, 'x' AS extra, now() AS window_start) TO '%s' (FORMAT parquet)" % other)
        duck.close()
        with open(other, "rb") as f:
            s3.buckets["bucket"][files[1]] = Thing(f.read())
        del s3.buckets["bucket"][files[2]]
        p = run("verify", PIPELINE, "--lake", "s3://bucket/prefix", env=env, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("%s: column 'avg_close' is INTEGER, and DOUBLE in the catalog; column 'extra' is not in the catalog's table" % files[1][7:], p.stdout)
        self.assertRegex(p.stdout, r"%s: is of the committed epoch \d+, and not in the lake" % files[2][7:].replace(".", r"\."))
        self.assertEqual(len(p.stdout.splitlines()), 2)

    def test_leftovers_of_killed_writes_are_removed(self):
        lake = os.path.join(self.folder.name, "lake")
        run("run", PIPELINE, "--input", self.input, "--lake", lake)
        names = [os.path.join(lake, "_tapeline", "catalog.json.tmp-0123456789abcde%d" % i) for i in range(2)]
        for name in names:
            with open(name, "w") as f:
                f.write("half")
        os.utime(names[0], (1, 1))  # the other one may be under way
        run("run", PIPELINE, "--input", self.input, "--lake", lake)
        self.assertEqual([os.path.exists(n) for n in names], [False, True])

    def test_two_engines_do_not_overwrite_each_others_tables_in_a_bucket(self):
        s3 = FakeS3(region="us-east-1")
        s3.buckets["bucket"] = {}
        self.addCleanup(s3.close)
        env = s3.env(AWS_MAX_ATTEMPTS="2")
        mine = self.pipeline()
        other = os.path.join(self.folder.name, "q.sql")
        with open(mine) as f, open(other, "w") as out:
            out.write(f.read().replace("PIPELINE stock_stream", "PIPELINE other").replace("stock_streaming_database.avg_1min", "o.t").replace("streaming/avg_1min", "o/t"))

        def rule(r):
            if r.action == "PutObject" and r.key.endswith("catalog.json"):
                s3.rule = None
                run("run", other, "--input", self.input, "--lake", "s3://bucket/prefix", "--state", os.path.join(self.folder.name, "o"), env=env)
        s3.rule = rule
        run("run", mine, "--input", self.input, "--lake", "s3://bucket/prefix", "--state", os.path.join(self.folder.name, "s"), env=env)
        tables = json.loads(s3.buckets["bucket"]["prefix/_tapeline/catalog.json"].body)["tables"]
        self.assertEqual(sorted(t["database"] + "." + t["name"] for t in tables), [
            "o.t", "other.avg_1min_late", "other.ticks_malformed", "stock_stream.avg_1min_late", "stock_stream.ticks_malformed",
            "stock_streaming_database.avg_1min"])

    def test_verify_names_what_differs_in_a_folder(self):
        lake = os.path.join(self.folder.name, "lake")
        run("run", PIPELINE, "--input", self.input, "--lake", lake)
        good = run("verify", PIPELINE, "--lake", lake)
        self.assertEqual(good.stdout, "")
        self.assertIn("0 differences", good.stderr)
        folder = os.path.join(lake, "streaming", "avg_1min", "ticker=A1")
        name, = os.listdir(folder)
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            whole = f.read()
        with open(path, "wb") as f:
            f.write(whole[:-7])
        later = os.path.join(lake, "streaming", "avg_1min", "ticker=A2", name.replace(name[5:25], "%020d" % 99))
        os.makedirs(os.path.join(lake, "else"))
        for stray in (later, os.path.join(lake, "else", "x.parquet"), os.path.join(lake, "streaming", "avg_1min", "y.parquet")):
            with open(stray, "wb") as f:
                f.write(whole)
        p = run("verify", PIPELINE, "--lake", lake, check=False)
        self.assertEqual(p.returncode, 1)
        for line in (r"else/x\.parquet: is of no table in the catalog", r"avg_1min/y\.parquet: is in no folder 'ticker=\.\.\.'",
                     r"ticker=A1/%s: is no whole Parquet file" % name.replace(".", r"\."), r"is of epoch 99, and the newest that the checkpoint knows is \d+",
                     r"stock_streaming_database\.avg_1min: cannot be read"):
            self.assertRegex(p.stdout, line)
        p = run("verify", PIPELINE, "--lake", os.path.join(self.folder.name, "none"), check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("there is no lake at", p.stderr)


if __name__ == "__main__":
    unittest.main()
