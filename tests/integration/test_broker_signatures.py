# SPDX-License-Identifier: Apache-2.0
"""Signatures (SigV4) as the broker verifies them with --credentials: right, wrong, missing, late, in a header and in the query."""
import json
import os
import tempfile
import unittest

import cbor
import sigv4
import wire
from tapeline import broker


INVALID, INCOMPLETE, UNKNOWN = "InvalidSignatureException", "IncompleteSignatureException", "UnrecognizedClientException"
MISSING = "MissingAuthenticationTokenException"
WRONG = "^The request signature we calculated does not match the signature you provided"
DAY = r"\d{8}T\d{6}Z"


class Signatures(unittest.TestCase):
    KEY, SECRET = "AKIDTRADER", "secret/of+the/trader"
    BODY = b'{"Limit": 10}'

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.TemporaryDirectory()
        keys = os.path.join(cls.data.name, "credentials")
        with open(keys, "w") as f:
            f.write("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n" % (cls.KEY, cls.SECRET))
            f.write("[session]\naws_access_key_id = ASIASESSION\naws_secret_access_key = other\naws_session_token = token/of=it\n")
        cls.server = broker(cls.data.name, "--limits", "off", "--credentials", keys)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.data.cleanup()

    def setUp(self):
        self.client = wire.Client(self.server.aws)
        self.addCleanup(self.client.close)
        self.headers = {"Host": self.server.aws.split("//")[1], "Content-Type": wire.TYPES["json"], "X-Amz-Target": wire.TARGET + "ListStreams"}

    def send(self, headers, body=BODY, path="/"):
        return self.client.send(path=path, headers=headers, body=body)

    def passes(self, headers, **more):
        answer = self.send(headers, **more)
        self.assertEqual(answer.status, 200, answer)

    def refused(self, error, message, headers, **more):
        answer = self.send(headers, **more)
        body = json.loads(answer.body)
        self.assertEqual((answer.status, body["__type"]), (400, error), answer)
        self.assertRegex(body["message"], message)
        wire.check_headers(answer, "json")

    def signed(self, key=KEY, secret=SECRET, **more):
        return sigv4.sign(self.headers, self.BODY, key, secret, **more)

    def test_right_ones(self):
        self.passes(self.signed())
        self.passes(self.signed(signed=["host", "x-amz-date", "x-amz-target"]))
        self.passes(dict(self.signed(), **{"amz-sdk-invocation-id": "added after signing"}))
        self.passes(dict(self.signed(), Authorization=self.signed()["Authorization"].replace(", ", ",")))
        for seconds in (-240, 240):
            self.passes(self.signed(date=sigv4.stamp(seconds)))
        self.headers["X-Amz-Note"] = "  two   blanks   "
        self.passes(self.signed())

    def test_in_the_query(self):
        path = sigv4.sign_query(self.headers, self.BODY, self.KEY, self.SECRET)
        self.passes(self.headers, path=path)
        self.refused(INVALID, "signature", self.headers, path=path[:-1] + ("0" if path[-1] != "0" else "1"))
        self.refused(INVALID, "^Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header\\.$",
                     self.signed(), path=path)
        self.refused(INCOMPLETE, "^AWS query-string parameters must include 'X-Amz-Signature'\\. Re-examine the query-string parameters\\.$",
                     self.headers, path=path.split("&X-Amz-Signature")[0])

    def test_of_a_session(self):
        self.headers["X-Amz-Security-Token"] = "token/of=it"
        self.passes(self.signed("ASIASESSION", "other"))
        self.headers["X-Amz-Security-Token"] = "another"
        self.refused(UNKNOWN, "^The security token included in the request is invalid\\.$", self.signed("ASIASESSION", "other"))

    def test_none(self):
        self.refused(MISSING, "^Missing Authentication Token$", self.headers)

    def test_unknown_keys_and_wrong_secrets(self):
        self.refused(UNKNOWN, "^The security token included in the request is invalid\\.$", self.signed("AKIDNOBODY"))
        self.refused(INVALID, WRONG, self.signed(secret="guessed"))

    def test_what_was_changed_after_signing(self):
        self.refused(INVALID, WRONG, self.signed(), body=b'{"Limit": 11}')
        self.refused(INVALID, WRONG, dict(self.signed(), **{"X-Amz-Target": wire.TARGET + "DescribeLimits"}))
        self.refused(INVALID, WRONG, dict(self.signed(), Host="example"))
        date = sigv4.stamp(-60)
        self.refused(INVALID, ".", dict(self.signed(), **{"X-Amz-Date": date}))

    def test_parts_that_are_missing(self):
        whole = self.signed()["Authorization"]
        parts = whole.split(" ", 1)[1].split(", ")
        for i, name in enumerate(("Credential", "SignedHeaders", "Signature")):
            header = "AWS4-HMAC-SHA256 " + ", ".join(parts[:i] + parts[i + 1:])
            self.refused(INCOMPLETE, "^Authorization header requires '%s' parameter\\. Authorization=" % name,
                         dict(self.signed(), Authorization=header))
        without_date = {k: v for k, v in self.signed().items() if k != "X-Amz-Date"}
        self.refused(INCOMPLETE, "^Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header\\. Authorization=",
                     without_date)
        for header in ("", "nonsense", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 =,=,=", "Basic dTpw", "AWS4-HMAC-SHA256 " + "x" * 5000):
            with self.subTest(header[:40]):
                answer = self.send(dict(self.signed(), Authorization=header))
                self.assertEqual(answer.status, 400)
                self.assertIn(json.loads(answer.body)["__type"], (INCOMPLETE, MISSING, INVALID, UNKNOWN))

    def test_clocks_that_differ(self):
        self.refused(INVALID, r"^Signature expired: %s is now earlier than %s \(%s - 5 min\.\)$" % (DAY, DAY, DAY),
                     self.signed(date=sigv4.stamp(-360)))
        self.refused(INVALID, r"^Signature not yet current: %s is still later than %s \(%s \+ 5 min\.\)$" % (DAY, DAY, DAY),
                     self.signed(date=sigv4.stamp(360)))

    def test_headers_that_must_be_signed(self):
        """The host, and every x-amz- header that comes."""
        for signed in (["host", "x-amz-date"], ["content-type", "x-amz-date", "x-amz-target"]):
            self.refused(INVALID, ".", self.signed(signed=signed))
        path = sigv4.sign_query(self.headers, self.BODY, self.KEY, self.SECRET, signed=["host"])
        self.refused(INVALID, ".", self.headers, path=path)

    def test_another_service_or_region_or_day_in_the_scope(self):
        good = self.signed()
        today = sigv4.stamp()[:8] + "/"
        for old, new in (("/kinesis/", "/dynamodb/"), ("/us-east-1/", "/eu-west-1/"), ("/aws4_request", "/aws5_request"), (today, "20200101/")):
            with self.subTest(new):
                self.refused(INVALID, ".", dict(good, Authorization=good["Authorization"].replace(old, new)))

    def test_what_is_looked_at_before_the_signature(self):
        answer = self.send(self.headers, body=b"{")
        self.assertEqual(json.loads(answer.body)["__type"], "SerializationException")
        answer = self.send(dict(self.headers, **{"X-Amz-Target": wire.TARGET + "Nope"}))
        self.assertEqual(json.loads(answer.body)["__type"], "UnknownOperationException")

    def test_in_cbor_as_well(self):
        self.headers["Content-Type"] = wire.TYPES["cbor"]
        body = cbor.encode({"Limit": 10})
        answer = self.send(self.headers, body=body)
        self.assertEqual(cbor.decode(answer.body)["__type"], MISSING)
        answer = self.send(sigv4.sign(self.headers, body, self.KEY, self.SECRET), body=body)
        self.assertEqual((answer.status, cbor.decode(answer.body)["StreamNames"]), (200, []))


if __name__ == "__main__":
    unittest.main()
