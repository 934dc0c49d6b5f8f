# SPDX-License-Identifier: Apache-2.0
"""Runs a subject once for each of its crash points and each way to be hit there, lets it finish, and compares.

What a point is, the subject says: the n-th system call that changes the disk, the n-th request to an object store, ... A subject is a
class with:

    name         for the table
    hows         the ways to be hit at a point, in the order of the table's columns
    prepare()    the undisturbed run: remembers what must come out; returns {how: the number of points that it passed}
    hit(place, n, how)
                 one whole experiment in a place of its own (a number below 'workers', for folders and processes that are
                 used again): a run that is hit at point n, restarts until the work is done, and the comparison, which raises Broken.
                 Returns what the point was as a pair (what was changed, by which call), a row of the table; None when the run was over
                 before it
    close()

Runs differ in how many points they pass, since clocks and threads have a part in it: behind the last point of the undisturbed
run the matrix goes on until a run is over before its point. A sample takes points at random instead (TL_SEED repeats it)."""
import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

BEYOND = 3  # runs that end before their point, one after the other, until it is believed that there is no further one


class Broken(AssertionError):
    """Exactly-once does not hold."""


class Outcome:
    def __init__(self, subject):
        self.subject, self.points, self.runs = subject, 0, 0
        self.counts = Counter()  # by (row, how)
        self.failures = []  # (n, how, why)

    def note(self, n, how, row, why):
        self.runs += 1
        if why:
            self.failures.append((n, how, why))
        elif row:
            self.counts[row, how] += 1
            self.points = max(self.points, n)
        return row is not None or why is not None

    def table(self):
        """In Markdown."""
        hows = self.subject.hows
        rows = sorted({row for row, _ in self.counts})
        lines = ["| %s | call | %s |" % (self.subject.name, " | ".join(hows)), "|---|---|%s" % ("---:|" * len(hows))]
        for row in rows:
            lines.append("| %s | %s | %s |" % (*row, " | ".join(str(self.counts[row, how] or "") for how in hows)))
        total = [sum(n for (_, h), n in self.counts.items() if h == how) for how in hows]
        lines.append("| all | | %s |" % " | ".join(map(str, total)))
        return "\n".join(lines)

    def summary(self):
        return "%s: %d points, %d runs, %d hit, %d broken" % (self.subject.name, self.points, self.runs, sum(self.counts.values()),
                                                              len(self.failures))


def tried(subject, places, n, how):
    """(row, why it is broken)"""
    place = places.get()
    try:
        return subject.hit(place, n, how), None
    except Broken as e:
        return None, str(e)
    finally:
        places.put(place)


def each(subject, outcome, tasks, workers, tell):
    places = SimpleQueue()
    for place in range(workers):
        places.put(place)
    with ThreadPoolExecutor(workers) as pool:
        for (n, how), (row, why) in zip(tasks, pool.map(lambda t: tried(subject, places, *t), tasks)):
            outcome.note(n, how, row, why)
            tell(outcome, n, how, why)


def whole(subject, workers=2, tell=lambda *_: None):
    """Every point, every way."""
    outcome, points = Outcome(subject), subject.prepare()
    each(subject, outcome, [(n, how) for how in subject.hows for n in range(1, points[how] + 1)], workers, tell)
    for how in subject.hows:
        over, n = 0, points[how]
        while over < BEYOND:
            n += 1
            row, why = subject_hit(subject, n, how)
            over = 0 if outcome.note(n, how, row, why) else over + 1
            tell(outcome, n, how, why)
    return outcome


def subject_hit(subject, n, how):
    places = SimpleQueue()
    places.put(0)
    return tried(subject, places, n, how)


def sample(subject, rnd, count, workers=2, tell=lambda *_: None):
    """Points at random: each way as often."""
    outcome, points = Outcome(subject), subject.prepare()
    tasks = [(rnd.randrange(1, points[how] + 1), how) for how in itertools.islice(itertools.cycle(subject.hows), count)]
    each(subject, outcome, tasks, workers, tell)
    return outcome
