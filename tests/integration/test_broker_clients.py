# SPDX-License-Identifier: Apache-2.0
"""The broker as real clients see it: Debian's boto3 and AWS CLI, the AWS SDK for JavaScript; and the exact wire."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import ClientError
from tapeline import CLIENT_ENV, ROOT, Server, broker, kinesis, read_stream, wait_for


class BrokerClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        cls.server = broker(cls.data.name, "--limits", "off")
        cls.k = kinesis(cls.server.aws)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def code(self, call, **args):
        with self.assertRaises(ClientError) as e:
            call(**args)
        self.message = e.exception.response["Error"]["Message"]
        self.status = e.exception.response["ResponseMetadata"]["HTTPStatusCode"]
        return e.exception.response["Error"]["Code"]

    def stream(self, name, shards=2):
        self.k.create_stream(StreamName=name, ShardCount=shards)
        self.k.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        return name

    def test_life_of_a_stream(self):
        self.stream("life", 3)
        d = self.k.describe_stream(StreamName="life")["StreamDescription"]
        self.assertEqual((d["StreamStatus"], len(d["Shards"]), d["RetentionPeriodHours"]), ("ACTIVE", 3, 24))
        ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in d["Shards"]]
        self.assertEqual(ranges[0][0], 0)
        self.assertEqual(ranges[-1][1], 2**128 - 1)
        self.assertTrue(all(a[1] + 1 == b[0] for a, b in zip(ranges, ranges[1:])))
        self.assertEqual(self.k.describe_stream_summary(StreamName="life")["StreamDescriptionSummary"]["OpenShardCount"], 3)
        _, _, body = self.post("DescribeStreamSummary", json.dumps({"StreamARN": d["StreamARN"]}).encode())
        self.assertEqual(json.loads(body)["StreamDescriptionSummary"]["StreamName"], "life")
        self.assertIn("life", self.k.list_streams()["StreamNames"])
        self.k.delete_stream(StreamName="life")
        for _ in range(100):
            if "life" not in self.k.list_streams()["StreamNames"]:
                break
            time.sleep(0.05)
        self.assertEqual(self.code(self.k.describe_stream, StreamName="life"), "ResourceNotFoundException")

    def test_routing_is_by_md5_and_order_is_kept(self):
        import hashlib
        self.stream("routing", 4)
        records = [{"Data": b"%d" % i, "PartitionKey": "key-%d" % (i % 37)} for i in range(500)]
        answer = self.k.put_records(StreamName="routing", Records=records)
        self.assertEqual(answer["FailedRecordCount"], 0)
        for r, a in zip(records, answer["Records"]):
            n = int(hashlib.md5(r["PartitionKey"].encode()).hexdigest(), 16) * 4 >> 128
            self.assertEqual(a["ShardId"], "shardId-%012d" % n)
        one = self.k.put_record(StreamName="routing", Data=b"x", PartitionKey="any", ExplicitHashKey=str(2**128 - 1))
        self.assertEqual(one["ShardId"], "shardId-000000000003")
        held = read_stream(self.k, "routing")
        self.assertEqual(sum(map(len, held.values())), 501)
        for rows in held.values():
            numbers = [int(r[0]) for r in rows]
            self.assertEqual(numbers, sorted(set(numbers)))

    def test_the_five_iterators(self):
        self.stream("iterators", 1)
        shard = "shardId-000000000000"
        put = [self.k.put_record(StreamName="iterators", Data=b"%d" % i, PartitionKey="k")["SequenceNumber"] for i in range(5)]
        time.sleep(1.1)
        middle = int(time.time())  # this boto3 sends whole seconds
        put += [self.k.put_record(StreamName="iterators", Data=b"%d" % i, PartitionKey="k")["SequenceNumber"] for i in range(5, 10)]

        def first(kind, **more):
            it = self.k.get_shard_iterator(StreamName="iterators", ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
            return [r["Data"] for r in self.k.get_records(ShardIterator=it)["Records"]], it
        self.assertEqual(first("TRIM_HORIZON")[0], [b"%d" % i for i in range(10)])
        self.assertEqual(first("AT_SEQUENCE_NUMBER", StartingSequenceNumber=put[3])[0][0], b"3")
        self.assertEqual(first("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=put[3])[0][0], b"4")
        self.assertEqual(first("AT_TIMESTAMP", Timestamp=middle)[0][0], b"5")
        none, it = first("LATEST")
        self.assertEqual(none, [])
        self.k.put_record(StreamName="iterators", Data=b"later", PartitionKey="k")
        answer = self.k.get_records(ShardIterator=it)
        self.assertEqual([r["Data"] for r in answer["Records"]], [b"later"])
        self.assertEqual(answer["MillisBehindLatest"], 0)
        self.assertTrue(answer["NextShardIterator"])

    def test_paging(self):
        self.stream("paging", 7)
        seen, token = [], None
        while True:
            answer = self.k.list_shards(**({"NextToken": token} if token else {"StreamName": "paging"}), MaxResults=3)
            seen += [s["ShardId"] for s in answer["Shards"]]
            token = answer.get("NextToken")
            if not token:
                break
        self.assertEqual(seen, ["shardId-%012d" % i for i in range(7)])
        self.assertEqual(self.code(self.k.list_shards, StreamName="paging", NextToken="x"), "InvalidArgumentException")

    def test_documented_errors(self):
        self.stream("errors", 1)
        self.assertEqual(self.code(self.k.create_stream, StreamName="errors", ShardCount=1), "ResourceInUseException")
        self.assertEqual(self.code(self.k.put_record, StreamName="nowhere", Data=b"", PartitionKey="k"), "ResourceNotFoundException")
        self.assertEqual(self.message, "Stream nowhere under account 000000000000 not found.")
        self.assertEqual(self.code(self.k.get_shard_iterator, StreamName="errors", ShardId="shardId-000000000009", ShardIteratorType="LATEST"),
                         "ResourceNotFoundException")
        self.assertEqual(self.code(self.k.get_records, ShardIterator="AAAA"), "InvalidArgumentException")
        self.assertEqual(self.code(self.k.put_record, StreamName="errors", Data=b"", PartitionKey="k", ExplicitHashKey=str(2**128)), "InvalidArgumentException")
        self.assertEqual(self.code(self.k.put_record, StreamName="errors", Data=b"x" * (2**20 + 1), PartitionKey="k"), "ValidationException")
        self.assertEqual(self.code(self.k.put_record, StreamName="errors", Data=b"", PartitionKey="k" * 257), "ValidationException")
        self.assertIn("'partitionKey' failed to satisfy constraint: Member must have length less than or equal to 256", self.message)
        self.assertEqual(self.code(self.k.merge_shards, StreamName="errors", ShardToMerge="a", AdjacentShardToMerge="b"), "ResourceNotFoundException")
        self.assertEqual(self.status, 400)

    def post(self, target, body, **headers):
        request = urllib.request.Request(self.server.aws, data=body, method="POST", headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202." + target, **headers})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def test_the_wire(self):
        self.stream("wire", 1)
        record = {"StreamName": "wire", "PartitionKey": "k", "Data": base64.b64encode(b"d").decode()}
        status, headers, body = self.post("PutRecord", json.dumps(record).encode())
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "application/x-amz-json-1.1")
        self.assertRegex(headers["x-amzn-RequestId"], r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")
        self.assertEqual(set(json.loads(body)), {"ShardId", "SequenceNumber"})
        cases = [("PutRecord", b"{", 400, "SerializationException"), ("PutRecord", b"[]", 400, "SerializationException"),
                 ("Nope", b"{}", 400, "UnknownOperationException"),
                 ("PutRecord", json.dumps(dict(record, Data="not base64!!")).encode(), 400, "SerializationException"),
                 ("PutRecord", json.dumps(dict(record, PartitionKey=5)).encode(), 400, "SerializationException"),
                 ("PutRecords", json.dumps({"StreamName": "wire", "Records": []}).encode(), 400, "ValidationException"),
                 ("CreateStream", b"{}", 400, "ValidationException")]
        for target, payload, wanted, kind in cases:
            status, headers, body = self.post(target, payload)
            self.assertEqual((status, json.loads(body)["__type"]), (wanted, kind), (target, payload))
        # Too large: told from the header alone, before the body comes.
        import http.client
        connection = http.client.HTTPConnection(self.server.aws.split("//")[1], timeout=10)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(17 << 20))
        connection.endheaders()
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (413, b""))
        connection.close()

    def active(self, name):
        def status():
            return self.k.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
        wait_for("%s is ACTIVE" % name, lambda: status() == "ACTIVE", every=0.02)

    def test_every_action_that_this_boto3_knows(self):
        import botocore.session
        k, called = self.k, set()

        def call(action, **args):
            called.add(action)
            answer = getattr(k, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower())(**args)
            self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 200)
            return answer
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/every"
        call("CreateStream", StreamName="every", ShardCount=2)
        k.get_waiter("stream_exists").wait(StreamName="every", WaiterConfig={"Delay": 1})
        self.assertEqual(call("DescribeStream", StreamName="every")["StreamDescription"]["StreamARN"], arn)
        call("DescribeStreamSummary", StreamName="every")
        self.assertIn("every", call("ListStreams")["StreamNames"])
        self.assertEqual(len(call("ListShards", StreamName="every")["Shards"]), 2)
        call("DescribeLimits")
        put = call("PutRecord", StreamName="every", PartitionKey="k", Data=b"x")
        call("PutRecords", StreamName="every", Records=[{"PartitionKey": "k", "Data": b"y"}])
        it = call("GetShardIterator", StreamName="every", ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        self.assertEqual([r["Data"] for r in call("GetRecords", ShardIterator=it)["Records"]], [b"x", b"y"])
        call("AddTagsToStream", StreamName="every", Tags={"a": "1", "b": "2"})
        call("RemoveTagsFromStream", StreamName="every", TagKeys=["a"])
        self.assertEqual(call("ListTagsForStream", StreamName="every")["Tags"], [{"Key": "b", "Value": "2"}])
        call("IncreaseStreamRetentionPeriod", StreamName="every", RetentionPeriodHours=48)
        self.active("every")
        call("DecreaseStreamRetentionPeriod", StreamName="every", RetentionPeriodHours=24)
        self.active("every")
        self.assertEqual(len(call("EnableEnhancedMonitoring", StreamName="every", ShardLevelMetrics=["ALL"])["DesiredShardLevelMetrics"]), 7)
        self.active("every")
        call("DisableEnhancedMonitoring", StreamName="every", ShardLevelMetrics=["ALL"])
        self.active("every")
        call("StartStreamEncryption", StreamName="every", EncryptionType="KMS", KeyId="alias/aws/kinesis")
        self.active("every")
        self.assertEqual(k.put_record(StreamName="every", PartitionKey="k", Data=b"")["EncryptionType"], "KMS")
        call("StopStreamEncryption", StreamName="every", EncryptionType="KMS", KeyId="alias/aws/kinesis")
        self.active("every")
        call("SplitShard", StreamName="every", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
        self.active("every")
        call("MergeShards", StreamName="every", ShardToMerge="shardId-000000000002", AdjacentShardToMerge="shardId-000000000003")
        self.active("every")
        call("UpdateShardCount", StreamName="every", TargetShardCount=1, ScalingType="UNIFORM_SCALING")
        self.active("every")
        self.assertEqual(k.describe_stream_summary(StreamName="every")["StreamDescriptionSummary"]["OpenShardCount"], 1)
        consumer = call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
        wait_for("the consumer is ACTIVE",
                 lambda: call("DescribeStreamConsumer", ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
        self.assertEqual(len(call("ListStreamConsumers", StreamARN=arn)["Consumers"]), 1)
        shard = k.list_shards(StreamName="every", ShardFilter={"Type": "AT_LATEST"})["Shards"][0]["ShardId"]
        self.subscribed(call("SubscribeToShard", ConsumerARN=consumer, ShardId=shard, StartingPosition={"Type": "LATEST"}), "every")
        call("DeregisterStreamConsumer", ConsumerARN=consumer)
        call("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
        self.active("every")
        call("DeleteStream", StreamName="every", EnforceConsumerDeletion=True)
        k.get_waiter("stream_not_exists").wait(StreamName="every", WaiterConfig={"Delay": 1})
        known = set(botocore.session.get_session().get_service_model("kinesis").operation_names)
        self.assertEqual({a for a in known - called if "Queue" not in a and "Channel" not in a} & set(OLD_ACTIONS), set())

    def subscribed(self, answer, stream):
        """Records that are put while the subscription is open come through it."""
        wanted = [b"%d" % i for i in range(10)]
        threading.Thread(target=lambda: [self.k.put_record(StreamName=stream, PartitionKey="k", Data=d) for d in wanted]).start()
        got = []
        for event in answer["EventStream"]:
            if "SubscribeToShardEvent" in event:
                got += [r["Data"] for r in event["SubscribeToShardEvent"]["Records"]]
            if len(got) >= len(wanted):
                break
        answer["EventStream"].close()
        self.assertEqual(got, wanted)

    def test_paginators(self):
        for i in range(3):
            self.stream("pages-%d" % i, 5)
        names = [n for page in self.k.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}) for n in page["StreamNames"]]
        self.assertEqual([n for n in names if n.startswith("pages-")], ["pages-0", "pages-1", "pages-2"])
        # Not list_shards: that paginator repeats StreamName beside NextToken, which the service refuses.
        pages = list(self.k.get_paginator("describe_stream").paginate(StreamName="pages-0", PaginationConfig={"PageSize": 2}))
        self.assertEqual([[s["ShardId"][-1] for s in p["StreamDescription"]["Shards"]] for p in pages], [["0", "1"], ["2", "3"], ["4"]])
        arn = self.k.describe_stream(StreamName="pages-0")["StreamDescription"]["StreamARN"]
        for i in range(5):
            self.k.register_stream_consumer(StreamARN=arn, ConsumerName="c%d" % i)
        pages = list(self.k.get_paginator("list_stream_consumers").paginate(StreamARN=arn, PaginationConfig={"PageSize": 2}))
        self.assertEqual(sorted(c["ConsumerName"] for p in pages for c in p["Consumers"]), ["c%d" % i for i in range(5)])

    def test_every_command_of_the_aws_cli(self):
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/commands"
        cli = subprocess.Popen(["/usr/bin/python3", os.path.join(ROOT, "tests", "support", "aws_cli.py")], env=CLIENT_ENV, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
        self.addCleanup(cli.communicate)

        def aws(command, *args):
            print(json.dumps(["kinesis", command, *args, "--endpoint-url", self.server.aws]), file=cli.stdin, flush=True)
            answer = json.loads(cli.stdout.readline())
            self.assertEqual(answer["code"], 0, "%s: %s" % (command, answer["err"]))
            return json.loads(answer["out"]) if answer["out"].strip() else None
        name = ("--stream-name", "commands")
        aws("create-stream", *name, "--shard-count", "2")
        aws("wait", "stream-exists", *name)
        for command in ("describe-stream", "describe-stream-summary", "list-shards", "list-tags-for-stream"):
            self.assertTrue(aws(command, *name))
        aws("describe-limits")
        self.assertIn("commands", aws("list-streams")["StreamNames"])
        self.assertEqual(aws("put-records", *name, "--records", json.dumps([{"PartitionKey": "k", "Data": "eA=="}]))["FailedRecordCount"], 0)
        put = aws("put-record", *name, "--partition-key", "k", "--data", base64.b64encode(b"hello").decode())
        it = aws("get-shard-iterator", *name, "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
        self.assertEqual([base64.b64decode(r["Data"]) for r in aws("get-records", "--shard-iterator", it)["Records"]], [b"x", b"hello"])
        aws("add-tags-to-stream", *name, "--tags", "a=1")
        aws("remove-tags-from-stream", *name, "--tag-keys", "a")
        changes = [("increase-stream-retention-period", "--retention-period-hours", "48"),
                   ("decrease-stream-retention-period", "--retention-period-hours", "24"),
                   ("enable-enhanced-monitoring", "--shard-level-metrics", "IncomingBytes"),
                   ("disable-enhanced-monitoring", "--shard-level-metrics", "ALL"),
                   ("start-stream-encryption", "--encryption-type", "KMS", "--key-id", "k"),
                   ("stop-stream-encryption", "--encryption-type", "KMS", "--key-id", "k"),
                   ("split-shard", "--shard-to-split", "shardId-000000000000", "--new-starting-hash-key", "10"),
                   ("merge-shards", "--shard-to-merge", "shardId-000000000002", "--adjacent-shard-to-merge", "shardId-000000000003"),
                   ("update-shard-count", "--target-shard-count", "4", "--scaling-type", "UNIFORM_SCALING")]
        for command, *args in changes:
            aws(command, *name, *args)
            self.active("commands")
        consumer = aws("register-stream-consumer", "--stream-arn", arn, "--consumer-name", "c")["Consumer"]["ConsumerARN"]
        self.assertEqual(aws("describe-stream-consumer", "--consumer-arn", consumer)["ConsumerDescription"]["ConsumerName"], "c")
        self.assertEqual(len(aws("list-stream-consumers", "--stream-arn", arn)["Consumers"]), 1)
        wait_for("the consumer is gone", lambda: aws("deregister-stream-consumer", "--consumer-arn", consumer) is None)
        aws("update-stream-mode", "--stream-arn", arn, "--stream-mode-details", "StreamMode=ON_DEMAND")
        self.active("commands")
        aws("delete-stream", *name, "--enforce-consumer-deletion")
        aws("wait", "stream-not-exists", *name)

    def test_restart_keeps_streams_records_and_iterators(self):
        with tempfile.TemporaryDirectory() as data:
            with Server("broker", "--data", data, "--listen", "127.0.0.1:0") as s:
                k = kinesis(s.aws)
                k.create_stream(StreamName="kept", ShardCount=2)
                k.put_records(StreamName="kept", Records=[{"Data": b"%d" % i, "PartitionKey": str(i)} for i in range(100)])
                before = read_stream(k, "kept")
                it = k.get_shard_iterator(StreamName="kept", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
                s.kill()
            with Server("broker", "--data", data, "--listen", "127.0.0.1:0") as s:
                k = kinesis(s.aws)
                self.assertEqual(read_stream(k, "kept"), before)
                self.assertEqual(len(k.get_records(ShardIterator=it)["Records"]), len(before["shardId-000000000000"]))
                last = max(int(r[0]) for r in before["shardId-000000000000"])
                while True:
                    put = k.put_record(StreamName="kept", Data=b"more", PartitionKey=os.urandom(4).hex())
                    if put["ShardId"] == "shardId-000000000000":
                        break
                self.assertGreater(int(put["SequenceNumber"]), last)


# What a boto3 of 2023 knows: with it or a newer one, all of these are called.
OLD_ACTIONS = """AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream DeregisterStreamConsumer DescribeLimits DescribeStream
DescribeStreamConsumer DescribeStreamSummary DisableEnhancedMonitoring EnableEnhancedMonitoring GetRecords GetShardIterator
IncreaseStreamRetentionPeriod ListShards ListStreamConsumers ListStreams ListTagsForStream MergeShards PutRecord PutRecords
RegisterStreamConsumer RemoveTagsFromStream SplitShard StartStreamEncryption StopStreamEncryption SubscribeToShard UpdateShardCount
UpdateStreamMode""".split()


class Secure(unittest.TestCase):
    """TLS with a certificate of the broker's own, and signatures that are verified."""

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        keys = os.path.join(cls.data.name, "credentials")
        with open(keys, "w") as f:
            f.write("[default]\naws_access_key_id = AKIDTRADER\naws_secret_access_key = secret/of+the/trader\n")
        cls.server = broker(cls.data.name, "--limits", "off", "--tls-self-signed", "--credentials", keys, "--stream", "safe:1")
        cls.certificate = os.path.join(cls.data.name, "broker", "tls-cert.pem")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def client(self, key="AKIDTRADER", secret="secret/of+the/trader", endpoint=None, verify=None):
        import boto3
        from botocore.config import Config
        return boto3.client("kinesis", endpoint_url=endpoint or self.server.aws, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key=secret, verify=verify or self.certificate, config=Config(retries={"max_attempts": 0}))

    def test_the_right_key(self):
        self.assertTrue(self.server.aws.startswith("https://"))
        plain = self.server.aws.replace("https:", "http:")
        for endpoint in (self.server.aws, plain, self.server.aws.replace("127.0.0.1", "localhost")):
            self.assertEqual(self.client(endpoint=endpoint).list_streams()["StreamNames"], ["safe"], endpoint)
        k = self.client()
        put = k.put_record(StreamName="safe", PartitionKey="k", Data=bytes(range(256)))
        it = k.get_shard_iterator(StreamName="safe", ShardId=put["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        self.assertEqual(k.get_records(ShardIterator=it)["Records"][0]["Data"], bytes(range(256)))

    def test_keys_that_are_not_right(self):
        for key, secret, error in (("AKIDTRADER", "guessed", "InvalidSignatureException"),
                                   ("AKIDNOBODY", "secret/of+the/trader", "UnrecognizedClientException")):
            with self.assertRaises(ClientError) as e:
                self.client(key, secret).list_streams()
            self.assertEqual((e.exception.response["Error"]["Code"], e.exception.response["ResponseMetadata"]["HTTPStatusCode"]), (error, 400))

    def test_no_signature_at_all(self):
        request = urllib.request.Request(self.server.aws.replace("https:", "http:"), data=b"{}", method="POST", headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.ListStreams"})
        with self.assertRaises(urllib.error.HTTPError) as e:
            urllib.request.urlopen(request, timeout=10)
        self.assertEqual((e.exception.code, json.loads(e.exception.read())["__type"]), (400, "MissingAuthenticationTokenException"))
        e.exception.close()

    def test_a_certificate_that_is_not_trusted(self):
        from botocore.exceptions import SSLError
        with self.assertRaises(SSLError):
            self.client(verify=True).list_streams()

    def test_aws_cli(self):
        env = dict(CLIENT_ENV, AWS_ACCESS_KEY_ID="AKIDTRADER", AWS_SECRET_ACCESS_KEY="secret/of+the/trader", AWS_CA_BUNDLE=self.certificate)
        p = subprocess.run(["/usr/bin/aws", "kinesis", "list-streams", "--endpoint-url", self.server.aws], env=env, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(json.loads(p.stdout)["StreamNames"], ["safe"])


class JavaScript(unittest.TestCase):
    def test_aws_sdk_for_javascript(self):
        """tests/integration/js: client-kinesis v3 with its default handler, HTTP/2; client-s3, client-glue and client-athena."""
        folder = os.path.join(ROOT, "tests", "integration", "js")
        node = shutil.which("node")
        if not node or not os.path.isdir(os.path.join(folder, "node_modules")):
            self.skipTest("THE AWS SDK FOR JAVASCRIPT IS NOT INSTALLED (scripts/setup test): it was not run")
        version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
        if int(version.lstrip("v").split(".")[0]) < 18:
            self.skipTest("NODE %s IS TOO OLD FOR THE AWS SDK FOR JAVASCRIPT (18 or later): it was not run" % version)
        p = subprocess.run([node, "--test", "--test-concurrency=2", "."], cwd=folder, env=dict(os.environ, NODE_NO_WARNINGS="1"),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        passed = re.search(r"(?m)^(?:#|\u2139) pass (\d+)$", p.stdout)
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertTrue(passed and int(passed.group(1)) >= 15, p.stdout)


if __name__ == "__main__":
    unittest.main()
