# SPDX-License-Identifier: Apache-2.0
"""A small S3 in memory, on loopback, that keeps what the product relies on (conditional PUT, multipart uploads, ranges, listings in
pages, batch deletion, signatures checked with botocore's signer) and misbehaves on request.

    s3 = FakeS3(); s3.buckets["lake"] = {}; s3.env() for a child process
    s3.rule = lambda request: "lost"        # asked once a request; None: behave

What a rule may answer: (status, code) an error of S3; "drop": nothing is done and the connection ends; "lost": it is done and the
connection ends without an answer; "cut": it is done, and the body ends in the middle; "hang": nothing is done, the answer waits until
s3.release is set."""
import base64
import email.utils
import hashlib
import http.server
import os
import re
import threading
import time
import urllib.parse
import xml.etree.ElementTree
from xml.sax.saxutils import escape

from aws_fakes import Fakes

TEXTS = {"NoSuchBucket": "The specified bucket does not exist", "NoSuchKey": "The specified key does not exist.",
         "PreconditionFailed": "At least one of the pre-conditions you specified did not hold", "AccessDenied": "Access Denied",
         "SlowDown": "Please reduce your request rate.", "InternalError": "We encountered an internal error. Please try again."}


class Thing:
    def __init__(self, body, etag=None):
        self.body, self.when = body, time.time()
        self.etag = etag or '"%s"' % hashlib.md5(body).hexdigest()


