# SPDX-License-Identifier: Apache-2.0
"""The broker as real clients see it: Debian's boto3 and AWS CLI, and the exact wire."""
import base64
import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import ClientError
from tapeline import CLIENT_ENV, Server, kinesis, read_stream


class BrokerClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        cls.server = Server("broker", "--data", cls.data.name, "--listen", "127.0.0.1:0")
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
        self.assertEqual(self.code(self.k.merge_shards, StreamName="errors", ShardToMerge="a", AdjacentShardToMerge="b"), "UnknownOperationException")
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
        status, _, body = self.post("PutRecord", b"x", **{"Content-Type": "application/x-amz-cbor-1.1"})
        self.assertIn(b"CBOR is not supported", body)
        # Too large: told from the header alone, before the body comes.
        import http.client
        connection = http.client.HTTPConnection(self.server.aws.split("//")[1], timeout=10)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(17 << 20))
        connection.endheaders()
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (413, b""))
        connection.close()

    def test_aws_cli(self):
        def aws(*args):
            p = subprocess.run(["/usr/bin/aws", "kinesis", *args, "--endpoint-url", self.server.aws], env=CLIENT_ENV, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
            self.assertEqual(p.returncode, 0, p.stderr)
            return json.loads(p.stdout) if p.stdout.strip() else None
        aws("create-stream", "--stream-name", "cli", "--shard-count", "1")
        put = aws("put-record", "--stream-name", "cli", "--partition-key", "k", "--data", base64.b64encode(b"hello").decode())
        it = aws("get-shard-iterator", "--stream-name", "cli", "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
        records = aws("get-records", "--shard-iterator", it)["Records"]
        self.assertEqual([base64.b64decode(r["Data"]) for r in records], [b"hello"])

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


if __name__ == "__main__":
    unittest.main()
