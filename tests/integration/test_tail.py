# SPDX-License-Identifier: Apache-2.0
"""'tapeline tail' against 'tapeline broker': where it begins, what it leaves out, resharding, closed pipes, wrong names."""
import base64
import datetime
import json
import signal
import subprocess
import tempfile
import time
import unittest

from stream_case import HALF, StreamCase
from tapeline import BINARY, CLIENT_ENV, broker, kinesis, run


class Tail(StreamCase):
    def setUp(self):
        super().setUp()
        self.create()

    def tail(self, *options, check=True):
        return run("tail", self.stream, *options, env=self.env, check=check)

    def records(self, *options):
        return [json.loads(line) for line in self.tail("--until-now", "--json", *options).stdout.splitlines()]

    def follow(self, *options):
        return subprocess.Popen([BINARY, "tail", self.stream, "--json", *options], env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_what_is_there(self):
        """--from, --shard, --key, --limit, --json and text."""
        numbers = [self.put(b'{"n": %d}' % n, n % 2, "AAPL" if n < 4 else "MSFT") for n in range(6)]
        records = self.records()
        self.assertEqual(sorted(r["data"] for r in records), ['{"n": %d}' % n for n in range(6)])
        self.assertEqual(list(records[0]), ["shard", "sequence_number", "arrival_time", "partition_key", "data"])
        self.assertEqual([r["data"] for r in self.records("--shard", "shardId-000000000001")], ['{"n": %d}' % n for n in (1, 3, 5)])
        self.assertEqual([r["sequence_number"] for r in self.records("--shard", "shardId-000000000000", "--from", numbers[2])], [numbers[4]])
        self.assertEqual({r["data"] for r in self.records("--key", "MSFT")}, {'{"n": 4}', '{"n": 5}'})
        self.assertEqual(len(self.records("--from", "1 min")), 6)
        self.assertEqual(len(self.records("--from", "LATEST")), 0)
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
        time.sleep(1.1)
        self.put(b"later")
        self.assertEqual([r["data"] for r in self.records("--from", later.isoformat())], ["later"])
        self.assertEqual(len(self.tail("--limit", "3", "--from", "TRIM_HORIZON").stdout.splitlines()), 3)
        self.assertRegex(self.tail("--until-now").stdout, r'(?m)^20\S+Z shardId-000000000001 MSFT {"n": 5}$')

    def test_bytes_do_not_reach_a_terminal(self):
        self.put(b"\x1b[31mred\xff\n", key="k\x1b")
        self.assertTrue(self.tail("--until-now").stdout.endswith("k\\x1b \\x1b[31mred\\xff\\x0a\n"))
        self.assertEqual(base64.b64decode(self.records()[0]["data_base64"]), b"\x1b[31mred\xff\n")

    def test_as_they_come_and_through_splits(self):
        """Children come after their parents; a record is printed once; Ctrl-C ends with 130, TERM with 0."""
        process = self.follow("--from", "TRIM_HORIZON")
        for n in range(3):
            self.put(b"%d" % n)
        self.assertEqual([json.loads(process.stdout.readline())["data"] for _ in range(3)], ["0", "1", "2"])
        self.client.split_shard(StreamName=self.stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(HALF // 2))
        for n in range(3, 6):
            self.put(b"%d" % n)
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        self.assertEqual([r["data"] for r in lines], ["3", "4", "5"])
        self.assertEqual({r["shard"] for r in lines}, {"shardId-000000000002"})
        process.send_signal(signal.SIGINT)
        self.assertEqual((process.wait(10), process.stderr.read()), (130, ""))
        self.assertEqual([r["data"] for r in self.records()], [str(n) for n in range(6)])
        process = self.follow("--from", "TRIM_HORIZON")
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)

    def test_a_closed_pipe_is_quiet(self):
        for n in range(20):
            self.put(b"x" * 5000)
        p = subprocess.run("%s tail %s --from TRIM_HORIZON | head -n 1; echo ${PIPESTATUS[0]}" % (BINARY, self.stream), shell=True, executable="/bin/bash",
                           env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(p.stderr, "")
        self.assertEqual(p.stdout.splitlines()[-1], "0")

    def test_wrong_names(self):
        def fails(code, text, *args):
            p = run("tail", *args, env=self.env, check=False)
            self.assertEqual(p.returncode, code, p.stderr)
            self.assertIn(text, p.stderr)
        fails(1, "there is no stream 'nosuch'", "nosuch")
        fails(1, "did you mean '%s'?" % self.stream, self.stream + "x")
        fails(1, "not a stream name", "no/such")
        fails(1, "did you mean 'shardId-000000000000'?", self.stream, "--shard", "shardId-00000000000")
        fails(2, "--from is LATEST", self.stream, "--from", "yesterday")
        fails(2, "--from is LATEST", self.stream, "--from", "4" * 56)
        fails(1, "127.0.0.1:1", self.stream, "--kinesis", "http://127.0.0.1:1")

    def test_a_broker_that_dies_is_waited_for(self):
        with tempfile.TemporaryDirectory() as data:
            first = broker(data, "--durability", "os", "--stream", "s:1")
            address = first.aws.split("//")[1]
            process = subprocess.Popen([BINARY, "tail", "s", "--from", "TRIM_HORIZON", "--limit", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=first.aws), stdin=subprocess.DEVNULL, text=True)
            kinesis(first.aws).put_record(StreamName="s", Data=b"one", PartitionKey="k")
            self.assertTrue(process.stdout.readline().endswith("one\n"))
            first.kill()
            time.sleep(0.3)
            with broker(data, "--durability", "os", "--listen", address) as second:
                kinesis(second.aws).put_record(StreamName="s", Data=b"two", PartitionKey="k")
                self.assertTrue(process.stdout.readline().endswith("two\n"))
                self.assertEqual(process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
