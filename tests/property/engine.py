# SPDX-License-Identifier: Apache-2.0
"""Runs a case through the binary, and tells the first difference from what the model says."""
import glob
import hashlib
import json
import math
import os

import cases
from cases import path_of
from model import Agg, Call, Day, Instant, UNITS, instant, order
from shim import Shim
from tapeline import CLIENT_ENV, run


class Different(AssertionError):
    pass


def want(holds, message, *args):
    if not holds:
        raise Different(message % args)


def write(case, folder, rnd=None, **how):
    """The pipeline and its input; with rnd a member that no column has makes lines longer, so that the engine's
    reads begin and end elsewhere."""
    with open(os.path.join(folder, "p.sql"), "w") as f:
        f.write(case.sql(**how))
    for source, files in case.files.items():
        for name, lines in files:
            with open(path_of(folder, source, name), "wb") as f:
                f.write(b"".join(padded(line, rnd) + (b"\r\n" if rnd and rnd.random() < 0.5 else b"\n")
                                 for line in lines))


def padded(line, rnd):
    if rnd is None or not line.endswith(b"}") or not line.startswith(b"{\""):
        return line
    return b'{"padding": "%s", %s' % (b"x" * rnd.choice([1, 1000, 60000]), line[1:])


def arguments(case, folder):
    """--input of each source."""
    if len(case.files) == 1:
        return ["--input", path_of(folder, next(iter(case.files)), "*")]
    return [a for source in case.files for a in ("--input", "%s=%s" % (source, path_of(folder, source, "*")))]


def rows_of(text):
    """CSV as the binary writes it: "" is a text, nothing is NULL (which csv.reader does not tell apart)."""
    rows, row, cell, quoted, was_quoted, i = [], [], [], False, False, 0
    while i < len(text):
        c = text[i]
        if quoted and c == '"' and text[i + 1:i + 2] == '"':
            cell.append(c)
            i += 1
        elif c == '"':
            quoted, was_quoted = not quoted, True
        elif not quoted and c in ",\n":
            row.append("".join(cell) if cell or was_quoted else None)
            cell, was_quoted = [], False
            if c == "\n":
                rows.append(row)
                row = []
        else:
            cell.append(c)
        i += 1
    return rows


