# SPDX-License-Identifier: Apache-2.0
"""Runs tables of requests and expected answers (tests/integration/wire/*.json) against a broker, over either protocol.

A table is {"about": text, "broker": [options], "cases": [case ...]}; its cases run in order against one new broker. A case:

  case         what it proves
  do, with     the action and its body. In the body: ${name} is a saved value; {"$blob": text}; {"$blob_of": bytes};
               {"$text_of": [text, times]}; {"$list_of": [n, item]} and {"$map_of": [n, key, value]}, where ${i} counts from 0;
               {"$plus": [decimal, number]}; {"$now": seconds to add} and {"$time": [milliseconds, milliseconds to add]}, times
  ok           what the body holds, other members may be there; null: no body at all, Content-Length 0
  error        the __type; then status (400 when not said), and of the message either
  message      the text, or a pattern between slashes, or
  constraints  the constraints that a ValidationException lists, in any order
  save         {name: path in the answer}; times are saved as milliseconds
  eventually   true: asked again until the answer is the expected one, for 5 seconds
  times        so many equal calls in a row; each must give the answer
  only         "json" or "cbor", where the case cannot be told in the other one

In an expected body a text between slashes is a pattern; {"$absent": true}; {"$count": n}; {"$each": e}; {"$has": e}, a list with
such an element; {"$any_order": [e ...]}; {"$between": [low, high]}; {"$now": seconds of tolerance}; {"$blob": text}; {"$blob_of": bytes}."""
import base64
import binascii
import calendar
import email.utils
import http.client
import json
import os
import re
import time

import cbor

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "integration", "wire")

TYPES = {"json": "application/x-amz-json-1.1", "cbor": "application/x-amz-cbor-1.1"}
UUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")
TARGET = "Kinesis_20131202."
NAMED = re.compile(r"\$\{(\w+)\}")


class Unexpected(AssertionError):
    pass


def want(condition, text, *values):
    if not condition:
        raise Unexpected(text % values)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __str__(self):
        return "%d %s\n%s\n%r" % (self.status, "", "\n".join("%s: %s" % h for h in self.headers.items()), self.body[:2000])


class Client:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, endpoint, protocol="json"):
        self.protocol = protocol
        self.connection = http.client.HTTPConnection(endpoint.split("//")[1], timeout=20)

    def close(self):
        self.connection.close()

    def send(self, method="POST", path="/", headers=None, body=b""):
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except Exception:
            self.connection.close()
            raise

    def call(self, action, body):
        return self.send(body=self.encode(body), headers={"X-Amz-Target": TARGET + action, "Content-Type": TYPES[self.protocol]})

    def encode(self, body):
        return cbor.encode(to_cbor(body)) if self.protocol == "cbor" else json.dumps(to_json(body)).encode()

    def decode(self, answer):
        """The body; of JSON with floats as they were written, so that a time keeps its form."""
        if not answer.body:
            return None
        return cbor.decode(answer.body) if self.protocol == "cbor" else json.loads(answer.body)


def to_json(v):
    if isinstance(v, bytes):
        return base64.b64encode(v).decode()
    if isinstance(v, cbor.Time):
        return int(v) / 1000
    if isinstance(v, dict):
        return {k: to_json(x) for k, x in v.items()}
    return [to_json(x) for x in v] if isinstance(v, list) else v


def to_cbor(v):
    return v


def fill(v, names):
    """The value with its ${names} and its {"$...": ...} worked out."""
    if isinstance(v, str):
        whole = NAMED.fullmatch(v)
        if whole:
            return names[whole.group(1)]
        return NAMED.sub(lambda m: str(names[m.group(1)]), v)
    if isinstance(v, list):
        return [fill(x, names) for x in v]
    if not isinstance(v, dict):
        return v
    if len(v) == 1:
        (name, of), = v.items()
        if name in MADE:
            return MADE[name](of, names)
    return {fill(k, names): fill(x, names) for k, x in v.items()}


MADE = {
    "$blob": lambda of, names: fill(of, names).encode(),
    "$blob_of": lambda of, names: b"x" * of,
    "$text_of": lambda of, names: of[0] * of[1],
    "$list_of": lambda of, names: [fill(of[1], dict(names, i=str(i))) for i in range(of[0])],
    "$map_of": lambda of, names: {"%s%d" % (of[1], i): fill(of[2], dict(names, i=str(i))) for i in range(of[0])},
    "$plus": lambda of, names: str(int(fill(of[0], names)) + of[1]),
    "$now": lambda of, names: cbor.Time(int((time.time() + of) * 1000)),
    "$time": lambda of, names: cbor.Time(int(fill(of[0], names)) + of[1]),
}


