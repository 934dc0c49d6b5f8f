# SPDX-License-Identifier: Apache-2.0
"""What tests over a real stream share: a broker for the class, and for each test a stream of its own name, a folder, a pipeline over it."""
import datetime
import json
import os
import signal
import subprocess
import tempfile
import unittest

from tapeline import BINARY, CLIENT_ENV, broker, kinesis, run, wait_for

HALF = 2**127


def stamp(seconds=0):
    """An instant so far from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


class StreamCase(unittest.TestCase):
    OPTIONS = ("--durability", "os", "--limits", "off", "--state-delay", "0")
    BROKER_ENV = None

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        cls.broker = broker(os.path.join(cls.shared.name, "broker"), *cls.OPTIONS, env=cls.BROKER_ENV)
        cls.addClassCleanup(cls.broker.kill)
        cls.client = kinesis(cls.broker.aws)
        cls.env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=cls.broker.aws)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(self.kill)
        self.folder = folder.name
        self.data = os.path.join(self.folder, "d")
        self.file = os.path.join(self.folder, "p.sql")
        self.process = None
        self.stream = self.id().split(".")[-1]

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.communicate(timeout=10)

    def create(self, shards=2):
        self.client.create_stream(StreamName=self.stream, ShardCount=shards)

    def put(self, data, shard=0, key="AAPL", count=1):
        """Of a stream that was made with two shards; the last record's sequence number."""
        answer = self.client.put_records(StreamName=self.stream, Records=[
            {"Data": data, "PartitionKey": key, "ExplicitHashKey": str(HALF * shard)}] * count)
        return answer["Records"][-1]["SequenceNumber"]

    def put_tick(self, ts, shard=0, key="AAPL", count=1):
        return self.put(json.dumps({"ticker": key, "ts": ts, "close": 1.5}).encode(), shard, key, count)

    def pipeline(self, start="TRIM_HORIZON", stream=None, more="", where="", profile=""):
        with open(self.file, "w") as f:
            f.write("""CREATE PIPELINE p;
%sCREATE SOURCE ticks (ticker VARCHAR NOT NULL, ts VARCHAR NOT NULL, close DOUBLE, event_time AS PARSE_TIMESTAMP(ts),
  WATERMARK FOR event_time AS event_time - INTERVAL '10' SECOND) WITH (stream = '%s', start = '%s'%s);
CREATE VIEW v AS SELECT ticker, window_start, window_end, AVG(close) AS a FROM TUMBLE(ticks, event_time, INTERVAL '10' SECOND)
  %s GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK s FROM v WITH (path = 'v', table = 'd.v', commit_every = '1 s');
""" % (profile, stream or self.stream, start, more, where))

    def start(self, env=None):
        self.process = subprocess.Popen([BINARY, "run", self.file, "--data", self.data], env=env or self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for("the engine to answer", lambda: self.status()["state"] == "running")

    def stop(self, number=signal.SIGTERM):
        """What it wrote to stderr."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[1]

    def run_until_now(self, env=None, check=True):
        """(the ledger or None, stderr) of a run over all that is there."""
        p = run("run", self.file, "--data", self.data, "--until-now", "--json", env=env or self.env, check=check)
        return json.loads(p.stdout.splitlines()[-1]) if p.returncode == 0 else None, p.stderr

    def status(self):
        p = run("status", self.file, "--data", self.data, "--json", env=self.env, check=False)
        return json.loads(p.stdout) if p.returncode == 0 else {"state": "none"}

    def received(self, count):
        wait_for("%d records" % count, lambda: self.status().get("ledger", {}).get("received") == count)
