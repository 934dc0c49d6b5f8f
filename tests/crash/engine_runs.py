# SPDX-License-Identifier: Apache-2.0
"""What the crash matrix is run on: 'tapeline run' over files and over a stream. Its points are the system calls by which it changes
its lake and its checkpoints (tests/support/disk_shim.h)."""
import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
from datetime import datetime, timedelta, timezone

import shim
from duck import Duck, visible_files
from matrix import Broken
from shim import Shim
from tapeline import BINARY, CLIENT_ENV, broker, kinesis
from watch import Watcher

TIMEOUT_S = 120
KILLS = {"killed before": "before", "killed after": "after", "killed in a write": "partial", "killed twice": "before"}
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}

PIPELINE = """CREATE PIPELINE p;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL,
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND)
  WITH (stream = 's', format = 'json', start = 'TRIM_HORIZON', shard_idle = '10 h', flush_after = '10 h', max_future_skew = '366 d');
CREATE VIEW average AS SELECT ticker, window_start, window_end, COUNT(*) AS n, AVG(close) AS avg_close, LAST(close) AS last_close
  FROM TUMBLE(ticks, event_time, INTERVAL '20' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK by_ticker FROM average WITH (path = 'by_ticker', partition_by = 'ticker', commit_every = '1 s', table = 'd.by_ticker');
CREATE SINK whole FROM average WITH (path = 'whole', commit_every = '1 s', table = 'd.whole');
"""


def tick(rnd, second):
    """A record; few are late, fewer are broken."""
    if rnd.random() < 0.01:
        return b"broken %d" % rnd.randrange(1000)
    at = datetime(2024, 5, 1, tzinfo=timezone.utc) + timedelta(seconds=second - rnd.random() * 3 - (60 if rnd.random() < 0.02 else 0))
    return json.dumps({"ticker": rnd.choice("AB"), "timestamp": at.isoformat(), "close": round(rnd.random() * 100, 2)}).encode()


def run(command, env, **kw):
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env,
                       timeout=TIMEOUT_S, **kw)
    return p


def what_of(event):
    """The row of the table that a call belongs to."""
    for part, name in (("/catalog.json", "catalog"), ("/intent-", "INTENT"), ("/commit-", "COMMIT"), (".parquet", "data file"),
                       ("/LOCK", "lock")):
        if part in event.path or part in event.other:
            return name, event.call
    return "folder", event.call


# What may lie in a lake when all is done. What a killed process was writing under _tapeline/ and _tmp/ is removed when it is old.
FILES = (r"(\w[^/]*/)+part-\d{20}-[0-9a-f]{16}\.parquet|_tapeline/(catalog\.json|p/(intent|commit)-\d{20})(\.tmp-[0-9a-f]{16})?|"
         r"_tmp/.*|(_tapeline/)?LOCK")


def files_of(lake):
    return [os.path.relpath(os.path.join(at, name), lake) for at, _, files in os.walk(lake) for name in files]


def hashes(lake):
    """{relative path: SHA-256} of all files but the locks, which name a process, the commits, in which open groups stand in the
    order of the memory that they were in, and what a killed start left of a catalog."""
    out = {}
    for name in files_of(lake):
        if os.path.basename(name) != "LOCK" and "/commit-" not in name and ".tmp-" not in name and not name.startswith("_tmp/"):
            with open(os.path.join(lake, name), "rb") as f:
                out[name] = hashlib.sha256(f.read()).hexdigest()
    return out


def epoch_log(lake, to):
    """Another lake with nothing but the first checkpoint and the epochs' intents of this one."""
    source, target = (os.path.join(f, "_tapeline", "p") for f in (lake, to))
    os.makedirs(target)
    for name in os.listdir(source):
        if name.startswith("intent-"):
            shutil.copy(os.path.join(source, name), target)


