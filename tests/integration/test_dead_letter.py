# SPDX-License-Identifier: Apache-2.0
"""'tapeline dead-letter': what was late or malformed is listed, shown, edited and put into the stream again, none twice unknowingly."""
import base64
import datetime
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from tapeline import BINARY, CLIENT_ENV, broker, kinesis, read_stream, run

T0 = datetime.datetime(2025, 9, 27, 12, tzinfo=datetime.timezone.utc)


def at(seconds):
    return (T0 + datetime.timedelta(seconds=seconds)).isoformat()


class DeadLetter(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.lake = os.path.join(self.folder.name, "lake")
        self.file = os.path.join(self.folder.name, "p.sql")
        self.start()
        self.pipeline()

    def tearDown(self):
        self.broker.kill()
        self.folder.cleanup()

    def start(self, *options):
        self.broker = broker(os.path.join(self.folder.name, "broker"), "--durability", "os", "--stream", "s:1", *options)
        self.env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=self.broker.aws)

    def pipeline(self, columns=""):
        with open(self.file, "w") as f:
            f.write("""CREATE PIPELINE p;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, ts VARCHAR NOT NULL, close DOUBLE, volume BIGINT, %s
  event_time AS PARSE_TIMESTAMP(ts), WATERMARK FOR event_time AS event_time) WITH (stream = 's');
CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n, SUM(close) AS total
  FROM TUMBLE(ticks, event_time, INTERVAL '10' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK k FROM v WITH (path = 'v', table = 'd.v');
""" % columns)

    def put(self, *records, key="k"):
        client = kinesis(self.broker.aws)
        for r in records:
            data = r if isinstance(r, bytes) else json.dumps(r).encode()
            client.put_record(StreamName="s", Data=data, PartitionKey=key)

    def tick(self, seconds, **more):
        return {"ticker": "A", "ts": at(seconds), "close": 1.5, "volume": 7, **more}

    def run_now(self):
        out = run("run", self.file, "--lake", self.lake, "--until-now", "--json", env=self.env).stdout
        return json.loads(out.splitlines()[-1])

    def letters(self, *args, check=True):
        return run("dead-letter", *args, "--pipeline", self.file, "--lake", self.lake, env=self.env, check=check)

    def list(self, *args):
        return json.loads(self.letters("list", "--json", *args).stdout)

    def ids(self, *args):
        return [l["id"] for l in self.list(*args)["newest"]]

    def fails(self, code, pattern, *args):
        p = self.letters(*args, check=False)
        self.assertEqual(p.returncode, code, p.stderr)
        self.assertRegex(p.stderr, pattern)
        return p

    def stream(self):
        return [(key, data) for rows in read_stream(kinesis(self.broker.aws), "s").values() for _, key, data, _ in rows]

    def test_malformed_ones(self):
        """Listed by reason, shown, replayed as they are, with other values, and with a file; each once unless asked for again."""
        self.put(self.tick(1), self.tick(2, volume=2.5), self.tick(3, volume="many"), b"{", b"\xff\x00")
        ledger = self.run_now()
        self.assertEqual((ledger["aggregated"], ledger["malformed"]), (1, 4))
        listed = self.list()
        self.assertEqual(listed["records"], 4)
        self.assertEqual({t["table"] for t in listed["tables"]}, {"ticks_malformed"})
        volumes = [t for t in listed["tables"] if "volume" in t["reason"]]
        fraction, text, brace, binary = (l["id"] for l in listed["newest"])
        self.assertIn("ticks_malformed", self.letters("list").stdout)
        shown = json.loads(self.letters("show", binary[:8], "--json").stdout)
        self.assertEqual((base64.b64decode(shown["data_base64"]), shown["replayed"]), (b"\xff\x00", "no"))
        self.assertIn('"volume": 2.5', self.letters("show", fraction).stdout)

        self.fails(1, "cannot be edited", "replay", brace, "--set", "volume=1")
        self.fails(1, "'many' is no BIGINT", "replay", text, "--set", "volume=many")
        self.fails(1, "no column 'volum'; did you mean 'volume'", "replay", text, "--set", "volum=1")
        self.assertEqual(len(self.stream()), 5)
        out = self.letters("replay", fraction, "--set", "volume=3", "--set", "close=9.5", "--dry-run")
        self.assertEqual(out.stdout, 'A\t{"ticker":"A","ts":"%s","close":9.5,"volume":3}\n' % at(2))
        self.assertEqual(len(self.stream()), 5)

        self.assertRegex(self.letters("replay", fraction, "--set", "volume=3").stdout, "^%s -> shardId-000000000000 4" % fraction)
        self.assertEqual(self.stream()[-1], ("A", b'{"ticker":"A","ts":"%s","close":1.5,"volume":3}' % at(2).encode()))
        self.fails(1, "was replayed already: --again", "replay", fraction, "--set", "volume=3")
        with open(os.path.join(self.folder.name, "r"), "wb") as f:
            f.write(json.dumps(self.tick(4)).encode())
        self.letters("replay", brace, "--with", f.name, "--key", "mine")
        self.assertEqual(self.stream()[-1], ("mine", json.dumps(self.tick(4)).encode()))
        self.letters("replay", text, "--unset", "volume")
        self.letters("replay", binary)  # as it is
        self.assertEqual(self.stream()[-1][1], b"\xff\x00")
        self.assertEqual([l["replayed"] for l in self.list()["newest"]], ["yes"] * 4)
        self.assertEqual(sum(t["replayed"] for t in volumes), 0)
        ledger = self.run_now()
        self.assertEqual((ledger["received"], ledger["aggregated"], ledger["late"], ledger["malformed"]), (9, 1, 3, 5))  # their window was closed
        self.assertEqual(len(set(self.ids())), 8)  # the one that is malformed still is another letter
        self.letters("replay", fraction, "--again", "--unset", "volume")
        self.assertEqual(json.loads(self.letters("show", fraction, "--json").stdout)["replays"], 2)

    def test_all_of_a_reason(self):
        self.put(*[self.tick(n % 9, volume=0.5) for n in range(250)], *[self.tick(1, close="x")] * 3)
        self.run_now()
        reason = next(t["reason"] for t in self.list()["tables"] if t["records"] == 250)
        out = self.letters("replay", "--all", "--table", "ticks_malformed", "--reason", reason, "--set", "volume=1")
        self.assertIn("250 replayed", out.stderr)
        self.assertIn("0 replayed; 250 were replayed before", self.letters("replay", "--all", "--reason", reason, "--set", "volume=1").stderr)
        ledger = self.run_now()
        self.assertEqual((ledger["received"], ledger["malformed"]), (503, 253))
        self.assertEqual(ledger["aggregated"] + ledger["late"], 250)

    def test_late_ones(self):
        self.put(self.tick(5), self.tick(35), self.tick(3, close=4.25))
        self.assertEqual(self.run_now()["late"], 1)
        late, = self.ids()
        shown = json.loads(self.letters("show", late, "--json").stdout)
        self.assertEqual((shown["table"], shown["reason"], shown["window_end"]), ("v_late", "late", "2025-09-27T12:00:10.000Z"))
        self.assertEqual(json.loads(shown["data"]), self.tick(3, close=4.25))
        self.assertIn("they are late again", self.letters("replay", late).stderr)
        self.letters("replay", late, "--again", "--set", "ts=" + at(100))
        ledger = self.run_now()
        self.assertEqual((ledger["received"], ledger["late"], ledger["aggregated"]), (5, 2, 3))

    def test_a_late_one_is_no_repeat_of_itself(self):
        """rule 11: a source with DEDUP BY remembers it; the replay has a stamp of its own, and is itself told again."""
        self.pipeline("producer_id VARCHAR, producer_seq BIGINT, DEDUP BY (producer_id, producer_seq),")
        stamp = dict(producer_id="p", producer_seq=1)
        self.put(self.tick(5), self.tick(11), self.tick(9, **stamp), self.tick(9, **stamp))
        ledger = self.run_now()
        self.assertEqual((ledger["late"], ledger["duplicate"]), (1, 1))
        late, = self.ids()
        self.letters("replay", late, "--set", "ts=" + at(60))
        self.letters("replay", late, "--set", "ts=" + at(60), "--again")
        ledger = self.run_now()
        self.assertEqual((ledger["received"], ledger["aggregated"], ledger["late"], ledger["duplicate"]), (6, 3, 1, 2))

    def test_nobody_knows_whether_it_arrived(self):
        """An answer that is lost, and a kill in the middle: the letter is left alone until it is asked for again."""
        self.put(*[self.tick(1, volume=0.5)] * 3)
        self.run_now()
        one, two, three = self.ids()
        self.broker.kill()
        self.start("--faults", "lose=1")
        self.fails(1, "127.0.0.1|connection|answer", "replay", one, "--unset", "volume")
        self.broker.kill()
        self.start("--faults", "latency=3s")
        p = subprocess.Popen([BINARY, "dead-letter", "replay", two, "--pipeline", self.file, "--lake", self.lake, "--unset", "volume"], env=self.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ledger = os.path.join(self.lake, "_tapeline", "p", "replays", "ledger")
        end = time.monotonic() + 30
        while time.monotonic() < end and not (os.path.exists(ledger) and two in open(ledger).read()):
            time.sleep(0.02)
        p.send_signal(signal.SIGKILL)
        p.wait(10)
        with open(ledger, "a") as f:
            f.write('{"id":"%s","sta' % three)  # cut off: nothing was sent
        self.broker.kill()
        self.start()
        states = {l["id"]: l["replayed"] for l in self.list()["newest"]}
        self.assertEqual((states[two], states[three]), ("perhaps", "no"))
        self.fails(1, "not known whether it arrived", "replay", two, "--unset", "volume")
        out = self.letters("replay", "--all", "--unset", "volume")
        self.assertRegex(out.stderr, r"^[12] replayed; [12] were replayed before, or perhaps were")
        self.letters("replay", two, "--unset", "volume", "--again")
        self.assertEqual({l["replayed"] for l in self.list()["newest"]} - {"perhaps"}, {"yes"})

    def test_wrong_uses(self):
        self.assertEqual(self.letters("list", check=False).returncode, 1)  # there is no lake yet
        self.run_now()
        self.assertIn("no dead letters", self.letters("list").stdout)
        self.fails(1, "there is no dead letter 'abcdef'", "show", "abcdef")
        self.fails(1, "there is no dead letter 'abcdef'", "replay", "abcdef")
        self.fails(1, "too short for an id", "replay", "a")
        self.fails(1, "no table 'v_lat' of dead letters; did you mean 'v_late'", "list", "--table", "v_lat")
        self.fails(2, "'replay' takes ids, or --all", "replay")
        self.fails(2, "'list', 'show ID' or 'replay ID", "remove")
        self.fails(2, "'show' takes one id", "show")
        self.fails(2, "go with 'replay'", "list", "--all")
        self.fails(2, "--with goes with one id", "replay", "--all", "--with", "x")
        self.put(b"{")
        self.run_now()
        one, = self.ids()
        self.fails(1, "/nowhere", "replay", one, "--with", "/nowhere")
        self.broker.kill()
        self.fails(1, "127.0.0.1", "replay", one)
        self.assertEqual(self.list()["newest"][0]["replayed"], "no")  # nothing was begun


if __name__ == "__main__":
    unittest.main()
