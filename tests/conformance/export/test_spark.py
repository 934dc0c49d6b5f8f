# SPDX-License-Identifier: Apache-2.0
"""An exported pipeline on PySpark: on this machine, and on a standalone cluster of which a worker is killed. PATH has spark-submit."""
import csv
import glob
import io
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import pyarrow.parquet
from random_ticks import write_ticks
from tapeline import BINARY, CLIENT_ENV, PIPELINE, REFERENCE, ROOT, broker, kinesis, run, shared_absent

CLASS = [os.path.join(os.path.dirname(sys.executable), "spark-class")]
HERE = os.path.join(ROOT, "tests", "conformance", "export")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(path):
    with open(path) as f:
        return f.read()


def rows_of(text):
    return sorted((r for r in csv.DictReader(io.StringIO(text)) if r["ticker"] != "END"), key=lambda r: (r["ticker"], r["window_start"]))


class Equal(unittest.TestCase):
    def assert_equal_rows(self, ours, theirs):
        """To the last bit, but for averages: those within 100 ulps (rule 8)."""
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(ours, theirs):
            average, other = float(a.pop("avg_close")), float(b.pop("avg_close"))
            self.assertEqual(a, b)
            self.assertLessEqual(abs(average - other), 100 * math.ulp(average), a)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def start(self, log, *command, **kw):
        with open(self.path(log), "w") as out:
            p = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True, **kw)
        self.addCleanup(lambda: (p.poll() is None and os.killpg(p.pid, signal.SIGKILL), p.wait()))
        return p

    def wait_for(self, what, seconds=300):
        until = time.time() + seconds
        while not what():
            self.assertLess(time.time(), until, "not within %d s" % seconds)
            time.sleep(0.2)


