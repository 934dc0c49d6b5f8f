# SPDX-License-Identifier: Apache-2.0
"""The broker on the wire, against the API's documentation: the tables of wire/, each over JSON and over CBOR, every constraint of
the documented model, and what takes bytes rather than tables."""
import glob
import json
import os
import re
import socket
import tempfile
import threading
import unittest

import cbor
import wire
from tapeline import broker
from wire import MODEL, want


class Tables(unittest.TestCase):
    """Every table of wire/ over JSON and over CBOR; a case is a sub-test."""

    def run_table(self, path, protocol):
        with open(path) as f:
            table = json.load(f)
        with tempfile.TemporaryDirectory() as data, broker(data, *table["broker"]) as server:
            client = wire.Client(server.aws, protocol)
            names = {"account": "000000000000", "arn": "arn:aws:kinesis:us-east-1:000000000000:stream/", "max": str(2**128 - 1)}
            for case in table["cases"]:
                if case.get("only", protocol) != protocol:
                    continue
                with self.subTest(case["case"], table=os.path.basename(path), protocol=protocol):
                    try:
                        wire.run_case(case, client, names, MODEL)
                    except KeyError as e:
                        self.fail("%s was not saved by an earlier case" % e)
            client.close()
            self.assertEqual(server.stop(), 0)


def table_test(path, protocol):
    return lambda self: self.run_table(path, protocol)


for one in sorted(glob.glob(os.path.join(wire.TABLES, "*.json"))):
    family = os.path.splitext(os.path.basename(one))[0]
    if family != "model":
        for kind in wire.TYPES:
            setattr(Tables, "test_%s_%s" % (family, kind), table_test(one, kind))


# ---- every constraint of the documented model ----

ARNS = {"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/c",
        "ResourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/c",
        "ConsumerARN": "arn:aws:kinesis:us-east-1:000000000000:stream/c/consumer/c:1"}


def lower_first(name):
    return name[0].lower() + name[1:]


def valid(shape_name):
    """A value of the shape, with its required members."""
    shape = MODEL.shapes[shape_name]
    kind = shape["type"]
    if kind == "structure":
        return {m: valid(shape["members"][m]) for m in shape.get("required", [])}
    if kind == "list":
        return [valid(shape["member"])]
    if kind == "map":
        return {"key": "value"}
    if kind == "string":
        return ARNS.get(shape_name) or shape.get("enum", ["1"])[0]
    return {"integer": shape.get("min", 1), "long": 1, "boolean": False, "timestamp": cbor.Time(1500000000000), "blob": b""}[kind]


def matches(shape, text):
    return "pattern" not in shape or re.search("^(%s)$" % shape["pattern"], text)


def string_faults(shape):
    if "enum" in shape:
        yield "nothing", "satisfy enum value set: [%s]" % ", ".join(shape["enum"])
        return
    if "pattern" in shape and shape["type"] == "string":
        yield "!", "satisfy regular expression pattern: %s" % shape["pattern"]
    if shape.get("min", 0) > 0:
        yield "", "have length greater than or equal to %d" % shape["min"]
    if "max" in shape:
        yield "a" * (shape["max"] + 1), "have length less than or equal to %d" % shape["max"]


def faults(name):
    """(a value that breaks one constraint of the shape, what the message says of it), for each constraint."""
    shape = MODEL.shapes[name]
    kind = shape["type"]
    if kind == "string":
        yield from string_faults(shape)
    elif kind in ("integer", "long"):
        if "min" in shape:
            yield shape["min"] - 1, "have value greater than or equal to %d" % shape["min"]
        if "max" in shape:
            yield shape["max"] + 1, "have value less than or equal to %d" % shape["max"]
    elif kind in ("list", "map"):
        make = (lambda n: [valid(shape["member"])] * n) if kind == "list" else (lambda n: {"k%d" % i: "v" for i in range(n)})
        if shape.get("min", 0) > 0:
            yield make(shape["min"] - 1), "have length greater than or equal to %d" % shape["min"]
        if "max" in shape:
            yield make(shape["max"] + 1), "have length less than or equal to %d" % shape["max"]


