# SPDX-License-Identifier: Apache-2.0
"""The crash matrix for power cuts: what had not been made durable is lost, or some of it (disk_model.py). For exactly-once each disk
that may be found again has to be one from which the engine goes on to the same rows."""
import os
import random
import shutil

import shim
from disk_model import Disk
from engine_runs import FileRuns, files_of, what_of


def contents(folder):
    out = {}
    for name in files_of(folder):
        with open(os.path.join(folder, name), "rb") as f:
            out[name] = f.read()
    return out


class PowerCuts(FileRuns):
    """Behind each call of an undisturbed run, in several ways; and somewhere in a run that was started again after a kill, which finds
    in memory what the first process had not made durable, and builds on it."""
    name = "power cut"
    ways = {"all lost": "nothing", "names there": "names", "bytes there": "bytes", "some there": "some"}
    hows = (*ways, "after a kill")

    def prepare(self):
        super().prepare()
        self.recorded, of = self.at("recorded")
        self.shimmed(self.recorded, of, data=True)
        self.events = of.events(data=True)
        self.check_log()
        count = max(e.number for e in self.events)
        return {how: count for how in self.hows}

    def check_log(self):
        """The log holds every change: from it alone the lake can be made again, byte for byte. So the shim misses no call."""
        built = self.recorded + "-built"
        shutil.rmtree(built, ignore_errors=True)
        self.cut(self.recorded, self.events, len(self.events)).build(built, "all")
        a, b = contents(self.recorded), contents(os.path.join(built, "lake"))
        if a != b:
            raise AssertionError("the shim misses changes of %s" % sorted(n for n in {*a, *b} if a.get(n) != b.get(n)))

    def cut(self, root, events, count):
        disk = Disk(os.path.dirname(root))  # the folder that the lake is made in is there
        for event in events[:count]:
            disk.replay(event)
        return disk

    def hit(self, place, n, how):
        lake, of = self.at(place)
        rnd = random.Random("%d %d %s" % (self.seed, n, how))
        if how == "after a kill":
            self.shimmed(lake, of, at=n, how="before", data=True)
            if of[shim.STRUCK] != 1:
                return None
            first = len(of.events(data=True))
            self.finish(lake, of, data=True)
            root, events = lake, of.events(data=True)
            count = rnd.randrange(first, len(events) + 1)
        else:
            root, events = self.recorded, self.events
            count = next((i + 1 for i, e in enumerate(events) if e.number == n), None)
            if count is None:
                return None
        shutil.rmtree(os.path.dirname(lake))
        self.cut(root, events, count).build(os.path.dirname(lake), self.ways.get(how) or rnd.choice(list(self.ways.values())), rnd)
        watcher = self.watch(place, lake)
        self.check(lake, watcher, self.finish(lake, of).stdout.splitlines()[-1])
        return what_of(events[count - 1])