class Verify(Equal):
    @unittest.skipIf(shared_absent(REFERENCE), "the reference's input is not there")
    def test_reference(self):
        p = run("verify", PIPELINE, "--engines", "tapeline,spark", "--master", "local[2]", "--input", REFERENCE + "/input/*.ndjson", timeout=900, env=ENV)
        self.assertRegex(p.stdout, r"view latest_close: 10 rows of tapeline, 10 of spark: 10 equal\n")
        self.assertRegex(p.stdout, r"view avg_1min: 308 rows of tapeline, 308 of spark: \d+ equal; \d+ within \d ulps: sums")
        self.assertTrue(p.stdout.endswith("equal\n"))

    def test_random_inputs_and_every_kind_of_view(self):
        pipeline = os.path.join(ROOT, "tests", "conformance", "export", "views.sql")
        for seed in (int(os.environ.get("TL_SEED", time.time())), 7):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as ticks:
                write_ticks(ticks, 4, seed)
                p = run("verify", pipeline, "--engines", "tapeline,spark", "--master", "local[2]", "--input", ticks + "/*.ndjson", timeout=900, env=ENV, check=False)
                self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

    def verify(self, name, files=3, **ticks):
        seed = int(os.environ.get("TL_SEED", time.time()))
        write_ticks(self.folder, files, seed, **ticks)
        p = run("verify", os.path.join(HERE, name), "--engines", "tapeline,spark", "--master", "local[2]", "--input", self.folder + "/*.ndjson", timeout=900,
                env=ENV, check=False)
        self.assertEqual(p.returncode, 0, "TL_SEED=%d\n%s%s" % (seed, p.stdout, p.stderr))
        return p.stdout

    def test_views_over_views(self):
        """rule 5"""
        told = self.verify("chain.sql", two_times=True)
        self.assertRegex(told, r"view burst_minutes: [1-9]")

    def test_late_records_explain_what_differs(self):
        """rule 4: none is late for a session of recorded files there, which is told as such, also in the rows that are made of those"""
        told = self.verify("late.sql", files=12, late=True)
        for view in ("bursts", "burst_minutes", "burst_fives"):
            self.assertRegex(told, "view %s: .*: a late record lies in the window" % view)
        self.assertEqual({m for m in re.findall(r"view (\w+): .*a late record", told)} & {"minutes", "hops", "fives"}, set())

    def test_repeats(self):
        """rule 11"""
        told = self.verify("repeats.sql", repeats=True)
        self.assertRegex(told, r"view minutes: [1-9]")

    def test_views_over_views_of_a_stream(self):
        """Spark's own watermark closes them, one behind the other."""
        os.mkdir(self.path("ticks"))
        write_ticks(self.path("ticks"), 18, 5, two_times=True)
        pipeline = self.path("chain.sql")
        with open(pipeline, "w") as f:  # each view is a query of its own: not all of them
            f.write("".join(s for s in re.split(r"(?<=;\n)", read(os.path.join(HERE, "chain.sql")))
                            if not re.match(r"CREATE VIEW (by_start|hops|of_hops|bursts|burst_minutes|quiet) ", s)))
        run("export", "spark", pipeline, "-o", self.path("job"))
        p = subprocess.run([ENV["SUBMIT"], "--master", "local[2]", "--conf", "spark.ui.enabled=false", self.path("job", "chain.py"), "--input", self.path("ticks"),
                            "--follow", "--once", "--files-per-batch", "6", "--lake", self.path("lake"), "--partitions", "2"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, timeout=900)
        self.assertEqual(p.returncode, 0, p.stdout[-3000:])
        run("run", pipeline, "--input", self.path("ticks", "ticks-999.ndjson"), "--lake", self.path("lake"))  # enters the tables
        for view, least in (("fives", 16), ("quarters", 1)):
            with self.subTest(view=view):
                ours = [r for r in csv.DictReader(io.StringIO(run("run", pipeline, "--input", self.path("ticks") + "/*.ndjson", "--dump", view).stdout))
                        if r["window_end"] < "2030"]
                theirs = list(csv.DictReader(io.StringIO(run("query", "SELECT %s FROM db.%s WHERE window_end < '2030-01-01'" % (", ".join(ours[0]), view),
                                                             "--lake", self.path("lake"), "--format", "csv").stdout)))
                self.assertGreaterEqual(len(ours), least)
                self.assertEqual(sorted(map(str, ours)), sorted(map(str, theirs)))

    def submit(self, job, *options):
        return subprocess.run([ENV["SUBMIT"], "--master", "local[1]", "--conf", "spark.ui.enabled=false", job, *options, "--lake", self.path("lake")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV, timeout=300)

    def test_late_records_of_a_source_with_columns_of_the_late_tables_names(self):
        """rule 4: LATE(view) has the columns that tapeline gives it, '_shard' beside the source's own 'shard'"""
        with open(self.path("clash.sql"), "w") as f:
            f.write("""CREATE PIPELINE clash;
CREATE SOURCE ticks (k VARCHAR, shard VARCHAR, sequence_number BIGINT, "a b" VARCHAR, "timestamp" VARCHAR NOT NULL,
  watermark AS UPPER(k), t AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR t AS t - INTERVAL '1' MINUTE) WITH (stream = 's');
CREATE VIEW v AS SELECT k, window_start, COUNT(*) AS n FROM HOP(ticks, t, INTERVAL '30' SECOND, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end;
CREATE SINK s FROM v WITH (path = 'v');
""")
        with open(self.path("a.ndjson"), "w") as f:
            for k, minute in (("a", "00"), ("a", "10"), ("b", "01")):
                f.write('{"k": "%s", "shard": "x", "sequence_number": 7, "a b": "q", "timestamp": "2025-01-01T00:%s:10Z"}\n' % (k, minute))
        run("export", "spark", self.path("clash.sql"), "-o", self.path("job"))
        p = self.submit(self.path("job", "clash.py"), "--input", self.path("a.ndjson"))
        self.assertEqual(p.returncode, 0, p.stdout[-3000:])
        run("run", self.path("clash.sql"), "--input", self.path("a.ndjson"), "--lake", self.path("ours"))
        late = glob.glob(self.path("lake", "dead_letter", "clash", "v_late", "*.parquet"))
        got = pyarrow.parquet.read_table(late).to_pylist()
        ours = next(csv.DictReader(io.StringIO(run("query", "SELECT * FROM clash.v_late", "--lake", self.path("ours"), "--format", "csv").stdout)))
        self.assertEqual([list(r) for r in got], [list(ours)])
        self.assertEqual((got[0]["shard"], got[0]["_shard"], got[0]["sequence_number"], got[0]["watermark"]), ("x", self.path("a.ndjson"), 7, "B"))

    def test_repeats_of_a_stream_are_refused_before_it_is_read(self):
        """rule 11: no connector is needed to be told"""
        run("export", "spark", os.path.join(HERE, "repeats.sql"), "-o", self.path("job"))
        p = self.submit(self.path("job", "repeats.py"), "--connector", "qubole")
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("repeats: DEDUP BY goes by the order of a shard's records", p.stdout)

    def test_what_is_missing_is_named(self):
        p = run("run", PIPELINE, "--engine", "spark", "--master", "spark://127.0.0.1:%d" % free_port(), "--lake", self.path("lake"), check=False, env=ENV)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, "the Spark master spark://127.0.0.1:[0-9]+ does not answer")
        run("export", "spark", PIPELINE, "-o", self.folder)
        p = self.submit(self.path("stock_stream.py"), "--connector", "qubole")
        self.assertNotEqual(p.returncode, 0)
        self.assertRegex(p.stdout, "no 'qubole' source of Kinesis; it needs --packages com.qubole.spark:spark-sql-kinesis_2.12")


class Cluster(Equal):
    def start_cluster(self, memory="900m"):
        port = free_port()
        self.master = "spark://127.0.0.1:%d" % port
        env = dict(ENV, SPARK_LOCAL_IP="127.0.0.1", SPARK_DAEMON_MEMORY="256m", PYSPARK_PYTHON=sys.executable)
        self.start("master.log", *CLASS, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0", env=env)
        self.wait_for(lambda: "I have been elected leader" in read(self.path("master.log")))
        self.workers = [self.start("worker%d.log" % i, *CLASS, "org.apache.spark.deploy.worker.Worker", "--cores", "1", "--memory", memory, "--webui-port", "0",
                                   "--work-dir", self.path("work%d" % i), "--host", "127.0.0.1", self.master, env=env) for i in range(2)]
        for i in range(2):
            self.wait_for(lambda: "Successfully registered with master" in read(self.path("worker%d.log" % i)))
        return dict(env)

    def test_a_worker_is_killed_while_a_stream_runs(self):
        os.mkdir(self.path("ticks"))
        write_ticks(self.path("ticks"), 24, 11)
        run("export", "spark", PIPELINE, "-o", self.path("job"))
        env = self.start_cluster()
        job = self.start("job.log", ENV["SUBMIT"], "--master", self.master, "--executor-memory", "700m", "--conf", "spark.ui.enabled=false",
                         "--conf", "spark.driver.host=127.0.0.1", self.path("job", "stock_stream.py"), "--input", self.path("ticks"), "--follow", "--once",
                         "--files-per-batch", "4", "--lake", self.path("lake"), "--progress", self.path("progress"), "--partitions", "2", env=env)
        done = lambda: [json.loads(line) for line in read(self.path("progress")).splitlines()] if os.path.exists(self.path("progress")) else []
        batches = lambda: [p["batch"] for p in done() if p.get("query") == "avg_1min_lake"]
        self.wait_for(lambda: batches() or job.poll() is not None)
        os.killpg(self.workers[0].pid, signal.SIGKILL)  # the worker, with its executor and what that has computed
        self.assertEqual(job.wait(900), 0, read(self.path("job.log"))[-3000:])
        self.assertGreater(max(batches()), 2, "it was killed in the middle")
        self.assertIn("Lost executor", read(self.path("job.log")))
        ours = rows_of(run("run", PIPELINE, "--input", self.path("ticks") + "/*.ndjson", "--dump", "avg_1min").stdout)
        columns = ", ".join(ours[0])
        run("run", PIPELINE, "--input", self.path("ticks", "ticks-999.ndjson"), "--lake", self.path("lake"))  # enters the table; END is left out
        theirs = rows_of(run("query", "SELECT %s FROM stock_streaming_database.avg_1min" % columns, "--lake", self.path("lake"), "--format", "csv").stdout)
        self.assertGreater(len(ours), 90)
        self.assert_equal_rows(ours, theirs)


    def put(self, client, lines):
        """A line to each shard in turn, each shard's in order."""
        starts = [s["HashKeyRange"]["StartingHashKey"] for s in client.list_shards(StreamName="stock_stream")["Shards"]]
        for at in range(0, len(lines), 400):
            records = [{"Data": line, "PartitionKey": "k", "ExplicitHashKey": starts[i % len(starts)]} for i, line in enumerate(lines[at:at + 400], at)]
            self.assertEqual(client.put_records(StreamName="stock_stream", Records=records)["FailedRecordCount"], 0)

    def run_on_spark(self, env, log):
        return self.start(log, BINARY, "run", self.path("stock_stream.sql"), "--engine", "spark", "--master", self.master, "--lake", self.path("lake"), "--state",
                          self.path("state"), env=env)

    def progress(self, name="avg_1min_lake"):
        path = self.path("lake", "_spark", "stock_stream", "progress.json")
        lines = [json.loads(line) for line in read(path).splitlines()] if os.path.exists(path) else []
        return lines[0] if lines else {}, next((line for line in lines if line.get("query") == name), {})

    def stop(self, job, log):
        """By SIGTERM; and nothing of it is left, on no machine."""
        driver = self.progress()[0]["pid"]
        self.assertTrue(list(running_below(self.path("work"))), "there are executors")
        job.send_signal(signal.SIGTERM)
        self.assertEqual(job.wait(300), 0, read(self.path(log))[-3000:])
        self.assertEqual(self.progress()[0]["state"], "ended")
        self.wait_for(lambda: not os.path.exists("/proc/%d" % driver))
        self.wait_for(lambda: not list(running_below(self.path("work"))))

    def query(self, sql):
        return run("query", sql, "--lake", self.path("lake"), "--format", "csv", check=False).stdout

    def test_a_stream_is_stopped_and_goes_on(self):
        """The rows of both runs are tapeline's, each once: no batch is left half written, none is lost. And a broker that takes any keys is given some."""
        os.mkdir(self.path("ticks"))
        write_ticks(self.path("ticks"), 4, 13)
        first = [line for i in range(4) for line in read(self.path("ticks", "ticks-%03d.ndjson" % i)).encode().splitlines()]
        second = [line.replace(b"T12:", b"T13:").replace(b"T11:", b"T12:") for line in first]  # an hour later: it closes the windows of the first
        env = self.start_cluster(memory="1400m")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            env.pop(name)
        with broker(self.path("broker"), "--limits", "off") as server:
            client = kinesis(server.aws)
            with open(self.path("stock_stream.sql"), "w") as f:
                f.write(read(PIPELINE).replace("kinesis = 'embedded'", "kinesis = '%s'" % server.aws).replace("start = 'LATEST'", "start = 'TRIM_HORIZON'")
                        .replace("commit_every = '1 min'", "commit_every = '1 s'").replace("INTERVAL '2' MINUTE", "INTERVAL '10' MINUTE"))
            client.create_stream(StreamName="stock_stream", ShardCount=4)
            client.get_waiter("stream_exists").wait(StreamName="stock_stream")
            self.put(client, first)
            job = self.run_on_spark(env, "first.log")
            has_read = lambda count: self.progress()[1].get("records", 0) >= count or job.poll() is not None
            self.wait_for(lambda: has_read(len(first)), 900)
            self.put(client, second)
            self.wait_for(lambda: has_read(len(first) + 1), 900)
            self.stop(job, "first.log")  # while the rows of the first are written, or before, or after
            self.put(client, [b'{"ticker": "END", "timestamp": "2025-09-28T00:00:00Z", "close": 1}'])
            dumped = run("run", self.path("stock_stream.sql"), "--until-now", "--lake", self.path("ours"), "--dump", "avg_1min", "--json").stdout
            ours, ledger = dumped.rsplit("\n", 2)[:2]
            ours = rows_of(ours)
            columns = ", ".join(ours[0])
            rows = lambda: rows_of(self.query("SELECT %s FROM stock_streaming_database.avg_1min" % columns))
            malformed = json.loads(ledger)["malformed"]
            dead = lambda: self.query("SELECT COUNT(*) AS n, COUNT(DISTINCT sequence_number) AS d FROM stock_stream.ticks_malformed").split()[1:]
            job = self.run_on_spark(env, "second.log")
            # Each table is a query of its own, and none waits for the others.
            self.wait_for(lambda: (len(rows()) >= len(ours) and int(dead()[0].split(",")[0]) >= malformed) or job.poll() is not None, 900)
            self.stop(job, "second.log")
        self.assertGreater(len(ours), 30)
        self.assert_equal_rows(ours, rows())
        self.assertGreater(malformed, 0)
        self.assertEqual(dead(), ["%d,%d" % (malformed, malformed)])


def running_below(folder):
    """The processes of executors, which run in their worker's folder."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/cwd" % pid).startswith(folder):
                yield pid
        except OSError:
            pass  # it is gone, or dead


ENV = dict(CLIENT_ENV, PATH=os.path.dirname(sys.executable) + ":" + os.environ["PATH"], SUBMIT=os.path.join(os.path.dirname(sys.executable), "spark-submit"))
ENV.pop("SPARK_HOME", None)

if __name__ == "__main__":
    unittest.main()
