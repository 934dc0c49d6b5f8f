# SPDX-License-Identifier: Apache-2.0
"""What is worse than a crash: two instances, damaged records, a full or read-only disk, clocks that jump, a checkpoint that is gone.
Rows are those of an undisturbed run (rule 10), or the engine says what is wrong and what to do."""
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import shim
from engine_runs import FileRuns, StreamRuns, hashes, run
from tapeline import Server, kinesis, seed, wait_for


def data_of(lake):
    """What an error leaves as it was: all but the note of the error itself."""
    return {name: h for name, h in hashes(lake).items() if not name.endswith("/last_error")}


class Started:
    """A run whose stderr is read as it comes."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def said(self, pattern):
        return re.search(pattern, "".join(list(self.lines)))

    def end(self, timeout=120):
        out = self.process.stdout.read()
        code = self.process.wait(timeout)
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code, out, "".join(self.lines)


class OfFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder, cls.seed = tempfile.mkdtemp(), seed()
        cls.runs = FileRuns(cls.folder, cls.seed)
        lake, of = cls.runs.at(0)
        p = cls.runs.shimmed(lake, of)
        assert p.returncode == 0, p.stderr
        cls.runs.remember(lake, p)
        cls.kept = os.path.join(cls.folder, "kept")
        shutil.copytree(lake, cls.kept)
        cls.rnd = random.Random(cls.seed)

    @classmethod
    def tearDownClass(cls):
        cls.runs.close()
        shutil.rmtree(cls.folder)

    def lake(self):
        """A place with a copy of the finished lake."""
        lake, of = self.runs.at(0)
        shutil.copytree(self.kept, lake)
        return lake, of

    def records(self, lake, kind):
        folder = os.path.join(lake, "_tapeline", "p")
        return [os.path.join(folder, n) for n in sorted(os.listdir(folder)) if n.startswith(kind)]

    def damage(self, path, how):
        with open(path, "rb") as f:
            data = bytearray(f.read())
        if how == "cut":
            data = data[:self.rnd.randrange(len(data))]
        elif how == "empty":
            data = b""
        else:
            low, high = how
            at = self.rnd.randrange(low, min(high, len(data)))
            data[at] ^= 1 << self.rnd.randrange(8)
        with open(path, "wb") as f:
            f.write(data)

    def checked(self, lake, of, p):
        self.assertEqual(p.returncode, 0, p.stderr)
        self.runs.check(lake, self.runs.watch(0, lake), p.stdout.splitlines()[-1])

    # Of a record: magic, epoch, size, checksum, payload (lake/commit_log.c).
    DAMAGES = [(0, 8), (8, 16), (16, 24), (24, 28), (28, 60), (60, 10**6), "cut", "empty"]

    def test_a_damaged_newest_commit_gives_way_to_the_one_before(self):
        for how in self.DAMAGES:
            with self.subTest(how):
                lake, of = self.lake()
                self.damage(self.records(lake, "commit-")[-1], how)
                p = self.runs.shimmed(lake, of)
                self.assertIn("the commit before it is used", p.stderr)
                self.checked(lake, of, p)
                self.assertEqual(hashes(lake), hashes(self.kept))

    def test_two_damaged_commits_and_an_interrupted_epoch(self):
        lake, of = self.lake()
        commits = self.records(lake, "commit-")
        os.unlink(commits[-1])
        self.damage(commits[-2], "cut")
        p = self.runs.shimmed(lake, of)
        self.assertEqual(p.stderr.count("was interrupted: it is repeated"), 2, p.stderr)
        self.checked(lake, of, p)
        self.assertEqual(hashes(lake), hashes(self.kept))

    def test_a_damaged_intent_begins_its_epoch_anew(self):
        for how in self.rnd.sample(self.DAMAGES, 3):
            with self.subTest(how):
                lake, of = self.lake()
                os.unlink(self.records(lake, "commit-")[-1])
                self.damage(self.records(lake, "intent-")[-1], how)
                p = self.runs.shimmed(lake, of)
                self.assertIn("is begun anew", p.stderr)
                self.checked(lake, of, p)

    def test_a_damaged_intent_of_a_committed_epoch_is_told(self):
        lake, of = self.lake()
        self.damage(self.records(lake, "commit-")[-1], "cut")
        self.damage(self.records(lake, "intent-")[-1], "cut")
        before = data_of(lake)
        p = self.runs.shimmed(lake, of)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("was committed and its commit cannot be read", p.stderr)
        self.assertEqual(data_of(lake), before)

    def test_a_lake_whose_checkpoint_is_gone_is_left_alone(self):
        lake, of = self.lake()
        shutil.rmtree(os.path.join(lake, "_tapeline", "p"))
        before = data_of(lake)
        p = self.runs.shimmed(lake, of)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("there is no checkpoint of it", p.stderr)
        self.assertEqual(data_of(lake), before)

    def test_a_second_instance_ends_and_says_who_is_there(self):
        lake, of = self.runs.at(0)
        first = Started(self.runs.engine(lake), of.env(os.path.dirname(lake), env=self.runs.env, **self.runs.shape))
        wait_for("the first to have its lock", lambda: os.path.exists(lake + "/LOCK") and os.path.getsize(lake + "/LOCK"))
        p = run(self.runs.engine(lake), self.runs.env)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("folder '%s' is in use by process %d (stop it, or choose another folder)" % (lake, first.process.pid), p.stderr)
        code, out, err = first.end()
        self.assertEqual(code, 0, err)
        self.runs.check(lake, self.runs.watch(0, lake), out.splitlines()[-1])

    def test_a_full_disk_is_waited_for(self):
        lake, of = self.runs.at(0)
        watcher = self.runs.watch(0, lake)
        p = Started(self.runs.engine(lake), of.env(os.path.dirname(lake), env=self.runs.env, **self.runs.shape))
        # From a commit on: before the first one there is nothing to wait for, it is an error of the start.
        wait_for("the first commit", lambda: os.path.exists(self.record(lake, "commit", 1)), every=0.001)
        of[shim.ERRNO] = self.rnd.choice([errno.ENOSPC, errno.EDQUOT])
        wait_for("a word on stderr", lambda: p.said(r"epoch \d+ waits for disk space: .*(No space left|quota exceeded)"))
        self.assertIsNone(p.process.poll())
        of[shim.ERRNO] = 0
        code, out, err = p.end()
        self.assertEqual(code, 0, err)
        self.assertRegex(err, r"epoch \d+ goes on")
        self.runs.check(lake, watcher, out.splitlines()[-1], unremoved=True)

    def record(self, lake, kind, epoch):
        return os.path.join(lake, "_tapeline", "p", "%s-%020d" % (kind, epoch))

    def test_a_disk_that_turns_read_only_ends_the_run_and_nothing_is_lost(self):
        lake, of = self.runs.at(0)
        watcher = self.runs.watch(0, lake)
        p = Started(self.runs.engine(lake), of.env(os.path.dirname(lake), env=self.runs.env, **self.runs.shape))
        wait_for("the first commit", lambda: os.path.exists(self.record(lake, "commit", 1)), every=0.001)
        of[shim.ERRNO] = errno.EROFS
        code, _, err = p.end()
        self.assertEqual(code, 1, err)
        self.assertIn("Read-only file system", err)
        again = self.runs.shimmed(lake, of)
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertIn("Read-only file system", again.stderr)
        of[shim.ERRNO] = 0
        p = self.runs.finish(lake, of)
        self.runs.check(lake, watcher, p.stdout.splitlines()[-1])

    def test_a_clock_that_jumps_changes_nothing(self):
        lake, of = self.runs.at(0)
        watcher, stop = self.runs.watch(0, lake), threading.Event()
        jumps = [-10**18, 10**18, -3600 * 10**9, 3600 * 10**9, 0, -86400 * 365 * 60 * 10**9, 250 * 10**6]

        def jump():
            while not stop.wait(0.01):
                of[shim.CLOCK_NS] = self.rnd.choice(jumps)
        thread = threading.Thread(target=jump)
        thread.start()
        try:
            p = self.runs.shimmed(lake, of)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(p.returncode, 0, p.stderr)
        self.runs.check(lake, watcher, p.stdout.splitlines()[-1])

    def test_a_folder_on_another_file_system_is_told(self):
        lake, of = self.runs.at(0)
        other = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(shutil.rmtree, other)
        os.makedirs(lake)
        if os.stat(other).st_dev == os.stat(lake).st_dev:
            self.skipTest("there is one file system only")
        os.symlink(other, os.path.join(lake, "whole"))
        p = self.runs.shimmed(lake, of)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("is on another file system than", p.stderr)
        os.unlink(os.path.join(lake, "whole"))
        p = self.runs.finish(lake, of)
        self.runs.check(lake, self.runs.watch(0, lake), p.stdout.splitlines()[-1])


class OfStreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder, cls.seed = tempfile.mkdtemp(), seed()
        cls.runs = StreamRuns(cls.folder, cls.seed)
        lake, of = cls.runs.at(0)
        p = cls.runs.shimmed(lake, of)
        assert p.returncode == 0, p.stderr
        cls.runs.remember(lake, p)

    @classmethod
    def tearDownClass(cls):
        cls.runs.close()
        shutil.rmtree(cls.folder)

    def test_two_instances_past_the_lock_are_told_apart_by_the_intent(self):
        """As two machines with a disk that knows no locks: each has a LOCK of its own."""
        lake, of = self.runs.at(0)
        env = of.env(os.path.dirname(lake), env=self.runs.env, **self.runs.shape)
        watcher, runs = self.runs.watch(0, lake), []
        for _ in range(2):
            runs.append(Started(self.runs.engine(lake), env))
            wait_for("its lock", lambda: os.path.exists(lake + "/LOCK") and os.path.getsize(lake + "/LOCK"), every=0.001)
            os.unlink(lake + "/LOCK")
        ends = [r.end() for r in runs]
        for code, _, err in ends:
            if code:
                self.assertEqual(code, 1, err)
                self.assertRegex(err, r"another instance of pipeline 'p' (is running|is starting) on the checkpoint")
        p = self.runs.finish(lake, of)
        self.runs.check(lake, watcher, p.stdout.splitlines()[-1], unremoved=True)

    def test_a_clock_that_jumps_changes_nothing_of_a_stream(self):
        lake, of = self.runs.at(0)
        watcher = self.runs.watch(0, lake)
        for jump in (-10**18, 10**18):
            of[shim.CLOCK_NS] = jump
            p = Started(self.runs.engine(lake), of.env(os.path.dirname(lake), env=self.runs.env, **self.runs.shape))
            wait_for("an intent", lambda: os.path.exists(os.path.join(lake, "_tapeline", "p", "intent-%020d" % 1)), every=0.001)
            of[shim.CLOCK_NS] = -jump
            p.process.send_signal(signal.SIGKILL)
            p.end()
        p = self.runs.finish(lake, of)
        self.runs.check(lake, watcher, p.stdout.splitlines()[-1])

    def test_the_status_says_that_it_waits_for_space(self):
        data, of = os.path.join(self.folder, "up"), self.runs.at(0)[1]
        roots = [os.path.join(data, name) for name in ("lake", "state")]
        with open(self.runs.file) as f:
            text = f.read()
        pipeline = os.path.join(self.folder, "up.sql")
        with open(pipeline, "w") as f:
            f.write(text.replace("CREATE PIPELINE p;", "CREATE PIPELINE p;\nCREATE PROFILE local DEFAULT WITH (kinesis = 'embedded', lake = './lake', catalog = 'embedded');"))
        with Server("up", pipeline, "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", env=of.env(*roots)) as server:
            client = kinesis(server.aws)
            of[shim.ERRNO] = errno.ENOSPC
            put = lambda: client.put_records(StreamName="s", Records=[
                {"Data": json.dumps({"ticker": "A", "timestamp": "2024-05-01T00:00:%02d" % i, "close": 1.0}).encode(), "PartitionKey": "A"}
                for i in range(50)])
            put()
            wait_for("status to say so", lambda: "No space left" in json.dumps(server.status()))
            self.assertTrue(any("waits for disk space" in line for line in server.lines))
            epoch = server.status()["stats"]["epoch"]["number"]
            of[shim.ERRNO] = 0
            wait_for("it to go on", lambda: server.status()["stats"]["epoch"]["number"] > epoch)
            self.assertNotIn("No space left", json.dumps(server.status()))
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
