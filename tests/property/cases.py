# SPDX-License-Identifier: Apache-2.0
"""Random pipelines and streams: one seed is one case, as data for the model and as text for the engine."""
import json
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median_low

from model import (Agg, Call, Col, Column, Lit, Pipeline, Record, S, Shard, Source, UNITS, View, Window,
                   decode)

# What a case may use beyond one source, tumbling windows or none, plain columns, COUNT, SUM, AVG, MIN, MAX, FIRST
# and LAST.
FEATURES = frozenset("""hop session where having expressions count_distinct stddev vwap minmax_any group_double
    computed metadata event_times two_sources view_over_view emit_all no_keys dedup""".split())

MS = 10**6
NEVER_LATE = 366 * UNITS["day"]
SIZES = [10 * MS, S, 7 * S, 60 * S, 90 * S, 3600 * S, 86400 * S]
BASES = [0, -3 * S, -86400 * 365 * 30 * S - 1, 1709164799 * S, 1714521600 * S, 946684800 * S + 1,
         4102444800 * S]
KEYS = ["a", "b", "AAPL", "", " ", "a,b", "q\"uo'te", "two\nlines", "Ünï", "日本", "😀", "nul\0key",
        "A", "\u00e9", "e\u0301", "x" * 15, "x" * 16,
        "x" * 17, "long" * 100]
ASCII = ["red", "Green", "blue", "", "42", "-7", "4x", "a_b", "100%", " pad "]
NUMBER, TEXT = ("INTEGER", "BIGINT", "DOUBLE"), "VARCHAR"


@dataclass
class Case:
    seed: int
    pipeline: Pipeline
    files: dict  # {source: [(name, [line])]}

    def sql(self, lake=False):
        return sql(self.pipeline, lake, self.seed)

    def streams(self):
        """{source: the stream's name}"""
        return {s.name: stream_of(s, self.seed) for s in self.pipeline.sources}

    def shards(self, folder):
        """As the model takes them: a shard is named by its path, a record by its line; blank lines are none."""
        return {source: [Shard(path_of(folder, source, name),
                               [Record(str(i), line) for i, line in enumerate(lines) if line.strip()])
                         for name, lines in files] for source, files in self.files.items()}

    def __str__(self):
        out = ["TL_SEED=%d" % self.seed, self.sql()]
        for source, files in self.files.items():
            for name, lines in files:
                out.append("-- %s:" % path_of("", source, name))
                out += [repr(line)[2:-1] for line in lines]
        return "\n".join(out)


def path_of(folder, source, name):
    return "%s/%s-%s.ndjson" % (folder, source, name)


# ---- SQL text ----

def literal(v):
    if v is None:
        return "NULL"
    if isinstance(v, bool):
        return str(v).upper()
    return "'%s'" % v.replace("'", "''") if isinstance(v, str) else repr(v) if v >= 0 else "(%r)" % v


