# SPDX-License-Identifier: Apache-2.0
"""The engine's lake in a bucket: killed at each of its requests, before it is done and after it is done but not answered, the next run
ends with the same objects, byte for byte, as one that nobody killed. And two engines on one bucket: one goes on, the other says who."""
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from urllib.parse import unquote

import tapeline
from duck import Duck
from fake_s3 import FakeS3

FULL = os.environ.get("TL_FULL") == "1"  # every crash point; else every third, from a seeded start on
OUTAGE = 60 if FULL else 3  # s

PIPELINE = """CREATE PIPELINE s3kill;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL,
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 's3kill', start = 'TRIM_HORIZON', flush_after = '10 h', shard_idle = '10 h');
CREATE VIEW v AS SELECT ticker, window_start, AVG(close) AS a, COUNT(*) AS n
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK s FROM v WITH (path = 'v', partition_by = 'ticker', commit_every = '1 s', table = 'db.v'%s);
"""


def ticks(count, first=0):
    return "".join('{"ticker":"%s","timestamp":"2025-09-27T%02d:%02d:%02dZ","close":%d.25}\n' % (
        "AB"[i % 2], 10 + i // 3600, i // 60 % 60, i % 60, i) for i in range(first, first + count)) + ("x" * 5 + "\n")


class S3(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tapeline-s3kill-")
        self.pipeline = self.write("p.sql", PIPELINE % "")
        self.input = self.write("ticks.ndjson", ticks(300))
        self.s3 = FakeS3()
        self.env = self.s3.env(TMPDIR=self.dir)
        self.duck = Duck()

    def tearDown(self):
        self.s3.close()
        self.duck.close()
        shutil.rmtree(self.dir)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def start(self, bucket, *more):
        return subprocess.Popen([tapeline.BINARY, "run", self.pipeline, "--input", self.input, "--lake", "s3://%s/p" % bucket, "--json", *more],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env)

    def finish(self, bucket, *more):
        p = self.start(bucket, *more)
        out, err = p.communicate(timeout=120)
        self.assertEqual(p.returncode, 0, err)
        return out

    def data(self, bucket):
        """Names and bytes of all that is no record of an epoch."""
        return {k: v.body for k, v in self.s3.buckets[bucket].items() if "/_tapeline/s3kill/" not in k}

    def kill_at(self, bucket, nth, done):
        """True when the engine was killed at its nth request."""
        seen, state = [0], {}

        def rule(_):
            seen[0] += 1
            if seen[0] == nth:
                os.kill(state["process"].pid, signal.SIGKILL)
                state["process"].wait()
                return "lost" if done else "drop"
            return "drop" if seen[0] > nth else None
        self.s3.rule = rule
        gate = self.s3.lock
        with gate:  # no request is looked at before the process is known
            state["process"] = self.start(bucket)
        state["process"].communicate(timeout=120)
        self.s3.rule = None
        return seen[0] >= nth

    def test_each_request_is_a_crash_point(self):
        self.each_request_is_a_crash_point(self.data)

    def test_each_request_is_a_crash_point_of_a_delta_table(self):
        self.pipeline = self.write("p.sql", PIPELINE % ", format = 'delta'")
        self.each_request_is_a_crash_point(self.delta)

    def delta(self, bucket):
        """Rows and number of the files that count by the table's log, which have other names in each run, and the bytes of the other tables."""
        things, files = self.data(bucket), []
        for line in b"".join(things[k] for k in sorted(things) if "/v/_delta_log/" in k and k.endswith(".json")).splitlines():
            action = json.loads(line)
            files += [unquote(action["add"]["path"])] if "add" in action else []
            self.assertNotIn("remove", action)
        self.assertEqual(len(files), len(set(files)))
        folder = tempfile.mkdtemp(dir=self.dir)
        for name in files:
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(things["p/v/" + name])
        rows = self.duck.rows("SELECT ticker, window_start, a, n FROM read_parquet('%s/*/*.parquet', hive_partitioning = true) ORDER BY ALL" % folder)
        return len(files), rows, {k: v for k, v in things.items() if not k.startswith("p/v/")}

    def each_request_is_a_crash_point(self, data_of):
        self.s3.buckets["whole"] = {}
        ledger, data, names = self.finish("whole"), data_of("whole"), self.data("whole")
        self.assertEqual(len([k for k in names if "/v/ticker=" in k]), 2)
        self.assertTrue([k for k in names if "_malformed/" in k])
        seed = int(os.environ.get("TL_SEED") or time.time())
        print("TL_SEED=%d" % seed, flush=True)
        step = 1 if FULL else 3
        nth, points = 1 + (0 if FULL else random.Random(seed).randrange(step)), 0
        while True:
            killed = [self.s3.buckets.__setitem__("kill", {}) or self.kill_at("kill", nth, done) and self.check(nth, done, ledger, data, data_of) for done in (False, True)]
            if not any(killed):
                break
            points += sum(killed)
            nth += step
        print("%s: killed %d times, at every %srequest" % (self.id().rpartition(".")[2], points, "" if FULL else "third "), flush=True)
        self.assertGreater(points, 10)

    def check(self, nth, done, ledger, data, data_of):
        where = "request %d, %s" % (nth, "done" if done else "not done")
        self.assertEqual(self.finish("kill"), ledger, where)
        self.assertEqual(data_of("kill"), data, where)
        return True

    def test_an_outage_is_waited_for_and_nothing_is_doubled(self):
        self.s3.buckets["whole"], self.s3.buckets["kill"] = {}, {}
        ledger, data = self.finish("whole"), self.data("whole")
        began = []

        def rule(r):  # from the first intent on
            if "intent" in r.key and r.action == "PutObject" and not began:
                began.append(time.monotonic())
            return (503, "SlowDown") if began and time.monotonic() < began[0] + OUTAGE else None
        self.s3.rule = rule
        self.env["AWS_MAX_ATTEMPTS"] = "1"
        p = self.start("kill")
        out, err = p.communicate(timeout=120)
        self.assertEqual((p.returncode, out), (0, ledger), err)
        self.assertRegex(err, "epoch 1 waits: .*SlowDown")
        self.assertRegex(err, "epoch 1 goes on")
        self.assertEqual(self.data("kill"), data)

    def test_a_right_that_goes_missing_ends_the_run_and_loses_nothing(self):
        self.s3.buckets["whole"], self.s3.buckets["kill"] = {}, {}
        ledger, data = self.finish("whole"), self.data("whole")
        self.s3.rule = lambda r: (403, "AccessDenied") if "/v/ticker" in r.key else None
        p = self.start("kill")
        _, err = p.communicate(timeout=120)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(err, "s3:PutObject is not allowed on 's3://kill/p/v/ticker=")
        self.s3.rule = None
        self.assertEqual(self.finish("kill"), ledger)
        self.assertEqual(self.data("kill"), data)

    def test_of_two_engines_one_goes_on_and_the_other_says_who(self):
        """Two data folders, two processes, one stream and one bucket."""
        self.s3.buckets["lake"] = {}
        self.pipeline = self.write("two.sql", PIPELINE.replace("CREATE SOURCE", "CREATE PROFILE aws DEFAULT WITH (lake = 's3://lake/two');\nCREATE SOURCE") % "")
        broker = tapeline.Server("broker", "--data", os.path.join(self.dir, "broker"), "--listen", "127.0.0.1:0")
        engines = []
        try:
            self.stream_url = broker.aws
            client = tapeline.kinesis(broker.aws)
            client.create_stream(StreamName="s3kill", ShardCount=1)
            client.get_waiter("stream_exists").wait(StreamName="s3kill", WaiterConfig=dict(Delay=1))
            for i in range(2):
                err = open(os.path.join(self.dir, "err%d" % i), "w")
                engines.append(subprocess.Popen([tapeline.BINARY, "run", self.pipeline, "--data", os.path.join(self.dir, "data%d" % i)], stderr=err,
                                                stdout=subprocess.DEVNULL, env=dict(self.env, AWS_ENDPOINT_URL_KINESIS=broker.aws)))
                err.close()
                # The second finds the first's positions; of two that begin at one instant one would end there and then.
                tapeline.wait_for("the first commit", lambda: "two/_tapeline/s3kill/commit-%020d" % 0 in self.s3.buckets["lake"], timeout=60)
            deadline, sent = time.monotonic() + 60, 0
            while all(e.poll() is None for e in engines) and time.monotonic() < deadline:
                client.put_records(StreamName="s3kill", Records=[dict(Data=line.encode(), PartitionKey="x") for line in ticks(50, sent).splitlines()[:-1]])
                sent += 50
                time.sleep(0.2)
            losers = [i for i, e in enumerate(engines) if e.poll() is not None]
            self.assertEqual(len(losers), 1, "one stops, the other goes on")
            winner = engines[1 - losers[0]]
            with open(os.path.join(self.dir, "err%d" % losers[0])) as f:
                said = f.read()
            self.assertEqual(engines[losers[0]].returncode, 1, said)
            self.assertRegex(said, "another instance of pipeline 's3kill' is running on the checkpoint in 's3://lake/two': process %d on " % winner.pid)
            winner.send_signal(signal.SIGTERM)
            self.assertEqual(winner.wait(60), 0)
            self.finish_two(sent)
        finally:
            for e in engines:
                if e.poll() is None:
                    e.kill()
                    e.wait()
            broker.stop()

    def finish_two(self, sent):
        """A third run, from a third folder, goes on where they stood: each record is in one row, once."""
        out = subprocess.run([tapeline.BINARY, "run", self.pipeline, "--data", os.path.join(self.dir, "data2"), "--until-now", "--json"], text=True, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, env=dict(self.env, AWS_ENDPOINT_URL_KINESIS=self.stream_url)).stdout
        self.assertIn('"received":%d,"aggregated":%d' % (sent, sent), out)
        lake = os.path.join(self.dir, "copy")
        for name, thing in self.s3.buckets["lake"].items():
            path = os.path.join(lake, name[len("two/"):])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(thing.body)
        rows = tapeline.run("query", "SELECT sum(n) AS s, count(*) = count(DISTINCT (ticker, window_start)) AS once FROM db.v", "--lake", lake).stdout
        self.assertEqual(rows.split(), ["s,once", "%d,true" % sent])


if __name__ == "__main__":
    unittest.main()
