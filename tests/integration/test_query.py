# SPDX-License-Identifier: Apache-2.0
"""'tapeline query' as a person uses it: streamed and Parquet results, the prompt on a terminal, scripts, closed pipes, and Athena."""
import glob
import itertools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from fake_json import FakeAthena
from fake_s3 import FakeS3, Thing
from tapeline import BINARY, CLIENT_ENV, PIPELINE, run, wait_for

LAKE = None


def setUpModule():
    global FOLDER, LAKE
    FOLDER = tempfile.TemporaryDirectory()
    LAKE = os.path.join(FOLDER.name, "lake")
    run("sample", "--lake", LAKE, "--tickers", "3")


def tearDownModule():
    FOLDER.cleanup()


def query(sql, *args, **kw):
    return run("query", sql, "--lake", LAKE, *args, **kw)


def peak_kb(sql, *args):
    """Memory that the command and its child took at most: getrusage of a process that ran nothing else."""
    code = ("import resource, subprocess, sys\nsubprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    p = subprocess.run([sys.executable, "-c", code, BINARY, "query", sql, "--lake", LAKE, *args], env=CLIENT_ENV, stdout=subprocess.PIPE,
                       text=True, check=True, timeout=120)
    return int(p.stdout)


class Results(unittest.TestCase):
    def test_memory_is_flat_in_the_rows(self):
        """More than a million rows, none cut, in the memory of a few."""
        sql = "SELECT i, i * 2 AS j, 'x' || i AS s FROM range(%d) t(i)"
        for form in ("csv", "json", "parquet", "table"):
            few, many = peak_kb(sql % 20000, "--format", form), peak_kb(sql % 1200000, "--format", form)
            self.assertLess(many, few + 24000, "%s: %d KB for few rows, %d KB for many" % (form, few, many))

    def test_parquet_keeps_values_and_types(self):
        path = os.path.join(LAKE, "streaming", "x", "part.parquet")
        os.makedirs(os.path.dirname(path))
        sql = ("SELECT * FROM (VALUES (1::INTEGER, 2::BIGINT, 0.1::DOUBLE, 'a,\"ü', true, DATE '2024-02-29', TIMESTAMPTZ '2024-01-02 03:04:05.678901Z'),"
               " (NULL, NULL, NULL, NULL, NULL, NULL, NULL)) t(a, b, c, d, e, f, g) ORDER BY a")
        with open(path, "wb") as f:
            subprocess.run([BINARY, "query", sql, "--lake", LAKE, "--format", "parquet"], stdout=f, env=CLIENT_ENV, check=True)
        back = query("SELECT *, typeof(a), typeof(b), typeof(c), typeof(d), typeof(e), typeof(f), typeof(g) FROM LAKE('streaming/x')").stdout.splitlines()
        types = "INTEGER,BIGINT,DOUBLE,VARCHAR,BOOLEAN,DATE,TIMESTAMP WITH TIME ZONE"
        self.assertEqual(back[1:], ['1,2,0.1,"a,""ü",true,2024-02-29,2024-01-02 03:04:05.678901,' + types, ",,,,,,," + types])
        self.assertEqual(glob.glob(os.path.join(tempfile.gettempdir(), "tapeline-result-*")), [])

    def test_parquet_of_what_fails_is_nothing(self):
        p = subprocess.run([BINARY, "query", "SELECT nothing", "--lake", LAKE, "--format", "parquet"], env=CLIENT_ENV, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
        self.assertEqual((p.returncode, p.stdout), (1, b""))
        self.assertIn(b"nothing", p.stderr)
        with open(os.devnull, "wb") as nowhere:
            p = subprocess.run([BINARY, "query", "SELECT * FROM range(100000)", "--lake", LAKE, "--format", "parquet", "--max-rows", "7"], env=CLIENT_ENV,
                               stdout=nowhere, stderr=subprocess.PIPE, text=True)
        self.assertEqual((p.returncode, p.stderr), (0, "tapeline query: cut after 7 rows (see --max-rows)\n"))

    def test_a_reader_that_goes_away_is_no_failure(self):
        for form in ("csv", "parquet"):
            p = subprocess.Popen([BINARY, "query", "SELECT * FROM range(3000000)", "--lake", LAKE, "--format", form], env=CLIENT_ENV,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            p.stdout.read(4)
            p.stdout.close()
            errors = p.stderr.read().decode()
            p.stderr.close()
            self.assertEqual((p.wait(60), errors), (0, ""), form)

    def test_a_script(self):
        def script(text, **kw):
            return subprocess.run([BINARY, "query", "--lake", LAKE], input=text, env=CLIENT_ENV, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
        p = script("SELECT 1 AS a; -- a comment; with a semicolon\nSELECT ';' AS b;\n\nSELECT 3 AS c")
        self.assertEqual((p.returncode, p.stdout), (0, "a\n1\nb\n;\nc\n3\n"))
        p = script("SELECT 1 AS a; SELECT oops; SELECT 2 AS b;")
        self.assertEqual((p.returncode, p.stdout), (1, "a\n1\n"))
        self.assertEqual(script("").returncode, 0)

    def test_ctrl_c_of_a_query_alone(self):
        p = subprocess.Popen([BINARY, "query", "SELECT count(*) FROM range(100000000000) a, range(1000) b", "--lake", LAKE], env=CLIENT_ENV,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for("the query's process", lambda: subprocess.run(["pgrep", "-P", str(p.pid)], stdout=subprocess.PIPE).stdout, 20)
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(20), 130)
        p.stdout.close(), p.stderr.close()
        p = query("SELECT count(*) FROM range(100000000000) a, range(1000) b", "--timeout", "1", check=False)
        self.assertEqual(p.returncode, 1)
        self.assertRegex(p.stderr, "longer than 1 s|more processor time")


class Terminal:
    """The prompt on a terminal of its own."""

    def __init__(self, state, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, [BINARY, "query", *args], dict(CLIENT_ENV, XDG_STATE_HOME=state, TERM="xterm", LC_ALL="C.UTF-8"))
        self.text = ""

    def expect(self, pattern, timeout=30):
        """Reads until the pattern has come; gives what came up to it, and forgets it."""
        end = time.monotonic() + timeout
        while not re.search(pattern, self.text, re.S):
            if time.monotonic() > end:
                raise AssertionError("'%s' did not come in: %r" % (pattern, self.text))
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        found = re.search(pattern, self.text, re.S)
        if not found:
            raise AssertionError("it ended before '%s': %r" % (pattern, self.text))
        seen, self.text = self.text[:found.end()], self.text[found.end():]
        return seen

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit code, when it has ended by itself."""
        try:
            while os.read(self.fd, 65536):
                pass
        except OSError:
            pass
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return code


class Prompt(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def open(self):
        t = Terminal(self.folder.name, "--lake", LAKE)
        t.expect("tapeline> ")
        return t

    def test_statements_names_and_commands(self):
        t = self.open()
        t.send("SELECT 'é' AS x\n, 2 AS y; SELECT 3 AS z;\n")
        t.expect(r"│ é │ 2 │.*│ 3 │.*tapeline> ")
        t.send(".tables\n")
        t.expect(r"curated\.stocks_features  curated/stocks_features  \(synthetic\).*tapeline> ")
        t.send(".schema stocks_features\n")
        t.expect(r"close +DOUBLE.*year +BIGINT  \(partition\).*tapeline> ")
        t.send("SELECT count(DISTINCT tick\t) AS n FROM curated.st\t;\n")
        t.expect(r"│ 3 │.*tapeline> ")
        t.send("SELECT oops;\n")
        t.expect(r'Binder Error: .*oops.*tapeline> ')
        t.send(".format csv\nSELECT 7 AS seven;\n")
        t.expect(r"seven\r\n7\r\n.*tapeline> ")
        t.send(".nonsense\n")
        t.expect(r"no command '.nonsense'.*tapeline> ")
        t.send(".quit\n")
        t.expect(r"\.quit\r\n")
        self.assertEqual(t.end(), 0)
        with open(os.path.join(self.folder.name, "tapeline", "query_history")) as f:
            self.assertIn("seven", f.read())
        t = self.open()
        t.send("\x1b[A\x1b[A\x1b[A\n")  # .quit, .nonsense, SELECT 7
        t.expect(r"\b7\b.*│.*tapeline> ")
        t.send("\x04")
        t.expect(r"\r\n")
        self.assertEqual(t.end(), 0)

    def test_ctrl_c_ends_the_query_and_not_the_program(self):
        t = self.open()
        t.send("SELECT thrown aw\x03")
        t.expect(r"\^C\r\ntapeline> ")
        for _ in range(2):
            t.send("SELECT count(*) FROM range(100000000000) a, range(1000) b;\n")
            wait_for("the query's process", lambda: subprocess.run(["pgrep", "-P", str(t.pid)], stdout=subprocess.PIPE).stdout, 20)
            t.send("\x03")
            t.expect(r"the query was stopped\r\ntapeline> ")
        t.send("SELECT 7 AS seven;\n")
        t.expect(r"│ +7 │.*tapeline> ")
        os.kill(t.pid, signal.SIGTERM)
        t.expect(r"\r\n")
        self.assertEqual(t.end(), 0)


class Bucket(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.s3 = FakeS3(region="us-east-1")
        self.s3.buckets["bucket"] = {}
        for path, _, names in os.walk(LAKE):
            for name in names:
                with open(os.path.join(path, name), "rb") as f:
                    self.s3.buckets["bucket"]["l/" + os.path.relpath(f.name, LAKE)] = Thing(f.read())
        self.env = self.s3.env(XDG_CACHE_HOME=self.folder.name, AWS_MAX_ATTEMPTS="1")

    def tearDown(self):
        self.s3.close()
        self.folder.cleanup()

    def ask(self, sql, **kw):
        self.s3.calls.clear()
        return run("query", sql, "--lake", "s3://bucket/l", "--format", "csv", env=self.env, **kw)

    def fetched(self):
        return sorted(k for a, k in self.s3.calls if a == "GetObject" and k.endswith(".parquet"))

    def test_files_are_fetched_once_and_again_when_they_change(self):
        count = "SELECT count(*) AS n FROM curated.stocks_features"
        files = self.s3.names("bucket", "l/curated/stocks_features/ticker")
        self.assertEqual(self.ask(count).stdout, "n\n756\n")
        self.assertEqual(self.fetched(), files)
        self.assertEqual(self.ask(count + " WHERE ticker = 'AAPL'").stdout, "n\n252\n")
        self.assertEqual(self.fetched(), [])
        with open(glob.glob(os.path.join(LAKE, "curated/stocks_features/ticker=MSFT/year=2024/*.parquet"))[0], "rb") as f:
            self.s3.buckets["bucket"][files[0]] = Thing(f.read())  # another content under the same name
        del self.s3.buckets["bucket"][files[1]]
        self.assertEqual(self.ask("SELECT count(*) AS n FROM LAKE('curated/stocks_features')").stdout, "n\n504\n")
        self.assertEqual(self.fetched(), files[:1])
        self.assertEqual(self.ask("SELECT 1 AS a").stdout, "a\n1\n")
        self.assertEqual(self.fetched(), [])

    def test_several_files_are_fetched_at_a_time(self):
        """The first requests for files wait until there are two of them: one at a time would never be answered."""
        two, asked = threading.Barrier(2, timeout=20), itertools.count()
        files = {k: v for k, v in self.s3.buckets["bucket"].items() if k.endswith(".parquet")}
        for key in sorted(files)[1:]:
            del self.s3.buckets["bucket"][key]
        key = sorted(files)[0]
        for i in range(100):  # more than are noted at a time
            self.s3.buckets["bucket"][key.replace("/part-", "/part-%03d-" % i) if "/part-" in key else key[:-8] + "-%d.parquet" % i] = files[key]
        count = len([k for k in self.s3.buckets["bucket"] if k.endswith(".parquet")])
        self.assertEqual(count % 2, 1)

        def rule(r):
            if r.action == "GetObject" and r.key.endswith(".parquet") and next(asked) < 8:
                two.wait()
        self.s3.rule = rule
        self.assertEqual(self.ask("SELECT count(*) AS n FROM curated.stocks_features").stdout, "n\n%d\n" % (252 * count))
        self.s3.rule = None
        self.assertEqual(len(self.fetched()), count)
        self.assertEqual(self.ask("SELECT count(*) AS n FROM curated.stocks_features").stdout, "n\n%d\n" % (252 * count))
        self.assertEqual(self.fetched(), [])

    def test_a_feed_reads_a_bucket(self):
        p = run("feed", PIPELINE, "--dry-run", "--limit", "2", "--lake", "s3://bucket/l", env=self.env)
        self.assertEqual([json.loads(line)["ticker"] for line in p.stdout.splitlines()[:2]], ["AAPL", "AMZN"])

    def test_what_fails_is_told(self):
        self.assertIn("there is no table 'nosuch.t'", self.ask("SELECT * FROM nosuch.t", check=False).stderr)
        p = self.ask("SELECT * FROM curated.stock_feature", check=False)
        self.assertIn("did you mean 'curated.stocks_features'", p.stderr)
        self.s3.rule = lambda r: (403, "AccessDenied")
        p = self.ask("SELECT * FROM curated.stocks_features", check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("is not allowed", p.stderr)


class Athena(unittest.TestCase):
    def ask(self, fake, sql, *args, **kw):
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_ATHENA=fake.url, AWS_MAX_ATTEMPTS="3")
        return run("query", sql, "--engine", "athena", *args, env=env, **kw)

    def test_rows_pages_and_cost(self):
        rows = [[i, None if i % 7 == 0 else "r%d" % i, "2024-01-02 03:04:05.000 UTC", ""] for i in range(2500)]
        results = {
            "SELECT * FROM t": dict(columns=[("i", "integer"), ("s", "varchar"), ("at", "timestamp with time zone"), ("e", "varchar")], rows=rows,
                                    scanned=34567890, polls=3),
            "SHOW TABLES": dict(columns=[("tab_name", "string")], rows=[["a"], ["b"]], type="UTILITY"),
        }
        with FakeAthena(results) as fake:
            fake.trouble = [("StartQueryExecution", 400, "ThrottlingException"), ("GetQueryResults", 500, "InternalServerException")]
            p = self.ask(fake, "SELECT * FROM t;", "--workgroup", "wg", "--database", "db", "--results", "s3://b/r/")
            lines = p.stdout.splitlines()
            self.assertEqual(lines[:3], ["i,s,at,e", '0,,2024-01-02 03:04:05,""', '1,r1,2024-01-02 03:04:05,""'])
            self.assertEqual(len(lines), 2501)
            self.assertIn("athena: 34567890 bytes scanned (billed as 33 MB), 0.3 s, query ", p.stderr)
            start = [r for a, r in fake.calls if a == "StartQueryExecution"]
            self.assertEqual(len(start), 2)
            self.assertEqual(start[0], start[1])
            self.assertEqual((start[0]["WorkGroup"], start[0]["QueryExecutionContext"], start[0]["ResultConfiguration"]),
                             ("wg", {"Database": "db"}, {"OutputLocation": "s3://b/r/"}))
            self.assertEqual(fake.count("GetQueryResults"), 3 + 1)
            p = self.ask(fake, "SELECT * FROM t", "--format", "json", "--max-rows", "2")
            self.assertEqual(json.loads(p.stdout)[0], {"i": 0, "s": None, "at": "2024-01-02 03:04:05", "e": ""})
            self.assertIn("cut after 2 rows", p.stderr)
            p = self.ask(fake, "SHOW TABLES")
            self.assertEqual(p.stdout, "tab_name\na\nb\n")
            self.assertIn("billed as 0 MB", p.stderr)

    def test_what_fails_is_told(self):
        results = {"SELECT bad": dict(columns=[], rows=[], fails="COLUMN_NOT_FOUND: line 1:8: Column 'bad' cannot be resolved")}
        with FakeAthena(results) as fake:
            p = self.ask(fake, "SELECT bad", check=False)
            self.assertEqual((p.returncode, p.stdout), (1, ""))
            self.assertIn("COLUMN_NOT_FOUND: line 1:8", p.stderr)
            p = self.ask(fake, "SELEC", check=False)
            self.assertIn("mismatched input", p.stderr)
            p = self.ask(fake, "SELECT bad", "--format", "parquet", check=False)
            self.assertIn("UNLOAD", p.stderr)

    def test_ctrl_c_stops_it_in_athena(self):
        with FakeAthena({"SELECT long": dict(columns=[("a", "integer")], rows=[[1]], polls=10 ** 9)}) as fake:
            p = subprocess.Popen([BINARY, "query", "SELECT long", "--engine", "athena"], env=dict(CLIENT_ENV, AWS_ENDPOINT_URL_ATHENA=fake.url),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_for("the query runs", lambda: fake.count("GetQueryExecution") > 1, 20)
            p.send_signal(signal.SIGINT)
            self.assertEqual(p.wait(20), 130)
            p.stdout.close(), p.stderr.close()
            self.assertEqual(fake.count("StopQueryExecution"), 1)


if __name__ == "__main__":
    unittest.main()
