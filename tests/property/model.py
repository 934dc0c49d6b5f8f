# SPDX-License-Identifier: Apache-2.0
"""The streaming semantics (docs/semantics.md, rules 1 to 10) once more, in plain Python and without the
engine: slow, short, and a pure function. It takes a pipeline as data (the classes below, never SQL text) and
what its shards hold, and gives each view's rows after the last window has closed, the late and malformed
records, and the ledger.

Nothing here runs in steps: which window a record enters, and whether it is late, follows from its own shard's
records before it (rules 2, 3, 4); what a row holds follows from the records of its window, in the order of
rule 1. Idle steps (rule 6) are no part of this model: F is never set.

Values: None, bool, int, float, str, Instant (nanoseconds since 1970 in UTC), Day (days since 1970)."""
import json
import math
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

S = 10**9
UNITS = {"second": S, "minute": 60 * S, "hour": 3600 * S, "day": 86400 * S}


class Instant(int):
    pass


class Day(int):
    pass


# ---- a pipeline ----

@dataclass(frozen=True)
class Col:
    name: str


@dataclass(frozen=True)
class Lit:
    value: object


@dataclass(frozen=True)
class Call:
    """A scalar function or operator; CAST and EXTRACT have the type or field as text in args[1]."""
    op: str
    args: tuple


@dataclass(frozen=True)
class Agg:
    """COUNT without args is COUNT(*)."""
    name: str
    args: tuple = ()
    distinct: bool = False
    ignore_nulls: bool = False


@dataclass(frozen=True)
class Column:
    name: str
    type: str = ""
    not_null: bool = False
    computed: object = None  # an expression over the columns before it
    metadata: str = ""       # shard_id, sequence_number, partition_key, arrival_time


@dataclass(frozen=True)
class Source:
    name: str
    columns: tuple
    event_time: str
    delay: int
    skew: int = 366 * 86400 * S
    dedup: tuple = ()  # columns of DEDUP BY
    dedup_for: int = 0


@dataclass(frozen=True)
class Window:
    kind: str       # tumble, hop, session
    size: int       # of a session: its gap
    slide: int = 0  # of a tumbling window: its size
    offset: int = 0


@dataclass(frozen=True)
class View:
    name: str
    of: str                # a source or a view with EMIT FINAL
    select: tuple          # of (name, expression)
    keys: tuple = ()       # of columns, the window's bounds left out
    window: Window = None
    time: str = ""         # the column that the window is over
    where: object = None
    having: object = None
    emit: str = ""         # CHANGES, FINAL, SNAPSHOT: in the end all the same rows


@dataclass(frozen=True)
class Pipeline:
    sources: tuple
    views: tuple  # a view stands behind the one it is over


# ---- its input and its output ----

@dataclass
class Record:
    sequence: str
    data: bytes
    partition_key: str = None
    arrival: int = None  # nanoseconds


@dataclass
class Shard:
    id: str
    records: list
    parents: tuple = ()


@dataclass
class Result:
    rows: list = field(default_factory=list)  # of dicts, by window_end and key
    late: list = field(default_factory=list)  # of (shard, sequence)
    ledger: dict = None


# ---- rule 7: records ----

STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)"
                   r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
INTEGERS = {"INTEGER": 2**31, "BIGINT": 2**63}


def instant(text):
    """Nanoseconds since 1970 of an ISO-8601 text (no zone means UTC), or None."""
    m = STAMP.fullmatch(text)
    if not m:
        return None
    h, mi, s = (int(part or 0) for part in m.group(4, 5, 6))
    zone = "+00:00" if m.group(8) in (None, "Z") else m.group(8)
    zone_h, zone_mi = int(zone[1:3]), int(zone[-2:])
    if h > 23 or mi > 59 or s > 59 or zone_h > 18 or zone_mi > 59:
        return None
    try:
        days = date(*map(int, m.group(1, 2, 3))).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    minutes = days * 1440 + h * 60 + mi - int(zone[0] + "1") * (zone_h * 60 + zone_mi)
    return Instant((minutes * 60 + s) * S + int((m.group(7) or "").ljust(9, "0")))


