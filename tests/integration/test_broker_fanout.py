# SPDX-License-Identifier: Apache-2.0
"""SubscribeToShard over HTTP/1.1, byte by byte: chunks, frames of the event stream, what they hold, and when they end."""
import binascii
import json
import socket
import struct
import tempfile
import time
import unittest

import wire
from tapeline import broker
from wire import want


class Subscription:
    """The event stream of one SubscribeToShard over HTTP/1.1: chunks, and frames in them."""

    def __init__(self, server, consumer, position, shard="shardId-000000000000"):
        host, port = server.aws.split("//")[1].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=15)
        body = json.dumps({"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": position}).encode()
        self.socket.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.SubscribeToShard\r\n"
                            b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while True:
            line = self.file.readline().decode().rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        self.bytes = b""

    def close(self):
        self.file.close()
        self.socket.close()

    def error(self):
        return json.loads(self.file.read(int(self.headers["content-length"])))

    def take(self, n):
        """The next n bytes of the body; None at its end."""
        while len(self.bytes) < n:
            size = int(self.file.readline().split(b";")[0], 16)
            self.bytes += self.file.read(size)
            want(self.file.readline() == b"\r\n", "a chunk without its end")
            if size == 0:
                want(self.bytes == b"", "the stream ends inside a frame: %r", self.bytes)
                return None
        part, self.bytes = self.bytes[:n], self.bytes[n:]
        return part

    def frame(self):
        """(headers, payload) of the next frame, its checksums checked; None at the end of the stream."""
        prelude = self.take(12)
        if prelude is None:
            return None
        total, headers_length, crc = struct.unpack(">III", prelude)
        want(binascii.crc32(prelude[:8]) == crc, "the prelude's checksum is wrong")
        rest = self.take(total - 12)
        want(binascii.crc32(prelude + rest[:-4]) == struct.unpack(">I", rest[-4:])[0], "the frame's checksum is wrong")
        headers, at = {}, 0
        while at < headers_length:
            n = rest[at]
            name = rest[at + 1:at + 1 + n].decode()
            kind, length = struct.unpack(">BH", rest[at + 1 + n:at + 4 + n])
            want(kind == 7, "header %s of type %d", name, kind)
            headers[name] = rest[at + 4 + n:at + 4 + n + length].decode()
            at += 4 + n + length
        return headers, json.loads(rest[headers_length:-4])

    def event(self):
        frame = self.frame()
        if frame is None:
            return None
        headers, payload = frame
        want(headers.get(":message-type") == "event" and headers.get(":event-type") == "SubscribeToShardEvent", "an event expected: %r", frame)
        want(headers.get(":content-type") in ("application/json", "application/x-amz-json-1.1"), "content type of an event: %r", headers)
        # The end of a shard: the children and no number to go on from. The model calls that number required, but the KCL takes an
        # event that has both, or neither, for invalid and subscribes again for ever.
        number, children = payload.get("ContinuationSequenceNumber"), payload.get("ChildShards")
        want(bool(children) == (number is None), "children, or a number to go on from: %r", payload)
        wire.MODEL.value("SubscribeToShardEvent", dict({"ContinuationSequenceNumber": "0"}, **payload), "SubscribeToShardEvent", "json")
        return payload

    def records(self, n):
        """The data of the next n records."""
        got = []
        while len(got) < n:
            event = self.event()
            want(event is not None, "the stream ended after %d of %d records", len(got), n)
            got += [(wire.as_bytes(r["Data"]), r["SequenceNumber"]) for r in event["Records"]]
            self.continuation = event["ContinuationSequenceNumber"]
        return got


