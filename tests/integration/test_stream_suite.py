# SPDX-License-Identifier: Apache-2.0
"""Producer and consumer against a Kinesis server: 'tapeline feed' and 'tapeline run' over a stream that is split and merged. The server is
our broker, with and without faults, or the one at TL_PEER (tests/conformance/run peers), which TL_PEER_CANNOT says what to leave out for."""
import hashlib
import json
import os
import subprocess
import tempfile
import time
import unittest

from tapeline import BINARY, CLIENT_ENV, broker, run, wait_for

PEER = os.environ.get("TL_PEER")
CANNOT = set(os.environ.get("TL_PEER_CANNOT", "").split())
FAULTS = "throttle=0.05,error=0.03,partial=0.05,expire=0.1,drop=0.03,lose=0.03,reshard=4s"
TICKERS, DAYS = 10, 252
ROWS = TICKERS * DAYS  # of the sample history, as 'tapeline feed --once' sends it
SQL = """CREATE PIPELINE p;
CREATE PROFILE here DEFAULT WITH (kinesis = '%s', region = 'us-east-1');
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE, key VARCHAR METADATA FROM 'partition_key',
  sub BIGINT METADATA FROM 'sub_sequence_number', number VARCHAR METADATA FROM 'sequence_number',
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time - INTERVAL '1' HOUR, DEDUP BY (ticker, "timestamp"))
WITH (stream = '%s', shard_idle = '1 h', flush_after = '1 h', dedup_for = '366 d', max_future_skew = '1 h'%s);
CREATE FEED history INTO ticks AS SELECT ticker, "date" || 'T00:00:00' AS "timestamp", close
  FROM LAKE('curated/stocks_features') ORDER BY "date", ticker WITH (partition_key = 'ticker', interval = '0 s');
CREATE VIEW v AS SELECT ticker, COUNT(*) AS n, FIRST(close) AS f, LAST(close) AS l, FIRST(sub) AS s, LAST(number) AS q
  FROM ticks GROUP BY ticker EMIT CHANGES;
"""


def want(ok, fmt, *args):
    if not ok:
        raise AssertionError(fmt % args)


def varint(v):
    out = b""
    while v >= 0x80:
        out, v = out + bytes([v & 0x7F | 0x80]), v >> 7
    return out + bytes([v])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def aggregated(key, records):
    """As the KPL puts records together."""
    message = field(1, key.encode()) + b"".join(field(3, b"\x08\x00" + field(3, r)) for r in records)
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def tick(ticker, n, close):
    return json.dumps({"ticker": ticker, "timestamp": "2024-01-01T00:%02d:00" % n, "close": close}).encode()


class Hurry:
    """For boto: a second is short where faults are meant."""
    @staticmethod
    def sleep(seconds):
        time.sleep(seconds / 20)