class EngineRuns:
    """The subject's common part; below are the inputs."""
    hows = (*KILLS, *ERRORS)

    def __init__(self, folder, seed):
        self.folder, self.rnd = folder, random.Random(seed)
        self.seed, self.watchers, self.shims = seed, {}, {}
        os.makedirs(folder, exist_ok=True)
        self.file = os.path.join(folder, "p.sql")
        self.env, self.shape = CLIENT_ENV, {}
        with open(self.file, "w") as f:
            f.write(PIPELINE)
        self.write_input()

    def close(self):
        for w in self.watchers.values():
            w.close()
        for s in self.shims.values():
            s.close()
        self.end_input()

    def end_input(self):
        pass

    # ---- one run ----

    def at(self, place):
        """The lake of a place, which is not there yet, and the shim of the place."""
        folder = os.path.join(self.folder, str(place))
        if place not in self.shims:
            self.shims[place] = Shim(folder)
        self.shims[place].forget()
        shutil.rmtree(os.path.join(folder, "data"), ignore_errors=True)
        os.mkdir(os.path.join(folder, "data"))
        return os.path.join(folder, "data", "lake"), self.shims[place]

    def watch(self, place, lake):
        if place not in self.watchers:
            self.watchers[place] = Watcher()
        self.watchers[place].watch(lake, self.rows)
        return self.watchers[place]

    def engine(self, lake, threads=2):
        return [BINARY, "run", self.file, *self.inputs(), "--lake", lake, "--threads", str(threads), "--json"]

    def shimmed(self, lake, of, **how):
        return run(self.engine(lake), of.env(os.path.dirname(lake), env=self.env, **self.shape, **how))

    # ---- the undisturbed run ----

    def prepare(self):
        """Once to know the rows, once more with a reader that looks behind each call."""
        lake, of = self.at(0)
        p = self.shimmed(lake, of)
        if p.returncode:
            raise AssertionError("the undisturbed run fails: " + p.stderr)
        self.remember(lake, p)
        events = [e for e in of.events() if e.number]
        writes = sum(e.size > 0 for e in events)
        epochs = len([n for n in os.listdir(os.path.join(lake, "_tapeline", "p")) if n.startswith("intent-")])
        self.again(lake)
        lake, of = self.at(0)
        watcher = self.watch(0, lake)
        looks = self.stepped(lake, of, watcher)
        self.check(lake, watcher)
        self.size = "%d calls, %d of them writes, in %d epochs; a reader that looked %d times, behind each call" % (
            len(events), writes, epochs, looks)
        return {how: writes if how == "killed in a write" else len(events) for how in self.hows}

    def remember(self, lake, p):
        """What must come out: the ledger and the rows."""
        self.ledger, duck = p.stdout.splitlines()[-1], Duck()
        self.rows = self.rows_of(lake, duck)
        duck.close()

    def rows_of(self, lake, duck):
        """{table: [[row as text, what it is seen with]]}"""
        out = {}
        for path in visible_files(lake):
            parts = os.path.relpath(path, lake).split(os.sep)[:-1]
            table = os.sep.join(p for p in parts if "=" not in p)
            for row in duck.parquet(path):
                whole = dict(row)["window_start"] if table == "whole" else None
                out.setdefault(table, []).append([json.dumps(row), whole])
        return out

    def stepped(self, lake, of, watcher):
        """A run that waits behind each of its calls until the reader has looked; how often it did."""
        (out_read, out_write), (in_read, in_write) = os.pipe(), os.pipe()
        p = subprocess.Popen(self.engine(lake), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                             env=of.env(os.path.dirname(lake), env=self.env, step="%d,%d" % (out_write, in_read), **self.shape),
                             pass_fds=(out_write, in_read))
        os.close(out_write)
        os.close(in_read)
        steps = 0
        while os.read(out_read, 1):
            wrong = watcher.look()["wrong"]
            os.write(in_write, b"g")
            steps += 1
            if wrong:
                p.kill()
                raise AssertionError("undisturbed, behind call %d: %s" % (steps, "\n".join(wrong)))
        os.close(out_read)
        os.close(in_write)
        if p.wait(TIMEOUT_S):
            raise AssertionError("the undisturbed run, watched, ends with %d" % p.returncode)
        return steps

    # ---- a run that is hit ----

    def hit(self, place, n, how):
        lake, of = self.at(place)
        watcher = self.watch(place, lake)
        p = self.shimmed(lake, of, at=n, how=KILLS.get(how) or "errno:%d" % ERRORS[how])
        struck = of[shim.STRUCK] == 1
        events = [e for e in of.events() if e.number]
        self.judge(p, how, struck)
        if how == "killed twice" and struck:
            of[shim.CALLS] = 0
            self.shimmed(lake, of, at=random.Random("%d %d" % (self.seed, n)).randrange(1, 40), how="after")
        unremoved = p.returncode == 0
        if p.returncode:
            p = self.finish(lake, of)
        self.check(lake, watcher, p.stdout.splitlines()[-1], unremoved)
        if not struck:
            return None
        return what_of(events[-1] if how in KILLS else events[n - 1])

    def judge(self, p, how, struck):
        """How the run that was hit ended: killed, or, by an error, in order and with a word, or not at all."""
        expected = ((-signal.SIGKILL,) if how in KILLS else (0, 1)) if struck else (0,)
        if p.returncode not in expected:
            raise Broken("exit %d: %s" % (p.returncode, p.stderr))
        if p.returncode == 1 and not re.search(r"Input/output error|No space left", p.stderr):
            raise Broken("no word why it ended: " + p.stderr)

    def finish(self, lake, of, **how):
        p = self.shimmed(lake, of, **how)
        if p.returncode:
            raise Broken("started again it ends with %d: %s" % (p.returncode, p.stderr))
        return p

    def check(self, lake, watcher, ledger=None, unremoved=False):
        """Raises Broken unless the lake is what the undisturbed run made of the same input. unremoved: temporary files may be there, and
        the socket that 'status' asks, since removing them failed; the next start takes both away."""
        seen = watcher.end()
        if seen["wrong"]:
            raise Broken("a reader has seen: " + "\n".join(seen["wrong"]))
        if seen["missing"]:
            raise Broken("rows are missing at the end: %s" % seen["missing"])
        if ledger and ledger != self.ledger:
            raise Broken("ledger %s, expected %s" % (ledger, self.ledger))
        left = [n for n in files_of(lake) if not re.fullmatch(FILES, n) and not (unremoved and (".tmp-" in n or n.endswith("/status.sock")))]
        if left:
            raise Broken("left behind: %s" % left)
        self.again(lake)

    def again(self, lake):
        """Rule 10: an undisturbed run of the same epoch log makes the same files, byte for byte, in any number of threads."""
        other = os.path.join(os.path.dirname(lake), "..", "again")
        shutil.rmtree(other, ignore_errors=True)
        epoch_log(lake, other)
        p = run(self.engine(other, threads=self.rnd.randrange(1, 5)), self.env)
        if p.returncode:
            raise Broken("the epoch log does not run again: " + p.stderr)
        a, b = hashes(lake), hashes(other)
        if a != b:
            raise Broken("files differ from those of an undisturbed run of the same epoch log: %s" %
                         sorted(n for n in {*a, *b} if a.get(n) != b.get(n)))