def typed(v, type_):
    """The JSON value as one of the type; ValueError where it is none."""
    if type_ in INTEGERS and type(v) is int and -INTEGERS[type_] <= v < INTEGERS[type_]:
        return v
    if type_ == "DOUBLE" and type(v) in (int, float) and abs(v) <= 1.7976931348623157e308:
        return float(v)
    if type_ == "BOOLEAN" and type(v) is bool:
        return v
    if isinstance(v, str):
        t = instant(v)
        if type_ == "VARCHAR":
            return v
        if type_ == "TIMESTAMP" and t is not None:
            return t
        if type_ == "DATE" and t is not None and len(v) == 10:
            return Day(t // UNITS["day"])
    raise ValueError(v)


def refuse(name):
    raise ValueError(name)


def decode(source, shard, record):
    """(values by column, None), or (None, reason)."""
    try:
        text = record.data.decode()
        members = json.loads(text, parse_constant=refuse)
        json.dumps(members, ensure_ascii=False).encode()  # a lone surrogate has no UTF-8
    except ValueError:
        return None, "not JSON"
    if not isinstance(members, dict):
        return None, "not an object"
    given = {"shard_id": shard.id, "sequence_number": record.sequence, "partition_key": record.partition_key,
             "arrival_time": None if record.arrival is None else Instant(record.arrival)}
    row = {}
    for c in source.columns:
        if c.computed is not None:
            continue
        v = given[c.metadata] if c.metadata else members.get(c.name)
        if v is None and c.not_null:
            return None, "%s is null" % c.name
        try:
            row[c.name] = v if v is None or c.metadata else typed(v, c.type)
        except ValueError:
            return None, "%s has a wrong type" % c.name
    for c in source.columns:
        if c.computed is not None:
            row[c.name] = value(c.computed, row)
    if row[source.event_time] is None:
        return None, "no event time"
    return row, None


# ---- expressions: three-valued logic; what cannot be computed is NULL ----

def value(e, row, members=None):
    """Of an expression over a row; members: the rows of its group, which aggregates are over."""
    if isinstance(e, Lit):
        return e.value
    if isinstance(e, Col):
        return row[e.name]
    if isinstance(e, Agg):
        return aggregate(e, members)
    sub = lambda x: value(x, row, members)
    if e.op == "AND":
        parts = [sub(a) for a in e.args]
        return False if False in parts else None if None in parts else True
    if e.op == "OR":
        parts = [sub(a) for a in e.args]
        return True if True in parts else None if None in parts else False
    if e.op == "COALESCE":
        return next((v for v in map(sub, e.args) if v is not None), None)
    if e.op == "IS NULL":
        return sub(e.args[0]) is None
    if e.op == "IS NOT NULL":
        return sub(e.args[0]) is not None
    if e.op == "CASE":  # condition, value, condition, value, ..., else
        pairs = zip(e.args[:-1:2], e.args[1::2])
        return sub(next((then for when, then in pairs if sub(when) is True), e.args[-1]))
    if e.op == "IN":  # of x, a, b, ...: x = a OR x = b OR ...
        return sub(Call("OR", tuple(Call("=", (e.args[0], a)) for a in e.args[1:])))
    if e.op == "BETWEEN":
        return sub(Call("AND", (Call(">=", e.args[:2]), Call("<=", (e.args[0], e.args[2])))))
    if e.op == "NULLIF":
        return None if sub(Call("=", e.args)) is True else sub(e.args[0])
    args = [sub(a) if not isinstance(a, str) else a for a in e.args]
    return None if None in args else fits(FUNCTIONS[e.op](*args))


def fits(v):
    return None if type(v) is int and not -2**63 <= v < 2**63 else v


def divide(a, b):
    return None if b == 0 else a / b


def remainder(a, b):
    """With the sign of the dividend."""
    if b == 0:
        return None
    if isinstance(a, float) or isinstance(b, float):
        return math.fmod(a, b)
    return abs(a) % abs(b) * (-1 if a < 0 else 1)


def rounded(x, digits=0):
    """Halves away from zero."""
    if isinstance(x, int):
        return x
    scaled = x * 10.0**digits
    whole = math.floor(abs(scaled))
    return math.copysign(whole + (abs(scaled) - whole >= 0.5), scaled) / 10.0**digits


def like(text, pattern):
    parts = {"%": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(c) or re.escape(c) for c in pattern), text, re.DOTALL) is not None


def cast(v, type_):
    if type_ == "VARCHAR":
        return str(v) if not isinstance(v, bool) else str(v).lower()
    try:
        if type_ == "DOUBLE":
            return float(v)
        v = int(v)
        return None if type_ == "INTEGER" and not -2**31 <= v < 2**31 else v
    except ValueError:
        return None


