# SPDX-License-Identifier: Apache-2.0
"""What stands for AWS in tests: STS, S3, Glue, the agent of a container and the metadata service of an instance, in one server on
loopback. STS, S3 and Glue check signatures with botocore's signer and know a table of keys."""
import datetime
import email.utils
import http.server
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Fakes:
    """keys: {access key: (secret, session token or None)}. calls: what was asked, in order, as (what, details)."""
    IMDS_TOKEN = "imds-token-of-the-test=="

    def __init__(self, keys):
        self.keys = dict(keys)
        self.calls = []
        self.skew = 0            # seconds that the services' clocks are ahead
        self.role_keys = []      # (access, secret, token) that AssumeRole... hands out next
        self.container = []      # what /container answers: (status, text), the last one for ever
        self.container_token = None
        self.imds_role = None    # None: nobody has a role
        self.imds_answer = {}
        self.buckets, self.databases, self.readonly = set(), set(), False
        self.upstream = None     # the broker that well-signed Kinesis requests are handed to
        self.expired = set()     # access keys whose sessions have ended
        self.denied = set()      # actions of Kinesis that nobody may call
        fakes = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return email.utils.formatdate(time.time() + fakes.skew, usegmt=True)

            def answer(self, status, text, **headers):
                body = text.encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle_any(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fakes.route(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def route(self, h):
        path, _, query = h.path.partition("?")
        if path.startswith("/latest/"):
            return self.imds(h, path)
        if path == "/container":
            self.calls.append(("container", h.headers.get("Authorization")))
            if self.container_token and h.headers.get("Authorization") != self.container_token:
                return h.answer(401, "no")
            return h.answer(*(self.container.pop(0) if len(self.container) > 1 else self.container[0]))
        if h.headers.get("X-Amz-Target", "").startswith("Kinesis_"):
            return self.kinesis(h)
        if "X-Amz-Target" in h.headers:
            return self.glue(h)
        if path == "/" and h.command == "POST":
            return self.sts(h)
        return self.s3(h, path, urllib.parse.parse_qs(query))

    # ---- signatures ----

    def refusal(self, h):
        """None for a request that is rightly signed, else (code, message)."""
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)",
                         h.headers.get("Authorization", ""))
        if not m:
            return "MissingAuthenticationToken", "not signed"
        access, day, region, service, signed, signature = m.groups()
        if access not in self.keys:
            return "InvalidClientTokenId", "The security token included in the request is invalid."
        secret, token = self.keys[access]
        if (h.headers.get("X-Amz-Security-Token") or None) != token:
            return "InvalidClientTokenId", "The security token included in the request is invalid."
        when = datetime.datetime.strptime(h.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        if abs(when - time.time() - self.skew) > 300:
            return "SignatureDoesNotMatch", "Signature expired"
        kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        auth = kind(botocore.credentials.Credentials(access, secret), service, region)
        request = botocore.awsrequest.AWSRequest(method=h.command, url="http://" + h.headers["Host"] + h.path, data=h.body,
                                                 headers={name: h.headers[name] for name in signed.split(";")})
        request.context["timestamp"] = h.headers["X-Amz-Date"]
        if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != signature:
            return "SignatureDoesNotMatch", "The request signature we calculated does not match"
        return None

    # ---- services ----

    def sts(self, h):
        form = {k: v[0] for k, v in urllib.parse.parse_qs(h.body.decode(), strict_parsing=True).items()}
        action = form["Action"]
        self.calls.append((action, form))
        refusal = None if action == "AssumeRoleWithWebIdentity" else self.refusal(h)
        if refusal:
            return h.answer(403, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n<Error><Type>Sender</Type><Code>%s</Code>"
                                 "<Message>%s</Message></Error><RequestId>1-2</RequestId></ErrorResponse>" % refusal, Content_Type="text/xml")
        if action == "GetCallerIdentity":
            access = h.headers["Authorization"].split("Credential=")[1].split("/")[0]
            inside = "<Arn>arn:aws:iam::123456789012:user/R&amp;D-%s</Arn><UserId>AIDA</UserId><Account>123456789012</Account>" % access
        else:
            access, secret, token = self.role_keys.pop(0)
            self.keys[access] = (secret, token)
            inside = ("<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>"
                      "<Expiration>%s</Expiration></Credentials>" % (access, secret, token, in_seconds(3600 + self.skew)))
        h.answer(200, "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><%sResult>%s</%sResult></%sResponse>"
                 % (action, action, inside, action, action), Content_Type="text/xml")

    def kinesis(self, h):
        access = re.search("Credential=([^/]*)", h.headers.get("Authorization", "")).group(1)
        refusal = ("ExpiredTokenException", "The security token included in the request is expired") if access in self.expired else self.refusal(h)
        if refusal and refusal[0] == "SignatureDoesNotMatch":
            refusal = "InvalidSignatureException", refusal[1]
        self.calls.append(("kinesis", refusal[0] if refusal else access))
        action = h.headers["X-Amz-Target"].partition(".")[2]
        if not refusal and action in self.denied:
            refusal = "AccessDeniedException", "User: arn:aws:iam::123456789012:user/%s is not authorized to perform: kinesis:%s" % (access, action)
        if refusal:
            return h.answer(400, json.dumps({"__type": refusal[0], "message": refusal[1]}))
        request = urllib.request.Request(self.upstream, data=h.body, headers={k: h.headers[k] for k in ("Content-Type", "X-Amz-Target", "Authorization", "X-Amz-Date")})
        try:
            with urllib.request.urlopen(request) as answer:
                h.answer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as e:
            with e:
                h.answer(e.code, e.read().decode())

    def glue(self, h):
        self.calls.append(("glue", json.loads(h.body)))
        refusal = self.refusal(h)
        if refusal:
            h.answer(400, json.dumps({"__type": "com.amazonaws.glue#" + refusal[0], "message": refusal[1]}))
        elif json.loads(h.body)["Name"] in self.databases:
            h.answer(200, json.dumps({"Database": json.loads(h.body)}))
        else:
            h.answer(400, json.dumps({"__type": "EntityNotFoundException", "Message": "Database not found."}))

    def s3(self, h, path, query):
        self.calls.append((h.command, h.path))
        refusal = self.refusal(h)
        error = "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>"
        if refusal:
            h.answer(403, error % refusal)
        elif path.split("/")[1] not in self.buckets:
            h.answer(404, error % ("NoSuchBucket", "The specified bucket does not exist"))
        elif h.command == "PUT" and self.readonly:
            h.answer(403, error % ("AccessDenied", "User is not authorized to perform s3:PutObject"))
        elif h.command == "PUT" and h.headers.get("If-Match"):
            h.answer(404, error % ("NoSuchKey", "The specified key does not exist."))
        else:
            h.answer(200, "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")

    def imds(self, h, path):
        self.calls.append((h.command, path))
        if h.command == "PUT" and path == "/latest/api/token" and h.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            return h.answer(200, self.IMDS_TOKEN)
        if h.headers.get("X-aws-ec2-metadata-token") != self.IMDS_TOKEN:
            return h.answer(401, "no token")
        base = "/latest/meta-data/iam/security-credentials/"
        if self.imds_role and path == base:
            return h.answer(200, self.imds_role)
        if self.imds_role and path == base + self.imds_role:
            return h.answer(200, json.dumps(self.imds_answer))
        return h.answer(404, "not found")
