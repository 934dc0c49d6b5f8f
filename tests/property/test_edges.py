# SPDX-License-Identifier: Apache-2.0
"""The edges of the semantics rules over files, each with rows written out by hand (the random cases of test_streams.py
have theirs from the model). Rules 2 and 6 at a split, a merge and a shard that wakes are in tests/unit/engine/test_stream.c
and tests/integration: files have neither."""
import json
import os
import tempfile
import unittest

from tapeline import run

DAY = "2024-02-29T"


def sql(views, delay="INTERVAL '0' SECOND"):
    return """CREATE PIPELINE edges;
CREATE SOURCE s (k VARCHAR, ts VARCHAR NOT NULL, x DOUBLE, n BIGINT, i INTEGER, b BOOLEAN, d DATE, m TIMESTAMP,
  t AS PARSE_TIMESTAMP(ts), WATERMARK FOR t AS t - %s) WITH (stream = 's');
%s""" % (delay, views)


def tick(at, **members):
    return dict(members, ts=at if "-" in at[1:] else DAY + at)


MINUTES = ("CREATE VIEW v AS SELECT window_start AS ws, window_end AS we, COUNT(*) AS c FROM TUMBLE(s, t, INTERVAL '1' MINUTE) "
           "GROUP BY window_start, window_end;")
HEADER = "ws,we,c\n"


def minute(at, count, day="2024-02-29"):
    hour, m = int(at[:2]), int(at[3:])
    end = "%02d:%02d" % ((hour + (m == 59)), (m + 1) % 60)
    return "%s %s:00,%s %s:00,%d\n" % (day, at, day, end, count)


