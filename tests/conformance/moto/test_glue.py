# SPDX-License-Identifier: Apache-2.0
"""moto's Glue and S3 with the engine: tables, partitions, a column more, and what boto3 reads back; then 'tapeline verify'."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
from tapeline import CLIENT_ENV, PIPELINE, run  # noqa: E402
from test_catalog import TICKERS, ticks  # noqa: E402

import boto3  # noqa: E402


class Moto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = 20000 + os.getpid() % 20000
        cls.url = "http://127.0.0.1:%d" % cls.port
        cls.server = subprocess.Popen([os.path.join(os.path.dirname(sys.executable), "moto_server"), "-H", "127.0.0.1", "-p", str(cls.port)],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(cls.url + "/moto-api/", timeout=5).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("moto_server did not start")

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.wait()

    def setUp(self):
        urllib.request.urlopen(urllib.request.Request(self.url + "/moto-api/reset", method="POST"), timeout=30).close()

    def client(self, name):
        return boto3.client(name, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    def test_the_engine_and_its_tables(self):
        self.client("s3").create_bucket(Bucket="lake-bucket")
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.url, BUCKET="lake-bucket", AWS_MAX_ATTEMPTS="3")
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "ticks.ndjson")
            ticks(data, TICKERS)
            pipeline = os.path.join(folder, "p.sql")
            with open(PIPELINE) as f:
                text = f.read()
            for more in ("", ", MIN(close) AS least", ", MIN(close) AS least"):
                with open(pipeline, "w") as f:
                    f.write(text.replace("LAST(close) AS last_close\n", "LAST(close) AS last_close%s\n" % more))
                run("run", pipeline, "--profile", "aws", "--input", data, "--lake", "s3://lake-bucket/l", "--state",
                    os.path.join(folder, "state"), env=env)
            p = run("verify", pipeline, "--profile", "aws", "--lake", "s3://lake-bucket/l", "--state", os.path.join(folder, "state"), env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
        glue = self.client("glue")
        table = glue.get_table(DatabaseName="stock_streaming_database", Name="avg_1min")["Table"]
        self.assertEqual([c["Name"] for c in table["StorageDescriptor"]["Columns"]],
                         ["trade_date", "window_start", "window_end", "avg_close", "last_close", "least"])
        partitions = glue.get_partitions(DatabaseName="stock_streaming_database", TableName="avg_1min")["Partitions"]
        self.assertEqual(sorted(p["Values"][0] for p in partitions), TICKERS)
        for p in partitions:
            self.assertEqual(p["StorageDescriptor"]["Columns"][-1]["Name"], "least")
            objects = self.client("s3").list_objects_v2(Bucket="lake-bucket", Prefix=p["StorageDescriptor"]["Location"][len("s3://lake-bucket/"):])
            self.assertEqual(objects["KeyCount"], 1)
        one = glue.get_partitions(DatabaseName="stock_streaming_database", TableName="avg_1min", Expression="ticker = 'A3'")["Partitions"]
        self.assertEqual(len(one), 1)

    def test_a_delta_table(self):
        self.client("s3").create_bucket(Bucket="delta-bucket")
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.url, BUCKET="delta-bucket", AWS_MAX_ATTEMPTS="3")
        with tempfile.TemporaryDirectory() as folder:
            data, pipeline = os.path.join(folder, "ticks.ndjson"), os.path.join(folder, "p.sql")
            ticks(data, TICKERS)
            with open(PIPELINE) as f, open(pipeline, "w") as out:
                out.write(f.read().replace("table = 'stock_streaming_database.avg_1min'", "format = 'delta', table = 'delta_database.avg_1min'"))
            for _ in range(2):
                run("run", pipeline, "--profile", "aws", "--input", data, "--lake", "s3://delta-bucket/l", "--state", os.path.join(folder, "state"), env=env)
            p = run("verify", pipeline, "--profile", "aws", "--lake", "s3://delta-bucket/l", "--state", os.path.join(folder, "state"), env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
        table = self.client("glue").get_table(DatabaseName="delta_database", Name="avg_1min")["Table"]
        self.assertEqual((table["Parameters"]["table_type"], table["PartitionKeys"]), ("DELTA", []))

    def test_tables_of_text(self):
        for form in ("csv", "json"):
            self.setUp()  # the dead letters' tables have one place in a catalog
            self.client("s3").create_bucket(Bucket=form + "-bucket")
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.url, BUCKET=form + "-bucket", AWS_MAX_ATTEMPTS="3")
            with tempfile.TemporaryDirectory() as folder:
                data, pipeline = os.path.join(folder, "ticks.ndjson"), os.path.join(folder, "p.sql")
                ticks(data, TICKERS)
                with open(PIPELINE) as f, open(pipeline, "w") as out:
                    out.write(f.read().replace("partition_by = 'ticker'", "partition_by = 'trade_date, ticker', format = '%s'" % form)
                              .replace("stock_streaming_database.avg_1min", "text.%s" % form))
                for _ in range(2):
                    run("run", pipeline, "--profile", "aws", "--input", data, "--lake", "s3://%s-bucket/l" % form, "--state", os.path.join(folder, "state"), env=env)
                p = run("verify", pipeline, "--profile", "aws", "--lake", "s3://%s-bucket/l" % form, "--state", os.path.join(folder, "state"), env=env, check=False)
                self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
            table = self.client("glue").get_table(DatabaseName="text", Name=form)["Table"]
            self.assertEqual(table["Parameters"]["classification"], form)
            self.assertEqual(len(self.client("glue").get_partitions(DatabaseName="text", TableName=form)["Partitions"]), len(TICKERS))

    def test_the_batch_layers(self):
        self.client("s3").create_bucket(Bucket="batch-bucket")
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.url, BUCKET="batch-bucket/l", AWS_MAX_ATTEMPTS="3")
        lakehouse = os.path.join(os.path.dirname(PIPELINE), "lakehouse.sql")
        head = "Date,Open,High,Low,Close,Volume\n"
        with tempfile.TemporaryDirectory() as folder:
            env["XDG_CACHE_HOME"] = folder
            for name, text in (("A", "2023-01-03,1,2,1,2,5\n2024-01-03,1,2,1,2,5\n2024-01-04,1,2,1,oops,5\n"), ("B", "2024-01-03,1,2,1,2,5\n")):
                with open(os.path.join(folder, name + ".csv"), "w") as f:
                    f.write(head + text)
            files = [os.path.join(folder, n + ".csv") for n in "AB"]
            for _ in range(2):
                run("ingest", *files, "--profile", "aws", env=env)
                run("build", lakehouse, "--profile", "aws", env=env)
            p = run("verify", lakehouse, "--profile", "aws", env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
            with open(files[0], "w") as f:
                f.write(head + "2024-01-05,1,2,1,2,5\n")  # the rejects are gone
            run("ingest", files[0], "--profile", "aws", env=env)
            p = run("build", lakehouse, "--profile", "aws", env=env)
            self.assertIn("2 rows in 1 of 3 partitions made", p.stderr)
            p = run("verify", lakehouse, "--profile", "aws", env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
        glue = self.client("glue")
        for database, name, count in (("processed", "stocks", 3), ("curated", "stocks_features", 3), ("processed", "stocks_rejects", 0)):
            partitions = glue.get_partitions(DatabaseName=database, TableName=name)["Partitions"]
            self.assertEqual(len(partitions), count, name)
            for p in partitions:
                objects = self.client("s3").list_objects_v2(Bucket="batch-bucket", Prefix=p["StorageDescriptor"]["Location"][len("s3://batch-bucket/"):])
                self.assertEqual(objects["KeyCount"], 1)
        one = glue.get_partitions(DatabaseName="curated", TableName="stocks_features", Expression="ticker = 'A' AND year = 2024")["Partitions"]
        self.assertEqual([p["Values"] for p in one], [["A", "2024"]])

    def test_closed_partitions_are_pointed_to(self):
        self.client("s3").create_bucket(Bucket="closed-bucket")
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.url, BUCKET="closed-bucket", AWS_MAX_ATTEMPTS="3")
        with tempfile.TemporaryDirectory() as folder:
            pipeline, inputs = os.path.join(folder, "p.sql"), []
            with open(PIPELINE) as f, open(pipeline, "w") as out:
                out.write(f.read().replace("partition_by = 'ticker'", "partition_by = 'trade_date, ticker'").replace("stock_streaming_database.avg_1min", "closed.t"))
            for minute in range(4):  # an epoch each
                inputs += ["--input", os.path.join(folder, "f%d.ndjson" % minute)]
                with open(inputs[-1], "w") as f:
                    f.write('{"ticker":"A","date":"2024-01-0%d","timestamp":"2024-01-0%dT10:%02d:00Z","close":1.5}\n' % ((2, 2, 2, 3)[minute], (2, 2, 2, 3)[minute], minute))
                run("run", pipeline, "--profile", "aws", *inputs, "--lake", "s3://closed-bucket/l", "--state", os.path.join(folder, "state"), env=env)
            for _ in range(2):
                run("compact", "closed.t", "--lake", "s3://closed-bucket/l", "--keep", "0 s", "--min-files", "2", "--glue", env=env)
            p = run("verify", pipeline, "--profile", "aws", "--lake", "s3://closed-bucket/l", "--state", os.path.join(folder, "state"), env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
        places = {p["Values"][0]: p["StorageDescriptor"]["Location"] for p in self.client("glue").get_partitions(DatabaseName="closed", TableName="t")["Partitions"]}
        self.assertIn("/_merged/trade_date=2024-01-02/ticker=A/m-", places["2024-01-02"])
        self.assertEqual(places["2024-01-03"], "s3://closed-bucket/l/streaming/avg_1min/trade_date=2024-01-03/ticker=A/")
        for place in places.values():
            objects = self.client("s3").list_objects_v2(Bucket="closed-bucket", Prefix=place[len("s3://closed-bucket/"):])
            self.assertEqual(objects["KeyCount"], 1)


if __name__ == "__main__":
    unittest.main()
