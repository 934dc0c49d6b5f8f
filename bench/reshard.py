# SPDX-License-Identifier: Apache-2.0
"""What bench/reshard.sh does. The model: the rows of a window are a function of its records alone, since the watermark's delay is far
longer than anything here takes, so that none is late."""
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from tapeline import BINARY, CLIENT_ENV, Server, wait_for  # noqa: E402

RESHARDS, KILLS, STREAM = 10, 5, "ticks"
WINDOW = 10
SQL = """CREATE PIPELINE reshard;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time - INTERVAL '1' HOUR)
WITH (stream = '%s', shard_idle = '1 h', flush_after = '1 h', read = '%s', wire = '%s');
CREATE FEED history INTO ticks AS SELECT ticker, NOW() AS "timestamp", close, volume
  FROM LAKE('curated/stocks_features') ORDER BY "date", ticker WITH (partition_key = 'ticker', interval = '0 s', loop = true);
CREATE VIEW bars AS SELECT ticker, window_start, window_end, COUNT(*) AS records, SUM(volume) AS volume, FIRST(close) AS first_close,
  LAST(close) AS last_close FROM TUMBLE(ticks, event_time, INTERVAL '%d' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK out FROM bars WITH (path = 'bars', table = 'reshard.bars', commit_every = '1 s');
"""


def say(fmt, *args):
    print("reshard  " + fmt % args, flush=True)