def milliseconds(v):
    return int(v) if isinstance(v, cbor.Time) else int(round(v * 1000))


def as_bytes(v):
    return v if isinstance(v, bytes) else base64.b64decode(v, validate=True)


def match(expected, got, where, names):
    if isinstance(expected, dict) and len(expected) == 1 and next(iter(expected)).startswith("$"):
        (name, of), = expected.items()
        SPECIAL[name](of, got, where, names)
    elif isinstance(expected, dict):
        want(isinstance(got, dict), "%s: a map expected, got %r", where, got)
        for k, e in expected.items():
            if e == {"$absent": True}:
                want(k not in got or got[k] is None, "%s.%s: must be absent, is %r", where, k, got.get(k))
            else:
                want(k in got, "%s.%s: is absent, of %r", where, k, sorted(got))
                match(e, got[k], "%s.%s" % (where, k), names)
    elif isinstance(expected, list):
        want(isinstance(got, list) and len(got) == len(expected), "%s: %d elements expected, got %r", where, len(expected), got)
        for i, e in enumerate(expected):
            match(e, got[i], "%s[%d]" % (where, i), names)
    elif isinstance(expected, str) and len(expected) > 1 and expected[0] == expected[-1] == "/":
        pattern = NAMED.sub(lambda m: re.escape(str(names[m.group(1)])), expected[1:-1])
        want(isinstance(got, str) and re.search(pattern, got), "%s: %r does not match %s", where, got, pattern)
    else:
        expected = fill(expected, names)
        want(type(expected) is type(got) and expected == got, "%s: %r expected, got %r", where, expected, got)


def each(of, got, where, names):
    want(isinstance(got, list) and got, "%s: a list with elements expected, got %r", where, got)
    for i, g in enumerate(got):
        match(of, g, "%s[%d]" % (where, i), names)


def has(of, got, where, names):
    want(isinstance(got, list), "%s: a list expected, got %r", where, got)
    for g in got:
        try:
            return match(of, g, where, names)
        except Unexpected:
            pass
    raise Unexpected("%s: no element like %r in %r" % (where, of, got))


def any_order(of, got, where, names):
    count(len(of), got, where, names)
    for e in of:
        has(e, got, where, names)


def between(of, got, where, names):
    low, high = fill(of, names)
    want(isinstance(got, (int, float)) and low <= got <= high, "%s: %r is not within %r..%r", where, got, low, high)


def near_now(of, got, where, _):
    want(isinstance(got, (int, float)) and abs(milliseconds(got) / 1000 - time.time()) <= of, "%s: %r is not about now", where, got)


def blob(of, got, where, names):
    want(as_bytes(got) == MADE["$blob"](of, names), "%s: blob %r expected, got %r", where, of, got)


def blob_of(of, got, where, names):
    want(as_bytes(got) == MADE["$blob_of"](of, names), "%s: %d bytes x expected, got %.60r", where, of, got)


def plus(of, got, where, names):
    want(got == MADE["$plus"](of, names), "%s: %s expected, got %r", where, MADE["$plus"](of, names), got)


def count(of, got, where, _):
    want(isinstance(got, (list, dict)) and len(got) == of, "%s: %d elements expected, got %r", where, of, got)


def time_is(of, got, where, names):
    want(milliseconds(got) == MADE["$time"](of, names), "%s: the time %r expected, got %r", where, MADE["$time"](of, names), got)


def absent(_, got, where, __):
    raise Unexpected("%s: must be absent, is %r" % (where, got))


SPECIAL = {"$each": each, "$has": has, "$any_order": any_order, "$between": between, "$now": near_now, "$time": time_is, "$blob": blob,
           "$blob_of": blob_of, "$plus": plus, "$count": count, "$absent": absent}


def check_headers(answer, protocol):
    h = answer.headers
    want(UUID.match(h.get("x-amzn-RequestId", "")), "x-amzn-RequestId %r is no UUID", h.get("x-amzn-RequestId"))
    want(h.get("x-amz-id-2"), "x-amz-id-2 is not there")
    base64.b64decode(h["x-amz-id-2"], validate=True)
    want(h.get("Content-Type") == TYPES[protocol], "Content-Type is %r", h.get("Content-Type"))
    want(h.get("Content-Length") == str(len(answer.body)), "Content-Length %r, %d bytes came", h.get("Content-Length"), len(answer.body))
    check_date(h)


