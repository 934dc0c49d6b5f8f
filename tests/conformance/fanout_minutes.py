#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/conformance/fanout_minutes.py [MINUTES]: read = 'fanout' in real time, over the five minutes after which the service ends a
subscription: records are put all the while, and each is counted once. In 'make test' the clocks are moved instead (test_consumer.py)."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tapeline import BINARY, CLIENT_ENV, broker, kinesis

SQL = """CREATE PIPELINE p;
CREATE PROFILE here DEFAULT WITH (kinesis = '%s', region = 'us-east-1');
CREATE SOURCE ticks (n BIGINT NOT NULL, ts VARCHAR NOT NULL, event_time AS PARSE_TIMESTAMP(ts),
  WATERMARK FOR event_time AS event_time - INTERVAL '1' HOUR) WITH (stream = 's', start = 'TRIM_HORIZON', read = 'fanout');
CREATE VIEW v AS SELECT n, COUNT(*) AS times FROM ticks GROUP BY n EMIT CHANGES;
"""


def main(minutes):
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "access")
        with broker(os.path.join(folder, "b"), "--stream", "s:2", "--access-log", log) as server:
            client, pipeline = kinesis(server.aws), os.path.join(folder, "p.sql")
            with open(pipeline, "w") as f:
                f.write(SQL % server.aws)
            engine = subprocess.Popen([BINARY, "run", pipeline, "--lake", os.path.join(folder, "lake"), "--dump", "v", "--json"], env=CLIENT_ENV,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            sent, end = 0, time.monotonic() + minutes * 60
            while time.monotonic() < end and engine.poll() is None:
                ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
                for _ in range(5):
                    client.put_record(StreamName="s", Data=json.dumps({"n": sent, "ts": ts}).encode(), PartitionKey="k%d" % sent)
                    sent += 1
                time.sleep(0.25)
            time.sleep(7)  # a new subscription is made five seconds after the last at the earliest
            engine.terminate()
            out, told = engine.communicate(timeout=60)
            ledger = json.loads(out.splitlines()[-1])
            once = sum(line.endswith(",1") for line in out.splitlines()[1:-1])
        with open(log) as f:
            ends = [json.loads(line) for line in f if "SubscribeToShard" in line]
    lasted = [round(e.get("duration_ms", e.get("ms", 0)) / 1000) for e in ends]
    print("%d records sent, %d received, %d counted once; %d subscriptions, ended after %s s" % (sent, ledger["received"], once, len(ends), lasted))
    good = engine.returncode == 0 and sent == ledger["received"] == once and len(ends) >= 2 * int(minutes / 5)
    print("1 passed, 0 failed" if good else told + "0 passed, 1 failed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 11))