def patient(endpoint):
    """A client that tries again, for the faults."""
    import boto3
    from botocore.config import Config
    return boto3.client("kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"max_attempts": 10, "mode": "standard"}))


def reshard(client, rnd):
    """Splits a shard in the middle, or merges two that are neighbours; again where the faults' own reshards were faster."""
    for _ in range(50):
        try:
            return reshard_once(client, rnd)
        except client.exceptions.ResourceInUseException:
            time.sleep(0.1)
    sys.exit("the stream cannot be resharded")


def reshard_once(client, rnd):
    shards = sorted((s for s in client.list_shards(StreamName=STREAM)["Shards"] if "EndingSequenceNumber" not in s["SequenceNumberRange"]),
                    key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))
    if len(shards) > 3 or (len(shards) > 1 and rnd.random() < 0.5):
        i = rnd.randrange(len(shards) - 1)
        client.merge_shards(StreamName=STREAM, ShardToMerge=shards[i]["ShardId"], AdjacentShardToMerge=shards[i + 1]["ShardId"])
    else:
        s = rnd.choice(shards)
        low, high = int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])
        client.split_shard(StreamName=STREAM, ShardToSplit=s["ShardId"], NewStartingHashKey=str((low + high) // 2))
    state = lambda: client.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
    wait_for("the stream is ACTIVE again", state)


def records(client):
    """(shard, place in it, record) of everything in the stream."""
    for s in client.list_shards(StreamName=STREAM)["Shards"]:
        at, n = client.get_shard_iterator(StreamName=STREAM, ShardId=s["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"], 0
        while at:
            try:
                answer = client.get_records(ShardIterator=at)
            except client.exceptions.ExpiredIteratorException:
                continue  # of the faults: it is as good as before
            for r in answer["Records"]:
                yield s["ShardId"], n, json.loads(r["Data"])
                n += 1
            at = answer.get("NextShardIterator") if answer["Records"] or answer["MillisBehindLatest"] else None


def model(client):
    rows, total = {}, 0
    for shard, n, r in records(client):
        stamp = r["timestamp"]  # 2025-09-27T12:34:56.123456...: in the order of instants as text
        minute, second = stamp[:17], int(stamp[17:19])
        row = rows.setdefault((r["ticker"], "%s%02d" % (minute.replace("T", " "), second // WINDOW * WINDOW)), [0, 0, None, None])
        place = (stamp, shard, n)
        row[0] += 1
        row[1] += r["volume"] or 0
        row[2] = min(row[2] or (place, None), (place, r["close"]), key=lambda x: x[0])
        if row[2][0] == place:
            row[2] = (place, r["close"])
        if row[3] is None or place > row[3][0]:
            row[3] = (place, r["close"])
        total += 1
    return {k: (v[0], v[1], v[2][1], v[3][1]) for k, v in rows.items()}, total


def lake_rows(lake):
    out = subprocess.run([BINARY, "query", "SELECT ticker, window_start, records, volume, first_close, last_close FROM reshard.bars",
                          "--lake", lake, "--format", "csv"], check=True, stdout=subprocess.PIPE, text=True, env=CLIENT_ENV).stdout
    rows = {}
    for r in csv.DictReader(io.StringIO(out)):
        key = (r["ticker"], r["window_start"][:19])
        assert key not in rows, "the window %s is there twice" % (key,)
        rows[key] = (int(r["records"]), int(r["volume"]), float(r["first_close"]), float(r["last_close"]))
    return rows


def disturb(client, seconds, start_engine, rnd):
    """Ten reshards and five kills, evenly over the time, in a random order. The engine that runs then."""
    events = ["reshard"] * RESHARDS + ["kill"] * KILLS
    rnd.shuffle(events)
    engine, begun = start_engine(), time.monotonic()
    for i, event in enumerate(events):
        time.sleep(max(0, begun + seconds * (i + rnd.random()) / len(events) - time.monotonic()))
        if event == "reshard":
            reshard(client, rnd)
            continue
        engine.kill()
        engine.wait()
        engine = start_engine()
    time.sleep(max(0, begun + seconds - time.monotonic()))
    return engine


def main(seconds=30.0, rate=50000):
    seed = int(os.environ.get("TL_SEED", time.time_ns() & 0xFFFFFF))
    rnd = random.Random(seed)
    faults = os.environ.get("TL_FAULTS")
    say("TL_SEED=%d", seed)
    with tempfile.TemporaryDirectory() as d:
        lake, sql = os.path.join(d, "lake"), os.path.join(d, "p.sql")
        with open(sql, "w") as f:
            f.write(SQL % (STREAM, os.environ.get("TL_READ", "poll"), os.environ.get("TL_WIRE", "json"), WINDOW))
        subprocess.run([BINARY, "sample", "--lake", lake, "--tickers", "200"], check=True, stderr=subprocess.DEVNULL)
        broker = Server("broker", "--data", os.path.join(d, "broker"), "--listen", "127.0.0.1:0", "--limits", "off", "--stream", STREAM + ":2",
                        *(["--faults", faults, "--seed", seed] if faults else []))
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=broker.aws, TAPELINE_LOG="warn")
        command = [BINARY, "run", sql, "--lake", lake]
        log = open(os.path.join(d, "engine.log"), "a+")
        with broker, log:
            client = patient(broker.aws)
            feed = subprocess.Popen([BINARY, "feed", sql, "--lake", lake, "--state", os.path.join(d, "feed"), "--rate", str(rate)],
                                    env=env, stderr=subprocess.DEVNULL)
            started = [feed]
            try:
                disturb(client, seconds, lambda: started.append(subprocess.Popen(command, env=env, stderr=log)) or started[-1], rnd)
            finally:
                for p in started:
                    p.terminate()
                    p.wait()
            began = time.monotonic()
            last = subprocess.run([*command, "--until-now", "--json"], env=env, stdout=subprocess.PIPE, stderr=log, text=True)
            took = time.monotonic() - began
            log.seek(0)
            if last.returncode:
                sys.exit("the engine ends with %d: %s" % (last.returncode, log.read()[-2000:]))
            ledger = json.loads(last.stdout.splitlines()[-1])
            want, total = model(client)
            got = lake_rows(lake)
            shards = len(client.list_shards(StreamName=STREAM)["Shards"])
    say("%d records at %.0f a second; %d shards by %d splits and merges; %d kills; the last start took %.1f s", total, total / seconds, shards,
        RESHARDS, KILLS, took)
    say("ledger %s", json.dumps(ledger))
    differ = [k for k in set(want) | set(got) if want.get(k) != got.get(k)]
    for k in differ[:10]:
        say("%s: model %s, lake %s", k, want.get(k), got.get(k))
    balanced = ledger["received"] == total == ledger["aggregated"] and ledger["windows"] == len(want) and "gaps" not in ledger
    say("ledger %s, %d rows %s", "agrees" if balanced else "DIFFERS", len(want), "agree" if not differ else "DIFFER: %d" % len(differ))
    return 0 if balanced and not differ else 1


if __name__ == "__main__":
    sys.exit(main(*[float(sys.argv[1])] if len(sys.argv) == 2 else [float(sys.argv[1]), int(sys.argv[2])] if len(sys.argv) > 2 else []))
