# SPDX-License-Identifier: Apache-2.0
"""The page's server: its answers against web/openapi.json, its refusals against the numbered security statements of
docs/dashboard.md (E1 ...), the names of its metrics against Prometheus' conventions."""
import fcntl
import glob
import gzip
import json
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import urllib.error
import urllib.request

from tapeline import BINARY, Server, wait_for

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FREE = ["--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"]
TOKEN = "a-token-of-the-test-0123456789"
POST = {"Content-Type": "application/json", "X-Tapeline": "1"}


def ask(url, path, method="GET", headers=None, body=None):
    """(status, headers, body) of one request; errors too."""
    request = urllib.request.Request(url + path, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def raw(url, text):
    """The status line of what the server answers to these bytes; '' when it closes."""
    host, port = url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as s:
        s.sendall(text.encode("latin-1"))
        s.shutdown(socket.SHUT_WR)
        got = b""
        while b"\r\n" not in got:
            chunk = s.recv(4096)
            if not chunk:
                break
            got += chunk
        return got.split(b"\r\n")[0].decode("latin-1")


def post(url, path, value, **more):
    return ask(url, path, "POST", dict(POST, **more), json.dumps(value).encode())


# ---- a value against a JSON schema, as far as web/openapi.json uses them ----

def mismatches(document, schema, value, at="$"):
    while "$ref" in schema:
        node = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            node = node[part]
        schema = node
    wanted = schema.get("type")
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}
    wanted = [wanted] if isinstance(wanted, str) else (wanted or [])
    fits = [k for k in wanted if isinstance(value, kinds[k]) and not (isinstance(value, bool) and k in ("integer", "number"))]
    if wanted and not fits:
        return ["%s is %r, not %s" % (at, value, wanted)]
    if "enum" in schema and value not in schema["enum"]:
        return ["%s is %r" % (at, value)]
    found = []
    if isinstance(value, dict):
        found += ["%s has no '%s'" % (at, name) for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in schema.get("properties", {}):
                found += mismatches(document, schema["properties"][name], item, "%s.%s" % (at, name))
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value[:50]):
            found += mismatches(document, schema["items"], item, "%s[%d]" % (at, i))
    return found


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server("up", "--data", os.path.join(cls.folder.name, "d"), *FREE, "--speed", "5")
        cls.url = cls.server.page
        wait_for("some records", lambda: json.loads(ask(cls.url, "/api/status")[2])["stats"]["ledger"]["received"] > 20)
        cls.document = json.load(open(os.path.join(ROOT, "web", "openapi.json")))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def examples(self):
        """A call of each path that succeeds: (method, path with query, body)."""
        plan = json.loads(ask(self.url, "/api/plan")[2])
        stream = plan["sources"][0]["stream"]
        shard = json.loads(ask(self.url, "/api/shards?stream=" + stream)[2])["shards"][0]["id"]
        now = int(time.time() * 1000) // 60000 * 60000
        return {
            "/api/plan": ("GET", ""), "/api/status": ("GET", ""), "/api/samples": ("GET", ""), "/api/tables": ("GET", ""), "/healthz": ("GET", ""),
            "/readyz": ("GET", ""), "/metrics": ("GET", ""), "/api/history": ("GET", "?view=avg_1min"), "/api/candles": ("GET", "?tape=ticks&key=AAPL"),
            "/api/shards": ("GET", "?stream=" + stream), "/api/records": ("GET", "?stream=%s&shard=%s&limit=5" % (stream, shard)),
            "/api/origin": ("GET", "?view=avg_1min&window_start=%d&key=AAPL" % now), "/api/query": ("POST", {"sql": "SELECT 42 AS answer"}),
            "/api/cancel": ("POST", {"id": "none"}), "/api/report": ("GET", ""), "/api/engines": ("GET", ""),
            "/api/alerts": ("POST", {"alerts": [{"name": "silence", "kind": "stale", "limit": 3600},
                                                {"name": 'dear "A"', "kind": "value", "view": "latest_close", "column": "latest_close", "key": "AAPL", "limit": 0.5}]}),
            "/api/replay": ("POST", {"stream": stream, "partition_key": "k", "data": '{"ticker":"REPLAYED","timestamp":"2026-01-01","close":1}'}),
        }

    def test_answers_are_as_documented(self):
        examples = self.examples()
        for path, operations in self.document["paths"].items():
            if path in ("/api/events", "/api/session"):
                continue  # tested below, and in tests/browser
            method, more = examples.pop(path)
            self.assertIn(method.lower(), operations, path)
            status, headers, body = ask(self.url, path + more) if method == "GET" else post(self.url, path, more)
            self.assertEqual(status, 200, (path, body))
            media = headers["Content-Type"].split(";")[0]
            content = operations[method.lower()]["responses"]["200"]["content"]
            self.assertIn(media, content, path)
            if media == "application/json":
                self.assertEqual(mismatches(self.document, content[media]["schema"], json.loads(body)), [], path)
        self.assertEqual(examples, {}, "documented, each of them")
        self.assertEqual(ask(self.url, "/api/openapi.json")[2], open(os.path.join(ROOT, "web", "openapi.json"), "rb").read())

    def test_a_job_on_another_engine_is_shown(self):
        self.assertEqual(json.loads(ask(self.url, "/api/engines")[2]), {"engines": []})
        job = os.path.join(self.folder.name, "d", "lake", "_spark", "stock_stream")
        os.makedirs(job)
        with open(os.path.join(job, "progress.json"), "w") as f:
            f.write('{"pid": 1, "ui": null}\n{"query": "avg_1min_lake", "batch": 7, "watermark": null}\n{"query": "half a li')
        engine, = json.loads(ask(self.url, "/api/engines")[2])["engines"]
        self.assertEqual((engine["engine"], engine["lines"]), ("spark", [{"pid": 1, "ui": None}, {"query": "avg_1min_lake", "batch": 7, "watermark": None}]))
        shutil.rmtree(os.path.join(self.folder.name, "d", "lake", "_spark"))

    def test_routes_are_documented(self):
        table = open(os.path.join(ROOT, "src", "web", "routes.c")).read()
        routes = re.findall(r'^    \{ "(/[^"]+)", (\w+), (\w+),', table, re.M)
        self.assertEqual(sorted(path for path, _, _ in routes), sorted(self.document["paths"]))
        for path, get, put in routes:
            self.assertEqual(sorted(self.document["paths"][path]), (["get"] if get != "NULL" else []) + (["post"] if put != "NULL" else []), path)

    def test_wrong_questions_are_named(self):
        for path, status in (("/api/history", 400), ("/api/history?view=none", 404), ("/api/history?view=avg_1min&points=0", 400), ("/api/shards?stream=none", 404),
                             ("/api/records?stream=stock_stream", 400), ("/api/records?stream=stock_stream&shard=x&from=NOW", 400),
                             ("/api/records?stream=stock_stream&shard=shardId-000000000009", 404), ("/api/records?stream=stock_stream&shard=x&limit=0", 400),
                             ("/api/candles?tape=none&key=A", 404), ("/api/candles?tape=ticks&key=A&interval=7", 400), ("/api/origin?view=latest_close&window_end=1", 400),
                             ("/api/origin?view=avg_1min", 400), ("/api/nothing", 404)):
            got, _, body = ask(self.url, path)
            self.assertEqual(got, status, (path, body))
            self.assertTrue(json.loads(body)["error"], path)
        for path, body in (("/api/query", {"sql": "SELECT FROM"}), ("/api/query", {}), ("/api/query", {"sql": "SELECT 1", "format": "xml"}), ("/api/cancel", {}),
                           ("/api/replay", {"stream": "other", "partition_key": "k", "data": "x"})):
            got, _, text = post(self.url, path, body)
            self.assertEqual(got, 400, (path, body, text))

    def test_alerts_fire_on_the_page_and_in_the_metrics_and_are_kept(self):
        wanted = self.examples()["/api/alerts"][1]
        self.assertEqual(json.loads(post(self.url, "/api/alerts", wanted)[2]), {"kept": True})
        now = wait_for("the price is above half a dollar", lambda: [a for a in json.loads(ask(self.url, "/api/status")[2])["stats"]["alerts"] if a["firing"]])
        self.assertEqual([(a["name"], a["kind"], a["limit"]) for a in now], [('dear "A"', "value", 0.5)])
        self.assertGreater(now[0]["value"], 0.5)
        self.assertIn('\ntapeline_alert_firing{alert="dear \\"A\\"",kind="value"} 1\n', ask(self.url, "/metrics")[2].decode())
        self.assertIn('\ntapeline_alert_firing{alert="silence",kind="stale"} 0\n', ask(self.url, "/metrics")[2].decode())
        (kept,) = glob.glob(os.path.join(self.folder.name, "d", "**", "alerts.json"), recursive=True)
        self.assertEqual([a["name"] for a in json.load(open(kept))], ["silence", 'dear "A"'])
        for wrong, text in (({"name": "x", "kind": "value", "view": "none", "column": "c", "limit": 1}, "no view 'none'"), ({"name": "x", "kind": "lag", "limit": 0}, "above 0"),
                            ({"name": "x", "kind": "value", "view": "avg_1min", "column": "ticker", "limit": 1}, "no column of numbers"), ({"kind": "stale", "limit": 1}, "has a name"),
                            ({"name": "x", "kind": "rain", "limit": 1}, "value, stale, lag or watermark")):
            status, _, body = post(self.url, "/api/alerts", {"alerts": [wrong]})
            self.assertEqual(status, 400, wrong)
            self.assertIn(text, json.loads(body)["error"])
        self.assertEqual(len(json.loads(ask(self.url, "/api/alerts")[2])["alerts"]), 2, "what is wrong changes nothing")
        post(self.url, "/api/alerts", {"alerts": []})

    def test_files_are_cached_and_compressed(self):
        _, _, page = ask(self.url, "/")
        names = re.findall(r'"(/assets/[^"]+)"', page.decode())
        self.assertGreaterEqual(len(names), 4)
        for name in names:
            status, headers, body = ask(self.url, name, headers={"Accept-Encoding": "gzip"})
            self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"), name)
            self.assertIn("immutable", headers["Cache-Control"])
            self.assertEqual(gzip.decompress(body), ask(self.url, name)[2], "the same without gzip")
            self.assertEqual(ask(self.url, name, headers={"If-None-Match": headers["ETag"]})[0], 304)
        self.assertEqual(ask(self.url, "/")[1]["Cache-Control"], "no-cache")
        status, headers, body = ask(self.url, "/api/status", headers={"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"), "answers of the API too, where that pays")
        self.assertEqual(json.loads(gzip.decompress(body))["pipeline"], "stock_stream")
        self.assertIsNone(ask(self.url, "/api/status", headers={"Accept-Encoding": "gzip;q=0"})[1]["Content-Encoding"])

    # ---- the security statements ----

    def test_e3_foreign_host_is_refused_on_every_route(self):
        host = self.url.split("//")[1]
        for path in list(self.document["paths"]) + ["/", "/nothing"]:
            for bad in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""):
                line = raw(self.url, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, bad))
                self.assertRegex(line, " 40[03] ", (path, bad))
        for text in ("GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET / HTTP/1.1\r\nHost: %s\r\nHost: evil.example\r\n\r\n" % host,
                     "POST /api/query HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}"):
            self.assertRegex(raw(self.url, text), " 40[03] ", text)
        for good in (host, "LOCALHOST", "localhost:1", "[::1]"):
            self.assertIn(" 200 ", raw(self.url, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % good), good)

    def test_e4_e10_foreign_pages_are_refused(self):
        for path, (method, more) in self.examples().items():
            for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
                status = ask(self.url, path + more, headers=headers)[0] if method == "GET" else post(self.url, path, more, **headers)[0]
                self.assertEqual(status, 403, (path, headers))
        self.assertEqual(ask(self.url, "/api/events", headers={"Origin": "http://evil.example"})[0], 403)
        self.assertEqual(ask(self.url, "/api/status", headers={"Origin": self.url})[0], 200)

    def test_e5_e7_changes_need_json_and_a_header(self):
        body = json.dumps(self.examples()["/api/replay"][1]).encode()
        for headers in ({"Content-Type": "text/plain", "X-Tapeline": "1"}, {"Content-Type": "application/x-www-form-urlencoded", "X-Tapeline": "1"},
                        {"Content-Type": "application/json"}, {"X-Tapeline": "1", "Content-Type": "multipart/form-data"}):
            self.assertEqual(ask(self.url, "/api/replay", "POST", headers, body)[0], 415, headers)
        for path in ("/api/replay", "/api/query", "/api/cancel", "/api/session"):
            status, headers, _ = ask(self.url, path)
            self.assertEqual((status, headers["Allow"]), (405, "POST"), path)
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "POST"):
            status, headers, _ = ask(self.url, "/api/status", method, POST, b"{}")
            self.assertEqual(status, 405, method)
            self.assertIsNone(headers["Access-Control-Allow-Origin"], "E6: no grant to other origins")

    def test_e6_no_answer_grants_another_origin_anything(self):
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-tapeline"}
        for path in ("/", "/api/plan", "/api/status", "/api/query", "/api/openapi.json", "/metrics", "/healthz", "/nothing"):
            for method, more in (("GET", {}), ("GET", {"Origin": "http://evil.example"}), ("OPTIONS", preflight)):
                headers = ask(self.url, path, method, more)[1]
                self.assertEqual([name for name in headers if name.lower().startswith("access-control-")], [], (method, path))

    def test_e8_policy_on_every_answer(self):
        for path in ("/", "/api/plan", "/healthz", "/metrics", "/nothing", "/api/history"):
            headers = ask(self.url, path)[1]
            policy = headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy, path)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual((headers["X-Content-Type-Options"], headers["Referrer-Policy"], headers["Cross-Origin-Resource-Policy"]),
                             ("nosniff", "no-referrer", "same-origin"), path)
        page = ask(self.url, "/")[2].decode()
        self.assertNotRegex(page, r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?://", "nothing inline, nothing from elsewhere")

    def test_e17_long_queries_end_when_told(self):
        import threading
        answer = []
        thread = threading.Thread(target=lambda: answer.append(post(self.url, "/api/query", {"id": "slow", "sql": "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"})))
        thread.start()
        wait_for("it runs", lambda: json.loads(post(self.url, "/api/cancel", {"id": "slow"})[2])["cancelled"])
        thread.join(60)
        self.assertEqual(answer[0][0], 503, answer[0][2])
        status, headers, body = post(self.url, "/api/query", {"sql": "SELECT range AS n FROM range(1000)", "format": "parquet"})
        self.assertEqual((status, headers["X-Tapeline-Rows"], body[:4], body[-4:]), (200, "1000", b"PAR1", b"PAR1"))
        self.assertEqual(post(self.url, "/api/query", {"sql": "SELECT FROM", "format": "parquet"})[0], 400)
        status, headers, body = post(self.url, "/api/query", {"sql": "SELECT * FROM range(100)", "format": "csv", "row_max": 10})
        self.assertEqual((status, headers["X-Tapeline-Rows"], headers["X-Tapeline-Truncated"], len(body.split())), (200, "10", "true", 11))
        self.assertEqual(headers["X-Tapeline-Scanned-Files"], "0", "range() reads no file")

    def test_e13_e16_sql_only_reads_the_lake(self):
        for sql in ("COPY (SELECT 1) TO 'x.csv'", "CREATE TABLE t AS SELECT 1", "SELECT 1; SELECT 2", "SET memory_limit = '1TB'", "ATTACH '/tmp/x.db'", "INSTALL httpfs",
                    "SELECT * FROM read_text('/etc/passwd')", "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'"):
            status, _, body = post(self.url, "/api/query", {"sql": sql})
            self.assertIn(status, (400, 403), (sql, body))

    def test_e18_paths_stay_inside(self):
        for path in ("/assets/../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "/%2e%2e%2fetc/passwd", "/assets/..%5c..%5cetc", "/assets/%00", "//etc/passwd", "/..%252f..%252fetc/passwd"):
            line = raw(self.url, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path)
            self.assertRegex(line, " 40[04] ", path)

    def test_e19_large_bodies_are_refused_before_they_are_read(self):
        line = raw(self.url, "POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Tapeline: 1\r\nContent-Length: 400000\r\n\r\n")
        self.assertIn(" 413 ", line)
        self.assertEqual(post(self.url, "/api/query", {"sql": "SELECT '" + "x" * 262144 + "'"})[0], 429, "a statement beyond 256 KiB")
        self.assertEqual(ask(self.url, "/api/query", "POST", POST, b"[" * 100000)[0], 400, "depth is bounded")

    def test_e21_conflicting_lengths_are_refused(self):
        for text in ("POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                     "POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"):
            self.assertRegex(raw(self.url, text), " 400 ", text)

    # ---- metrics ----

    def test_metric_names_follow_the_conventions(self):
        text = ask(self.url, "/metrics")[2].decode()
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.assertGreater(len(types), 20)
        for name, kind in types.items():
            self.assertRegex(name, r"^tapeline_[a-z0-9_]+$")
            self.assertEqual(kind == "counter", name.endswith("_total"), "%s is a %s" % (name, kind))
            self.assertNotRegex(name, r"_(ms|millis|milliseconds|minutes|kb|mb|percent|count|sum|bucket)$", "base units, and no name that a histogram makes")
            self.assertEqual(text.count("# HELP %s " % name), 1, name)
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", line).group()
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertTrue(name in types or types.get(base) == "histogram", line)
            self.assertNotIn("quantile=", line, "a label of summaries only")
            float(line.rsplit(" ", 1)[1])

    def test_alert_rules_and_dashboard_name_only_what_there_is(self):
        text = ask(self.url, "/metrics")[2].decode()
        known = set(re.findall(r"^# TYPE (\S+) ", text, re.M)) | {"tapeline_engine_watermark_lag_seconds"}
        folder = os.path.join(ROOT, "docs", "operations")
        for name in ("alerts.yml", "grafana.json"):
            used = set(re.findall(r"\btapeline_[a-z0-9_]+", open(os.path.join(folder, name)).read()))
            self.assertGreater(len(used), 5, name)
            self.assertEqual(used - known, set(), name)
        json.load(open(os.path.join(folder, "grafana.json")))


    # ---- the terminal's view ----

    def test_top_prints_once_and_draws_on_a_terminal(self):
        done = subprocess.run([BINARY, "top", self.url + "/", "--once"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^stock_stream  tapeline ")
        self.assertRegex(done.stdout, r"ledger received \d+ = aggregated \d+")
        self.assertIn("shardId-000000000003", done.stdout)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(BINARY, [BINARY, "top", self.url], dict(os.environ, TERM="xterm", LANG="C.UTF-8", COLUMNS="100", LINES="30"))
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        seen = b""
        end = time.monotonic() + 60
        while b"shardId-000000000003" not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)
        self.assertIn(b"shardId-000000000003", seen)
        os.write(terminal, b"q")
        while True:  # what it still has to say, or it cannot end
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:
                break
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(terminal)

    def test_top_names_what_is_wrong(self):
        for arguments, code, text in ((["http://127.0.0.1:1"], 1, "127.0.0.1:1"), ([self.url + "/nothing"], 1, "answered 404"), (["--interval", "0"], 2, "--interval")):
            done = subprocess.run([BINARY, "top", "--once", *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, text in done.stderr), (code, True), done.stderr)


class Token(unittest.TestCase):
    def test_e2_beyond_loopback_a_token_is_needed(self):
        for listen in ("0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([BINARY, "up", "--data", os.path.join(folder, "d"), "--listen", listen, "--aws-listen", "127.0.0.1:0"],
                                      capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 78, (listen, done.stderr))
                self.assertIn("--token-file", done.stderr)

    def test_a_short_or_empty_token_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "token")
            for text in ("", "short\n"):
                open(path, "w").write(text)
                done = subprocess.run([BINARY, "up", "--data", os.path.join(folder, "d"), "--token-file", path, *FREE], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotIn("short", done.stderr.replace("shorter", ""))

    def test_e1_e11_the_token_opens_the_page(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "token")
            with open(path, "w") as f:
                f.write(TOKEN + "\n")
            server = Server("up", "--data", os.path.join(folder, "d"), "--token-file", path, *FREE)
            try:
                url = server.page
                self.assertTrue(url.startswith("http://127.0.0.1:"), "E1")
                for name, status in (("/", 200), ("/healthz", 200), ("/readyz", 200), ("/api/plan", 401), ("/api/events", 401), ("/metrics", 401)):
                    self.assertEqual(ask(url, name)[0], status, name)
                self.assertEqual(post(url, "/api/query", {"sql": "SELECT 1"})[0], 401)
                self.assertEqual(ask(url, "/api/plan", headers={"Authorization": "Bearer " + TOKEN})[0], 200)
                for wrong in (TOKEN + "x", TOKEN[:-1], "", TOKEN.upper()):
                    self.assertEqual(ask(url, "/api/plan", headers={"Authorization": "Bearer " + wrong})[0], 401, wrong)
                self.assertEqual(post(url, "/api/session", {"token": "wrong"})[0], 401)
                status, headers, _ = post(url, "/api/session", {"token": TOKEN})
                self.assertEqual(status, 200)
                cookie = headers["Set-Cookie"]
                for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
                    self.assertIn(part, cookie)
                self.assertNotIn(TOKEN, cookie)
                value = cookie.split(";")[0]
                self.assertEqual(ask(url, "/api/plan", headers={"Cookie": "a=b; " + value})[0], 200)
                self.assertEqual(ask(url, "/api/plan", headers={"Cookie": value[:-1] + "0"})[0] if value[-1] != "0" else 401, 401)
            finally:
                server.stop()
            self.assertNotIn(TOKEN, "".join(server.lines), "E11: never logged")


if __name__ == "__main__":
    unittest.main()