def parsed(cell, like):
    """A cell as a value of the type of another."""
    if cell is None or like is None or isinstance(like, str):
        return cell
    if isinstance(like, bool):
        return {"true": True, "false": False}[cell]
    if isinstance(like, Instant):
        return instant(cell)
    if isinstance(like, Day):
        return Day(instant(cell) // UNITS["day"])
    return float(cell) if isinstance(like, float) else int(cell)


def is_rough(e):
    """Not to the last bit: STDDEV and VWAP are not sums (rule 8); an AVG of integers is rounded twice."""
    if isinstance(e, Agg):
        return 1e-9 if e.name.startswith("STDDEV") or e.name == "VWAP" else 2**-52
    args = e.args if isinstance(e, Call) else ()
    return max([is_rough(a) for a in args if not isinstance(a, str)], default=0)


def same(got, expected, slack):
    if isinstance(expected, float) and isinstance(got, float) and math.isfinite(expected):
        return abs(got - expected) <= slack * abs(expected) + (1e-300 if slack < 1e-12 else 1e-9)
    return got == expected and type(got) in (type(expected), bool)


def compare_rows(view, text, expected):
    """The rows of a view against the model's; rows are told apart by their keys and window."""
    header, *rows = rows_of(text)
    names = [n for n, _ in view.select]
    want(header == names, "%s: columns %s, expected %s", view.name, header, names)
    likes = {n: next((r[n] for r in expected if r[n] is not None), None) for n in names}
    try:
        got = [{n: parsed(c, likes[n]) for n, c in zip(names, r)} for r in rows]
    except (ValueError, KeyError) as e:
        raise Different("%s: %s is not of the type expected: %s" % (view.name, e, likes))
    names.sort(key=lambda n: n.startswith("a"))  # keys and window first: they tell the rows apart
    identity = lambda r: [order(r[n]) for n in names]
    got, expected = sorted(got, key=identity), sorted(expected, key=identity)
    slack = {n: is_rough(e) for n, e in view.select}
    for g, e in zip(got, expected):
        wrong = [n for n in names if not same(g[n], e[n], slack[n])]
        want(not wrong, "%s: %s\n  expected %s\n  got      %s", view.name, ", ".join(wrong), show(e), show(g))
    want(len(got) == len(expected), "%s: %d rows, expected %d", view.name, len(got), len(expected))


def show(row):
    return {n: (int(v) if isinstance(v, (Instant, Day)) else v) for n, v in row.items()}


def compare_ledger(case, text, results):
    """The ledger of a run: of each source its first windowed view, or its first."""
    totals = dict.fromkeys(("received", "aggregated", "late", "malformed", "duplicate", "filtered",
                            "windows"), 0)
    for source in case.pipeline.sources:
        views = [v for v in case.pipeline.views if v.of == source.name]
        leading = next((v for v in views if v.window), views[0] if views else None)
        ledger = results[leading.name if leading else "source " + source.name].ledger
        for name, n in ledger.items():
            totals[name] += n if name != "windows" or leading.window else 0
    got = json.loads(text)
    want({n: got.get(n) for n in totals} == totals, "ledger %s, expected %s", got, totals)


def paced(case, folder, rnd):
    """An environment in which reads of the input give few bytes and take their time: other batches, at another speed, whatever the
    files are. Close what is returned with it."""
    size = sum(os.path.getsize(path_of(folder, s, n)) for s, files in case.files.items() for n, _ in files)
    of = Shim(os.path.join(folder, "shim"))
    most = max(size // 1000, rnd.choice([1, 7, 100, 1000, 10000]))
    return of.env(read="%s:%d:%d" % (folder, most, rnd.choice([0, 0, 100, 300]))), of


def dump(case, folder, view, threads, *more, env=CLIENT_ENV):
    """The CSV of a view and the ledger."""
    out = run("run", os.path.join(folder, "p.sql"), *arguments(case, folder), "--dump", view.name, "--json",
              "--threads", threads, *more, env=env)
    return out.stdout[:out.stdout.rindex("\n", 0, -1) + 1], out.stdout.splitlines()[-1]


def query(lake, sql):
    return rows_of(run("query", sql, "--lake", lake, "--format", "csv").stdout)


def dead_letters(case, lake):
    """{view: [(shard, sequence)]}, {source: [(shard, sequence, reason)]}: what the lake holds."""
    late, malformed, parts = {}, {}, []
    tables = [v.name + "_late" for v in case.pipeline.views] + [s.name + "_malformed" for s in case.pipeline.sources]
    for table in tables:
        if os.path.isdir(os.path.join(lake, "dead_letter", "p", table)):
            reason = "reason" if table.endswith("_malformed") else "''"
            parts.append("SELECT '%s', shard, sequence_number, %s FROM p.%s" % (table, reason, table))
    for table, shard, sequence, reason in query(lake, " UNION ALL ".join(parts))[1:] if parts else ():
        if table.endswith("_late"):
            late.setdefault(table[:-5], []).append((shard, sequence))
        else:
            malformed.setdefault(table[:-10], []).append((shard, sequence, reason))
    return late, malformed


def compare_dead_letters(case, lake, results, malformed):
    got_late, got_malformed = dead_letters(case, lake)
    for view in case.pipeline.views:
        want(sorted(got_late.get(view.name, [])) == sorted(results[view.name].late),
             "LATE(%s): %s, expected %s", view.name,
             sorted(got_late.get(view.name, [])), sorted(results[view.name].late))
    for source in case.pipeline.sources:
        expected = sorted(malformed[source.name])
        got = sorted(got_malformed.get(source.name, []))
        want([g[:2] for g in got] == [e[:2] for e in expected], "MALFORMED(%s): %s, expected %s",
             source.name, got, expected)
        for g, e in zip(got, expected):
            want(g == e or e[2] == "no event time", "MALFORMED(%s): %s, expected %s", source.name, g, e)


def compare_lake_rows(case, lake, results):
    for view in filter(cases.has_sink, case.pipeline.views):
        rows = results[view.name].rows
        if not glob.glob(os.path.join(lake, "out", view.name, "*.parquet")):
            want(not rows, "%s: no file in the lake, expected %d rows", view.name, len(rows))
            continue
        out = run("query", "SELECT * FROM d.%s" % view.name, "--lake", lake, "--format", "csv").stdout
        compare_rows(view, out, [{n: micros(v) for n, v in r.items()} for r in rows])


def micros(v):
    """The lake's instants are whole microseconds."""
    return Instant(v // 1000 * 1000) if isinstance(v, Instant) else v


def hashes(lake):
    """{relative path: SHA-256} of a lake's data files: what readers skip is none, as what a killed process was writing under _tmp."""
    out = {}
    for path in glob.glob(os.path.join(lake, "**", "*.parquet"), recursive=True):
        name = os.path.relpath(path, lake)
        if any(part.startswith("_") for part in name.split(os.sep)):
            continue
        with open(path, "rb") as f:
            out[name] = hashlib.sha256(f.read()).hexdigest()
    return out
