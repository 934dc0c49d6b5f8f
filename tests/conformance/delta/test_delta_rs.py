# SPDX-License-Identifier: Apache-2.0
"""Delta tables of a sink as delta-rs reads them: by all commits, by a checkpoint alone, and after a compaction."""
import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from tapeline import run  # noqa: E402

import deltalake  # noqa: E402

PIPELINE = """CREATE PIPELINE mal;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL,
  event_time AS PARSE_TIMESTAMP("timestamp"), WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE) WITH (stream = 'x');
CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)
  GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK m FROM MALFORMED(ticks) WITH (path = 'mal', format = 'delta', partition_by = 'reason', table = 'db.mal');
"""
EPOCHS = 24


class DeltaRs(unittest.TestCase):
    def test_what_it_reads(self):
        with tempfile.TemporaryDirectory() as folder:
            pipeline, lake, inputs = os.path.join(folder, "p.sql"), os.path.join(folder, "lake"), []
            with open(pipeline, "w") as f:
                f.write(PIPELINE)
            for i in range(1, EPOCHS + 1):  # an epoch a run: a file more, with one line that cannot be read
                inputs += ["--input", os.path.join(folder, "f%02d.ndjson" % i)]
                with open(inputs[-1], "w") as f:
                    f.write("bad %d\n" % i)
                run("run", pipeline, *inputs, "--lake", lake)
                for version in range(15 if i == 18 else 0):
                    os.utime(os.path.join(lake, "mal", "_delta_log", "%020d.json" % version), (time.time() - 40 * 86400,) * 2)
            table, log = os.path.join(lake, "mal"), os.path.join(lake, "mal", "_delta_log")
            self.check(table, EPOCHS)
            # What is forty days old, and below a checkpoint that is, was deleted as the last checkpoint was made.
            self.assertFalse(os.path.exists(os.path.join(log, "%020d.json" % 8)))
            self.assertTrue(os.path.exists(os.path.join(log, "%020d.json" % 9)))
            with open(os.path.join(log, "_last_checkpoint")) as f:
                last = json.load(f)["version"]
            self.assertEqual(last, 19)
            for version in range(9, last + 1):
                os.remove(os.path.join(log, "%020d.json" % version))
            self.check(table, EPOCHS)
            run("compact", "db.mal", "--lake", lake, "--min-files", "2")
            self.check(table, 1)

    def check(self, table, files):
        t = deltalake.DeltaTable(table)
        self.assertEqual(len(t.file_uris()), files)
        self.assertEqual(t.transaction_version("tapeline/mal/ticks_malformed"), EPOCHS)
        self.assertEqual(sorted(t.to_pyarrow_table()["data"].to_pylist()), sorted("bad %d" % i for i in range(1, EPOCHS + 1)))


if __name__ == "__main__":
    unittest.main()