class FileRuns(EngineRuns):
    name = "files"

    def write_input(self):
        os.makedirs(os.path.join(self.folder, "input"), exist_ok=True)
        for name in "ab":
            with open(os.path.join(self.folder, "input", name + ".ndjson"), "wb") as f:
                f.writelines(tick(self.rnd, i * 0.5) + b"\n" for i in range(420))
        # Small reads with pauses, by whose clock seconds pass: several epochs in a tenth of a second.
        self.shape = {"read": self.folder + "/input:1000:14000", "tick": 400_000_000}

    def inputs(self):
        return ["--input", os.path.join(self.folder, "input", "*.ndjson")]


class StreamRuns(EngineRuns):
    """A stream that was split and merged between its records: several epochs, as children are read behind their parents."""
    name = "stream"

    def write_input(self):
        self.server = broker(os.path.join(self.folder, "broker"), "--durability", "os", "--limits", "off", "--state-delay", "0")
        self.client = kinesis(self.server.aws)
        self.env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=self.server.aws)
        self.client.create_stream(StreamName="s", ShardCount=2)
        self.shape = {"tick": 400_000_000}
        for part in range(3):
            self.put(part)
            if part < 2:
                self.reshard()

    def put(self, part):
        records = [{"Data": tick(self.rnd, (part * 150 + i) * 0.5), "PartitionKey": str(self.rnd.randrange(1000))} for i in range(150)]
        answer = self.client.put_records(StreamName="s", Records=records)
        assert answer["FailedRecordCount"] == 0, answer

    def reshard(self):
        """Merges two neighbours, splits what they became: a new generation."""
        bounds = lambda s: int(s["HashKeyRange"]["StartingHashKey"])
        open_shards = lambda: sorted((s for s in self.client.list_shards(StreamName="s")["Shards"]
                                      if "EndingSequenceNumber" not in s["SequenceNumberRange"]), key=bounds)
        a, b = open_shards()
        self.client.merge_shards(StreamName="s", ShardToMerge=a["ShardId"], AdjacentShardToMerge=b["ShardId"])
        only, = open_shards()
        self.client.split_shard(StreamName="s", ShardToSplit=only["ShardId"], NewStartingHashKey=str(2**127 + self.rnd.randrange(2**100)))

    def end_input(self):
        self.server.kill()

    def inputs(self):
        return ["--until-now"]
