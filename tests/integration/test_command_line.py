# SPDX-License-Identifier: Apache-2.0
"""The command line: exit codes, and one clear line for each wrong input, with nothing half-written."""
import functools
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from tapeline import BINARY, PIPELINE, Server, kinesis, run


def fails(test, code, pattern, *args):
    p = run(*args, check=False)
    test.assertEqual(p.returncode, code, p.stderr)
    test.assertRegex(p.stderr, pattern)
    return p


@functools.lru_cache
def helps():
    """What each command says with --help."""
    names = [line.split()[0] for line in run("--help").stdout.split("commands:")[1].splitlines() if line.startswith("  ")]
    return {name: run(name, "--help").stdout for name in names}


class CommandLine(unittest.TestCase):
    def test_usage_errors_are_2_and_suggest(self):
        fails(self, 2, "did you mean 'query'", "qurey", "SELECT 1")
        fails(self, 2, "did you mean '--profile'", "run", PIPELINE, "--profil", "x")
        fails(self, 2, "a value is missing after '--data'", "up", "--data")
        fails(self, 2, "'x' is not a whole number", "run", PIPELINE, "--threads", "x")
        fails(self, 2, "FILE is missing", "check")
        fails(self, 2, "one argument too many", "check", "a", "b")

    def test_every_command_has_help(self):
        self.assertGreaterEqual(len(helps()), 12)
        for name, help in helps().items():
            self.assertIn("usage: tapeline " + name, help)
            summary, empty, example = help.splitlines()[:3]
            self.assertTrue(summary and not empty and example.startswith("  ") and "tapeline " + name in example, "examples come first: " + help[:200])
            self.assertIn("--log-format text|json", help)

    def test_version_and_completion(self):
        self.assertRegex(run("version").stdout, r"^tapeline \d+\.\d+\.\d+\n$")
        self.assertIn("complete", run("completion", "bash").stdout)
        fails(self, 2, "bash, zsh or fish", "completion", "tcsh")

    def query_on_a_terminal(self, rows, lake):
        main, terminal = os.openpty()
        p = subprocess.Popen([BINARY, "query", "SELECT count(*) AS n FROM range(%d) WHERE range %% 7 = 3" % (7 * rows), "--lake", lake, "--format", "csv"],
                             stdout=terminal, stderr=terminal, stdin=subprocess.DEVNULL)
        os.close(terminal)
        said = b""
        try:
            while chunk := os.read(main, 4096):
                said += chunk
        except OSError:
            pass  # the other end is closed
        os.close(main)
        self.assertEqual(p.wait(30), 0, said)
        return said

    def test_on_a_terminal_a_long_query_says_for_how_long_it_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            run("sample", "--lake", folder)
            rows = 10_000_000
            said = self.query_on_a_terminal(rows, folder)
            while b"runs" not in said and rows < 5_000_000_000:  # no machine counts so many in the time that a query may be silent
                rows *= 2
                said = self.query_on_a_terminal(rows, folder)
        self.assertRegex(said, rb"\rthe query runs  \d+\.\d s\x1b\[K")
        self.assertTrue(said.endswith(b"\r\x1b[Kn\r\n%d\r\n" % rows), said[-100:])

    def test_log_format_json_is_json_in_every_line(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server("up", "--data", folder, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", "--log-format", "json")
            server.stop()
            lines = "".join(server.lines).splitlines()
        messages = [json.loads(line) for line in lines]
        self.assertTrue(all(sorted(m) == ["level", "message", "part", "time"] for m in messages))
        text = "\n".join(m["message"] for m in messages)
        for what in ("Dashboard", "made a synthetic sample", "received ", "committed epoch"):
            self.assertIn(what, text)
        p = fails(self, 2, "did you mean", "up", "--log-format=json", "--dta", "x")
        self.assertEqual([json.loads(line)["level"] for line in p.stderr.splitlines()][0], "error")
        fails(self, 2, "text or json, not 'xml'", "up", "--log-format", "xml")

    def test_a_wrong_pipeline_file_is_3_with_the_place(self):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
            f.write(open(PIPELINE).read().replace("AVG(close)", "AVG(clsoe)"))
            f.flush()
            p = fails(self, 3, r":\d+:\d+: ", "check", f.name)
            self.assertIn("did you mean", p.stderr)
            self.assertIn("^", p.stderr)

    def test_the_reference_pipeline_checks_and_explains(self):
        self.assertIn("ok", run("check", PIPELINE).stdout)
        text = run("explain", PIPELINE).stdout
        for word in ("stock_stream", "avg_1min", "latest_close", "1 min", "2 min"):
            self.assertIn(word, text)

    def test_a_missing_pipeline_file(self):
        fails(self, 1, "'/nowhere/x.sql'", "check", "/nowhere/x.sql")

    def test_input_that_matches_nothing(self):
        fails(self, 1, "no file matches '/nowhere/", "run", PIPELINE, "--input", "/nowhere/*.ndjson")

    def test_dump_of_no_view(self):
        fails(self, 1, "no view 'nope'", "run", PIPELINE, "--input", PIPELINE, "--dump", "nope")

    def test_port_in_use(self):
        with socket.socket() as s, tempfile.TemporaryDirectory() as data:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            fails(self, 1, "127.0.0.1:%d" % port, "broker", "--data", data, "--listen", "127.0.0.1:%d" % port)
            fails(self, 1, "127.0.0.1:%d" % port, "up", "--data", data, "--aws-listen", "127.0.0.1:%d" % port,
                  "--listen", "127.0.0.1:0")
            fails(self, 1, "127.0.0.1:%d" % port, "up", "--data", data, "--listen", "127.0.0.1:%d" % port,
                  "--aws-listen", "127.0.0.1:0")

    def test_a_bad_address(self):
        with tempfile.TemporaryDirectory() as data:
            fails(self, 1, "no-such", "broker", "--data", data, "--listen", "no-such")

    def test_other_machines_need_credentials(self):
        with tempfile.TemporaryDirectory() as data:
            for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
                fails(self, 1, "can be reached from other machines", "broker", "--data", data, "--listen", address)
            fails(self, 1, "can be reached from other machines", "up", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "0.0.0.0:0")
            keys = os.path.join(data, "keys")
            with open(keys, "w") as f:
                f.write("[me]\naws_access_key_id = test\naws_secret_access_key = test\n")
            os.chmod(keys, 0o600)
            with Server("broker", "--data", data, "--listen", "0.0.0.0:0", "--credentials", keys, "--stream", "a:2") as s:
                self.assertIn("0.0.0.0", s.aws)
                self.assertEqual(kinesis(s.aws.replace("0.0.0.0", "127.0.0.1")).list_streams()["StreamNames"], ["a"])
                self.assertEqual(s.stop(), 0)

    def test_broker_options_that_are_wrong(self):
        with tempfile.TemporaryDirectory() as data:
            broker = ("broker", "--data", data, "--listen", "127.0.0.1:0")
            for code, text, options in (
                    (2, "--limits is 'on' or 'off', not 'maybe'", ("--limits", "maybe")),
                    (2, "--durability is 'fsync' or 'os', not 'none'", ("--durability", "none")),
                    (2, "--tls-cert and --tls-key go together", ("--tls-cert", "/x")),
                    (2, "--repair and --json go with 'verify'", ("--repair",)),
                    (2, "'destroy' is nothing that a broker does", ("destroy",)),
                    (1, "there is no fault 'trottle'", ("--faults", "trottle=1")),
                    (1, "--stream 'a' is not of the form NAME:SHARDS", ("--stream", "a")),
                    (1, "a name has letters, digits", ("--stream", "a b:1")),
                    (1, "'/nope/keys'", ("--credentials", "/nope/keys")),
                    (1, "certificate of TLS: cannot open '/nope/cert'", ("--tls-cert", "/nope/cert", "--tls-key", "/nope/key"))):
                fails(self, code, text, *broker, *options)

    def test_verify_needs_a_folder_that_is_there_and_free(self):
        with tempfile.TemporaryDirectory() as data:
            fails(self, 1, "there is no broker's data", "broker", "verify", "--data", data)
            missing = os.path.join(data, "missing")
            fails(self, 1, missing, "broker", "verify", "--data", missing)
            self.assertFalse(os.path.exists(missing))
            with Server("broker", "--data", data, "--listen", "127.0.0.1:0", "--stream", "a:2") as s:
                fails(self, 1, "in use by process %d" % s.pid, "broker", "verify", "--data", data)
                self.assertEqual(s.stop(), 0)
            p = run("broker", "verify", "--data", data)
            self.assertEqual(p.stdout.count("ok "), 2)

    def test_data_folder_cannot_be_made(self):
        with tempfile.NamedTemporaryFile() as f:
            fails(self, 1, "data folder '%s/x'" % f.name, "broker", "--data", f.name + "/x", "--listen", "127.0.0.1:0")

    def test_data_folder_of_a_newer_version_is_left_alone(self):
        with tempfile.TemporaryDirectory() as data:
            with open(os.path.join(data, "format"), "w") as f:
                f.write("99\n")
            fails(self, 1, "newer tapeline", "up", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0")
            self.assertEqual(sorted(n for n in os.listdir(data) if n != "LOCK"), ["format"])

    def test_data_folder_in_use_names_the_pid(self):
        with tempfile.TemporaryDirectory() as data:
            with Server("broker", "--data", data, "--listen", "127.0.0.1:0") as s:
                fails(self, 1, r"in use by process %d" % s.pid, "broker", "--data", data, "--listen", "127.0.0.1:0")
                self.assertEqual(s.stop(), 0)

    def test_empty_history(self):
        with tempfile.TemporaryDirectory() as data:
            with open(os.path.join(data, "p.sql"), "w") as f:
                f.write(open(PIPELINE).read().replace("year = 2024", "year = 1901"))
            p = run("up", os.path.join(data, "p.sql"), "--data", os.path.join(data, "d"), "--listen", "127.0.0.1:0",
                    "--aws-listen", "127.0.0.1:0", check=False)
            self.assertEqual(p.returncode, 1, p.stderr)
            self.assertRegex(p.stderr, "no history")

    def test_sigint_and_sigterm_stop_cleanly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as data:
                with Server("up", "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0") as s:
                    time.sleep(1)
                    self.assertEqual(s.stop(number), 0, "".join(s.lines))
                    self.assertRegex("".join(s.lines), r"committed epoch \d+")

    def test_full_disk_is_said_and_survived(self):
        """/dev/full stands in for a full disk behind stdout."""
        p = subprocess.run("%s explain %s >/dev/full" % (os.environ.get("TAPELINE", "build/tapeline"), PIPELINE), shell=True,
                           stderr=subprocess.PIPE, text=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn("cannot write to stdout", p.stderr)


if __name__ == "__main__":
    unittest.main()