class Suite:
    """What every server has to pass."""
    faults = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.lake = os.path.join(cls.folder.name, "lake")
        run("sample", "--lake", cls.lake, "--tickers", TICKERS)
        cls.server = None if PEER else broker(os.path.join(cls.folder.name, "broker"), "--limits", "off", *cls.faults)
        cls.endpoint = PEER or cls.server.aws

    @classmethod
    def tearDownClass(cls):
        if cls.server:
            cls.server.kill()
        cls.folder.cleanup()

    def setUp(self):
        import boto3
        import botocore.endpoint
        from botocore.config import Config
        botocore.endpoint.time = Hurry  # what it waits before it tries again
        self.client = boto3.client("kinesis", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test",
                                   aws_secret_access_key="test", config=Config(retries={"max_attempts": 12, "mode": "standard"}))
        self.stream = "suite-%d" % time.time_ns()
        self.d = tempfile.TemporaryDirectory()
        self.sql = os.path.join(self.d.name, "p.sql")

    def tearDown(self):
        self.d.cleanup()

    def write(self, options=""):
        with open(self.sql, "w") as f:
            f.write(SQL % (self.endpoint, self.stream, options))

    def engine(self, *options):
        """The ledger of a run over everything that is there; with one lake, from where the last ended."""
        p = run("run", self.sql, "--lake", os.path.join(self.d.name, "out"), "--until-now", "--json", *options)
        return json.loads(p.stdout.splitlines()[-1]), p.stdout

    def create(self, shards):
        """By the engine itself."""
        ledger, _ = self.engine("--create-stream", shards)
        self.active()
        return ledger

    def open_shards(self):
        return sorted((s for s in self.client.list_shards(StreamName=self.stream)["Shards"]
                       if "EndingSequenceNumber" not in s["SequenceNumberRange"]), key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))

    def active(self):
        state = lambda: self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamStatus"]
        wait_for("the stream is ACTIVE", lambda: state() == "ACTIVE")

    def reshard(self, merge):
        for _ in range(50):
            self.active()
            shards = self.open_shards()
            try:
                if merge and len(shards) > 1:
                    self.client.merge_shards(StreamName=self.stream, ShardToMerge=shards[0]["ShardId"], AdjacentShardToMerge=shards[1]["ShardId"])
                else:
                    low, high = (int(shards[0]["HashKeyRange"][k]) for k in ("StartingHashKey", "EndingHashKey"))
                    self.client.split_shard(StreamName=self.stream, ShardToSplit=shards[0]["ShardId"], NewStartingHashKey=str((low + high) // 2))
                return self.active()
            except self.client.exceptions.ResourceInUseException:
                time.sleep(0.05)  # the faults' own reshards were faster
        self.fail("the stream cannot be resharded")

    def delete(self):
        """With faults it may be UPDATING just then, or gone by a call whose answer was lost."""
        for _ in range(50):
            try:
                return self.client.delete_stream(StreamName=self.stream)
            except self.client.exceptions.ResourceNotFoundException:
                return None
            except self.client.exceptions.ResourceInUseException:
                time.sleep(0.05)
        self.fail("the stream cannot be deleted")

    def feed(self):
        run("feed", self.sql, "--lake", self.lake, "--state", os.path.join(self.d.name, "feed"), "--once")

    def check_reading(self, options):
        """Splits and merges while it runs, while it is stopped, and several in between; then every row once."""
        self.write(options)
        ledger = self.create(2)
        want(ledger["received"] == 0, "an empty stream: %s", ledger)
        with open(os.path.join(self.d.name, "log"), "w+") as log:
            p = subprocess.Popen([BINARY, "run", self.sql, "--lake", os.path.join(self.d.name, "out")], stderr=log, env=CLIENT_ENV)
            try:
                self.feed()
                self.reshard(False)
                self.feed_again("A")
            finally:
                p.kill()
                p.wait()
        for merge in (True, False, False, True):
            self.reshard(merge)
        self.feed_again("B")
        ledger, out = self.engine("--dump", "v")
        counted = ledger["received"] - ledger["duplicate"]
        want(counted == ledger["aggregated"] == ROWS + 40, "%d records expected: %s", ROWS + 40, ledger)
        want(self.faults or PEER or ledger["duplicate"] == 0, "nothing was sent twice: %s", ledger)
        rows = [line.split(",") for line in out.splitlines()[1:-1]]
        by_ticker = {r[0]: r for r in rows if r[0] in "AB"}
        for t in "AB":
            want(by_ticker[t][1:4] == ["20", "0", "19"], "the records of %s in their order (rule 1): %s", t, by_ticker[t])

    def feed_again(self, ticker):
        for n in range(20):
            self.client.put_record(StreamName=self.stream, Data=tick(ticker, n, n), PartitionKey=ticker)

    def test_poll(self):
        self.check_reading("")

    def test_cbor(self):
        if "cbor" in CANNOT:
            self.skipTest("this server cannot: CBOR")
        self.check_reading(", wire = 'cbor'")

    def test_fanout(self):
        if "fanout" in CANNOT:
            self.skipTest("this server cannot: consumers and SubscribeToShard over HTTP/2")
        self.check_reading(", read = 'fanout'")

    def test_aggregated_records_are_taken_apart(self):
        """rule 1: the index inside an aggregated record is the last of the order"""
        self.write()
        self.create(1)
        same = [json.dumps({"ticker": "K", "timestamp": "2024-01-01T00:00:0%d" % 0, "close": i, "i": i}).encode() for i in range(3)]
        self.client.put_record(StreamName=self.stream, Data=aggregated("user", same[:1] + [tick("K", 1, 5)]), PartitionKey="any")
        broken = aggregated("user", same)
        self.client.put_record(StreamName=self.stream, Data=broken[:-1] + bytes([broken[-1] ^ 1]), PartitionKey="any")
        ledger, out = self.engine("--dump", "v")
        unique = ledger["received"] - ledger["duplicate"]
        want(unique >= 3 and ledger["aggregated"] == 2 and ledger["malformed"] >= 1, "two records and a broken one: %s", ledger)
        row = out.splitlines()[1].split(",")
        want(row[1:5] == ["2", "0", "5", "0"] and row[5].endswith(":1"), "their order and numbers: %s", row)

    def test_a_stream_that_is_not_there_is_named_at_once(self):
        self.write()
        began = time.monotonic()
        p = run("run", self.sql, "--lake", os.path.join(self.d.name, "out"), "--until-now", check=False)
        want(p.returncode == 1 and self.stream in p.stderr and "--create-stream" in p.stderr, "%d %s", p.returncode, p.stderr)
        want(time.monotonic() - began < 20, "not retried for ever")

    def test_a_stream_that_is_deleted_ends_the_pipeline(self):
        self.write()
        self.create(1)
        p = subprocess.Popen([BINARY, "run", self.sql, "--lake", os.path.join(self.d.name, "out")], stderr=subprocess.PIPE, text=True,
                             env=CLIENT_ENV)
        try:
            time.sleep(0.3)  # so that it reads, most times; the end is the same
            self.delete()
            _, told = p.communicate(timeout=60)
        finally:
            p.kill()
        want(p.returncode == 1 and self.stream in told, "%s %s", p.returncode, told)


class WellBehaved(Suite, unittest.TestCase):
    pass


@unittest.skipIf(PEER, "faults are our broker's")
class WithFaults(Suite, unittest.TestCase):
    faults = ("--faults", FAULTS, "--seed", "7")


if __name__ == "__main__":
    unittest.main()
