# SPDX-License-Identifier: Apache-2.0
"""The service's limits, which are on by default, and faults on request."""
import json
import socket
import tempfile
import time
import unittest

import wire
from tapeline import broker


class Limits(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.TemporaryDirectory()
        self.addCleanup(self.data.cleanup)

    def start(self, *options):
        self.server = broker(self.data.name, *options)
        self.addCleanup(self.server.kill)
        self.client = wire.Client(self.server.aws)
        self.addCleanup(self.client.close)

    def burst(self, action, body, n):
        """n calls in one go; (how many had success, the errors' __types)."""
        text = json.dumps(wire.to_json(body)).encode()
        one = (b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.%s\r\nContent-Type: application/x-amz-json-1.1\r\n"
               b"Content-Length: %d\r\n\r\n%s" % (action.encode(), len(text), text))
        host, port = self.server.aws.split("//")[1].rsplit(":", 1)
        good, errors = 0, []
        with socket.create_connection((host, int(port)), timeout=20) as s:
            s.sendall(one * n)
            answers = s.makefile("rb")
            for _ in range(n):
                status, length = int(answers.readline().split()[1]), 0
                while True:
                    line = answers.readline()
                    if line == b"\r\n":
                        break
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                answer = answers.read(length)
                if status == 200:
                    good += 1
                else:
                    errors.append(json.loads(answer)["__type"])
        return good, errors

    def ask(self, action, **body):
        answer = self.client.call(action, body)
        return answer.status, self.client.decode(answer) or {}

    def ok(self, action, **body):
        """Asked again as long as only the rate of calls is in the way."""
        for _ in range(100):
            status, answer = self.ask(action, **body)
            if status == 200:
                return answer
            self.assertIn(answer["__type"], ("LimitExceededException", "ResourceInUseException"), answer)
            time.sleep(0.1)
        self.fail("%s: %r" % (action, answer))

    def test_calls_a_second(self):
        """As many calls as are allowed go through at once; of a burst of many more some are refused, by the documented error."""
        self.start("--stream", "l:1")
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/l"
        iterator = self.ok("GetShardIterator", StreamName="l", ShardId="shardId-000000000000", ShardIteratorType="LATEST")["ShardIterator"]
        limits = [("ListStreams", {}, 5, "LimitExceededException"), ("DescribeLimits", {}, 1, "LimitExceededException"),
                  ("DescribeStream", {"StreamName": "l"}, 10, "LimitExceededException"),
                  ("DescribeStreamSummary", {"StreamName": "l"}, 20, "LimitExceededException"),
                  ("ListTagsForStream", {"StreamName": "l"}, 5, "LimitExceededException"),
                  ("AddTagsToStream", {"StreamName": "l", "Tags": {"a": "b"}}, 5, "LimitExceededException"),
                  ("RemoveTagsFromStream", {"StreamName": "l", "TagKeys": ["a"]}, 5, "LimitExceededException"),
                  ("DescribeAccountSettings", {}, 5, "LimitExceededException"),
                  ("UpdateAccountSettings", {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}, 5, "LimitExceededException"),
                  ("ListStreamConsumers", {"StreamARN": arn}, 5, "LimitExceededException"),
                  ("GetRecords", {"ShardIterator": iterator}, 5, "ProvisionedThroughputExceededException")]
        for action, body, n, error in limits:
            with self.subTest(action):
                good, errors = self.burst(action, body, 3 * n + 10)
                self.assertGreaterEqual(good, n)
                self.assertTrue(errors, "%d calls of %s went through" % (good, action))
                self.assertEqual(set(errors), {error})
        with self.subTest("GetShardIterator"):
            good, errors = self.burst("GetShardIterator", {"StreamName": "l", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}, 25)
            self.assertGreaterEqual(good, 4)
            self.assertEqual(set(errors), {"ProvisionedThroughputExceededException"})

    def test_bytes_and_records_of_a_shard(self):
        self.start("--stream", "l:2")
        some = [{"PartitionKey": "k", "ExplicitHashKey": "0", "Data": b"x"}] * 500
        refused = []
        for _ in range(6):
            status, answer = self.ask("PutRecords", StreamName="l", Records=some)
            self.assertEqual((status, len(answer["Records"])), (200, 500))
            bad = [r for r in answer["Records"] if "ErrorCode" in r]
            self.assertEqual(answer["FailedRecordCount"], len(bad))
            refused += bad
        self.assertTrue(refused, "3,000 records went through at once")
        for r in refused:
            self.assertEqual(r, {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage":
                                 "Rate exceeded for shard shardId-000000000000 in stream l under account 000000000000."})
        # The other shard is not concerned; there a large record fills the second.
        large = {"StreamName": "l", "PartitionKey": "k", "ExplicitHashKey": str(2**128 - 1), "Data": b"x" * (1 << 20 - 1)}
        answers = [self.ask("PutRecord", **large) for _ in range(8)]
        self.assertEqual(answers[0][0], 200)
        bad = [a for s, a in answers if s != 200]
        self.assertTrue(bad, "4 MiB went through at once")
        self.assertEqual({a["__type"] for a in bad}, {"ProvisionedThroughputExceededException"})

    def test_numbers_of_streams_and_consumers_in_the_making(self):
        self.start("--state-delay", "2500", "--stream", "l:1")
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/l"
        wire.run_case({"case": "", "do": "ListStreams", "eventually": True, "ok": {"StreamSummaries": [{"StreamStatus": "ACTIVE"}]}},
                      self.client, {}, wire.MODEL)
        for i in range(5):
            self.ok("CreateStream", StreamName="s%d" % i, ShardCount=1)
            self.ok("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c%d" % i)
        time.sleep(1.1)  # the calls of a second are not what refuses the sixth
        for action, body in (("CreateStream", {"StreamName": "sixth", "ShardCount": 1}),
                             ("RegisterStreamConsumer", {"StreamARN": arn, "ConsumerName": "sixth"})):
            status, answer = self.ask(action, **body)
            self.assertEqual((action, status, answer.get("__type")), (action, 400, "LimitExceededException"), answer)

    def test_twenty_consumers(self):
        self.start("--state-delay", "0", "--stream", "l:1")
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/l"
        for i in range(20):
            self.ok("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c%d" % i)
        time.sleep(1.1)
        status, answer = self.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName="one too many")
        self.assertEqual((status, answer["__type"]), (400, "ValidationException"))
        status, answer = self.ask("RegisterStreamConsumer", StreamARN=arn, ConsumerName="one-too-many")
        self.assertEqual((status, answer["__type"]), (400, "LimitExceededException"))

    def test_resharding(self):
        self.start("--state-delay", "0", "--stream", "l:2")
        for target in (5, 10000):
            status, answer = self.ask("UpdateShardCount", StreamName="l", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
            self.assertEqual(status, 400)
            self.assertIn(answer["__type"], ("LimitExceededException", "InvalidArgumentException"))
        for i in range(10):
            self.ok("UpdateShardCount", StreamName="l", TargetShardCount=2 if i % 2 else 1, ScalingType="UNIFORM_SCALING")
        while True:
            status, answer = self.ask("UpdateShardCount", StreamName="l", TargetShardCount=1, ScalingType="UNIFORM_SCALING")
            self.assertEqual(status, 400, "an eleventh UpdateShardCount within a day")
            if answer["__type"] != "ResourceInUseException":
                break
        self.assertEqual(answer["__type"], "LimitExceededException")

    def test_encryption_is_changed_25_times_a_day(self):
        self.start("--state-delay", "0", "--stream", "l:1")
        for i in range(25):
            self.ok("StartStreamEncryption", StreamName="l", EncryptionType="KMS", KeyId="alias/%d" % i)
        while True:
            status, answer = self.ask("StartStreamEncryption", StreamName="l", EncryptionType="KMS", KeyId="alias/26")
            self.assertEqual(status, 400, "a 26th key within a day")
            if answer["__type"] != "ResourceInUseException":
                break
        self.assertEqual(answer["__type"], "LimitExceededException")


class Faults(unittest.TestCase):
    def run_with(self, spec, seed="3"):
        data = tempfile.TemporaryDirectory()
        self.addCleanup(data.cleanup)
        server = broker(data.name, "--limits", "off", "--stream", "f:1", "--faults", spec, "--seed", seed)
        self.addCleanup(server.kill)
        client = wire.Client(server.aws)
        self.addCleanup(client.close)
        return client

    def outcomes(self, client, n=60):
        got = []
        for i in range(n):
            answer = client.call("PutRecord", {"StreamName": "f", "PartitionKey": "k", "Data": b"x"})
            got.append((answer.status, (client.decode(answer) or {}).get("__type")))
        return got

    def test_throttles_and_errors_are_the_same_for_the_same_seed(self):
        got = [self.outcomes(self.run_with("throttle=0.3,error=0.2", seed)) for seed in ("3", "3", "4")]
        self.assertEqual(got[0], got[1])
        self.assertNotEqual(got[0], got[2])
        self.assertEqual(set(got[0]), {(200, None), (400, "ProvisionedThroughputExceededException"), (500, "InternalFailure")})

    def test_parts_of_calls(self):
        client = self.run_with("partial=0.3")
        failed = []
        for _ in range(20):
            answer = client.decode(client.call("PutRecords", {"StreamName": "f", "Records": [{"PartitionKey": "k", "Data": b"x"}] * 3}))
            failed.append(answer["FailedRecordCount"])
            self.assertEqual(failed[-1], sum("ErrorCode" in r for r in answer["Records"]))
            for r in answer["Records"]:
                self.assertIn(set(r), ({"ShardId", "SequenceNumber"}, {"ErrorCode", "ErrorMessage"}))
        self.assertTrue(set(failed) & {1, 2}, failed)

    def test_iterators_that_are_too_old(self):
        client = self.run_with("expire=1")
        first = {"StreamName": "f", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}
        iterator = client.decode(client.call("GetShardIterator", first))
        answer = client.call("GetRecords", iterator)
        self.assertEqual(answer.status, 400)
        body = client.decode(answer)
        self.assertEqual(body["__type"], "ExpiredIteratorException")
        day = r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}"
        self.assertRegex(body["message"], r"^Iterator expired\. The iterator was created at time %s while right now it is %s which is further in "
                         r"the future than the tolerated delay of 300000 milliseconds\.$" % (day, day))


if __name__ == "__main__":
    unittest.main()