class Request:
    """What a rule looks at: method, bucket, key, query (a dict), headers, body; action says the name of S3's operation."""

    def __init__(self, h, body):
        path, _, query = h.path.partition("?")
        self.method, self.headers, self.body = h.command, h.headers, body
        self.query = {k: v[0] for k, v in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        host = h.headers.get("Host", "").split(":")[0]
        names = urllib.parse.unquote(path).lstrip("/")
        if host.endswith(".localhost"):
            self.bucket, self.key = host[:-len(".localhost")], names
        else:
            self.bucket, _, self.key = names.partition("/")
        self.action = self.name()

    def name(self):
        q, m = self.query, self.method
        if m == "POST":
            return "DeleteObjects" if "delete" in q else "CreateMultipartUpload" if "uploads" in q else "CompleteMultipartUpload"
        if m == "PUT":
            return "UploadPart" if "uploadId" in q else "PutObject"
        if m == "DELETE":
            return "AbortMultipartUpload" if "uploadId" in q else "DeleteObject"
        if m == "HEAD":
            return "HeadObject" if self.key else "HeadBucket"
        return "GetObject" if self.key else "ListObjectsV2"


class FakeS3:
    def __init__(self, keys=None, region="us-east-1", page=1000, conditions=True):
        self.keys, self.skew = keys or {"AKIDEXAMPLE": ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)}, 0
        self.region, self.page, self.conditions = region, page, conditions
        self.buckets, self.uploads, self.calls = {}, {}, []
        self.rule, self.release, self.lock = None, threading.Event(), threading.Lock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def any(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.route(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs=dict(poll_interval=0.05), daemon=True)
        self.thread.start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def env(self, **more):
        access, (secret, token) = next(iter(self.keys.items()))
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env.update(AWS_ACCESS_KEY_ID=access, AWS_SECRET_ACCESS_KEY=secret, AWS_REGION="us-east-1", AWS_ENDPOINT_URL_S3=self.url,
                   AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        if token:
            env["AWS_SESSION_TOKEN"] = token
        return dict(env, **more)

    def names(self, bucket, begin=""):
        with self.lock:
            return sorted(k for k in self.buckets[bucket] if k.startswith(begin))

    # ---- answers ----

    def answer(self, h, status, body=b"", cut=False, **headers):
        body = body.encode() if isinstance(body, str) else body
        length = headers.pop("Content_Length", len(body))
        h.send_response(status)
        for name, value in headers.items():
            h.send_header(name.replace("_", "-"), value)
        if status != 204:
            h.send_header("Content-Length", str(length))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body[:len(body) // 2] if cut else body)
        if cut:
            self.hang_up(h)

    @staticmethod
    def hang_up(h):
        h.close_connection = True

    def error(self, h, status, code, cut=False, extra="", **headers):
        self.answer(h, status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message>%s<RequestId>4442587FB7D0A2F9"
                    "</RequestId></Error>" % (code, TEXTS.get(code, code), extra), cut, Content_Type="application/xml", **headers)

    def route(self, h):
        if h.headers.get("Content-Type") == "application/x-www-form-urlencoded":  # an object's bytes are no form
            return self.error(h, 400, "InvalidRequest")
        r = Request(h, h.body)
        with self.lock:
            self.calls.append((r.action, r.key))
        refusal = Fakes.refusal(self, h)
        if refusal:
            return self.error(h, 403, refusal[0])
        if h.headers["X-Amz-Content-Sha256"] != hashlib.sha256(h.body).hexdigest():
            return self.error(h, 400, "XAmzContentSHA256Mismatch")
        scope = re.search("Credential=[^/]+/[^/]+/([^/]+)/", h.headers["Authorization"]).group(1)
        if scope != self.region:
            return self.error(h, 301, "PermanentRedirect", x_amz_bucket_region=self.region)
        act = self.rule(r) if self.rule else None
        if act == "hang":
            self.release.wait()
            act = "drop"
        if act == "drop":
            return self.hang_up(h)
        if isinstance(act, tuple):
            return self.error(h, *act)
        with self.lock:
            reply = self.do(r)
        if act == "lost":
            return self.hang_up(h)
        status, body, headers = reply
        if isinstance(body, Exception):
            return self.error(h, status, str(body), act == "cut", **headers)
        self.answer(h, status, body, act == "cut", **headers)

    # ---- what is asked ----

    def do(self, r):
        bucket = self.buckets.get(r.bucket)
        if bucket is None:
            return 404, S3Error("NoSuchBucket"), {}
        return getattr(self, "do_" + r.action)(r, bucket)

    def refused(self, r, bucket):
        """A condition that is not met."""
        if not self.conditions:
            return None
        there = bucket.get(r.key)
        if r.headers.get("If-None-Match") == "*" and there:
            return 412, S3Error("PreconditionFailed"), {}
        wanted = r.headers.get("If-Match")
        if wanted and not there:
            return 404, S3Error("NoSuchKey"), {}
        if wanted and there.etag != wanted:
            return 412, S3Error("PreconditionFailed"), {}
        return None

    def do_PutObject(self, r, bucket):
        refusal = self.refused(r, bucket)
        if refusal:
            return refusal
        bucket[r.key] = Thing(r.body)
        return 200, b"", {"ETag": bucket[r.key].etag}

    def do_GetObject(self, r, bucket):
        thing = bucket.get(r.key)
        if not thing:
            return 404, S3Error("NoSuchKey"), {}
        refusal = self.refused(r, bucket)
        if refusal:
            return refusal
        headers = {"ETag": thing.etag, "Last-Modified": email.utils.formatdate(thing.when, usegmt=True)}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", r.headers.get("Range", ""))
        if not wanted:
            return 200, thing.body, headers
        first, last = int(wanted[1]), min(int(wanted[2] or len(thing.body)), len(thing.body) - 1)
        if first >= len(thing.body):
            return 416, S3Error("InvalidRange"), {}
        headers["Content-Range"] = "bytes %d-%d/%d" % (first, last, len(thing.body))
        return 206, thing.body[first:last + 1], headers

    def do_HeadObject(self, r, bucket):
        thing = bucket.get(r.key)
        if not thing:
            return 404, b"", {}
        return 200, b"", {"ETag": thing.etag, "Content_Length": len(thing.body), "Last-Modified": email.utils.formatdate(thing.when, usegmt=True)}

    def do_HeadBucket(self, r, bucket):
        return 200, b"", {}

    def do_DeleteObject(self, r, bucket):
        bucket.pop(r.key, None)
        return 204, b"", {}

    def do_DeleteObjects(self, r, bucket):
        if base64.b64encode(hashlib.md5(r.body).digest()).decode() != r.headers.get("Content-MD5"):
            return 400, S3Error("InvalidDigest"), {}
        keys = [e.text for e in xml.etree.ElementTree.fromstring(r.body).iter() if e.tag.endswith("}Key")]
        if len(keys) > 1000:
            return 400, S3Error("MalformedXML"), {}
        for key in keys:
            bucket.pop(key, None)
        return 200, "<DeleteResult></DeleteResult>", {}

    def do_ListObjectsV2(self, r, bucket):
        if r.query.get("list-type") != "2":
            return 400, S3Error("InvalidArgument"), {}
        prefix, delimiter, after = r.query.get("prefix", ""), r.query.get("delimiter"), r.query.get("continuation-token", "")
        rows, folders = [], []
        for key in sorted(k for k in bucket if k.startswith(prefix)):
            behind = key[len(prefix):]
            if delimiter and delimiter in behind:
                folder = prefix + behind.split(delimiter)[0] + delimiter
                if folder not in folders:
                    folders.append(folder)
                    rows.append((folder, None))
            else:
                rows.append((key, bucket[key]))
        rows = [row for row in rows if not after or row[0] > base64.b64decode(after).decode()]
        page, more = rows[:self.page], len(rows) > self.page

        def name(key):
            return urllib.parse.quote_plus(key, safe="/") if r.query.get("encoding-type") == "url" else escape(key)
        text = "".join("<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d</Size></Contents>" % (
            name(k), time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(t.when)), escape(t.etag, {'"': "&quot;"}), len(t.body)) if t else
            "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>" % name(k) for k, t in page)
        token = "<NextContinuationToken>%s</NextContinuationToken>" % base64.b64encode(page[-1][0].encode()).decode() if more else ""
        return 200, ("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Prefix>%s</Prefix>%s%s%s<IsTruncated>%s"
                     "</IsTruncated></ListBucketResult>" % (escape(prefix), token, text, "<EncodingType>url</EncodingType>" if "encoding-type" in r.query else "",
                                                            "true" if more else "false")), {}

    # ---- uploads in parts ----

    def do_CreateMultipartUpload(self, r, bucket):
        self.uploads["upload/%d+x=" % len(self.uploads)] = (r.bucket, r.key, {})
        return 200, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>" % list(self.uploads)[-1], {}

    def do_UploadPart(self, r, bucket):
        upload = self.uploads.get(r.query["uploadId"])
        if not upload:
            return 404, S3Error("NoSuchUpload"), {}
        upload[2][int(r.query["partNumber"])] = r.body
        return 200, b"", {"ETag": '"%s"' % hashlib.md5(r.body).hexdigest()}

    def do_CompleteMultipartUpload(self, r, bucket):
        upload = self.uploads.get(r.query["uploadId"])
        if not upload:
            return 404, S3Error("NoSuchUpload"), {}
        refusal = self.refused(r, bucket)
        if refusal:
            return refusal
        root = xml.etree.ElementTree.fromstring(r.body)
        body, digests, parts = b"", b"", list(root)
        for number, part in enumerate(parts, 1):
            told = {e.tag.split("}")[1]: e.text for e in part}
            data = upload[2].get(int(told["PartNumber"]))
            if data is None or int(told["PartNumber"]) != number or told["ETag"].strip('"') != hashlib.md5(data).hexdigest():
                return 400, S3Error("InvalidPart"), {}
            if number < len(parts) and len(data) < 5 << 20:
                return 400, S3Error("EntityTooSmall"), {}
            body += data
            digests += hashlib.md5(data).digest()
        bucket[r.key] = Thing(body, '"%s-%d"' % (hashlib.md5(digests).hexdigest(), len(parts)))
        del self.uploads[r.query["uploadId"]]
        return 200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>", {}

    def do_AbortMultipartUpload(self, r, bucket):
        return (204, b"", {}) if self.uploads.pop(r.query["uploadId"], None) else (404, S3Error("NoSuchUpload"), {})


class S3Error(Exception):
    """The name of an error that S3 answers with."""