def constraint_cases(shape_name, wrap, path):
    """(body, path in the message, text) for each constraint of each member, and of the members of its structures."""
    shape = MODEL.shapes[shape_name]
    for member, inner in shape["members"].items():
        if member == "StreamId":
            continue  # "Not Implemented", says the model
        there = path + lower_first(member)

        def body(value, member=member):
            return wrap(dict(valid(shape_name), **{member: value}))
        if member in shape.get("required", []):
            yield wrap({m: v for m, v in valid(shape_name).items() if m != member}), there, "not be null"
        for value, text in faults(inner):
            yield body(value), there, text
        deep = MODEL.shapes[inner]
        if deep["type"] == "structure":
            yield from constraint_cases(inner, body, there + ".")
        elif deep["type"] == "list" and MODEL.shapes[deep["member"]]["type"] == "structure":
            yield from constraint_cases(deep["member"], lambda v, body=body: body([v]), there + ".1.member.")


WRONG = {"string": 5, "integer": "5", "long": "5", "boolean": "maybe", "timestamp": "yesterday", "blob": 5, "structure": "s", "list": "l", "map": "m"}


class Constraints(unittest.TestCase):
    """Each member of each action, from the documented model: null where it is required, too short, too long, out of its range, not of
    its pattern or enumeration, and of a wrong type."""

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        cls.server = broker(cls.data.name, "--limits", "off")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def sweep(self, protocol):
        client = wire.Client(self.server.aws, protocol)
        done = 0
        for action, a in sorted(MODEL.actions.items()):
            if action == "SubscribeToShard" and protocol == "cbor":
                continue
            for body, path, text in constraint_cases(a["input"], lambda v: v, ""):
                with self.subTest(action=action, at=path, must=text, protocol=protocol):
                    answer = client.call(action, body)
                    got = client.decode(answer) or {}
                    want(answer.status == 400 and got.get("__type") == "ValidationException", "a ValidationException expected: %s", answer)
                    wanted = r"at '%s' failed to satisfy constraint: Member must %s(; |$)" % (re.escape(path), re.escape(text))
                    want(re.search(wanted, got["message"]), "%s\n  is not in\n%.2000s", wanted, got["message"])
                    done += 1
            for member, shape in MODEL.shapes[a["input"]]["members"].items():
                if member == "StreamId":
                    continue
                with self.subTest(action=action, wrong=member, protocol=protocol):
                    answer = client.call(action, dict(valid(a["input"]), **{member: WRONG[MODEL.shapes[shape]["type"]]}))
                    got = client.decode(answer) or {}
                    want(answer.status == 400 and got.get("__type") == "SerializationException", "a SerializationException expected: %s", answer)
                    done += 1
        client.close()
        return done

    def test_over_json(self):
        self.assertGreater(self.sweep("json"), 250)

    def test_over_cbor(self):
        self.assertGreater(self.sweep("cbor"), 250)


# ---- requests that are not a table's ----

