# SPDX-License-Identifier: Apache-2.0
"""Random pipelines over a Kinesis stream give the rows of the model over what the stream holds, whatever the
number of shards, splits and merges, interleavings and sizes of puts, threads, stops and kills; and the epoch
log alone gives the same files, byte for byte: semantics rules 2, 3, 4, 5, 7, 9, 10."""
import datetime
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

import cases
import engine
import model
from engine import want
from property import SUPPORTED, Property
from tapeline import BINARY, CLIENT_ENV, broker, kinesis, run
from test_model import epoch_log

COUNT = 20
HASHES = 2**128
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Stream:
    """A stream that is written and resharded while the engine may read it."""

    def __init__(self, client, name, rnd):
        self.client, self.name, self.rnd = client, name, rnd
        client.create_stream(StreamName=name, ShardCount=rnd.choice([1, 2, 2, 3, 4]))
        self.wait()

    def wait(self):
        end = time.monotonic() + 20
        summary = lambda: self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        while summary()["StreamStatus"] != "ACTIVE":
            if time.monotonic() > end:
                raise AssertionError("stream '%s' does not become ACTIVE" % self.name)
            time.sleep(0.01)

    def shards(self):
        return self.client.list_shards(StreamName=self.name)["Shards"]

    def put(self, records):
        """In the order given, in batches of any size."""
        while records:
            size = self.rnd.randrange(1, 60)
            answer = self.client.put_records(StreamName=self.name, Records=[
                {"Data": data, "PartitionKey": key, "ExplicitHashKey": str(at)} for data, key,
                at in records[:size]])
            assert answer["FailedRecordCount"] == 0, answer
            records = records[size:]

    def reshard(self):
        """Splits a shard, or merges two."""
        bounds = lambda s: (int(s["HashKeyRange"]["StartingHashKey"]),
                            int(s["HashKeyRange"]["EndingHashKey"]))
        ends = sorted((s for s in self.shards() if "EndingSequenceNumber" not in s["SequenceNumberRange"]),
                      key=bounds)
        if len(ends) > 1 and self.rnd.random() < 0.6:
            i = self.rnd.randrange(len(ends) - 1)
            self.client.merge_shards(StreamName=self.name, ShardToMerge=ends[i]["ShardId"],
                                     AdjacentShardToMerge=ends[i + 1]["ShardId"])
        else:
            shard = self.rnd.choice(ends)
            low, high = bounds(shard)
            self.client.split_shard(StreamName=self.name, ShardToSplit=shard["ShardId"],
                                    NewStartingHashKey=str(low +
                                                           (high - low) * self.rnd.randrange(1, 8) // 8))
        self.wait()

    def contents(self):
        """As the model takes it."""
        out = []
        for s in self.shards():
            parents = tuple(s[p] for p in ("ParentShardId", "AdjacentParentShardId") if p in s)
            out.append(model.Shard(s["ShardId"], self.records(s["ShardId"]), parents))
        return out

    def records(self, shard):
        out = []
        it = self.client.get_shard_iterator(StreamName=self.name, ShardId=shard,
                                            ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while it:
            answer = self.client.get_records(ShardIterator=it)
            for r in answer["Records"]:
                arrival = round((r["ApproximateArrivalTimestamp"] - EPOCH).total_seconds() * 1000) * 10**6
                out.append(model.Record(r["SequenceNumber"], r["Data"], r["PartitionKey"], arrival))
            more = answer["Records"] or answer["MillisBehindLatest"]
            it = answer.get("NextShardIterator") if more else None
        return out


def interleaved(files, rnd):
    """The records of all files, those of each in their order; each file has its range of hash keys."""
    lanes = [[(line or b" ", "key %d" % i, (HASHES // len(files)) * i + rnd.randrange(HASHES // len(files)))
              for line in lines]
             for i, (_, lines) in enumerate(files) if lines]
    out, most = [], rnd.choice([3, 12, 1000])
    while lanes:
        lane = rnd.choice(lanes)
        for _ in range(rnd.randrange(1, most)):
            out += [lane.pop(0)] if lane else []
        lanes = [l for l in lanes if l]
    return out


class Streams(Property):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = broker(cls.folder.name, "--durability", "os", "--limits", "off", "--state-delay", "0")
        cls.client = kinesis(cls.server.aws)  # making one is not safe in threads, using it is
        cls.env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=cls.server.aws)

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.folder.cleanup()

    def engine(self, folder, lake, rnd):
        return [BINARY, "run", os.path.join(folder, "p.sql"), "--lake", lake, "--threads",
                str(rnd.randrange(1, 5))]

    def disturbed(self, folder, lake, rnd, write):
        """A run while records are written, stopped or killed somewhere, perhaps in the middle of a commit."""
        p = subprocess.Popen(self.engine(folder, lake, rnd), stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=self.env,
                             stdin=subprocess.DEVNULL)
        time.sleep(rnd.random() * 0.1)  # the places of stop and kill are random, nothing is awaited
        write()
        time.sleep(rnd.random() * 0.1)
        how = rnd.choice(["stop", "stop and kill", "kill"])
        if how != "kill":
            p.send_signal(signal.SIGTERM)
            time.sleep(rnd.random() * 0.03 if how == "stop and kill" else 0)
        if how != "stop":
            p.kill()
        text = p.communicate(timeout=30)[1].decode()
        want(p.returncode in (0, -signal.SIGKILL, 128 + signal.SIGTERM, -signal.SIGTERM), "exit %d: %s",
             p.returncode, text)

    def write_disturbed(self, case, folder, lake, rnd):
        """The streams with all their records; the engine has seen them come, more than once."""
        streams, rest = {}, {}
        for source, name in case.streams().items():
            streams[source] = Stream(self.client, "%s-%d" % (name, time.time_ns()), rnd)
            rest[source] = interleaved(case.files[source], rnd)
        text = case.sql(lake=True)
        for source, name in case.streams().items():
            text = text.replace("'%s'" % name, "'%s'" % streams[source].name)
        with open(os.path.join(folder, "p.sql"), "w") as f:
            f.write(text)
        parts = rnd.randrange(1, 4)

        def write(part):
            for source, stream in streams.items():
                records = rest[source]
                cut = len(records) * (part + 1) // parts
                stream.put(records[len(records) * part // parts:cut])
                for _ in range(rnd.choice([0, 1, 1, 2])):
                    stream.reshard()
        for part in range(parts):
            if rnd.random() < 0.7:
                self.disturbed(folder, lake, rnd, lambda: write(part))
            else:
                write(part)
        return {source: stream.contents() for source, stream in streams.items()}

    def last_run(self, case, folder, lake, rnd):
        out = run(*self.engine(folder, lake, rnd)[1:], "--until-now", "--json", env=self.env).stdout
        return out.splitlines()[-1]

    def check(self, case):
        rnd = random.Random(case.seed)
        with tempfile.TemporaryDirectory() as folder:
            a, b = os.path.join(folder, "a"), os.path.join(folder, "b")
            inputs = self.write_disturbed(case, folder, a, rnd)
            results, malformed = model.run(case.pipeline, inputs)
            if case.pipeline.sources[0].delay == cases.NEVER_LATE:
                alone, _ = model.run(case.pipeline, case.shards(""))
                want({n: r.rows for n, r in alone.items()} == {n: r.rows for n, r in results.items()},
                     "shards change the rows")
            ledger = self.last_run(case, folder, a, rnd)
            engine.compare_ledger(case, ledger, results)
            engine.compare_lake_rows(case, a, results)
            engine.compare_dead_letters(case, a, results, malformed)
            self.check_repeated(case, folder, a, b, rnd)
            for view in case.pipeline.views:
                out = run(*self.engine(folder, os.path.join(folder, view.name), rnd)[1:], "--until-now",
                          "--dump", view.name, env=self.env)
                engine.compare_rows(view, out.stdout, results[view.name].rows)

    def check_repeated(self, case, folder, lake, other, rnd):
        """The epoch log of a lake gives its files again, in any number of threads."""
        epoch_log(lake, other)
        self.last_run(case, folder, other, rnd)
        want(engine.hashes(lake) == engine.hashes(other),
             "repeated from the epoch log: files %s, expected %s", engine.hashes(other),
             engine.hashes(lake))

    def test_rows_over_streams(self):
        """rule 2, rule 3, rule 4, rule 5, rule 7, rule 9, rule 10, rule 11"""
        self.check_all(self.check, COUNT, lambda s: cases.make(s, SUPPORTED, far=True), small=False)

    def test_rows_over_any_shards(self):
        """rule 10: splits, merges and interleavings change what is late (rule 4), and nothing else"""
        make = lambda s: cases.never_late(cases.make(s, SUPPORTED - {"metadata", "dedup"}))
        self.check_all(self.check, COUNT // 3, make, small=False)


if __name__ == "__main__":
    unittest.main()
