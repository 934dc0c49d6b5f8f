#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""broker_millions.py [RECORDS] [KILLS]: 10 million records (by default) into 'tapeline broker' while it is killed with -9 at 20
random moments and started again; then everything is read back: every acknowledged record is there exactly once, under its
number, nothing is there twice, and each writer's records stand on each shard in the order in which it put them.

Not part of 'make test': it takes minutes. Nothing is put twice, so what a kill left unanswered may be there or not."""
import array
import base64
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))
from tapeline import Server  # noqa: E402

WRITERS = 3
PER_CALL = 500
SHARDS = 4
NONE = 255
PAD = "x" * 40


class Broker:
    """The server, killed and started again behind one port."""

    def __init__(self, folder):
        self.folder, self.port, self.rss = folder, 0, 0
        self.start()

    def start(self):
        self.server = Server("broker", "--data", self.folder, "--limits", "off", "--listen", "127.0.0.1:%d" % self.port,
                             "--stream", "millions:%d" % SHARDS, timeout=60)
        self.port = int(self.server.aws.rsplit(":", 1)[1])

    def kill(self):
        self.sample()
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()

    def sample(self):
        try:
            with open("/proc/%d/status" % self.server.pid) as f:
                for line in f:
                    if line.startswith("VmRSS"):
                        self.rss = max(self.rss, int(line.split()[1]) // 1024)
        except OSError:
            pass


def call(connection, action, body):
    connection.request("POST", "/", body, {"Content-Type": "application/x-amz-json-1.1",
                                           "X-Amz-Target": "Kinesis_20131202." + action})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError("%s: %d %s" % (action, answer.status, text[:300]))
    return json.loads(text)


class Writer(threading.Thread):
    def __init__(self, broker, first, last, shard_of, counter_of):
        super().__init__(daemon=True)
        self.broker, self.first, self.last, self.shard_of, self.counter_of = broker, first, last, shard_of, counter_of
        self.done, self.unanswered, self.error = first, 0, None

    def body(self, first, count):
        records = ",".join('{"Data":"%s","PartitionKey":"k%d"}' % (base64.b64encode(b"%012d%s" % (i, PAD.encode())).decode(), i % 97)
                           for i in range(first, first + count))
        return '{"StreamName":"millions","Records":[%s]}' % records

    def run(self):
        try:
            connection = None
            while self.done < self.last:
                count = min(PER_CALL, self.last - self.done)
                body = self.body(self.done, count)
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.broker.port, timeout=60)
                    answer = call(connection, "PutRecords", body)
                except (OSError, http.client.HTTPException):
                    self.unanswered += count  # killed: these may be there or not; they are not put again
                    connection = None
                    time.sleep(0.05)
                else:
                    for i, r in enumerate(answer["Records"]):
                        if "SequenceNumber" in r:
                            self.shard_of[self.done + i] = int(r["ShardId"][-4:])
                            self.counter_of[self.done + i] = int(r["SequenceNumber"]) >> 80 & 0xffffffffffffffff
                self.done += count
        except Exception as e:  # noqa: BLE001
            self.error = e


def read_back(broker, total, shard_of, counter_of, writer_of):
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=60)
    seen = bytearray(total)
    found = 0
    for shard in range(SHARDS):
        iterator = call(connection, "GetShardIterator", json.dumps({
            "StreamName": "millions", "ShardId": "shardId-%012d" % shard, "ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
        last_counter, last_of = 0, [-1] * WRITERS
        while True:
            answer = call(connection, "GetRecords", json.dumps({"ShardIterator": iterator}))
            broker.sample()
            for r in answer["Records"]:
                i = int(base64.b64decode(r["Data"][:16]))
                counter = int(r["SequenceNumber"]) >> 80 & 0xffffffffffffffff
                assert counter > last_counter, "sequence numbers go back on shard %d" % shard
                assert not seen[i], "record %d is there twice" % i
                w = writer_of(i)
                assert i > last_of[w], "record %d stands before one that was put before it" % i
                if shard_of[i] != NONE:
                    assert (shard_of[i], counter_of[i]) == (shard, counter), "record %d has another number than was answered" % i
                last_counter, last_of[w], seen[i] = counter, i, 1
                found += 1
            iterator = answer["NextShardIterator"]
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
    return seen, found


def main():
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(os.environ.get("TL_SEED", random.randrange(1 << 32)))
    rnd = random.Random(seed)
    print("TL_SEED=%d, %d records, %d kills" % (seed, total, kills), flush=True)
    shard_of = array.array("B", [NONE]) * total
    counter_of = array.array("Q", [0]) * total
    per = -(-total // WRITERS)
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(folder)
        writers = [Writer(broker, w * per, min(total, (w + 1) * per), shard_of, counter_of) for w in range(WRITERS)]
        began = time.monotonic()
        for w in writers:
            w.start()
        moments = sorted(rnd.uniform(0.01, 0.99) for _ in range(kills))
        for n, moment in enumerate(moments):  # a moment is a part of the way, so that kills come all along it
            while any(w.is_alive() for w in writers) and sum(w.done - w.first for w in writers) < moment * total:
                time.sleep(0.005)
                broker.sample()
            time.sleep(rnd.uniform(0, 0.05))
            broker.kill()
            at = time.monotonic()
            broker.start()
            print("kill %2d after %8d records, up again in %.2f s, RSS so far %d MB"
                  % (n + 1, sum(w.done - w.first for w in writers), time.monotonic() - at, broker.rss), flush=True)
        for w in writers:
            w.join()
            if w.error:
                raise w.error
        took = time.monotonic() - began
        acknowledged = total - shard_of.count(NONE)
        print("written in %.0f s: %d acknowledged, %d unanswered" % (took, acknowledged, sum(w.unanswered for w in writers)), flush=True)
        seen, found = read_back(broker, total, shard_of, counter_of, lambda i: i // per)
        lost = sum(1 for i in range(total) if shard_of[i] != NONE and not seen[i])
        broker.sample()
        size = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files) / 1e6
        broker.kill()
        print("read back: %d, of which %d unanswered ones; %d acknowledged are lost; RSS at most %d MB with %.0f MB stored"
              % (found, found - acknowledged + lost, lost, broker.rss, size), flush=True)
        return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