class Edges(unittest.TestCase):
    def rows(self, views, *shards, view="v", delay="INTERVAL '0' SECOND"):
        """The view's CSV and the ledger; a shard is a list of ticks."""
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "p.sql"), "w") as f:
                f.write(sql(views, delay))
            for i, ticks in enumerate(shards):
                with open(os.path.join(folder, "%d.ndjson" % i), "w") as f:
                    f.writelines(json.dumps(t) + "\n" for t in ticks)
            done = run("run", os.path.join(folder, "p.sql"), "--input", os.path.join(folder, "*.ndjson"), "--dump", view, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        *lines, ledger = done.stdout.splitlines()
        return "".join(line + "\n" for line in lines), json.loads(ledger)

    def expect(self, views, shards, rows, late=0, filtered=0, malformed=0, **how):
        text, ledger = self.rows(views, *shards, **how)
        self.assertEqual(text, rows)
        self.assertEqual((ledger["late"], ledger["filtered"], ledger["malformed"]), (late, filtered, malformed), ledger)
        self.assertEqual(ledger["received"], sum(map(len, shards)))

    def test_rule_1_equal_instants(self):
        """rule 1: by shard, then by position; what came first in time of arrival is nothing"""
        view = "CREATE VIEW v AS SELECT FIRST(n) AS f, LAST(n) AS l, LAST(n IGNORE NULLS) AS i FROM s;"
        self.expect(view, [[tick("10:00", n=1), tick("10:00", n=2)], [tick("10:00", n=3), tick("10:00")]], "f,l,i\n1,,3\n")
        self.expect(view, [[tick("10:00"), tick("10:00", n=2)], [tick("09:59:59.999999999", n=3)]], "f,l,i\n3,2,2\n")

    def test_rule_2_no_delay(self):
        """rule 2, rule 4: the record that moves W is not judged by it; at the window's end it is late"""
        self.expect(MINUTES, [[tick("10:00:59"), tick("10:01"), tick("10:00:59.999999999"), tick("10:01")]],
                    HEADER + minute("10:00", 1) + minute("10:01", 2), late=1)
        self.expect(MINUTES, [[tick("10:00:59"), tick("10:01"), tick("10:00:59.999999999"), tick("10:01")]],
                    HEADER + minute("10:00", 2) + minute("10:01", 2), delay="INTERVAL '1' MILLISECOND")

    def test_rule_4_each_shard_by_its_own_watermark(self):
        """rule 4: the other shard's W makes nothing late"""
        self.expect(MINUTES, [[tick("11:00")], [tick("10:00"), tick("10:02"), tick("10:01")]],
                    HEADER + minute("10:00", 1) + minute("10:01", 0)[:0] + minute("10:02", 1) + minute("11:00", 1), late=1)

    def test_rule_5_borders_and_offset(self):
        """rule 5: half open; the offset moves both ends"""
        ticks = [tick("10:00"), tick("10:00:29.999999999"), tick("10:00:30"), tick("10:01")]
        self.expect(MINUTES, [ticks], HEADER + minute("10:00", 3) + minute("10:01", 1))
        self.expect(MINUTES.replace("MINUTE)", "MINUTE, INTERVAL '30' SECOND)"), [ticks],
                    HEADER + "2024-02-29 09:59:30,2024-02-29 10:00:30,2\n2024-02-29 10:00:30,2024-02-29 10:01:30,2\n")

    def test_rule_5_windows_without_a_record(self):
        """rule 5: they give no row; of no record at all there is none"""
        self.expect(MINUTES, [[tick("10:00"), tick("10:58")]], HEADER + minute("10:00", 1) + minute("10:58", 1))
        self.expect(MINUTES, [[]], HEADER)
        self.expect("CREATE VIEW v AS SELECT COUNT(*) AS c FROM s;", [[]], "c\n")

    def test_rule_5_before_1970(self):
        """rule 5: windows are floored there too, of every kind"""
        ticks = [tick("1969-12-31T23:59:59.999999999"), tick("1970-01-01T00:00")]
        last = "1969-12-31 23:59:00,1970-01-01 00:00:00,1\n"
        self.expect(MINUTES, [ticks], HEADER + last + minute("00:00", 1, "1970-01-01"))
        self.expect(MINUTES.replace("TUMBLE(s, t,", "HOP(s, t, INTERVAL '30' SECOND,"), [ticks],
                    HEADER + last + "1969-12-31 23:59:30,1970-01-01 00:00:30,2\n" + minute("00:00", 1, "1970-01-01"))
        self.expect(MINUTES.replace("TUMBLE(s, t, INTERVAL '1' MINUTE", "SESSION(s, t, INTERVAL '1' SECOND"), [ticks],
                    HEADER + "1969-12-31 23:59:59.999999999,1970-01-01 00:00:01,2\n")

    def test_rule_5_the_ends_of_time(self):
        """rule 5, rule 7: an instant whose windows would leave the range of instants is malformed, a day before it is not"""
        self.expect(MINUTES, [[tick("1677-09-21T00:12:44"), tick("2262-04-11T23:47:16")]], HEADER, malformed=2)
        self.expect(MINUTES, [[tick("1677-09-22T00:00"), tick("2262-04-10T00:00")]],
                    HEADER + minute("00:00", 1, "1677-09-22") + minute("00:00", 1, "2262-04-10"))

    def test_rule_3_is_off_for_files(self):
        """rule 3: a line has no arrival: one clock that is years ahead makes what follows it late, in its shard alone"""
        self.expect(MINUTES, [[tick("10:00"), tick("2030-01-01T00:00"), tick("10:00")], [tick("10:00")]],
                    HEADER + minute("10:00", 2) + minute("00:00", 1, "2030-01-01"), late=1)

    def test_rule_7_null_in_every_column(self):
        """rule 7, rule 1: absent and null are NULL; aggregates of nothing; NULL as a key of each type"""
        items = ["COUNT(*)", "COUNT(x)", "COUNT(DISTINCT k)", "SUM(n)", "SUM(x)", "AVG(i)", "MIN(k)", "MAX(b)", "MIN(d)", "MAX(m)",
                 "FIRST(k)", "LAST(b IGNORE NULLS)", "STDDEV(x)", "STDDEV_POP(n)", "VWAP(x, n)"]
        view = "CREATE VIEW v AS SELECT %s FROM s GROUP BY k, x, n, i, b, d, m;"
        nothing = tick("10:00", k=None, x=None, n=None, i=None, b=None, d=None, m=None)
        named = ", ".join("%s AS a%d" % pair for pair in zip(items, range(100)))
        header = ",".join("a%d" % i for i in range(len(items))) + "\n"
        self.expect(view % named, [[nothing, tick("10:00")]], header + "2,0,0" + "," * (len(items) - 3) + "\n")

    def test_rule_4_a_hop_that_is_half_late(self):
        """rule 4, rule 9: in the windows that are open, and aggregated once; late when none is"""
        view = MINUTES.replace("TUMBLE(s, t,", "HOP(s, t, INTERVAL '30' SECOND,")
        self.expect(view, [[tick("10:01:10"), tick("10:00:40"), tick("10:00:10")]],
                    HEADER + "2024-02-29 10:00:30,2024-02-29 10:01:30,2\n2024-02-29 10:01:00,2024-02-29 10:02:00,1\n", late=1)

    def test_rules_4_and_5_sessions(self):
        """rule 4, rule 5: a gap apart is two; a record between joins two; parts of several shards are one; late ones"""
        view = MINUTES.replace("TUMBLE(s, t, INTERVAL '1' MINUTE", "SESSION(s, t, INTERVAL '10' SECOND")
        row = "2024-02-29 10:00:%s,2024-02-29 10:00:%s,%d\n"
        self.expect(view, [[tick("10:00:00"), tick("10:00:10")]], HEADER + row % ("00", "10", 1) + row % ("10", "20", 1))
        self.expect(view, [[tick("10:00:00"), tick("10:00:09.999999999")]], HEADER + row % ("00", "19.999999999", 2))
        self.expect(view, [[tick("10:00:00"), tick("10:00:16"), tick("10:00:08")]], HEADER + row % ("00", "26", 3), delay="INTERVAL '1' MINUTE")
        self.expect(view, [[tick("10:00:00")], [tick("10:00:16")], [tick("10:00:08")]], HEADER + row % ("00", "26", 3))
        self.expect(view, [[tick("10:00:30"), tick("10:00:29.5"), tick("10:00:31"), tick("10:00:30.5")]], HEADER + row % ("30", "41", 3), late=1)

    def test_rule_9_filtered_records(self):
        """rule 9, rule 2: WHERE comes before late, and what it leaves out moves W"""
        view = MINUTES.replace("GROUP", "WHERE n > 0 GROUP")
        self.expect(view, [[tick("10:00", n=1), tick("10:05", n=0), tick("10:00", n=2), tick("10:00", n=None), tick("10:00", n=-1)]],
                    HEADER + minute("10:00", 1), late=1, filtered=3)

    def test_rule_8_sums_in_any_shards(self):
        """rule 8: what cancels leaves what is left, wherever it stands"""
        view = "CREATE VIEW v AS SELECT SUM(x) AS s, AVG(x) AS a, STDDEV_POP(x) AS p, SUM(n) AS n FROM s;"
        parts = [tick("10:00", x=1e300, n=2**63 - 1), tick("10:00", x=0.5, n=1), tick("10:00", x=-1e300, n=-2), tick("10:00", x=0.5, n=None)]
        for shards in ([parts], [[p] for p in parts], [parts[2:], parts[:2]]):
            self.expect(view, shards, "s,a,p,n\n1,0.25,,9223372036854775806\n")

    def test_texts_that_grow(self):
        """rule 10: what expressions make of texts may be far more than a batch has room for; a longer one than 4 MiB is NULL"""
        view = ("CREATE VIEW v AS SELECT COUNT(*) AS c, MAX(LENGTH(REPEAT(k, 4000))) AS a, MAX(LENGTH(REPEAT(k, 5000))) AS b, "
                "LENGTH(REPEAT(MAX(k), 4)) AS d FROM s;")
        self.expect(view, [[tick("10:00", k="x" * 1000)] * 80], "c,a,b,d\n80,4000000,,4000\n")

    def test_rule_5_views_over_views(self):
        """rule 5: over the start or the end of a window's rows"""
        hours = " CREATE VIEW h AS SELECT window_start AS ws, window_end AS we, SUM(c) AS c FROM TUMBLE(v, %s, INTERVAL '1' HOUR) GROUP BY window_start, window_end;"
        ticks = [tick("10:00"), tick("10:59:59"), tick("10:59:59")]
        hour = "2024-02-29 %d:00:00,2024-02-29 %d:00:00,%d\n"
        self.expect(MINUTES + hours % "ws", [ticks], HEADER + hour % (10, 11, 3), view="h")
        self.expect(MINUTES + hours % "we", [ticks], HEADER + hour % (10, 11, 1) + hour % (11, 12, 2), view="h")

    def test_rule_5_rows_that_close_at_one_instant(self):
        """rule 5, rule 1: they are in the order of their keys, whatever began first"""
        sessions = ("CREATE VIEW v AS SELECT k, window_start AS ws, window_end AS we FROM SESSION(s, t, INTERVAL '10' SECOND) GROUP BY k, window_start, window_end; "
                    "CREATE VIEW h AS SELECT COUNT(*) AS c, FIRST(ws) AS f, LAST(ws) AS l FROM TUMBLE(v, we, INTERVAL '1' HOUR) GROUP BY window_start, window_end;")
        ticks = [tick("10:00:00", k="b"), tick("10:00:05", k="b"), tick("10:00:05", k="a"), tick("10:00:05", k="c")]
        self.expect(sessions, [ticks], "c,f,l\n3,2024-02-29 10:00:05,2024-02-29 10:00:05\n", view="h")
        for t in ticks:
            t["k"] = {"a": "b", "b": "a"}.get(t["k"], t["k"])
        self.expect(sessions, [ticks], "c,f,l\n3,2024-02-29 10:00:00,2024-02-29 10:00:05\n", view="h")


if __name__ == "__main__":
    unittest.main()