def extract(t, part):
    day = date(1970, 1, 1) + timedelta(days=t // UNITS["day"])
    if part in ("YEAR", "MONTH", "DAY"):
        return getattr(day, part.lower())
    unit = UNITS[part.lower()]
    return t // unit % {"HOUR": 24, "MINUTE": 60, "SECOND": 60}[part]


FUNCTIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": divide, "%": remainder,
    "NEG": lambda a: -a, "NOT": lambda a: not a, "=": lambda a, b: a == b, "<>": lambda a, b: a != b,
    "<": lambda a, b: order(a) < order(b), "<=": lambda a, b: order(a) <= order(b),
    ">": lambda a, b: order(a) > order(b), ">=": lambda a, b: order(a) >= order(b),
    "LIKE": like, "CAST": cast,
    "ABS": abs, "SIGN": lambda x: (x > 0) - (x < 0), "ROUND": rounded, "SQRT": math.sqrt,
    "FLOOR": lambda x: float(math.floor(x)), "CEIL": lambda x: float(math.ceil(x)),
    "GREATEST": lambda *v: max(v, key=order), "LEAST": lambda *v: min(v, key=order),
    "UPPER": str.upper, "LOWER": str.lower, "LENGTH": len, "TRIM": lambda s: s.strip(" "),
    "||": lambda a, b: a + b, "CONCAT": lambda *v: "".join(v),
    "REPLACE": lambda s, old, new: s.replace(old, new),
    "SUBSTRING": lambda s, at, n: s[at - 1:at - 1 + n], "POSITION": lambda part, s: s.find(part) + 1,
    "STARTS_WITH": str.startswith, "ENDS_WITH": str.endswith, "CONTAINS": str.__contains__,
    "PARSE_TIMESTAMP": instant, "EXTRACT": extract,
    "DATE_TRUNC": lambda unit, t: Instant(t - t % UNITS[unit]),
    "EPOCH_MS": lambda t: t // 10**6, "TO_TIMESTAMP_MS": lambda n: Instant(n * 10**6),
}


def order(v):
    """What values are compared and sorted by: NULL first, texts by their UTF-8."""
    return (0, 0) if v is None else (1, v.encode() if isinstance(v, str) else v)


def aggregate(a, members):
    """members: in the order of rule 1."""
    if a.name == "COUNT" and not a.args:
        return len(members)
    given = [tuple(value(e, m) for e in a.args) for m in members]
    if a.name in ("FIRST", "LAST"):
        given = [v for (v,) in given if v is not None or not a.ignore_nulls]
        return given[0 if a.name == "FIRST" else -1] if given else None
    given = [v for v in given if None not in v]
    if a.name == "VWAP":
        volume = math.fsum(v for _, v in given)
        return math.fsum(p * v for p, v in given) / volume if volume else None
    given = [v for (v,) in given]
    if a.name == "COUNT":
        return len(set(given) if a.distinct else given)
    if not given or (a.name in ("STDDEV", "STDDEV_SAMP") and len(given) < 2):
        return None
    if a.name in ("MIN", "MAX"):
        return (min if a.name == "MIN" else max)(given, key=order)
    if a.name in ("SUM", "AVG"):  # rule 8
        total = sum(given) if isinstance(given[0], int) else math.fsum(given)
        return fits(total) if a.name == "SUM" else total / len(given)
    mean = Fraction(sum(map(Fraction, given)), len(given))
    return math.sqrt(sum((Fraction(v) - mean)**2 for v in given) / (len(given) - (a.name != "STDDEV_POP")))


# ---- rules 4 and 5: windows ----

@dataclass
class Session:
    first: int
    last: int
    members: list


def windows_of(w, t):
    """(start, end) of the windows that a record belongs to."""
    slide = w.slide or w.size
    start = (t - w.offset) // slide * slide + w.offset
    while start + w.size > t:
        yield start, start + w.size
        start -= slide


