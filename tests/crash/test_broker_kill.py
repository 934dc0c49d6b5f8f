# SPDX-License-Identifier: Apache-2.0
"""kill -9 of 'tapeline broker' under load, at a random moment, ten times over: every acknowledged record is in the stream exactly
once, under its number, and the order of each writer's records on a shard is the order in which they were acknowledged; once more while
shards are split and merged all the time."""
import random
import shutil
import tempfile
import threading
import time
import unittest

from tapeline import Server, kinesis, read_stream, run, seed

ROUNDS = 10
WRITERS = 4


class Writer(threading.Thread):
    """Puts records whose data says who wrote them and when in its order; notes what was acknowledged. Nothing is put twice."""

    def __init__(self, endpoint, name, rnd, acknowledged):
        super().__init__(daemon=True)
        self.client, self.name, self.rnd, self.acknowledged = kinesis(endpoint), name, rnd, acknowledged
        self.quit, self.count = threading.Event(), 0

    def record(self):
        self.count += 1
        size = self.rnd.choice((0, 10, 200, 5000))
        return {"Data": b"%s:%06d:" % (self.name.encode(), self.count) + bytes(size), "PartitionKey": str(self.rnd.randrange(50))}

    def run(self):
        while not self.quit.is_set():
            batch = [self.record() for _ in range(self.rnd.choice((1, 1, 20, 100)))]
            try:
                if len(batch) == 1:
                    answers = [self.client.put_record(StreamName="s", **batch[0])]
                else:
                    answers = self.client.put_records(StreamName="s", Records=batch)["Records"]
            except Exception:
                return  # killed: what was not answered may be there or not
            for record, entry in zip(batch, answers):
                if "SequenceNumber" in entry:
                    self.acknowledged.append((entry["ShardId"], int(entry["SequenceNumber"]), record["PartitionKey"], record["Data"]))


class BrokerKill(unittest.TestCase):
    def test_ten_kills(self):
        self.in_a_folder(ROUNDS)

    def test_kills_while_shards_are_split_and_merged(self):
        self.in_a_folder(6, "--state-delay", "0", "--faults", "reshard=40ms", "--seed", "%d" % random.randrange(1 << 31))

    def in_a_folder(self, rounds, *options):
        rnd = random.Random(seed())
        folder = tempfile.mkdtemp()
        try:
            self.kills(folder, rnd, rounds, options)
        finally:
            shutil.rmtree(folder)

    def kills(self, folder, rnd, rounds, options):
        args = ["broker", "--limits", "off", "--data", folder, "--listen", "127.0.0.1:0"]
        acknowledged, created, deleted = [], set(), set()
        for round_ in range(rounds):
            with Server(*args, *options) as server:
                client = kinesis(server.aws)
                if round_ == 0:
                    client.create_stream(StreamName="s", ShardCount=3)
                self.assert_streams(client, created, deleted)
                writers = [Writer(server.aws, "r%d-w%d" % (round_, i), random.Random(rnd.random()), acknowledged) for i in range(WRITERS)]
                for w in writers:
                    w.start()
                until = time.monotonic() + rnd.random() * 0.8
                self.change_streams(client, rnd, round_, created, deleted)
                time.sleep(max(0, until - time.monotonic()))
                server.kill()
                for w in writers:
                    w.quit.set()
                for w in writers:
                    w.join(10)
        self.assertGreater(len(acknowledged), 50 * rounds)
        self.assert_verifies(folder)
        with Server(*args) as server:
            client = kinesis(server.aws)
            self.assert_covers(client)
            if options:
                self.assertGreater(len(client.list_shards(StreamName="s")["Shards"]), 5, "hardly anything was resharded")
            self.assert_streams(client, created, deleted)
            self.assert_holds(read_stream(client, "s"), acknowledged)
            self.assertEqual(server.stop(), 0)

    def assert_verifies(self, folder):
        """What a kill leaves is never taken for damage."""
        out = run("broker", "verify", "--data", folder, "--json").stdout
        self.assertNotIn('"problem"', out)

    def assert_covers(self, client):
        """Every hash key has one open shard."""
        shards = client.list_shards(StreamName="s", ShardFilter={"Type": "AT_LATEST"})["Shards"]
        ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in shards)
        self.assertEqual(ranges[0][0], 0)
        self.assertEqual(ranges[-1][1], 2 ** 128 - 1)
        for before, after in zip(ranges, ranges[1:]):
            self.assertEqual(after[0], before[1] + 1)

    def change_streams(self, client, rnd, round_, created, deleted):
        """CreateStream and DeleteStream are durable when they are answered, too."""
        name = "round-%d" % round_
        client.create_stream(StreamName=name, ShardCount=2)
        created.add(name)
        if len(created) > 2:
            name = rnd.choice(sorted(created))
            client.delete_stream(StreamName=name)
            created.discard(name)
            deleted.add(name)

    def assert_streams(self, client, created, deleted):
        deadline = time.monotonic() + 5
        while True:  # the files of a deleted stream may still be on their way out
            names = set(client.list_streams()["StreamNames"])
            if not names & deleted or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        self.assertEqual(names, created | {"s"})
        for name in created:
            self.assertEqual(client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"], "ACTIVE")

    def assert_holds(self, stream, acknowledged):
        held = {}
        for shard, rows in stream.items():
            numbers = [int(r[0]) for r in rows]
            self.assertEqual(numbers, sorted(set(numbers)), "numbers do not grow on " + shard)
            for r in rows:
                held[(shard, int(r[0]))] = (r[1], r[2])
        data = [v[1] for v in held.values()]
        self.assertEqual(len(data), len(set(data)), "a record is there twice, and nobody put it twice")
        for shard, number, key, record in acknowledged:
            self.assertEqual(held.get((shard, number)), (key, record), "an acknowledged record is lost or changed: %s %d" % (shard, number))
        last = {}
        for shard, rows in stream.items():
            for r in rows:
                writer, count, _ = r[2].split(b":", 2)
                self.assertGreater(int(count), last.get((shard, writer), 0), "a writer's order is broken on " + shard)
                last[(shard, writer)] = int(count)


if __name__ == "__main__":
    unittest.main()
