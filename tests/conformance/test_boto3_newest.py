# SPDX-License-Identifier: Apache-2.0
"""The broker's tests once more, with a boto3 from PyPI in place of Debian's; and what Debian's is too old for."""
import os
import sys

import boto3

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "integration"))
import test_broker_clients as clients  # noqa: E402
from tapeline import wait_for  # noqa: E402

print("boto3 %s from %s" % (boto3.__version__, os.path.dirname(boto3.__file__)), flush=True)


class Boto3Newest(clients.BrokerClients):
    test_every_command_of_the_aws_cli = None  # it is Debian's, and was run there

    def test_what_older_models_have_not(self):
        self.stream("new", 1)
        k, arn = self.k, self.k.describe_stream(StreamName="new")["StreamDescription"]["StreamARN"]
        k.tag_resource(ResourceARN=arn, Tags={"a": "1"})
        self.assertEqual(k.list_tags_for_resource(ResourceARN=arn)["Tags"], [{"Key": "a", "Value": "1"}])
        k.untag_resource(ResourceARN=arn, TagKeys=["a"])
        k.put_resource_policy(ResourceARN=arn, Policy='{"Version": "2012-10-17", "Statement": []}')
        self.assertIn("2012-10-17", k.get_resource_policy(ResourceARN=arn)["Policy"])
        k.delete_resource_policy(ResourceARN=arn)
        self.assertEqual(k.describe_account_settings()["MinimumThroughputBillingCommitment"]["Status"], "DISABLED")
        k.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
        self.active("new")
        large = os.urandom(9 << 20)
        put = k.put_record(StreamARN=arn, PartitionKey="k", Data=large)
        it = k.get_shard_iterator(StreamARN=arn, ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        self.assertEqual(k.get_records(ShardIterator=it, StreamARN=arn)["Records"][0]["Data"], large)
        self.assertEqual(self.code(k.put_record, StreamARN=arn, PartitionKey="k", Data=b"", DryRun=True), "DryRunOperationException")
        k.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
        self.active("new")
        k.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
        self.active("new")
        self.assertTrue(k.put_record(StreamARN=arn, Data=b"without a key")["SequenceNumber"])
        settings = k.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
        self.assertEqual(settings["MinimumThroughputBillingCommitment"]["Status"], "ENABLED")
        self.assertEqual(k.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=5)["WarmThroughput"]["TargetMiBps"], 5)
        self.assertEqual(self.code(k.list_queues), "UnknownOperationException")

    def test_subscriptions_through_a_split(self):
        """boto3 subscribes over HTTP/1.1; it insists on an initial-response."""
        self.stream("fan", 1)
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/fan"
        consumer = self.k.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
        wait_for("the consumer is ACTIVE",
                 lambda: self.k.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
        for i in range(20):
            self.k.put_record(StreamName="fan", PartitionKey=str(i), Data=b"%d" % i)
        self.k.split_shard(StreamName="fan", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
        self.active("fan")
        for i in range(20, 40):
            self.k.put_record(StreamName="fan", PartitionKey=str(i), Data=b"%d" % i)
        self.assertEqual(sorted(self.follow(consumer, "shardId-000000000000")), list(range(40)))

    def follow(self, consumer, shard):
        answer, got = self.k.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": "TRIM_HORIZON"}), []
        for event in answer["EventStream"]:
            event = event["SubscribeToShardEvent"]
            got += [int(r["Data"]) for r in event["Records"]]
            if event.get("ChildShards"):
                return got + [n for child in event["ChildShards"] for n in self.follow(consumer, child["ShardId"])]
            if event["MillisBehindLatest"] == 0 and got:
                answer["EventStream"].close()
                break
        return got


class SecureNewest(clients.Secure):
    test_aws_cli = None


del clients  # its classes are not tests of this folder once more