class Subscriptions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        cls.server = broker(cls.data.name, "--limits", "off", "--stream", "sub:1", "--stream", "end:1")
        cls.client = wire.Client(cls.server.aws)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def call(self, action, **body):
        answer = self.client.call(action, body)
        self.assertEqual(answer.status, 200, answer)
        return self.client.decode(answer)

    def consumer(self, name, stream="sub"):
        arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + stream
        consumer = self.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=name)["Consumer"]["ConsumerARN"]
        while self.call("DescribeStreamConsumer", ConsumerARN=consumer)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
            time.sleep(0.01)
        return consumer

    def put(self, text, stream="sub"):
        return self.call("PutRecord", StreamName=stream, PartitionKey="k", Data=text)["SequenceNumber"]

    def subscribe(self, consumer, position):
        s = Subscription(self.server, consumer, position)
        self.addCleanup(s.close)
        self.assertEqual((s.status, s.headers.get("content-type")), (200, "application/vnd.amazon.eventstream"))
        self.assertRegex(s.headers["x-amzn-requestid"], wire.UUID)
        headers, payload = s.frame()
        self.assertEqual((headers[":message-type"], headers[":event-type"], payload), ("event", "initial-response", {}))
        return s

    def test_what_was_and_what_comes(self):
        consumer = self.consumer("both")
        before = [self.put(b"%d" % i) for i in range(3)]
        s = self.subscribe(consumer, {"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": before[0]})
        self.assertEqual(s.records(3), [(b"%d" % i, n) for i, n in enumerate(before)])
        after = self.put(b"later")
        self.assertEqual(s.records(1), [(b"later", after)])
        s.close()
        s = self.subscribe(self.consumer("resumes"), {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": before[1]})
        self.assertEqual([n for _, n in s.records(2)], [before[2], after])
        # Resuming from what the last event said gives nothing twice and leaves nothing out.
        s.close()
        last = self.put(b"last")
        s = self.subscribe(self.consumer("resumes2"), {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": s.continuation})
        self.assertEqual(s.records(1), [(b"last", last)])

    def test_latest_sends_nothing_of_the_past_and_then_a_heartbeat(self):
        self.put(b"past")
        s = self.subscribe(self.consumer("latest"), {"Type": "LATEST"})
        event = s.event()
        self.assertEqual((event["Records"], event["MillisBehindLatest"]), ([], 0))
        self.assertRegex(event["ContinuationSequenceNumber"], r"^49\d{54}$")
        new = self.put(b"new")
        self.assertEqual(s.records(1), [(b"new", new)])

    def test_again_at_once_is_refused(self):
        consumer = self.consumer("again")
        self.subscribe(consumer, {"Type": "LATEST"})
        s = Subscription(self.server, consumer, {"Type": "LATEST"})
        self.addCleanup(s.close)
        self.assertEqual((s.status, s.error()["__type"]), (400, "ResourceInUseException"))

    def test_two_consumers_each_get_all(self):
        first, second = (self.subscribe(self.consumer(n), {"Type": "LATEST"}) for n in ("first", "second"))
        numbers = [self.put(b"%d" % i) for i in range(20)]
        for s in (first, second):
            self.assertEqual([n for _, n in s.records(20)], numbers)

    def test_the_end_of_a_shard_tells_the_children_and_ends_the_stream(self):
        s = self.subscribe(self.consumer("end", "end"), {"Type": "TRIM_HORIZON"})
        last = self.put(b"last", "end")
        self.assertEqual(s.records(1), [(b"last", last)])
        self.call("SplitShard", StreamName="end", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
        while True:
            event = s.event()
            self.assertIsNotNone(event, "the stream ended without telling the children")
            if event.get("ChildShards"):
                break
        self.assertEqual([c["ShardId"] for c in event["ChildShards"]], ["shardId-000000000001", "shardId-000000000002"])
        self.assertEqual([c["ParentShards"] for c in event["ChildShards"]], [["shardId-000000000000"]] * 2)
        self.assertIsNone(s.event())

    def test_a_stream_that_goes_ends_its_subscriptions(self):
        self.call("CreateStream", StreamName="goes", ShardCount=1)
        wire.run_case({"case": "", "do": "DescribeStreamSummary", "with": {"StreamName": "goes"}, "eventually": True,
                       "ok": {"StreamDescriptionSummary": {"StreamStatus": "ACTIVE"}}}, self.client, {}, wire.MODEL)
        s = self.subscribe(self.consumer("goes", "goes"), {"Type": "LATEST"})
        self.call("DeleteStream", StreamName="goes", EnforceConsumerDeletion=True)
        while True:
            frame = s.frame()
            if frame is None:
                break
            if frame[0][":message-type"] == "exception":
                self.assertIn(frame[0][":exception-type"], ("ResourceNotFoundException", "ResourceInUseException"))
                self.assertIn("message", frame[1])
                break


if __name__ == "__main__":
    unittest.main()
