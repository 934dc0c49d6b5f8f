# SPDX-License-Identifier: Apache-2.0
"""'tapeline status' and 'tapeline why' for running, stopped and killed pipelines over a real stream: each cause by its name."""
import json
import os
import signal
import tempfile
import time
import unittest

from fake_s3 import FakeS3
from stream_case import StreamCase, stamp
from tapeline import Server, broker, kinesis, run, wait_for


class Status(StreamCase):
    def why(self):
        answer = json.loads(run("why", "v", self.file, "--data", self.data, "--json", env=self.env).stdout)
        return {c["cause"]: c for c in answer["why"]}

    def wait_for_cause(self, cause):
        return wait_for(cause, lambda: self.why().get(cause))

    def test_running_then_stopped(self):
        """Positions, lag, epochs and ledger; of a stopped one from its checkpoint, with what came since."""
        self.pipeline()
        self.create()
        self.put_tick(stamp(), 0, count=3)
        self.put_tick(stamp(), 1, "MSFT", count=2)
        self.start()
        self.received(5)
        status = self.status()
        shards = status["sources"][0]["shards"]
        self.assertEqual((status["pid"], status["pipeline"], status["state"]), (self.process.pid, "p", "running"))
        self.assertEqual([s["records"] for s in shards], [3, 2])
        self.assertEqual([(s["lag_records"], s["lag_ms"]) for s in shards], [(0, 0)] * 2)
        self.assertEqual(shards[0]["position"]["kind"], "AFTER_SEQUENCE_NUMBER")
        self.assertEqual(status["views"][0]["open_groups"], 2)
        self.assertIn("aggregated 5", run("status", self.file, "--data", self.data, env=self.env).stdout)
        self.stop()
        self.assertEqual(self.process.returncode, 0)
        self.put_tick(stamp(), 0, count=7)
        status = self.status()
        shards = status["sources"][0]["shards"]
        self.assertEqual((status["state"], status["pid"], status["last_error"]), ("stopped", None, None))
        self.assertEqual([s["lag_records"] for s in shards], [7, 0])
        self.assertGreaterEqual(shards[0]["lag_ms"], 0)
        self.assertEqual(shards[1]["lag_ms"], 0)
        self.assertEqual(status["ledger"]["received"], 5)
        self.assertFalse(os.path.exists(os.path.join(self.data, "state", "_tapeline", "p", "status.sock")))
        self.assertIn("stopped", self.why())

    def test_of_a_service_that_does_not_count_its_records(self):
        """As AWS: how long a stopped pipeline is behind, each service tells; how many records, ours alone."""
        self.pipeline(profile="CREATE PROFILE aws DEFAULT WITH (kinesis = '%s', region = 'us-east-1');\n" % self.broker.aws)
        self.create()
        self.put_tick(stamp())
        self.start()
        self.received(1)
        self.stop()
        self.put_tick(stamp(), count=2)
        first, second = self.status()["sources"][0]["shards"]
        self.assertIsNone(first["lag_records"])
        self.assertTrue(0 <= first["lag_ms"] < 60000, first)
        self.assertEqual((second["lag_records"], second["lag_ms"]), (0, 0))
        text = run("status", self.file, "--data", self.data, env=self.env).stdout
        self.assertRegex(text, r"shardId-000000000000: .*behind \d+ ms \(the service does not count records\)")
        self.assertRegex(text, r"shardId-000000000001: .*behind 0 records and 0 ms")

    def test_of_checkpoints_in_s3(self):
        """Running and stopped: the lake in a bucket has them beside it."""
        s3 = FakeS3()
        self.addCleanup(s3.close)
        s3.buckets["bucket"] = {}
        self.env = s3.env(AWS_ENDPOINT_URL_KINESIS=self.broker.aws)
        self.pipeline(profile="CREATE PROFILE s3 DEFAULT WITH (kinesis = 'embedded', lake = 's3://bucket/prefix', catalog = 'embedded', region = 'us-east-1');\n")
        self.create(1)
        self.put_tick(stamp(), count=3)
        self.start()
        self.received(3)
        self.stop()
        self.assertEqual(self.process.returncode, 0)
        self.assertTrue(any(key.startswith("prefix/_tapeline/p/") for key in s3.buckets["bucket"]))
        self.put_tick(stamp(), count=2)
        status = self.status()
        self.assertEqual((status["state"], status["ledger"]["received"]), ("stopped", 3))
        self.assertEqual(status["sources"][0]["shards"][0]["lag_records"], 2)
        self.assertIn("stopped", self.why())
        for lake in ("s3://bucket/prefix", "s3://bucket/other"):  # from a machine that has nothing but the bucket's name
            p = run("status", self.file, "--lake", lake, "--json", env=self.env)
            self.assertEqual(json.loads(p.stdout)["state"], "stopped" if lake.endswith("prefix") else "never_ran")

    def test_killed(self):
        self.pipeline()
        self.create()
        self.put_tick(stamp())
        self.start()
        self.received(1)
        self.stop(signal.SIGKILL)
        self.assertEqual(self.status()["state"], "stopped")
        self.assertIn("did not end by itself", self.why()["stopped"]["text"])
        self.start()  # over the socket that was left behind
        self.stop()

    def test_never_ran_and_wrong_arguments(self):
        self.pipeline()
        for command in (["status"], ["why", "v"]):
            p = run(*command, self.file, "--data", self.data, env=self.env, check=False)
            self.assertEqual(p.returncode, 1)
            self.assertRegex(p.stderr, "there is no folder '.*/d/state'")
        os.makedirs(os.path.join(self.data, "state"))
        self.assertEqual(self.status()["state"], "never_ran")
        self.assertEqual(list(self.why()), ["no_stream", "never_ran"])
        p = run("why", "vv", self.file, "--data", self.data, env=self.env, check=False)
        self.assertEqual((p.returncode, p.stdout), (2, ""))
        self.assertIn("no view 'vv'; it has v", p.stderr)
        self.assertEqual(os.listdir(os.path.join(self.data, "state")), [])  # looking makes nothing

    def test_a_wrong_stream_name(self):
        self.pipeline(stream=self.stream + "x")
        self.create()
        p = run("run", self.file, "--data", self.data, env=self.env, check=False)
        self.assertEqual(p.returncode, 1)
        why = self.why()
        self.assertEqual(next(iter(why)), "no_stream")
        self.assertIn("did you mean '%s'?" % self.stream, why["no_stream"]["text"])
        self.assertIn(self.stream + "x", self.status()["last_error"])

    def test_latest_and_a_stopped_producer(self):
        self.pipeline(start="LATEST")
        self.create()
        self.put_tick(stamp(), count=4)
        time.sleep(1.1)  # LATEST has the precision of a second of the service
        self.start()
        why = self.wait_for_cause("latest")
        self.assertIn("start = 'TRIM_HORIZON'", why["fix"])

    def test_no_records(self):
        self.pipeline()
        self.create()
        self.start()
        self.assertIn("has given none", self.wait_for_cause("no_records")["text"])

    def test_a_shard_without_records_and_one_that_holds_the_watermark(self):
        self.pipeline(more=", shard_idle = '10 min'")
        self.create()
        self.put_tick(stamp(-30), 0)
        self.start()
        self.received(1)
        why = self.wait_for_cause("shard_without_records")
        self.assertEqual(why["shard"], "shardId-000000000001")
        self.put_tick(stamp(), 1)
        self.received(2)
        why = self.wait_for_cause("watermark")
        self.assertEqual(why["shard"], "shardId-000000000000")
        self.assertRegex(why["text"], r"since 20\d\d-.*the next window ends at 20\d\d-.*with a record of 20\d\d-")

    def test_idle(self):
        self.pipeline(more=", shard_idle = '100 ms'")
        self.create()
        self.put_tick(stamp())
        self.start()
        self.assertIn("5 min (flush_after)", self.wait_for_cause("idle")["text"])

    def test_all_late_because_of_one_clock(self):
        self.pipeline()
        self.create(1)
        self.put_tick(stamp(200), key="NVDA")
        for _ in range(3):
            self.put_tick(stamp())
        self.start()
        self.received(4)
        why = self.wait_for_cause("all_late")
        self.assertRegex(why["text"], r"key 'NVDA'.* 3 min|key 'NVDA'.*(199|200) s ahead")

    def test_nothing_usable(self):
        self.pipeline(where="WHERE close > 100")
        self.create(1)
        self.put(b"{")
        self.start()
        self.received(1)
        self.assertIn("none of the 1 records can be read", self.wait_for_cause("malformed")["text"])
        self.put_tick(stamp())
        self.received(2)
        self.assertIn("close > 100", self.wait_for_cause("filtered")["fix"])

    def test_throttled_and_unanswered(self):
        """A broker that refuses nearly all reads, and then is away."""
        with tempfile.TemporaryDirectory() as data:
            options = ("--durability", "os", "--stream", self.stream + ":1")
            server = broker(data, *options)
            env = self.env
            try:
                self.env = dict(env, AWS_ENDPOINT_URL_KINESIS=server.aws)
                self.pipeline()
                kinesis(server.aws).put_record(StreamName=self.stream, PartitionKey="k",
                                               Data=json.dumps({"ticker": "A", "ts": stamp(), "close": 1.0}).encode())
                self.start()
                self.received(1)
                address = server.aws.split("//")[1]
                server.kill()
                self.assertEqual(self.wait_for_cause("unanswered")["shard"], "shardId-000000000000")
                server = broker(data, "--durability", "os", "--listen", address, "--faults", "throttle=1")
                self.wait_for_cause("throttled")
                server.kill()
                server = broker(data, "--durability", "os", "--listen", address)
                wait_for("reads that are answered", lambda: not {"throttled", "unanswered"} & set(self.why()))
            finally:
                self.env = env
                server.kill()

    def test_up_tells_of_its_feeds(self):
        """Of 'tapeline up': the page, the feed, and both commands without asking the stream for anything."""
        with Server("up", "--data", self.data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0") as server:
            ask = lambda: json.loads(run("status", "--data", self.data, "--json").stdout)
            wait_for("ticks", lambda: ask()["ledger"]["received"] > 3)
            status = ask()
            self.assertEqual((status["state"], status["page"]), ("running", server.page + "/"))
            self.assertEqual([(f["name"], f["running"]) for f in status["feeds"]], [("history", True)])
            out = run("why", "avg_1min", "--data", self.data).stdout
            self.assertRegex(out, "nothing is wrong|has had no record yet")  # ten tickers, four shards


if __name__ == "__main__":
    unittest.main()