def check_date(headers):
    date = email.utils.parsedate(headers.get("Date", ""))
    want(date and headers["Date"].endswith(" GMT"), "Date is %r", headers.get("Date"))
    want(abs(calendar.timegm(date) - time.time()) < 30, "Date is %r", headers["Date"])


def check_constraints(expected, message, names):
    n = len(expected)
    head = "%d validation error%s detected: " % (n, "" if n == 1 else "s")
    want(message.startswith(head), "%r does not begin with %r", message, head)
    rest = message[len(head):]
    for text in sorted(fill(expected, names), key=len, reverse=True):
        want(text in rest, "%r\nis not among the constraints of\n%r", text, message)
        rest = rest.replace(text, "", 1)
    want(rest.strip("; ") == "", "%r\nhas more than expected: %r", message, rest)


def check(case, answer, client, names, model):
    kind = case.get("error")
    want(answer.status == case.get("status", 400 if kind else 200), "status %s", answer)
    check_headers(answer, client.protocol)
    if not kind and case["ok"] is None:
        want(answer.body == b"", "an empty body expected: %s", answer)
        return None
    body = client.decode(answer)
    want(isinstance(body, dict), "a map expected: %s", answer)
    if not kind:
        match(case["ok"], body, case["do"], names)
        model.check(case["do"], body, client.protocol)
        return body
    match(kind, body.get("__type"), "__type", names)
    want(answer.headers.get("x-amzn-ErrorType", body["__type"]) == body["__type"], "x-amzn-ErrorType differs: %s", answer)
    key = "Message" if body["__type"] == "SerializationException" else "message"
    if "constraints" in case:
        check_constraints(case["constraints"], body.get(key, ""), names)
    elif "message" in case:
        match(case["message"], body.get(key), key, names)
    else:
        want(body["__type"] == "SerializationException" or body.get(key), "the message is empty: %r", body)
    return body


def at(path, value):
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return milliseconds(value) if isinstance(value, (float, cbor.Time)) else value


def run_case(case, client, names, model):
    end = time.monotonic() + 5
    for _ in range(case.get("times", 1)):
        while True:
            answer = client.call(case["do"], fill(case.get("with", {}), names))
            try:
                body = check(case, answer, client, names, model)
                break
            except Unexpected:
                if not case.get("eventually") or time.monotonic() > end:
                    raise
                time.sleep(0.02)
        for name, path in case.get("save", {}).items():
            names[name] = at(path, body)


class Model:
    """The documented shapes (wire/model.json): types, required members, no others, lengths, patterns,
    enumerations."""

    def __init__(self, path):
        with open(path) as f:
            model = json.load(f)
        self.actions, self.shapes, self.not_served = model["actions"], model["shapes"], model["not_served"]
        self.checked = set()

    def check(self, action, body, protocol):
        want("output" in self.actions[action], "%s has no output, this came: %r", action, body)
        self.value(self.actions[action]["output"], body, action, protocol)
        self.checked.add(action)

    def value(self, name, v, where, protocol):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            want(isinstance(v, dict), "%s: a structure expected, got %r", where, v)
            for member in shape.get("required", []):
                want(member in v, "%s: the required member %s is absent", where, member)
            for member, x in v.items():
                want(member in shape["members"], "%s: %s is not a member of %s", where, member, name)
                self.value(shape["members"][member], x, where + "." + member, protocol)
        elif kind == "list":
            want(isinstance(v, list), "%s: a list expected, got %r", where, v)
            for i, x in enumerate(v):
                self.value(shape["member"], x, "%s[%d]" % (where, i), protocol)
        else:
            scalar(shape, v, where, protocol)


def scalar(shape, v, where, protocol):
    kind = shape["type"]
    if kind == "blob":
        want(isinstance(v, bytes if protocol == "cbor" else str), "%s: a blob expected, got %r", where, v)
        try:
            as_bytes(v)
        except binascii.Error:
            raise Unexpected("%s: not base64: %r" % (where, v)) from None
        return
    python = {"string": str, "boolean": bool, "integer": int, "long": int,
              "timestamp": cbor.Time if protocol == "cbor" else (int, float)}[kind]
    want(isinstance(v, python) and (kind == "boolean" or not isinstance(v, bool)), "%s: a %s expected, got %r", where, kind, v)
    if kind == "string":
        want(shape.get("min", 0) <= len(v) <= shape.get("max", 1 << 30), "%s: length of %r", where, v)
        want(v in shape.get("enum", [v]), "%s: %r is not in the enumeration", where, v)
        want("pattern" not in shape or re.search("^(%s)$" % shape["pattern"], v), "%s: %r is not of the pattern", where, v)


MODEL = Model(os.path.join(TABLES, "model.json"))