class Groups:
    """A view's windows and groups with what is in them, filled shard by shard."""

    def __init__(self, view):
        self.view, self.members, self.sessions = view, {}, {}
        self.late, self.filtered, self.aggregated = [], 0, 0

    def add(self, row, at, origin, bound):
        """at: (event time, shard, position), the order of rule 1; bound: W(s) before the record."""
        view = self.view
        if view.where is not None and value(view.where, row) is not True:
            self.filtered += 1
            return
        key = tuple(row[k] for k in view.keys)
        if view.window is None:
            places = [(None, None)]
        elif view.window.kind == "session":
            places = self.join_session((at[1], key), at, row, bound)
        else:
            places = [p for p in windows_of(view.window, at[0]) if bound is None or p[1] > bound]
        if not places:
            self.late.append(origin)
            return
        self.aggregated += 1
        for bounds in places if view.window is None or view.window.kind != "session" else ():
            self.members.setdefault((bounds, key), []).append((at, row))

    def join_session(self, owner, at, row, bound):
        t, gap = at[0], self.view.window.size
        all_of = self.sessions.setdefault(owner, [])
        is_open = [s for s in all_of if bound is None or s.last + gap > bound]
        if bound is not None and t < bound and not any(s.first <= t < s.last + gap for s in is_open):
            return []
        joined = [s for s in is_open if s.first < t + gap and t < s.last + gap]
        all_of[:] = [s for s in all_of if s not in joined]
        all_of.append(merged(joined + [Session(t, t, [(at, row)])]))
        return [True]

    def close(self):
        """The groups, sessions of one key that overlap merged over the shards."""
        gap = self.view.window.size if self.view.window else 0
        for key in {key for _, key in self.sessions}:
            chain = []
            everywhere = [s for (_, k), sessions in self.sessions.items() if k == key for s in sessions]
            for s in sorted(everywhere, key=lambda s: s.first):
                if chain and s.first < chain[-1].last + gap:
                    chain[-1] = merged([chain[-1], s])
                else:
                    chain.append(s)
            for s in chain:
                self.members[((s.first, s.last + gap), key)] = s.members
        return self.members

    def rows(self):
        """Of all groups that HAVING lets pass: by window_end, and those that close at one instant by key."""
        view, out = self.view, []

        def place(group):
            (_, end), key = group[0]
            return end if view.window else 0, [order(k) for k in key]
        for ((start, end), key), members in sorted(self.close().items(), key=place):
            rows = [row for _, row in sorted(members, key=lambda m: m[0])]
            known = dict(zip(view.keys, key))
            if view.window:
                known.update(window_start=Instant(start), window_end=Instant(end))
            if view.having is None or value(view.having, known, rows) is True:
                out.append({name: value(e, known, rows) for name, e in view.select})
        return out


def merged(sessions):
    return Session(min(s.first for s in sessions), max(s.last for s in sessions),
                   [m for s in sessions for m in s.members])


# ---- the whole ----

def run(pipeline, inputs):
    """inputs: {source: its shards}. Gives {view: Result}, {source: [(shard, sequence, reason)]}."""
    results, malformed = {}, {}
    for source in pipeline.sources:
        groups = [Groups(v) for v in pipeline.views if v.of == source.name]
        malformed[source.name] = []
        shards = sorted(inputs[source.name], key=lambda s: s.id)
        received, duplicates = run_source(source, shards, groups, malformed[source.name])
        for g in groups:
            results[g.view.name] = result_of(g, received, len(malformed[source.name]), duplicates)
        if not groups:  # no view wants its records: all are filtered
            bad = len(malformed[source.name])
            results["source " + source.name] = Result([], [], {"received": received, "malformed": bad, "duplicate": duplicates,
                                                               "filtered": received - bad - duplicates})
    for view in pipeline.views:
        if view.of in results:
            g = Groups(view)
            upstream = results[view.of].rows
            for i, row in enumerate(upstream):  # in the order in which windows close; nothing is late
                g.add(row, (row[view.time] if view.time else 0, 0, i), None, None)
            results[view.name] = result_of(g, len(upstream), 0)
    return results, malformed


def result_of(g, received, malformed, duplicates=0):
    rows = g.rows()
    ledger = {"received": received, "aggregated": g.aggregated, "late": len(g.late), "malformed": malformed,
              "duplicate": duplicates, "filtered": g.filtered, "windows": len(rows)}
    assert received == g.aggregated + len(g.late) + malformed + duplicates + g.filtered  # rule 9
    return Result(rows, g.late, ledger)


def is_repeat(source, row, t, arrival, w, known):
    """Rule 11; what is none is remembered."""
    key = tuple(row[c] for c in source.dedup)
    if not key or None in key:
        return False
    if key in known and (w is None or w < known[key] + source.dedup_for):
        return True
    known[key] = t if arrival is None else min(t, arrival + source.skew)
    return False


def run_source(source, shards, groups, malformed):
    """How many records there were, and how many of them were repeats."""
    final = {}  # W of each shard at its end
    memory = {}  # what each shard remembers: {values of DEDUP BY: instant}
    received = duplicates = 0
    for number, shard in enumerate(shards):
        inherited = [final[p] for p in shard.parents if final.get(p) is not None]
        w = max(inherited) if inherited else None  # rule 2
        known = memory[shard.id] = {}
        for p in shard.parents:
            for key, t in memory.get(p, {}).items():
                known[key] = max(t, known.get(key, t))
        for position, record in enumerate(shard.records):
            received += 1
            row, reason = decode(source, shard, record)
            if row is None:
                malformed.append((shard.id, record.sequence, reason))
                continue
            t = row[source.event_time]
            if is_repeat(source, row, t, record.arrival, w, known):
                duplicates += 1
                continue
            for g in groups:
                g.add(row, (t, number, position), (shard.id, record.sequence), w)
            if record.arrival is None or t - record.arrival <= source.skew:  # rule 3
                w = t - source.delay if w is None else max(w, t - source.delay)
        final[shard.id] = w
    return received, duplicates
