# SPDX-License-Identifier: Apache-2.0
"""Random pipelines over random files give the rows of the model (model.py), whatever the number of threads, the
sizes of reads, kills and restarts: semantics rules 1 to 10. A failing case is printed as small as it can be
made; TL_SEED= repeats it alone."""
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from dataclasses import replace

import cases
import engine
import model
from engine import want
from property import SUPPORTED, Property
from tapeline import BINARY, CLIENT_ENV

COUNT = int(os.environ.get("TL_CASES", 250))  # make property CASES=5000


def check_files(case):
    """Each view's rows and the ledger, each with some number of threads and of bytes a read."""
    rnd = random.Random(case.seed)
    with tempfile.TemporaryDirectory() as folder:
        engine.write(case, folder)
        results, _ = model.run(case.pipeline, case.shards(folder))
        for view in case.pipeline.views:
            if rnd.random() < 0.1:
                engine.write(case, folder, rnd)
            if rnd.random() < 0.2:
                text, ledger = paced_dump(case, folder, view, rnd)
            else:
                text, ledger = engine.dump(case, folder, view, rnd.randrange(1, 5))
            engine.compare_rows(view, text, results[view.name].rows)
            engine.compare_ledger(case, ledger, results)


def paced_dump(case, folder, view, rnd, *more):
    env, of = engine.paced(case, folder, rnd)
    try:
        return engine.dump(case, folder, view, rnd.randrange(1, 5), *more, env=env)
    finally:
        of.close()


def killed_run(case, folder, lake, rnd):
    """Starts and kills a few runs somewhere, then lets one end."""
    command = [BINARY, "run", os.path.join(folder, "p.sql"), *engine.arguments(case, folder), "--lake", lake]
    for _ in range(rnd.randrange(1, 4)):
        p = subprocess.Popen([*command, "--threads", str(rnd.randrange(1, 5))], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL,
                             env=CLIENT_ENV, stdin=subprocess.DEVNULL)
        time.sleep(rnd.random() * 0.08)  # the place of the kill is random, nothing is awaited
        p.send_signal(signal.SIGKILL)
        p.wait(10)
    return engine.dump(case, folder, case.pipeline.views[0], rnd.randrange(1, 5), "--lake", lake)


def epoch_log(lake, to):
    """Another lake with nothing but the first checkpoint and the epochs' intents of this one."""
    source, target = os.path.join(lake, "_tapeline", "p"), os.path.join(to, "_tapeline", "p")
    os.makedirs(target)
    for name in os.listdir(source):
        if name.startswith("intent-") or name == "commit-" + "0" * 20:
            shutil.copy(os.path.join(source, name), target)


def check_lake(case):
    """What the lake holds: rows, late, malformed; after kills, and from the epoch log alone, in other batches: the same bytes."""
    rnd = random.Random(case.seed)
    with tempfile.TemporaryDirectory() as folder:
        a, b, c = (os.path.join(folder, name) for name in "abc")
        engine.write(case, folder, lake=True)
        results, malformed = model.run(case.pipeline, case.shards(folder))
        _, ledger = engine.dump(case, folder, case.pipeline.views[0], rnd.randrange(1, 5), "--lake", a)
        engine.compare_ledger(case, ledger, results)
        engine.compare_dead_letters(case, a, results, malformed)
        engine.compare_lake_rows(case, a, results)
        _, ledger = killed_run(case, folder, b, rnd)
        engine.compare_ledger(case, ledger, results)
        epoch_log(a, c)
        paced_dump(case, folder, case.pipeline.views[0], rnd, "--lake", c)
        for other in (b, c):
            want(engine.hashes(a) == engine.hashes(other), "%s: files %s, expected %s", other,
                 engine.hashes(other), engine.hashes(a))


def check_any_shards(case):
    """Where nothing is late, the rows are the same in any number of shards and any order."""
    rnd = random.Random(case.seed)
    case = cases.never_late(case)
    expected, _ = model.run(case.pipeline, case.shards(""))
    for _ in range(3):
        files = {}
        for source, ((_, lines),) in case.files.items():
            names = ["%d" % i for i in range(rnd.randrange(1, 7))]
            at = [rnd.choice(names) for _ in lines]
            files[source] = [(n, rnd.sample(mine, len(mine))) for n in names
                             for mine in [[l for l, m in zip(lines, at) if m == n]]]
        view = rnd.choice(case.pipeline.views)
        with tempfile.TemporaryDirectory() as folder:
            dealt = replace(case, files=files)
            engine.write(dealt, folder)
            text, ledger = engine.dump(dealt, folder, view, rnd.randrange(1, 5))
            engine.compare_rows(view, text, expected[view.name].rows)
            engine.compare_ledger(case, ledger, expected)


class Files(Property):
    def test_rows_over_files(self):
        """rule 1, rule 2, rule 4, rule 5, rule 7, rule 8, rule 9, rule 10: threads and sizes of reads"""
        self.check_all(check_files, COUNT)

    def test_lakes_of_killed_and_of_repeated_runs(self):
        """rule 4, rule 7, rule 10: restarts, and the same epoch log gives the same bytes"""
        self.check_all(check_lake, COUNT // 10)

    def test_rows_over_any_shards(self):
        """rule 10: how a stream is cut into shards changes what is late (rule 4), and nothing else"""
        self.check_all(check_any_shards, COUNT // 10, lambda s: cases.make(s, SUPPORTED - {"metadata", "dedup"}))


if __name__ == "__main__":
    unittest.main()