INFIX = {"+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "LIKE", "||"}


def text_of(e):
    """The SQL of an expression."""
    if isinstance(e, Lit):
        return literal(e.value)
    if isinstance(e, Col):
        return e.name
    if isinstance(e, Agg):
        args = ", ".join(map(text_of, e.args)) or "*"
        nulls = " IGNORE NULLS" if e.ignore_nulls else ""
        return "%s(%s%s%s)" % (e.name, "DISTINCT " if e.distinct else "", args, nulls)
    a = [x if isinstance(x, str) else text_of(x) for x in e.args]
    if e.op in INFIX:
        return "(" + (" %s " % e.op).join(a) + ")"
    forms = {"NEG": "(- {0})", "NOT": "(NOT {0})", "IS NULL": "({0} IS NULL)",
             "IS NOT NULL": "({0} IS NOT NULL)",
             "BETWEEN": "({0} BETWEEN {1} AND {2})", "CAST": "CAST({0} AS {1})",
             "EXTRACT": "EXTRACT({1} FROM {0})",
             "POSITION": "POSITION({0} IN {1})", "DATE_TRUNC": "DATE_TRUNC('{0}', {1})"}
    if e.op in forms:
        return forms[e.op].format(*a)
    if e.op == "IN":
        return "(%s IN (%s))" % (a[0], ", ".join(a[1:]))
    if e.op == "CASE":
        return "CASE %s ELSE %s END" % (" ".join("WHEN %s THEN %s" % p for p in zip(a[:-1:2], a[1::2])),
                                        a[-1])
    return "%s(%s)" % (e.op, ", ".join(a))


def interval(ns):
    for unit in ("day", "hour", "minute", "second"):
        if ns % UNITS[unit] == 0:
            return "INTERVAL '%d' %s" % (ns // UNITS[unit], unit.upper())
    return "INTERVAL '%d' MILLISECOND" % (ns // MS)


def column_text(c):
    if c.computed is not None:
        return "%s AS %s" % (c.name, text_of(c.computed))
    if c.metadata:
        return "%s %s METADATA FROM '%s'" % (c.name, c.type, c.metadata)
    return "%s %s%s" % (c.name, c.type, " NOT NULL" if c.not_null else "")


def stream_of(source, seed):
    return "%s-%d" % (source.name, seed)


def source_text(s, seed):
    """Without steps of the clock: no run here is that long (rule 6)."""
    watermark = s.event_time + (" - " + interval(s.delay) if s.delay else "")
    columns = map(column_text, s.columns)
    dedup = ",\n  DEDUP BY (%s)" % ", ".join(s.dedup) if s.dedup else ""
    dedup_for = ", dedup_for = '%d ms'" % (s.dedup_for // MS) if s.dedup else ""
    return ("CREATE SOURCE %s (\n  %s,\n  WATERMARK FOR %s AS %s%s\n) WITH (stream = '%s', shard_idle = '10 h', "
            "flush_after = '10 h', max_future_skew = '%d s'%s);" %
            (s.name, ",\n  ".join(columns), s.event_time, watermark, dedup, stream_of(s, seed), s.skew // S, dedup_for))


def from_text(v):
    w = v.window
    if w is None:
        return v.of
    offset = ", " + interval(w.offset) if w.offset else ""
    if w.kind == "hop":
        return "HOP(%s, %s, %s, %s%s)" % (v.of, v.time, interval(w.slide), interval(w.size), offset)
    return "%s(%s, %s, %s%s)" % (w.kind.upper(), v.of, v.time, interval(w.size), offset)


def view_text(v):
    keys = list(v.keys) + (["window_start", "window_end"] if v.window else [])
    items = ", ".join("%s AS %s" % (text_of(e), name) for name, e in v.select)
    parts = ["SELECT " + items, "FROM " + from_text(v)]
    parts += ["WHERE " + text_of(v.where)] if v.where is not None else []
    parts += ["GROUP BY " + ", ".join(keys)] if keys else []
    parts += ["HAVING " + text_of(v.having)] if v.having is not None else []
    parts += ["EMIT " + v.emit] if v.emit else []
    return "CREATE VIEW %s AS\n  %s;" % (v.name, "\n  ".join(parts))


def has_sink(view):
    return view.window is not None and view.emit in ("", "FINAL")


def sql(p, lake, seed):
    out = ["CREATE PIPELINE p;"] + [source_text(s, seed) for s in p.sources] + [view_text(v) for v in p.views]
    if lake:
        sink = "CREATE SINK %s_lake FROM %s WITH (path = 'out/%s', table = 'd.%s', commit_every = '1 s');"
        out += [sink % ((v.name,) * 4)
                for v in p.views if has_sink(v)]
    return "\n".join(out) + "\n"


# ---- expressions ----

class Expressions:
    """Random ones whose meaning is beyond doubt: of one type, nothing that depends on locale or platform."""

    def __init__(self, rnd, scope):
        self.rnd, self.scope = rnd, scope  # {column: type}
        self.instants = "TIMESTAMP" in scope.values()

    def leaf(self, type_):
        columns = [c for c, t in self.scope.items() if t == type_]
        if columns and (self.rnd.random() < 0.8 or type_ == "TIMESTAMP"):
            return Col(self.rnd.choice(columns))
        return Lit({"DOUBLE": lambda: self.rnd.choice([0.5, 2.0, -1.25, 100.0]),
                    "BIGINT": lambda: self.rnd.choice([0, 1, 2, 7, 1000]),
                    TEXT: lambda: self.rnd.choice(ASCII),
                    "BOOLEAN": lambda: self.rnd.random() < 0.5}[type_]())

    def of(self, type_, depth=2):
        if depth <= 0 or self.rnd.random() < 0.25:
            return self.leaf(type_)
        sub = lambda t=type_: self.of(t, depth - 1)
        if self.rnd.random() < 0.2:
            return self.rnd.choice([lambda: Call("CASE", (sub("BOOLEAN"), sub(), sub())),
                                    lambda: Call("COALESCE", (sub(), sub())),
                                    lambda: Call("NULLIF", (sub(), sub()))])()
        return getattr(self, type_.lower())(sub)

    def double(self, sub):
        pick = self.rnd.choice
        return pick([lambda: Call(pick("+-*/"), (sub(), sub())), lambda: Call("NEG", (sub(),)),
                     lambda: Call("ABS", (sub(),)),
                     lambda: Call("ROUND", (sub(), Lit(2))), lambda: Call(pick(["FLOOR", "CEIL"]), (sub(),)),
                     lambda: Call("SQRT", (Call("ABS", (sub(),)),)),
                     lambda: Call("CAST", (sub("BIGINT"), "DOUBLE")),
                     lambda: Call("/", (sub("BIGINT"), sub("BIGINT")))])()

    def bigint(self, sub):
        pick = self.rnd.choice
        return pick([lambda: Call(pick("+-*%"), (sub(), sub())), lambda: Call("ABS", (sub(),)),
                     lambda: Call("NEG", (sub(),)),
                     lambda: Call("LENGTH", (sub(TEXT),)), lambda: Call("CAST", (sub(TEXT), "BIGINT")),
                     lambda: Call("POSITION", (Lit("e"), sub(TEXT)))] + [
                     lambda: Call("EXTRACT", (sub("TIMESTAMP"),
                                              pick(["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"]))),
                     lambda: Call("EPOCH_MS", (self.timestamp(sub),))] * self.instants)()

    def timestamp(self, sub):
        return Call("DATE_TRUNC", (self.rnd.choice(["second", "minute", "hour", "day"]), sub("TIMESTAMP")))

    def varchar(self, sub):
        pick = self.rnd.choice
        return pick([lambda: Call("||", (sub(), sub())),
                     lambda: Call("SUBSTRING", (sub(), Lit(pick([1, 2])), Lit(2))),
                     lambda: Call("REPLACE", (sub(), Lit("a"), Lit("bb"))), lambda: Call("TRIM", (sub(),)),
                     lambda: Call("CAST", (sub("BIGINT"), TEXT)),
                     lambda: Call(pick(["UPPER", "LOWER"]),
                                  (Col("g") if "g" in self.scope else Lit("Ab"),))])()

    def boolean(self, sub):
        pick, t = self.rnd.choice, self.rnd.choice(["DOUBLE", "BIGINT", TEXT] + ["TIMESTAMP"] * self.instants)
        return pick([lambda: Call(pick(["=", "<>", "<", "<=", ">", ">="]), (sub(t), sub(t))),
                     lambda: Call(pick(["AND", "OR"]), (sub(), sub())),
                     lambda: Call(pick(["AND", "OR"]), (sub(), sub())),
                     lambda: Call("NOT", (sub(),)),
                     lambda: Call(pick(["IS NULL", "IS NOT NULL"]), (sub(t),)),
                     lambda: Call("BETWEEN", (sub(t), sub(t), sub(t))),
                     lambda: Call("IN", (sub(t), self.leaf(t), self.leaf(t))),
                     lambda: Call("LIKE", (sub(TEXT), Lit(pick(["%e%", "a_", "", "%", "_%"])))),
                     lambda: Call(pick(["STARTS_WITH", "ENDS_WITH", "CONTAINS"]),
                                  (sub(TEXT), Lit(pick(["a", "re", ""]))))])()


# ---- pipelines ----

class Pipelines:
    def __init__(self, rnd, features):
        self.rnd, self.features = rnd, features

    def chance(self, feature, p):
        return feature in self.features and self.rnd.random() < p

    def source(self, name):
        rnd = self.rnd
        columns = [Column("k", TEXT, True)]
        columns += [c for c in (Column("g", TEXT), Column("x", "DOUBLE", rnd.random() < 0.3),
                                Column("y", "DOUBLE"), Column("n", "BIGINT"),
                                Column("i", "INTEGER"), Column("b", "BOOLEAN"), Column("d", "DATE"),
                                Column("m", "TIMESTAMP"))
                    if rnd.random() < 0.75]
        columns.append(Column("ts", TEXT, True))
        rnd.shuffle(columns)
        if self.chance("metadata", 0.3):
            columns += [Column("shard", TEXT, metadata="shard_id"),
                        Column("number", TEXT, metadata="sequence_number"),
                        Column("pk", TEXT, metadata="partition_key"),
                        Column("arrival", "TIMESTAMP", metadata="arrival_time")]
        columns.append(Column("et", "TIMESTAMP", computed=self.event_time(columns)))
        if self.chance("computed", 0.4):
            for i in range(rnd.randrange(1, 3)):
                type_ = rnd.choice(["DOUBLE", "BIGINT", TEXT, "BOOLEAN"])
                columns.append(Column("c%d" % i, type_, computed=Expressions(rnd, plain(columns)).of(type_)))
        delay = rnd.choice([0, 0, 500 * MS, 2 * S, 30 * S, 120 * S, 3600 * S])
        source = Source(name, tuple(columns), "et", delay, rnd.choice([0, 300 * S, 366 * 86400 * S]))
        return self.deduplicated(source) if self.chance("dedup", 0.2) else source

    def deduplicated(self, source):
        rnd = self.rnd
        names = [c.name for c in source.columns]
        columns = rnd.choice([["k", "ts"], ["ts"], ["k", rnd.choice(names)], rnd.sample(names, rnd.randrange(1, 4))])
        return replace(source, dedup=tuple(dict.fromkeys(columns)), dedup_for=rnd.choice(SIZES[:6]))

    def event_time(self, columns):
        parsed = Call("PARSE_TIMESTAMP", (Col("ts"),))
        if not self.chance("event_times", 0.3):
            return parsed
        ways = [Call("DATE_TRUNC", ("second", parsed)),
                Call("TO_TIMESTAMP_MS", (Call("EPOCH_MS", (Call("DATE_TRUNC", ("second", parsed)),)),))]
        ways += [Call("COALESCE", (parsed, Col("m")))] * any(c.name == "m" for c in columns)
        return self.rnd.choice(ways)

    def window(self, sessions=True):
        rnd = self.rnd
        size = rnd.choice(SIZES)
        kind = rnd.choice(["tumble"] * 3 + ["hop"] * ("hop" in self.features) * 2 +
                          ["session"] * ("session" in self.features and sessions) * 2)
        if kind == "session":
            return Window("session", rnd.choice(SIZES[:5]))
        offset = rnd.choice([0, 0, 0, size // 2 // MS * MS, MS])
        if kind == "tumble":
            return Window("tumble", size, 0, offset % size)
        slide = max(MS, size // rnd.choice([1, 2, 3, 5]) // MS * MS)
        return Window("hop", size, slide, offset % slide)

    def view(self, name, source):
        rnd, scope = self.rnd, {c.name: c.type for c in source.columns}
        if "expressions" not in self.features:
            scope = {c: t for c, t in scope.items() if c not in ("ts", "et")}
        groupable = [c for c, t in scope.items() if c != "ts"
                     and (t != "DOUBLE" or "group_double" in self.features)]
        window = self.window() if rnd.random() < 0.8 else None
        keys = rnd.sample(groupable, min(len(groupable), rnd.choice([1, 1, 1, 2, 3])))
        if "k" in groupable and rnd.random() < 0.5:
            keys = list(dict.fromkeys(["k"] + keys))[:3]
        if window and self.chance("no_keys", 0.1):
            keys = []
        conditions = Expressions(rnd, dict(plain(source.columns), et="TIMESTAMP"))
        where = conditions.of("BOOLEAN") if self.chance("where", 0.35) else None
        emit = rnd.choice(["", "", "FINAL"] if window else ["", "CHANGES"])
        if self.chance("emit_all", 0.2):
            emit = rnd.choice(["CHANGES", "CHANGES" if window else "SNAPSHOT"])
        having = self.having(scope) if window and emit in ("", "FINAL") else None
        return View(name, source.name, self.select(keys, scope, window), tuple(keys), window, "et", where,
                    having, emit)

    def select(self, keys, scope, window):
        rnd = self.rnd
        out = [("key_" + k, Col(k)) for k in keys]
        out += [("ws", Col("window_start")), ("we", Col("window_end"))] if window else []
        for i in range(rnd.randrange(1, 5)):
            e = self.aggregate(scope)
            if self.chance("expressions", 0.3):
                e = self.outer(e, scope, keys)
            out.append(("a%d" % i, e))
        rnd.shuffle(out)
        return tuple(out)

    def outer(self, e, scope, keys):
        rnd, count = self.rnd, Agg("COUNT")
        total = next((Agg("SUM", (Col(c),)) for c, t in scope.items() if t == "DOUBLE"), None)
        of_keys = Expressions(rnd, {k: scope[k] for k in keys})
        ways = [Call("+", (count, Lit(1))), Call("CASE", (Call(">", (count, Lit(2))), Lit("many"), Lit("few"))),
                of_keys.of(rnd.choice(["BIGINT", TEXT, "BOOLEAN"]))]
        ways += [Call("/", (total, count)), Call("COALESCE", (total, Lit(0.0)))] if total else [e]
        return rnd.choice(ways)

    def aggregate(self, scope):
        rnd = self.rnd
        numbers = [c for c, t in scope.items() if t in NUMBER]
        orderly = [c for c, t in scope.items() if t in NUMBER + ("DATE", "TIMESTAMP")
                   or "minmax_any" in self.features]
        ways = [lambda: Agg("COUNT"), lambda: Agg("COUNT", (self.argument(scope, list(scope)),)),
                *[lambda: Agg(rnd.choice(["FIRST", "LAST"]), (self.argument(scope, list(scope)),),
                              ignore_nulls=rnd.random() < 0.4)] * 2]
        if numbers:
            ways += [lambda: Agg(rnd.choice(["SUM", "AVG"]), (self.argument(scope, numbers),))] * 2
        if orderly:
            ways += [lambda: Agg(rnd.choice(["MIN", "MAX"]), (self.argument(scope, orderly),))] * 2
        if "n" in scope:
            ways.append(lambda: Agg("SUM", (Col("n"),)))
        if "expressions" in self.features:
            truth = Expressions(rnd, scope)
            two = lambda: (truth.of("BOOLEAN", 1), truth.of("BOOLEAN", 1))
            ways.append(lambda: Agg("COUNT", (Call(rnd.choice(["AND", "OR"]), two()),)))
        if "count_distinct" in self.features:
            ways.append(lambda: Agg("COUNT", (self.argument(scope, list(scope)),), distinct=True))
        if "stddev" in self.features and numbers:
            ways.append(lambda: Agg(rnd.choice(["STDDEV", "STDDEV_SAMP", "STDDEV_POP"]),
                                    (Col(rnd.choice(numbers)),)))
        if "vwap" in self.features and {"x", "i"} <= set(scope):
            ways.append(lambda: Agg("VWAP", (Call("ABS", (Col("x"),)), Call("ABS", (Col("i"),)))
                                    if "expressions" in self.features
                                    else (Col("x"), Col("i"))))
        return rnd.choice(ways)()

    def argument(self, scope, columns):
        column = self.rnd.choice(columns)
        type_ = scope[column]
        if type_ not in ("INTEGER", "DATE") and self.chance("expressions", 0.7 if type_ == "BOOLEAN" else 0.4):
            return Expressions(self.rnd, scope).of(type_)
        return Col(column)

    def having(self, scope):
        if not self.chance("having", 0.25):
            return None
        count = Call(self.rnd.choice([">", "<", "<>"]), (Agg("COUNT"), Lit(self.rnd.choice([1, 2, 3]))))
        totals = [Call(">", (Agg("SUM", (Col(c),)), Lit(0.0))) for c, t in scope.items() if t == "DOUBLE"]
        return self.rnd.choice([count] + totals)

    def over(self, name, upstream, scope):
        """A view over a view's rows: scope is of their columns."""
        rnd = self.rnd
        window = self.window() if rnd.random() < 0.7 else None
        keys = [c for c in scope if c.startswith("key_") and rnd.random() < 0.5]
        keys = keys or ([] if window else [next(iter(scope))])
        at = "we" if upstream.window.kind == "session" else rnd.choice(["ws", "we"])
        return View(name, upstream.name, self.select(keys, scope, window), tuple(keys), window,
                    at if window else "",
                    None, self.having(scope) if window else None, "" if window else "CHANGES")

    def pipeline(self):
        sources = [self.source("s")] + ([self.source("r")] if self.chance("two_sources", 0.2) else [])
        views = [self.view("v%d" % i, self.rnd.choice(sources))
                 for i in range(self.rnd.choice([1, 1, 2, 2, 3]))]
        final = [v for v in views if has_sink(v)]
        if final and self.chance("view_over_view", 0.4):
            upstream = self.rnd.choice(final)
            source = next(s for s in sources if s.name == upstream.of)
            types = {c.name: c.type for c in source.columns}
            views.append(self.over("w", upstream, types_of(upstream, types)))
        return Pipeline(tuple(sources), tuple(views))


def plain(columns):
    """The types of the columns that expressions are over."""
    return {c.name: c.type for c in columns if c.name not in ("ts", "et")
            and c.type not in ("INTEGER", "DATE") and c.metadata != "shard_id"}


def types_of(view, scope):
    """Of a view's plain columns: what a view over it may use."""
    out = {}
    for name, e in view.select:
        if isinstance(e, Col):
            out[name] = scope.get(e.name, "TIMESTAMP")
        elif isinstance(e, Agg) and e.name == "COUNT":
            out[name] = "BIGINT"
        elif isinstance(e, Agg) and e.name in ("FIRST", "LAST", "MIN", "MAX") and isinstance(e.args[0], Col):
            out[name] = scope[e.args[0].name]
    return {n: t for n, t in out.items() if t != "TIMESTAMP" or n in ("ws", "we")}


# ---- streams ----

class Streams:
    """The records of a source. A step of its clock is near the size of the windows over it, so that windows fill
    and close."""

    def __init__(self, rnd, source, views, far):
        self.rnd, self.source, self.far = rnd, source, far
        sizes = [v.window.slide or v.window.size for v in views if v.window] or [S]
        self.size = rnd.choice(sizes)
        self.step = max(1, self.size // rnd.choice([1, 3, 10, 40]))
        self.grain = rnd.choice([1, MS, MS, S, self.size, max(1, self.size // 4)])
        self.now = rnd.choice(BASES)
        self.snaps = rnd.random() < 0.5    # equal instants, also in several shards
        self.extreme = rnd.random() < 0.4  # integers near the ends of their range
        self.keys = rnd.sample(KEYS, rnd.choice([1, 2, 4, 8]))
        self.bad = rnd.choice([0, 0.02, 0.1])
        self.last = self.now

    def time(self):
        rnd, kind = self.rnd, self.rnd.random()
        self.now += int(rnd.random() * 2 * self.step)
        t = self.now - int(rnd.random() * rnd.choice([0, self.step, self.source.delay])) 
        if self.snaps:
            t = t // self.grain * self.grain
        if kind < 0.1:
            t = self.last
        elif kind < 0.2:  # about the border of a window
            t = t // self.size * self.size + rnd.choice([-1, 0, 0, 1])
        elif kind < 0.25:  # late, or nearly
            t -= self.source.delay + rnd.choice([0, self.size, 3 * self.size])
        elif kind < 0.26:  # a clock ahead
            t += self.source.delay + 5 * self.size
        elif kind < 0.28 and self.far:  # a clock ahead of everybody's
            t += BASES[-1] - BASES[0]
        self.last = t
        return t

    def value(self, c):
        rnd = self.rnd
        if not c.not_null and rnd.random() < 0.2:
            return None
        if c.type == "DOUBLE":
            return rnd.choice([lambda: round(rnd.uniform(-100, 200), 4), lambda: rnd.randrange(-5, 50),
                               lambda: rnd.uniform(0, 1e-9),
                               lambda: 1e15 * rnd.random(), lambda: 0.1, lambda: -2.5])()
        if c.type in ("INTEGER", "BIGINT"):
            top = 2**31 - 1 if c.type == "INTEGER" else 2**63 - 1
            if self.extreme and c.type == "BIGINT" and rnd.random() < 0.4:
                return rnd.choice([top, top, top // 2, -top - 1])
            return rnd.randrange(-20, 400)
        if c.type == "BOOLEAN":
            return rnd.random() < 0.5
        if c.type == "DATE":
            days = rnd.choice([-1, 0, 19782, rnd.randrange(-9999, 20000)])
            return (datetime(1970, 1, 1) + timedelta(days=days)).strftime("%Y-%m-%d")
        if c.type == "TIMESTAMP":
            return stamp(rnd, self.now + rnd.randrange(-10**12, 10**12))
        return (self.keys[0] if rnd.random() < 0.3
                else rnd.choice(self.keys)) if c.name == "k" else rnd.choice(ASCII)

    def line(self):
        rnd = self.rnd
        tick = {c.name: self.value(c) for c in self.source.columns if c.computed is None and not c.metadata}
        tick["ts"] = stamp(rnd, self.time())
        tick = {n: v for n, v in tick.items() if v is not None or rnd.random() < 0.5}
        items = list(tick.items())
        if rnd.random() < 0.2:
            rnd.shuffle(items)
            items.insert(rnd.randrange(len(items) + 1),
                         ("unknown", rnd.choice([None, [1, {"a": {}}], "text", 1.5])))
        data = json.dumps(dict(items), ensure_ascii=rnd.random() < 0.5,
                          separators=rnd.choice([(",", ":"), (", ", ": "), (" ,\t", ":  ")])).encode()
        return self.spoiled(data, dict(items)) if rnd.random() < self.bad else data

    def spoiled(self, data, tick):
        """Malformed (rule 7), most of the time."""
        rnd = self.rnd
        column = rnd.choice([c for c in self.source.columns if c.computed is None and not c.metadata])
        again = lambda v: json.dumps(dict(tick, **{column.name: v})).encode()
        return rnd.choice([lambda: data[:rnd.randrange(1, len(data))], lambda: data + b" {}", lambda: b"17",
                           lambda: b"[" + data + b"]", lambda: b"null", lambda: data.replace(b"a", b"\xff"),
                           lambda: data.replace(b"{", b'{"z": NaN, ', 1),
                           lambda: data.replace(b"{", b'{"z": "\\ud800", ', 1), lambda: again(None),
                           lambda: again([1]), lambda: again(True),
                           lambda: again("text"), lambda: again("2024-02-30T00:00:00"), lambda: again(5),
                           lambda: again(2.5),
                           lambda: again(2**63), lambda: again(2**31), lambda: again("2024-01-01"),
                           lambda: data.replace(b":", b"", 1)])()

    def shard(self, count):
        """Its lines; some are blank."""
        start = self.now
        lines = []
        for _ in range(count):
            if self.rnd.random() < 0.01:
                lines.append(self.rnd.choice([b"", b" ", b"\t"]))
            elif self.source.dedup and lines and self.rnd.random() < 0.25:  # sent again
                lines.append(self.rnd.choice(lines[-self.rnd.choice([1, 5, 1000]):]))
            else:
                lines.append(self.line())
        self.now = start  # shards run side by side
        self.now += 0 if self.snaps else int(self.rnd.random() * self.step)
        return lines


def stamp(rnd, t):
    """One of the ways to write an instant."""
    seconds, fraction = divmod(t, S)
    zone = rnd.choice(["", "", "Z", "+00:00", "+05:30", "-0800"])
    ahead = {"+05:30": 19800, "-0800": -28800}.get(zone, 0)
    at = datetime(1970, 1, 1) + timedelta(seconds=seconds + ahead)
    text = at.strftime(rnd.choice(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]))
    digits = ("%09d" % fraction).rstrip("0") if rnd.random() < 0.5 else "%09d" % fraction
    if fraction == 0 and at.second == 0 and rnd.random() < 0.3:
        return text[:-3] + zone
    return text + ("." + digits if fraction or (digits and rnd.random() < 0.3) else "") + zone


def files_of(rnd, source, views, records, far):
    s = Streams(rnd, source, views, far)
    names = ["%02d" % i for i in range(rnd.choice([1, 1, 2, 3, 5]))]
    return [(name, s.shard(0 if rnd.random() < 0.05 else rnd.randrange(1, records))) for name in names]


def make(seed, features=FEATURES, records=80, far=False):
    """far: with instants in the next century, which do not move the watermark of a stream (rule 3)."""
    rnd = random.Random(seed)
    pipeline = Pipelines(rnd, features).pipeline()
    files = {s.name: files_of(rnd, s, [v for v in pipeline.views if v.of == s.name], records, far)
             for s in pipeline.sources}
    return Case(seed, pipeline, files)


def never_late(case):
    """The case with a delay beyond all its records, each at an instant of its own: which shard holds a record
    matters to no row."""
    sources = tuple(replace(s, delay=NEVER_LATE) for s in case.pipeline.sources)
    files = {}
    for s in sources:
        lines = [line for _, lines in case.files[s.name] for line in lines]
        rows = [decode(s, Shard("", []), Record("", line))[0] for line in lines]
        times = [row and row[s.event_time] for row in rows]
        known = [t for t in times if t is not None]
        near = lambda t: abs(t - median_low(known)) < NEVER_LATE // 2
        files[s.name] = [("0", [line for i, (line, t) in enumerate(zip(lines, times)) if t is None
                                or (t not in times[:i] and near(t))])]
    return replace(case, pipeline=replace(case.pipeline, sources=sources), files=files)


# ---- the same case, smaller ----

def smaller(case):
    """Cases with a part left out, the greatest parts first."""
    views = case.pipeline.views
    for v in views:
        if len(views) > 1 and not any(w.of == v.name for w in views):
            yield replace(case, pipeline=replace(case.pipeline, views=tuple(w for w in views if w is not v)))
    for source, files in case.files.items():
        for i in range(len(files)):
            if len(files) > 1:
                yield replace(case, files=dict(case.files, **{source: files[:i] + files[i + 1:]}))
        for i, (name, lines) in enumerate(files):
            size = len(lines)
            while size > 1 or (size == 1 and len(lines) > 0):
                for at in range(0, len(lines), size):
                    left = lines[:at] + lines[at + size:]
                    yield replace(case, files=dict(case.files,
                                                   **{source: files[:i] + [(name, left)] + files[i + 1:]}))
                size //= 2
    for v in views:
        parts = [replace(v, where=None)] if v.where is not None else []
        parts += [replace(v, having=None)] if v.having is not None else []
        parts += [replace(v, select=tuple(x for x in v.select if x is not item)) for item in v.select
                  if item[0].startswith("a")
                  and sum(n.startswith("a") for n, _ in v.select) > 1]
        for part in parts:
            yield replace(case, pipeline=replace(case.pipeline,
                                                 views=tuple(part if w is v else w for w in views)))
