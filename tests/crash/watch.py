# SPDX-License-Identifier: Apache-2.0
"""A reader of the lake, as a process of its own: lists the folder and reads every Parquet file again and again, and tells
when it has seen a window twice, or half of one, or a file that cannot be read or changes.

Commands, a line each, on stdin: 'watch {"lake": FOLDER, "rows": {table folder: [[row, whole], ...]}}' begins; 'look' looks once now
and answers; 'end' looks a last time and answers what was seen, and how many rows were missing in the end. A table's whole is what its rows belong to: rows of one whole are
seen all or none (a window of all tickers in one file); None: a row alone."""
import json
import os
import select
import subprocess
import sys
from collections import Counter

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "support"))

from duck import Duck, DuckError, visible_files

PAUSE_S = 0.008  # between two looks, so that the watched get a processor too


class Eye:
    def __init__(self):
        self.duck = Duck()
        self.begin({"lake": "", "rows": {}})

    def begin(self, what):
        self.lake = what["lake"]
        self.expected = {table: Counter(row for row, _ in rows) for table, rows in what["rows"].items()}
        self.whole_of = {table: dict(rows) for table, rows in what["rows"].items()}
        self.wholes = {table: Counter(whole for _, whole in rows if whole is not None) for table, rows in what["rows"].items()}
        self.known, self.first, self.looks, self.wrong, self.missing = {}, {}, 0, [], {}

    def tell(self, text):
        if len(self.wrong) < 20 and text not in self.wrong:
            self.wrong.append(text)

    def read(self, path):
        """The file's rows as texts; read again when it is another file."""
        st = os.stat(path)
        version = (st.st_ino, st.st_size, st.st_mtime_ns)
        if self.known.get(path, (None,))[0] != version:
            rows = [json.dumps(row) for row in self.duck.parquet(path)]
            if self.first.setdefault(path, rows) != rows:
                self.tell("%s: other rows than before" % path)
            self.known[path] = (version, rows)
        return self.known[path][1]

    def look(self):
        self.looks += 1
        seen = {}
        for path in visible_files(self.lake):
            table = os.path.relpath(path, self.lake)
            table = next((t for t in self.expected if table.startswith(t + os.sep)), None)
            try:
                rows = self.read(path)
            except (OSError, DuckError) as e:
                self.tell("%s: %s" % (path, e))
                continue
            if table is None:
                self.tell("%s: a file of no table" % path)
            else:
                seen.setdefault(table, Counter()).update(rows)
        for table, rows in seen.items():
            self.compare(table, rows)
        self.missing = {t: n for t in self.expected for n in [(self.expected[t] - seen.get(t, Counter())).total()] if n}

    def compare(self, table, rows):
        expected = self.expected[table]
        for row in (rows - expected) if rows != expected else ():
            self.tell("%s: %s: %s" % (table, "twice" if row in expected else "not a row of this table", row))
        wholes = Counter(self.whole_of[table].get(row) for row in rows)
        for whole, count in wholes.items():
            if whole is not None and count < self.wholes[table][whole]:
                self.tell("%s: %s: %d rows of %d" % (table, whole, count, self.wholes[table][whole]))

    def answer(self):
        print(json.dumps({"looks": self.looks, "files": len(self.known), "wrong": self.wrong, "missing": self.missing}), flush=True)


class Orders:
    """Lines of stdin, waited for with a time limit."""

    def __init__(self):
        self.rest = b""

    def next(self, timeout):
        """None: none has come; "": there is an end."""
        while b"\n" not in self.rest:
            if not select.select([0], [], [], timeout)[0]:
                return None
            part = os.read(0, 1 << 20)
            if not part:
                return ""
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode()


def main():
    eye, orders, watching = Eye(), Orders(), False
    while True:
        if watching:
            eye.look()
        line = orders.next(PAUSE_S if watching else None)
        if line is None:
            continue
        word, _, rest = line.partition(" ")
        if not word:
            return
        if word == "watch":
            eye.begin(json.loads(rest))
            watching = True
        else:
            eye.look()
            watching = watching and word == "look"
            eye.answer()


class Watcher:
    """The process, from outside."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def watch(self, lake, rows):
        self.tell("watch " + json.dumps({"lake": lake, "rows": rows}))

    def look(self):
        self.tell("look")
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.tell("end")
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


if __name__ == "__main__":
    main()