class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        cls.server = broker(cls.data.name, "--limits", "off", "--stream", "w:1")
        cls.address = cls.server.aws.split("//")[1].rsplit(":", 1)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def setUp(self):
        self.client = wire.Client(self.server.aws)
        self.addCleanup(self.client.close)

    def ask(self, body=b"{}", method="POST", path="/", **headers):
        named = {"target": "X-Amz-Target", "kind": "Content-Type", "origin": "Origin"}
        return self.client.send(method, path, {named.get(k, k.replace("_", "-")): v for k, v in headers.items()}, body)

    def action(self, name, body=b"{}", kind=wire.TYPES["json"], **headers):
        return self.ask(body, target=wire.TARGET + name, kind=kind, **headers)

    def refused(self, answer, error):
        self.assertEqual(answer.status, 400, answer)
        wire.check_headers(answer, "json")
        self.assertEqual(json.loads(answer.body)["__type"], error)

    def still_serves(self):
        self.assertEqual(self.action("ListStreams").status, 200)

    def test_actions_that_are_not_served(self):
        for name in MODEL.not_served + ["Nope", "describestream", "", "DescribeStream.", "DescribeStream DescribeStream"]:
            with self.subTest(name):
                self.refused(self.action(name), "UnknownOperationException")

    def test_targets_of_other_services(self):
        for target in ("Kinesis_20131201.ListStreams", "DynamoDB_20120810.ListTables", "ListStreams", "."):
            with self.subTest(target):
                self.refused(self.ask(target=target, kind=wire.TYPES["json"]), "UnknownOperationException")

    def test_all_57_actions_are_known_or_said_to_be_unknown(self):
        self.assertEqual(len(MODEL.actions) + len(MODEL.not_served), 57)
        for name in MODEL.actions:
            with self.subTest(name):
                self.assertNotIn(b"UnknownOperation", self.action(name).body)

    def test_methods_other_than_post(self):
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            with self.subTest(method):
                answer = self.ask(b"", method, target=wire.TARGET + "ListStreams", kind=wire.TYPES["json"])
                self.assertEqual(answer.status, 403)
                if method != "HEAD":
                    self.assertIn(b"<AccessDeniedException>", answer.body)
                    self.assertIn(b"<Message>Unable to determine service/operation name to be authorized</Message>", answer.body)
                self.assertRegex(answer.headers["x-amzn-RequestId"], wire.UUID)
        self.still_serves()

    def test_content_types(self):
        answer = self.ask(kind="text/plain")
        self.assertEqual(answer.status, 403)
        self.assertIn(b"<AccessDeniedException>", answer.body)
        answer = self.action("ListStreams", kind="text/plain")
        self.assertEqual(answer.status, 404)
        self.assertEqual(answer.body.strip(), b"<UnknownOperationException/>")
        answer = self.action("ListStreams", kind="application/json")
        self.assertEqual(answer.status, 404)
        self.assertIn(b"UnknownOperationException", answer.body)
        answer = self.ask(kind=wire.TYPES["json"])
        self.refused(answer, "UnknownOperationException")
        for kind in ("application/x-amz-json-1.1; charset=utf-8", "application/x-amz-json-1.1;x=y"):
            answer = self.action("ListStreams", kind=kind)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, wire.TYPES["json"]), kind)

    def test_any_path_is_the_same(self):
        for path in ("/", "/kinesis", "/a/b?c=d", "/?"):
            self.assertEqual(self.ask(path=path, target=wire.TARGET + "ListStreams", kind=wire.TYPES["json"]).status, 200, path)

    def test_cross_origin(self):
        """A page of another origin gets no grants: it could read and write the streams of whoever looks at it."""
        answer = self.action("ListStreams", origin="http://localhost:3000")
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        answer = self.ask(b"", "OPTIONS", origin="http://localhost:3000", access_control_request_method="POST",
                          access_control_request_headers="x-amz-target,content-type")
        self.assertEqual(answer.status, 403)
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_bodies_that_are_not_json(self):
        bodies = [b"{", b"[]", b"null", b"5", b'"text"', b"{}{}", b"{} x", b'{"StreamName": "w",}', b"{'StreamName': 'w'}", b'{"StreamName": "w"',
                  b'{"StreamName": "\xff\xfe"}', b'{"StreamName": "\xc0\xaf"}', b'{"StreamName": "\xed\xa0\x80"}', b'{"StreamName": "\\ud800"}',
                  b'{"StreamName": "a\nb"}', b'{"StreamName": "\\x"}', b'{"Limit": 01}', b'{"Limit": 1e}', b'{"Limit": NaN}', b"\x00", b"\xef\xbb\xbf{",
                  b'{"a":' * 100000, b"[" * 100000, b'{"a":[' * 5000 + b"]}" * 5000]
        for body in bodies:
            with self.subTest(body[:40]):
                answer = self.action("DescribeStream", body)
                self.refused(answer, "SerializationException")
        self.still_serves()

    def test_an_empty_body(self):
        self.refused(self.action("ListStreams", b""), "SerializationException")

    def test_numbers_of_any_size(self):
        for number in ("1e400", "-1e400", "1" * 400, "-" + "9" * 30, "18446744073709551616", "9223372036854775808", "0.0000000001e-400"):
            with self.subTest(number):
                answer = self.action("DescribeStream", b'{"StreamName": "w", "Limit": %s}' % number.encode())
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(json.loads(answer.body)["__type"], ("SerializationException", "ValidationException"))
        self.still_serves()

    def test_a_member_twice(self):
        """One of the two counts, whichever: no crash, no mixture."""
        answer = self.action("DescribeStreamSummary", b'{"StreamName": "nowhere", "StreamName": "w"}')
        self.assertIn(answer.status, (200, 400))

    def test_cbor_in_every_form(self):
        def post(body):
            answer = self.action("DescribeStreamSummary", body, kind=wire.TYPES["cbor"])
            return answer.status, cbor.decode(answer.body)
        fine = [cbor.encode({"StreamName": "w"}), cbor.encode({"StreamName": "w"}, indefinite=False),
                b"\xbf\x7f\x66Stream\x64Name\xff\x7f\x61w\xff\xff",          # texts in parts
                b"\xd9\xd9\xf7\xa1\x6aStreamName\x61w",                          # "this is CBOR"
                b"\xa1\x78\x0aStreamName\x78\x01w", b"\xa1\x7b\0\0\0\0\0\0\0\x0aStreamName\x61w",
                b"\xa3\x6aStreamName\x61w\x61a\xf7\x61b\xf9\x3c\x00",
                b"\xa2\x6aStreamName\x61w\x63odd\x84\x01\x20\xfa\x3f\x80\0\0\xa1\x61z\x02"]
        for body in fine:
            with self.subTest(body):
                status, answer = post(body)
                self.assertEqual((status, answer.get("StreamDescriptionSummary", {}).get("StreamName")), (200, "w"), answer)
        bad = [b"", b"\xa1", b"\xbf", b"\xbf\x6aStreamName", b"\xff", b"\x61w", b"\x80", b"\xf6", b"\x01", b"\xa1\x6aStreamName\x62w",
               b"\xa1\x6aStreamName\x61\xff", b"\xa1\x6aStreamName\x41w", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
               b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x9f" * 100000, b"\xa1\x61a" * 50000, b"\xc1" * 100000, b"\xa1\x6aStreamName\x1c",
               b"\xa1\x6aStreamName\x61w\x00"]
        for body in bad:
            with self.subTest(body[:30]):
                status, answer = post(body)
                self.assertEqual((status, answer["__type"]), (400, "SerializationException"))
        self.still_serves()

    def test_a_blob_in_cbor_is_bytes(self):
        every = bytes(range(256))
        client = wire.Client(self.server.aws, "cbor")
        self.addCleanup(client.close)
        put = client.decode(client.call("PutRecord", {"StreamName": "w", "PartitionKey": "k", "Data": every}))
        it = client.decode(client.call("GetShardIterator", {"StreamName": "w", "ShardId": put["ShardId"], "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                                                            "StartingSequenceNumber": put["SequenceNumber"]}))["ShardIterator"]
        record, = client.decode(client.call("GetRecords", {"ShardIterator": it, "Limit": 1}))["Records"]
        self.assertEqual(record["Data"], every)
        # The same record read as JSON, by the same iterator: one store, two spellings.
        answer = self.client.decode(self.client.call("GetRecords", {"ShardIterator": it, "Limit": 1}))
        self.assertEqual(wire.as_bytes(answer["Records"][0]["Data"]), every)
        self.assertEqual(wire.milliseconds(answer["Records"][0]["ApproximateArrivalTimestamp"]), record["ApproximateArrivalTimestamp"])

    def test_too_large_is_told_before_it_came(self):
        answer = self.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:200])

    def raw(self, data, until_closed=False):
        with socket.create_connection((self.address[0], int(self.address[1])), timeout=10) as s:
            s.sendall(data)
            got = b""
            while until_closed or b"\r\n\r\n" not in got:
                part = s.recv(65536)
                if not part:
                    break
                got += part
            return got

    def request(self, body, *more):
        return b"\r\n".join([b"POST / HTTP/1.1", b"Host: x", b"X-Amz-Target: Kinesis_20131202.PutRecord", b"Content-Type: application/x-amz-json-1.1",
                              b"Content-Length: %d" % len(body), *more, b"", body])

    def test_requests_in_one_go_are_answered_in_order(self):
        bodies = [json.dumps({"StreamName": "w", "PartitionKey": "pipeline", "Data": wire.to_json(b"%d" % i)}).encode() for i in range(100)]
        with socket.create_connection((self.address[0], int(self.address[1])), timeout=10) as s:
            sender = threading.Thread(target=s.sendall, args=(b"".join(map(self.request, bodies)),))
            sender.start()
            answers = s.makefile("rb")
            numbers = []
            for _ in bodies:
                self.assertEqual(answers.readline(), b"HTTP/1.1 200 OK\r\n")
                length = 0
                while True:
                    line = answers.readline()
                    if line == b"\r\n":
                        break
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                numbers.append(int(json.loads(answers.read(length))["SequenceNumber"]))
            sender.join()
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_a_body_in_chunks_byte_by_byte(self):
        body = b'{"StreamName": "w"}'
        head = (b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.DescribeStreamSummary\r\n"
                b"Content-Type: application/x-amz-json-1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        data = head + b"".join(b"1\r\n%c\r\n" % c for c in body) + b"0\r\n\r\n"
        got = b""
        with socket.create_connection((self.address[0], int(self.address[1])), timeout=10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(data)):
                s.sendall(data[i:i + 1])
            while True:
                part = s.recv(65536)
                if not part:
                    break
                got += part
        self.assertTrue(got.startswith(b"HTTP/1.1 200 OK\r\n"), got[:300])
        self.assertIn(b'"StreamName":"w"', got)

    def test_expect_100_continue(self):
        body = b'{"StreamName": "w", "PartitionKey": "k", "Data": ""}'
        whole = self.request(body, b"Expect: 100-continue")
        with socket.create_connection((self.address[0], int(self.address[1])), timeout=10) as s:
            s.sendall(whole[:-len(body)])
            self.assertTrue(s.recv(1024).startswith(b"HTTP/1.1 100 "))
            s.sendall(body)
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_connection_close_and_http_1_0(self):
        body = b'{"StreamName": "w", "PartitionKey": "k", "Data": ""}'
        self.assertIn(b" 200 OK\r\n", self.raw(self.request(body, b"Connection: close"), until_closed=True))
        self.assertIn(b" 200 OK\r\n", self.raw(self.request(body).replace(b"HTTP/1.1", b"HTTP/1.0", 1), until_closed=True))

    def test_bytes_that_are_not_http(self):
        for data in (b"\x00" * 100, b"hello\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"POST / HTTP/1.1\r\nX: " + b"y" * 200000 + b"\r\n\r\n"):
            with self.subTest(data[:40]):
                try:
                    answer = self.raw(data, until_closed=True)
                except ConnectionResetError:
                    answer = b""
                self.assertNotIn(b" 200 ", answer)
        self.still_serves()

    def test_every_answer_has_an_id_of_its_own(self):
        ids = {self.action("ListStreams").headers["x-amzn-RequestId"] for _ in range(50)}
        self.assertEqual(len(ids), 50)


if __name__ == "__main__":
    unittest.main()
