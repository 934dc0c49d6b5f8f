# SPDX-License-Identifier: Apache-2.0
"""AWS Signature Version 4 from its documentation, for tests that sign rightly and wrongly."""
import datetime
import hashlib
import hmac
import urllib.parse

SCOPE = "us-east-1/kinesis/aws4_request"


def stamp(seconds=0):
    """X-Amz-Date, so many seconds from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ")


def signature(secret, date, method, path, query, headers, signed, body):
    """headers by their names in small letters; signed: those that count."""
    canonical = "\n".join([method, path, query, *("%s:%s" % (h, " ".join(headers[h].split())) for h in signed), "", ";".join(signed),
                           hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", date, date[:8] + "/" + SCOPE, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (date[:8], *SCOPE.split("/")):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def sign(headers, body, key, secret, date=None, signed=None):
    """The headers with X-Amz-Date and Authorization; a Host must be among them."""
    date = date or stamp()
    headers = dict(headers, **{"X-Amz-Date": date})
    small = {k.lower(): v for k, v in headers.items()}
    signed = signed or sorted(small)
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s/%s, SignedHeaders=%s, Signature=%s" % (
        key, date[:8], SCOPE, ";".join(signed), signature(secret, date, "POST", "/", "", small, signed, body))
    return headers


def sign_query(headers, body, key, secret, date=None, signed=("host", "x-amz-target")):
    """The path with its query: signed there and not in a header."""
    date = date or stamp()
    query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": "%s/%s/%s" % (key, date[:8], SCOPE), "X-Amz-Date": date,
             "X-Amz-SignedHeaders": ";".join(signed)}
    text = "&".join("%s=%s" % (k, urllib.parse.quote(v, safe="-_.~")) for k, v in sorted(query.items()))
    small = {k.lower(): v for k, v in headers.items()}
    return "/?%s&X-Amz-Signature=%s" % (text, signature(secret, date, "POST", "/", text, small, signed, body))
