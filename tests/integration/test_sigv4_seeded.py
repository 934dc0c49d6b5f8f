# SPDX-License-Identifier: Apache-2.0
"""Our signer against botocore's and smithy's on thousands of requests from a seed (TL_SEED=): paths with '=', '+', '//', dots and
UTF-8, empty values, unsorted and repeated names of the query, blanks in headers, session tokens. Each canonical request and each
signature must be the same byte for byte."""
import datetime
import hashlib
import json
import os
import random
import shutil
import subprocess
import unittest
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from tapeline import BINARY

SIGNER = os.path.join(os.path.dirname(BINARY), "sigv4_signer")
JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")
SEED = int(os.environ.get("TL_SEED", "20250927"))
COUNT = 4000
ACCESS = "AKIDEXAMPLE"
PIECES = ["ticker=AAPL", "a+b", "a b", "~user", "x-y_z.w", "*", "%", "é", "日本", "😀", "100%", "k&v", "semi;colon", "co,mma", "q?",
          "h#", "'q'", "(p)", "!", "@", "$", ":", "part-0001", "UPPER", "0", "a-b", "a", "A", "aa", "\"", "\\", "[b]", "<t>"]


def text(r, most=3):
    return "".join(r.choice(PIECES) for _ in range(r.randint(1, most)))


def make_path(r):
    """As it is sent: encoded once, with some of the characters that need no encoding left as they are."""
    safe = r.choice(["-_.~", "-_.~=+", "-_.~=+:@!$&'()*,;"])
    parts = [r.choice([".", "..", ""]) if r.random() < 0.12 else urllib.parse.quote(text(r), safe=safe) for _ in range(r.randint(0, 6))]
    return "/" + "/".join(parts) + ("/" if parts and r.random() < 0.2 else "")


def make_query(r):
    """Decoded pairs in the order in which they are sent; names repeat, values may be empty."""
    names = [text(r, 2) for _ in range(r.randint(0, 6))]
    pairs = [(name, "" if r.random() < 0.25 else text(r)) for name in names]
    pairs += [(r.choice(names), text(r)) for _ in range(r.randint(0, 3)) if names]
    r.shuffle(pairs)
    return pairs


def make_headers(r, token):
    headers = {"Host": "example.amazonaws.com", "X-Amz-Date": None}
    for _ in range(r.randint(0, 5)):
        blank = r.choice([" ", "   ", "\t", " \t "])
        words = [r.choice(["a", "b=c", "application/json", "\"q  q\"", "1,2", "x;y", "é"]) for _ in range(r.randint(1, 4))]
        name = r.choice(["X-Amz-Meta-", "x-custom-", "X-A_b", "x-a-b", "X-a1", "Content-Type", "X-Amz-Target"]) + r.choice(["", "z", "-Y", "0"])
        if name.lower() not in [h.lower() for h in headers]:
            headers[name] = r.choice(["", blank]) + blank.join(words) + r.choice(["", blank])
    if token:
        headers["X-Amz-Security-Token"] = token
    return headers


def make(r):
    token = r.choice([None, "FwoGZXIvYXdzE" + "/+=aZ9" * r.randint(1, 200)])
    when = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=r.randrange(3 * 10 ** 7))
    headers = make_headers(r, token)
    headers["X-Amz-Date"] = when.strftime("%Y%m%dT%H%M%SZ")
    return dict(method=r.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]), path=make_path(r), pairs=make_query(r), headers=headers, when=when,
                body=r.choice(["", "{}", text(r, 8)]), service=r.choice(["kinesis", "s3", "glue", "sts", "athena"]),
                region=r.choice(["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"]),
                secret=r.choice(["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "x", "s" * 150]))


def raw_query(pairs):
    return "&".join(urllib.parse.quote(k, safe="-_.~") + "=" + urllib.parse.quote(v, safe="-_.~") for k, v in pairs)


def ours(requests):
    lines = [json.dumps(dict(method=q["method"], path=q["path"], query=raw_query(q["pairs"]), headers=list(map(list, q["headers"].items())),
                             payload_hash=hashlib.sha256(q["body"].encode()).hexdigest(), region=q["region"], service=q["service"],
                             date=q["when"].strftime("%Y-%m-%dT%H:%M:%SZ"), access_key=ACCESS, secret_key=q["secret"])) for q in requests]
    return [json.loads(line) for line in call([SIGNER], lines)]


def call(command, lines):
    p = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if p.returncode != 0:
        raise AssertionError("%s: exit %d: %s" % (command, p.returncode, p.stderr[-2000:]))
    answers = p.stdout.splitlines()
    if len(answers) != len(lines):
        raise AssertionError("%s: %d answers to %d requests" % (command, len(answers), len(lines)))
    return answers


def botocores(q):
    """Canonical request and signature, by botocore's own class for the service."""
    kind = botocore.auth.S3SigV4Auth if q["service"] == "s3" else botocore.auth.SigV4Auth
    auth = kind(botocore.credentials.Credentials(ACCESS, q["secret"]), q["service"], q["region"])
    request = botocore.awsrequest.AWSRequest(method=q["method"], url="https://example.amazonaws.com" + q["path"] + "?" + raw_query(q["pairs"]),
                                             headers=q["headers"], data=q["body"].encode())
    request.context["timestamp"] = q["headers"]["X-Amz-Date"]
    canonical = auth.canonical_request(request)
    return canonical, auth.signature(auth.string_to_sign(request, canonical), request)


class Seeded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(SIGNER):
            raise AssertionError("%s is not there: cmake --build build --target test_tools" % SIGNER)
        r = random.Random(SEED)
        cls.requests = [make(r) for _ in range(COUNT)]
        cls.signed = ours(cls.requests)

    def told(self, i):
        return "request %d of seed %d: %r" % (i, SEED, self.requests[i])

    def test_against_botocore(self):
        for i, (q, mine) in enumerate(zip(self.requests, self.signed)):
            canonical, signature = botocores(q)
            self.assertEqual(mine.get("canonical"), canonical, self.told(i))
            self.assertTrue(mine["authorization"].endswith("Signature=" + signature), self.told(i))

    def test_against_smithy(self):
        node = shutil.which("node")
        self.assertTrue(node and os.path.isdir(os.path.join(JS, "node_modules", "@smithy", "signature-v4")),
                        "node, or %s/node_modules, is not there: scripts/setup test" % JS)
        lines = []
        for q in self.requests:
            query = {}
            for k, v in q["pairs"]:
                query.setdefault(k, []).append(v)
            lines.append(json.dumps(dict(method=q["method"], path=q["path"], query=query, headers=q["headers"], body=q["body"], region=q["region"],
                                         service=q["service"], date=q["when"].strftime("%Y-%m-%dT%H:%M:%SZ"), access_key=ACCESS, secret_key=q["secret"])))
        for i, authorization in enumerate(call([node, os.path.join(JS, "sign.mjs")], lines)):
            self.assertEqual(self.signed[i]["authorization"], authorization, self.told(i))


if __name__ == "__main__":
    unittest.main()
