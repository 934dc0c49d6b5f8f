# SPDX-License-Identifier: Apache-2.0
"""make_tables.py FOLDER: Delta tables as sinks leave them, and one line each of what a reader has to find: table|rows|sum of n|files.
plain: commits alone; checkpoint: the commits below it are gone; compacted."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from tapeline import run  # noqa: E402

PIPELINE = """CREATE PIPELINE d;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE,
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time) WITH (stream = 'x');
CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n, AVG(close) AS mean FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)
  GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK s FROM v WITH (path = 'v', format = 'delta', partition_by = 'ticker', table = 'db.v');
"""
TICKERS, EPOCHS = ["A", "B/%", "C D"], 24


def main(folder):
    os.makedirs(folder)
    pipeline, lake, inputs = os.path.join(folder, "p.sql"), os.path.join(folder, "lake"), []
    with open(pipeline, "w") as f:
        f.write(PIPELINE)
    for i in range(EPOCHS):  # an epoch a run: a file more
        inputs += ["--input", os.path.join(folder, "f%02d.ndjson" % i)]
        with open(inputs[-1], "w") as f:
            for ticker in TICKERS:
                for close in range(i + 1):
                    f.write(json.dumps({"ticker": ticker, "timestamp": "2025-09-27T10:%02d:00Z" % i, "close": close}) + "\n")
        run("run", pipeline, *inputs, "--lake", lake)
    rows, total = EPOCHS * len(TICKERS), len(TICKERS) * EPOCHS * (EPOCHS + 1) // 2

    def copy(name):
        shutil.copytree(os.path.join(lake, "v"), os.path.join(folder, name))
        return os.path.join(folder, name)
    print("%s|%d|%d|%d" % (copy("plain"), rows, total, rows))
    table = copy("checkpoint")
    with open(os.path.join(table, "_delta_log", "_last_checkpoint")) as f:
        last = json.load(f)["version"]
    for version in range(last + 1):
        os.remove(os.path.join(table, "_delta_log", "%020d.json" % version))
    print("%s|%d|%d|%d" % (table, rows, total, rows))
    run("compact", "db.v", "--lake", lake, "--min-files", "2")
    print("%s|%d|%d|%d" % (copy("compacted"), rows, total, len(TICKERS)))


main(sys.argv[1])
