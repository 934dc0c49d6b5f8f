# SPDX-License-Identifier: Apache-2.0
"""The cases are good enough to tell wrong rules from right ones: the model with one line made wrong gives other
rows, late or malformed records on some case. (That the engine agrees with the right one is what test_model.py
shows.)"""
import sys
import types
import unittest

import cases
import model

CASES = 400
MUTANTS = [  # the rule, a piece of model.py, what it is made into
    ("rule 1: shards in order", "(t, number, position)", "(t, -number, position)"),
    ("rule 1: sequence numbers in order", "(t, number, position)", "(t, number, -position)"),
    ("rule 1: not by arrival", "sorted(members, key=lambda m: m[0])", "members"),
    ("rule 2: W is the greatest", "max(w, t - source.delay)", "t - source.delay"),
    ("rule 2: the delay counts", "max(w, t - source.delay)", "max(w, t)"),
    ("rule 4: late at the border", "p[1] > bound", "p[1] >= bound"),
    ("rule 4: the shard's own W", "w = max(inherited) if inherited else None",
     "w = max([f for f in final.values() if f is not None], default=None)"),
    ("rule 4: a session's record before the bound", "t < bound and not any", "t <= bound and not any"),
    ("rule 4: an open session takes it", "s.first <= t < s.last + gap for s in is_open",
     "False for s in is_open"),
    ("rule 5: half-open windows", "(t - w.offset) // slide", "(t - w.offset - 1) // slide"),
    ("rule 5: the offset", "* slide + w.offset", "* slide"),
    ("rule 5: all windows of a HOP", "start -= slide", "start -= 2 * slide"),
    ("sessions end after the gap", "t < s.last + gap]", "t <= s.last + gap]"),
    ("sessions are merged over shards", "s.first < chain[-1].last + gap", "s.first < chain[-1].last"),
    ("rule 7: a wrong type", "in INTEGERS and type(v) is int", "in INTEGERS and isinstance(v, int)"),
    ("rule 7: text after the object", "json.loads(text, parse_constant=refuse)",
     "json.JSONDecoder(parse_constant=refuse).raw_decode(text.strip())[0]"),
    ("rule 7: NOT NULL", "v is None and c.not_null", "v is None and False"),
    ("rule 8: exact sums", "math.fsum(given)", "float.__add__(0.0, sum(given))"),
    ("FIRST counts NULLs", "if v is not None or not a.ignore_nulls", "if v is not None"),
    ("COUNT leaves NULLs out", "given = [v for v in given if None not in v]", "given = list(given)"),
    ("a SUM beyond 64 bits", "return fits(total)", "return (total)"),
    ("an overflow", "return None if None in args else fits(", "return None if None in args else ("),
    ("AND of FALSE and NULL", "False if False in parts else None if None in parts else True",
     "None if None in parts else all(parts)"),
    ("WHERE takes TRUE alone", "value(view.where, row) is not True", "value(view.where, row) is False"),
    ("HAVING", "value(view.having, known, rows) is True", "value(view.having, known, rows) is not None"),
    ("rule 11: within dedup_for", "w < known[key] + source.dedup_for", "w < known[key]"),
    ("rule 11: at the border", "w < known[key] + source.dedup_for", "w <= known[key] + source.dedup_for"),
    ("rule 11: a NULL tells nothing", "if not key or None in key", "if not key"),
    ("rule 11: the first is remembered", "        return True\n    known[key] = t", "        known[key] = t; return True\n    known[key] = t"),
    ("a filtered record moves W", "if record.arrival is None or",
     "if groups and any(g.aggregated for g in groups) and record.arrival is None or"),
]


def mutant(piece, other):
    with open(model.__file__) as f:
        text = f.read()
    assert text.count(piece) == 1, (piece, text.count(piece))
    made = types.ModuleType("mutant")
    sys.modules["mutant"] = made  # dataclasses look there
    exec(compile(text.replace(piece, other), "mutant", "exec"), made.__dict__)
    for name in ("Col", "Lit", "Call", "Agg", "Instant", "Day"):  # the cases are made of the model's own
        setattr(made, name, getattr(model, name))
    return made


def outcome(by, case):
    try:
        results, malformed = by.run(case.pipeline, case.shards("in"))
    except Exception as e:  # a mutant may also break
        return type(e)
    return {n: (r.rows, r.late, r.ledger) for n, r in results.items()}, malformed


class Mutants(unittest.TestCase):
    def test_each_wrong_rule_is_found(self):
        known = {}
        for rule, piece, other in MUTANTS:
            with self.subTest(rule=rule):
                wrong = mutant(piece, other)
                for s in range(CASES):
                    if s not in known:
                        case = cases.make(s)
                        known[s] = case, outcome(model, case)
                    if outcome(wrong, known[s][0]) != known[s][1]:
                        break
                else:
                    self.fail("%d cases do not tell it" % CASES)


if __name__ == "__main__":
    unittest.main()
