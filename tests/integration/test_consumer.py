# SPDX-License-Identifier: Apache-2.0
"""What a stream does to its reader in the course of days, through the binary: retention, subscriptions that end, consumers that go, readers
beside it. Hours pass by the clocks of tests/support/disk_shim.h."""
import os
import tempfile
import time

from shim import CLOCK_NS, MONOTONIC_NS, Shim
from stream_case import StreamCase, stamp
from tapeline import kinesis, wait_for

HOUR = 3600 * 10**9


class Clocks(StreamCase):
    """The broker's clocks and the engine's are moved apart from those of the machine, and from each other's."""

    @classmethod
    def setUpClass(cls):
        cls.shims = tempfile.TemporaryDirectory()
        cls.access = os.path.join(cls.shims.name, "access")
        cls.OPTIONS = StreamCase.OPTIONS + ("--access-log", cls.access)
        cls.addClassCleanup(cls.shims.cleanup)
        cls.of_broker, cls.of_engine = (Shim(os.path.join(cls.shims.name, name)) for name in ("broker", "engine"))
        cls.BROKER_ENV = cls.of_broker.env()
        super().setUpClass()
        cls.env = cls.of_engine.env(env=cls.env)

    def pass_time(self, ns, *shims):
        for shim in shims:
            shim[CLOCK_NS] += ns
            shim[MONOTONIC_NS] += ns
        self.client = kinesis(self.broker.aws)  # the old one's connection has been idle for too long

    def pass_hours(self, hours):
        self.pass_time(hours * HOUR, self.of_broker, self.of_engine)
        self.client.create_stream(StreamName="other", ShardCount=1)  # its end wakes the janitor, who sees then how late it is
        self.client.delete_stream(StreamName="other")

    def read_up_to(self, count):
        self.start()
        self.received(count)
        self.stop()

    def shards(self):
        return [s["ShardId"][-1] for s in self.client.list_shards(StreamName=self.stream)["Shards"]]

    def split(self, shard):
        state = lambda: self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamStatus"]
        shards = {s["ShardId"]: s for s in self.client.list_shards(StreamName=self.stream)["Shards"]}
        low, high = (int(shards[shard]["HashKeyRange"][k]) for k in ("StartingHashKey", "EndingHashKey"))
        self.client.split_shard(StreamName=self.stream, ShardToSplit=shard, NewStartingHashKey=str((low + high) // 2 + 1))
        wait_for("the split", lambda: state() == "ACTIVE")

    def test_what_retention_deleted_is_an_error_or_counted(self):
        self.pipeline()
        self.create(1)
        self.put_tick(stamp(), count=5)
        self.read_up_to(5)
        self.put_tick(stamp(), count=4)
        self.pass_hours(30)
        self.put_tick(stamp(30 * 3600), count=2)
        _, told = self.run_until_now(check=False)
        self.assertRegex(told, r"retention has deleted the position: .*up to 4 records, of the span of .*, may never have been read.*on_data_loss = 'continue'")
        self.pipeline(more=", on_data_loss = 'continue'")
        ledger, told = self.run_until_now()
        self.assertEqual((ledger["received"], ledger["gaps"], ledger["gap_records"]), (7, 1, 4))
        self.assertIn("counted as a gap", told)

    def test_ancestors_that_are_gone_are_found_by_hash_range(self):
        """Two generations come and go while nothing runs. The grandchildren go on from the shards that are known and have their keys; what
        was in the shards between is lost."""
        self.pipeline(more=", on_data_loss = 'continue'")
        self.create(2)
        self.put_tick(stamp(), 0, count=3)
        self.put_tick(stamp(), 1, "MSFT", count=2)
        self.read_up_to(5)
        self.split("shardId-000000000000")  # 2 and 3
        self.split("shardId-000000000002")  # 4 and 5
        self.pass_hours(30)
        wait_for("the closed shards to go", lambda: self.shards() == ["1", "3", "4", "5"])
        self.put_tick(stamp(30 * 3600), 0, count=4)
        self.put_tick(stamp(30 * 3600), 1, "MSFT", count=1)
        ledger, told = self.run_until_now()
        self.assertEqual(ledger["received"], 10)
        self.assertRegex(told, "removed shard 'shardId-000000000002', the parent of 'shardId-000000000004', before it was read")
        self.assertGreater(ledger["gaps"], 0)

    def test_a_shard_that_is_done_with_leaves_the_checkpoint(self):
        """Its children have begun, its windows are closed, and the stream has it no more. What it counted stays counted."""
        known = lambda: [s["id"][-1] for s in self.status()["sources"][0]["shards"]]
        self.pipeline()
        self.create(1)
        self.put_tick(stamp(), count=3)
        self.read_up_to(3)
        self.split("shardId-000000000000")
        for shard in (0, 1):
            self.put_tick(stamp(), shard)
        self.read_up_to(5)
        self.assertEqual(known(), ["0", "1", "2"])
        self.pass_hours(30)
        wait_for("the closed shard to go", lambda: self.shards() == ["1", "2"])
        for shard in (0, 1):
            self.put_tick(stamp(30 * 3600), shard)
        self.start()
        self.received(7)
        wait_for("it to leave", lambda: known() == ["1", "2"])
        self.put_tick(stamp(30 * 3600))  # the next commit has it no more
        self.received(8)
        self.stop()
        self.assertEqual((self.process.returncode, known()), (0, ["1", "2"]))
        self.assertEqual(self.run_until_now()[0]["received"], 8)

    def test_a_subscription_that_ends_is_taken_up_again(self):
        """After five minutes the service ends it."""
        self.pipeline(more=", read = 'fanout'")
        self.create(1)
        self.put_tick(stamp(), count=3)
        self.start()
        self.received(3)
        for total in (5, 7):
            self.pass_time(6 * 10**9, self.of_engine)  # a new one may be made
            self.pass_time(301 * 10**9, self.of_broker)
            self.put_tick(stamp(), count=2)
            self.received(total)
        ends = self.subscriptions()
        self.assertEqual(self.stop().count("warn"), 0)
        self.assertGreaterEqual(ends, 2)

    def subscriptions(self):
        """Of this broker, that have ended."""
        with open(self.access) as f:
            return sum("SubscribeToShard" in line for line in f)

    def test_a_consumer_that_is_deregistered_is_named(self):
        self.pipeline(more=", read = 'fanout', consumer = 'mine'")
        self.create(1)
        self.put_tick(stamp(), count=3)
        self.start()
        self.received(3)
        arn = self.client.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]["StreamARN"]
        self.client.deregister_stream_consumer(StreamARN=arn, ConsumerName="mine")
        self.of_engine[MONOTONIC_NS] += 6 * 10**9
        _, told = self.process.communicate(timeout=30)
        self.assertEqual(self.process.returncode, 1)
        self.assertRegex(told, "consumer '.*mine.*' is gone: it was deregistered")
        self.put_tick(stamp(), count=2)  # nothing was passed over
        self.assertEqual(self.run_until_now()[0]["received"], 5)


class Beside(StreamCase):
    """Five reads a second and shard are for all readers together."""
    OPTIONS = ("--durability", "os", "--state-delay", "0")

    def test_two_readers_share_a_shard(self):
        """The engine, as it reads on AWS, and a client that reads as often as it may: both come to the end, and neither starves."""
        self.pipeline(profile="CREATE PROFILE aws DEFAULT WITH (kinesis = '%s', region = 'us-east-1');\n" % self.broker.aws)
        self.create(1)
        it = self.client.get_shard_iterator(StreamName=self.stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        self.start()
        seen, refused, answered = 0, 0, 0
        for n in range(40):
            if n % 4 == 0:
                self.put_tick(stamp(), count=3)
            try:
                answer = self.client.get_records(ShardIterator=it)
                it, seen, answered = answer["NextShardIterator"], seen + len(answer["Records"]), answered + 1
            except self.client.exceptions.ProvisionedThroughputExceededException:
                refused += 1
            time.sleep(0.1)
        self.received(30)
        self.assertGreaterEqual(answered, 5, "the other reader got its share")
        self.assertGreater(refused, 0, "the limit was reached")
        self.assertNotIn("error", self.stop())
