# SPDX-License-Identifier: Apache-2.0
"""Credentials, endpoints and clock by the rules of the AWS SDKs, seen through 'tapeline doctor --profile aws': Kinesis is the broker
with --credentials, everything else of AWS is tests/support/aws_fakes.py."""
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

import botocore.endpoint_provider
import botocore.session

from aws_fakes import Fakes, in_seconds
from shim import CLOCK_NS, Shim
from tapeline import BINARY, PIPELINE, broker, kinesis, run, wait_for

STATIC = ("AKIDSTATIC", "static/secret+key")
ROLE = ("ASIAROLE", "role/secret+key", "token/of=role+" + "x" * 900)
SECOND = ("ASIASECOND", "second/secret", "token/of=second")
OTHER = ("ASIAOTHER", "other/secret", "token/of=other")


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        keys = os.path.join(cls.folder.name, "keys")
        with open(keys, "w") as f:
            for i, key in enumerate((STATIC, ROLE, SECOND, OTHER)):
                f.write("[k%d]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % (i, key[0], key[1]))
                if len(key) > 2:
                    f.write("aws_session_token = %s\n" % key[2])
        cls.server = broker(os.path.join(cls.folder.name, "data"), "--credentials", keys, "--stream", "stock_stream:2")

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.folder.cleanup()

    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.fakes = Fakes({STATIC[0]: (STATIC[1], None), OTHER[0]: OTHER[1:]})
        self.addCleanup(self.fakes.close)
        self.fakes.buckets, self.fakes.databases = {"lake-of-test"}, {"stock_streaming_database"}
        self.env = {"HOME": self.home.name, "PATH": os.environ["PATH"], "BUCKET": "lake-of-test", "AWS_ENDPOINT_URL": self.fakes.url,
                    "AWS_ENDPOINT_URL_KINESIS": self.server.aws, "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}

    def write(self, name, text):
        path = os.path.join(self.home.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def doctor(self, code=0, **env):
        p = run("doctor", PIPELINE, "--profile", "aws", "--json", check=False, env=dict(self.env, **env))
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        out = json.loads(p.stdout)
        self.assertEqual(out["ok"], code == 0)
        checks = {c["check"]: c for c in out["checks"]}
        self.assertEqual(len(checks), len(out["checks"]), "each check has a name of its own")
        for c in out["checks"]:
            self.assertTrue(c["result"] == "ok" or c.get("fix"), "what fails has a fix: %s" % c)
        return checks

    def wins(self, origin, key, **env):
        """These credentials win, and what they sign is accepted by all services."""
        checks = self.doctor(**env)
        self.assertRegex(checks["credentials"]["text"], origin)
        self.assertIn("user/R&D-" + key, checks["identity"]["text"])
        self.assertEqual(checks["stream 'stock_stream'"]["text"], "ACTIVE, 2 open shards")
        self.assertIn("can be read", checks["read 'stock_stream'"]["text"])
        self.assertIn("no shard has", checks["write 'stock_stream'"]["text"])
        self.assertIn("nothing meets", checks["write 'lake-of-test'"]["text"])
        self.assertIn("can be listed", checks["bucket 'lake-of-test'"]["text"])
        self.assertEqual(checks["database 'stock_streaming_database'"]["result"], "ok")
        return checks

    def fails(self, pattern, **env):
        self.fakes.calls.clear()
        checks = self.doctor(code=1, **env)
        self.assertRegex(checks["credentials"]["text"], pattern)
        self.assertTrue(checks["credentials"]["fix"])
        self.assertFalse([c for c in self.fakes.calls if c[0] == "GetCallerIdentity"])
        return checks

    def actions(self):
        return [name for name, _ in self.fakes.calls]

    # ---- sources ----

    def test_environment_first(self):
        self.write(".aws/credentials", "[default]\naws_access_key_id = AKIDWRONG\naws_secret_access_key = w\n")
        checks = self.wins("^environment", STATIC[0], AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        self.assertIn("profile: not asked, an earlier one was found", checks["credentials"]["details"])
        self.wins("^environment", OTHER[0], AWS_ACCESS_KEY_ID=OTHER[0], AWS_SECRET_ACCESS_KEY=OTHER[1], AWS_SESSION_TOKEN=OTHER[2])
        checks = self.fails("access key id is set without", AWS_ACCESS_KEY_ID=STATIC[0])
        self.assertIn("container: not asked, an earlier one is set up, and failed", checks["credentials"]["details"])

    def test_shared_files(self):
        keys = "aws_access_key_id = %s\naws_secret_access_key=%s\n" % STATIC
        self.write(".aws/credentials", "# mine\n[default]\r\n" + keys)
        self.wins("^profile 'default' in .*/.aws/credentials", STATIC[0])
        self.write(".aws/credentials", "[other]\n" + keys)
        self.write(".aws/config", "[default]\nregion = eu-west-1\n[profile in config]\n" + keys)
        self.wins("^profile 'in config' in .*/.aws/config", STATIC[0], AWS_PROFILE="in config")
        self.fails("no profile 'absent'", AWS_PROFILE="absent")
        checks = self.fails("no AWS credentials")
        self.assertEqual(len(checks["credentials"]["details"]), 5)
        elsewhere = self.write("elsewhere", "[default]\n" + keys)
        self.wins("^profile 'default' in .*/elsewhere", STATIC[0], AWS_SHARED_CREDENTIALS_FILE=elsewhere)
        self.write(".aws/config", "[default]\nregion eu-west-1\n")
        checks = self.doctor(code=1)
        self.assertIn(".aws/config:2: neither '[section]' nor 'name = value'", checks["credentials"]["text"])
        self.assertIn("profile: not asked, the shared files cannot be read", checks["credentials"]["details"])

    def test_role_of_source_profile(self):
        self.write(".aws/credentials", "[base]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % STATIC)
        self.write(".aws/config", "[profile reader]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\n"
                                  "external_id = a+b/c=\nrole_session_name = me@desk\nduration_seconds = 1800\n")
        self.fakes.role_keys = [ROLE]
        self.wins("^role arn:aws:iam::123456789012:role/reader of profile 'reader'.*until", ROLE[0], AWS_PROFILE="reader")
        name, form = self.fakes.calls[0]
        self.assertEqual(name, "AssumeRole")
        self.assertEqual({k: form[k] for k in ("RoleArn", "ExternalId", "RoleSessionName", "DurationSeconds")},
                         {"RoleArn": "arn:aws:iam::123456789012:role/reader", "ExternalId": "a+b/c=", "RoleSessionName": "me@desk",
                          "DurationSeconds": "1800"})
        self.assertEqual(self.actions().count("AssumeRole"), 1)

    def test_role_of_a_role(self):
        self.write(".aws/config", "[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n" % STATIC +
                   "[profile first]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = base\n"
                   "[profile second]\nrole_arn = arn:aws:iam::1:role/second\nsource_profile = first\n"
                   "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a\n")
        self.fakes.role_keys = [ROLE, SECOND]
        self.wins("role/second", SECOND[0], AWS_PROFILE="second")
        self.assertEqual([f["RoleArn"] for n, f in self.fakes.calls if n == "AssumeRole"], ["arn:aws:iam::1:role/first", "arn:aws:iam::1:role/second"])
        self.fails("leads back", AWS_PROFILE="a")

    def test_role_that_is_refused(self):
        self.write(".aws/config", "[profile r]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = r\naws_access_key_id = AKIDNOBODY\n"
                                  "aws_secret_access_key = x\n[profile s]\nsso_session = corp\n[profile m]\nrole_arn = a\nsource_profile = m\nmfa_serial = 1\n"
                                  "[profile n]\nrole_arn = a\n")
        self.fails("InvalidClientTokenId", AWS_PROFILE="r")
        self.fails("Identity Center is not supported.*export-credentials --profile s", AWS_PROFILE="s")
        self.fails("mfa_serial", AWS_PROFILE="m")
        self.fails("neither source_profile nor credential_source", AWS_PROFILE="n")

    def test_credential_process(self):
        script = self.write("a tool.py", "import json, sys\nassert sys.argv[1:] == ['x y', '$HOME', '']\n"
                                         "print(json.dumps(dict(Version=1, AccessKeyId='%s', SecretAccessKey='%s', SessionToken='%s',"
                                         " Expiration='%s')))\n" % (OTHER + (in_seconds(3600),)))
        self.write(".aws/config", "[default]\ncredential_process = %s \"%s\" 'x y' $HOME \"\"\n" % (sys.executable, script))
        self.wins("^credential_process of profile 'default'", OTHER[0])
        for tool, pattern in (("import sys; sys.exit('no ticket\\033[1m')", r"exit code 1: no ticket \[1m"),
                              ("print('{}')", "Version is not 1"),
                              ("print('x' * 100000)", "its output is larger than"),
                              ("print('{\"Version\": 1, \"AccessKeyId\": \"a\"}')", "no AccessKeyId and SecretAccessKey"),
                              ("print('{\"Version\": 1, \"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Expiration\": \"2020-01-01T00:00:00Z\"}')",
                               "have ended already"),
                              ("import os; os.kill(os.getpid(), 9)", "ended by signal 9")):
            self.write("a tool.py", tool)
            self.fails(pattern)
        self.write(".aws/config", "[default]\ncredential_process = /no/such/tool\n")
        self.fails("cannot run '/no/such/tool'")
        self.write(".aws/config", "[default]\ncredential_process = tool 'not closed\n")
        self.fails("a quote of the command is not closed")

    def test_web_identity(self):
        token = self.write("token", "header.payload.signature\n")
        self.fakes.role_keys = [ROLE]
        self.wins("^web identity, role arn:aws:iam::1:role/pod", ROLE[0], AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN="arn:aws:iam::1:role/pod",
                  AWS_ROLE_SESSION_NAME="pod-1")
        name, form = self.fakes.calls[0]
        self.assertEqual((name, form["WebIdentityToken"], form["RoleSessionName"]), ("AssumeRoleWithWebIdentity", "header.payload.signature", "pod-1"))
        self.fakes.role_keys = [ROLE]
        self.write(".aws/config", "[default]\nrole_arn = arn:aws:iam::1:role/p\nweb_identity_token_file = %s\n" % token)
        self.wins("^role arn:aws:iam::1:role/p of profile", ROLE[0])
        self.fails("without AWS_ROLE_ARN", AWS_WEB_IDENTITY_TOKEN_FILE=token)
        self.fails("cannot open.*absent", AWS_WEB_IDENTITY_TOKEN_FILE=token + ".absent", AWS_ROLE_ARN="arn:aws:iam::1:role/pod")

    def test_container(self):
        self.fakes.container = [(200, json.dumps(dict(AccessKeyId=OTHER[0], SecretAccessKey=OTHER[1], Token=OTHER[2], Expiration=in_seconds(3600))))]
        self.fakes.container_token = "Bearer of the test"
        token = self.write("token", self.fakes.container_token + "\n")
        uri = self.fakes.url + "/container"
        self.wins("^container at " + uri, OTHER[0], AWS_CONTAINER_CREDENTIALS_FULL_URI=uri, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=token,
                  HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9", no_proxy="127.0.0.1")
        self.write(".aws/config", "[default]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = EcsContainer\n")
        self.fakes.role_keys = [ROLE]
        self.wins("^role arn:aws:iam::1:role/r", ROLE[0], AWS_CONTAINER_CREDENTIALS_FULL_URI=uri, AWS_CONTAINER_AUTHORIZATION_TOKEN=self.fakes.container_token)
        os.unlink(os.path.join(self.home.name, ".aws/config"))
        self.fails("answers with status 401", AWS_CONTAINER_CREDENTIALS_FULL_URI=uri)
        self.fails("cannot stand in a header", AWS_CONTAINER_CREDENTIALS_FULL_URI=uri, AWS_CONTAINER_AUTHORIZATION_TOKEN="a\nX-Evil: 1")
        for wrong in ("http://192.0.2.1/c", "http://169.254.170.2.example.org/c", "http://127.0.0.1@192.0.2.1/c", "ftp://127.0.0.1/c", "http:///c"):
            self.fails("FULL_URI", AWS_CONTAINER_CREDENTIALS_FULL_URI=wrong)
        self.fakes.container = [(200, "<html>")]
        self.fails("not a JSON object", AWS_CONTAINER_CREDENTIALS_FULL_URI=uri, AWS_CONTAINER_AUTHORIZATION_TOKEN=self.fakes.container_token)

    def test_instance(self):
        imds = dict(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=self.fakes.url)
        self.fails("the instance has no role", **imds)
        self.fakes.imds_role = "trader"
        self.fakes.imds_answer = dict(Code="Success", AccessKeyId=OTHER[0], SecretAccessKey=OTHER[1], Token=OTHER[2], Expiration=in_seconds(6 * 3600))
        self.fakes.calls.clear()
        self.wins("^instance role trader", OTHER[0], HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9", no_proxy="127.0.0.1", **imds)
        base = "/latest/meta-data/iam/security-credentials/"
        self.assertEqual(self.fakes.calls[:3], [("PUT", "/latest/api/token"), ("GET", base), ("GET", base + "trader")])
        self.assertEqual([c for c in self.fakes.calls if "/latest/" in str(c[1])], self.fakes.calls[:3])
        self.fakes.calls.clear()
        self.fakes.imds_answer = dict(Code="AssumeRoleUnauthorizedAccess", Message="no")
        self.fails("AssumeRoleUnauthorizedAccess", **imds)
        self.fakes.calls.clear()
        checks = self.fails("no AWS credentials")
        self.assertIn("not instance: AWS_EC2_METADATA_DISABLED is true", checks["credentials"]["details"])
        self.assertEqual(self.fakes.calls, [])

    # ---- endpoints ----

    def test_endpoints_of_the_config_file(self):
        keys = dict(AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        self.write(".aws/config", "[default]\nservices = here\nendpoint_url = %s\n[services here]\nkinesis =\n  endpoint_url = %s\n  x = 1\ns3 =\n"
                                  "  endpoint_url = %s/\n" % (self.fakes.url, self.server.aws, self.fakes.url))
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"):
            del self.env[name]
        checks = self.wins("^environment", STATIC[0], **keys)
        self.assertIn("endpoint_url of services section 'here'", checks["kinesis endpoint"]["text"])
        self.assertIn("endpoint_url of profile 'default'", checks["glue endpoint"]["text"])
        checks = self.doctor(code=1, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", AWS_ENDPOINT_URL="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", **keys)
        self.assertIn("https://glue.us-east-1.amazonaws.com/", checks["glue endpoint"]["text"])
        self.assertEqual(checks["identity"]["result"], "fail")
        checks = self.doctor(code=1, AWS_ENDPOINT_URL_S3="s3.example.org", **keys)
        self.assertIn("AWS_ENDPOINT_URL_S3", checks["s3 endpoint"]["text"])
        checks = self.doctor(code=1, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true", AWS_USE_FIPS_ENDPOINT="true", **keys)
        self.assertIn("AWS_USE_FIPS_ENDPOINT is not supported", checks["kinesis endpoint"]["text"])

    def test_endpoints_of_every_region_are_botocores(self):
        with open(PIPELINE) as f:
            pipeline = self.write("pipeline.sql", f.read().replace(", region = 'us-east-1'", ""))
        loader = botocore.session.get_session().get_component("data_loader")
        partitions = loader.load_data("partitions")
        regions = [r for p in partitions["partitions"] for r in p["regions"] if "global" not in r]
        self.assertGreater(len(regions), 25)
        for region in regions:
            env = {"HOME": self.home.name, "PATH": os.environ["PATH"], "BUCKET": "lake-of-test", "AWS_EC2_METADATA_DISABLED": "true",
                   "AWS_REGION": region, "AWS_MAX_ATTEMPTS": "1"}
            p = run("doctor", pipeline, "--profile", "aws", "--json", check=False, env=env)  # without credentials: nothing is asked
            checks = {c["check"]: c["text"] for c in json.loads(p.stdout)["checks"]}
            for service in ("sts", "kinesis", "s3", "glue"):
                rules = botocore.endpoint_provider.EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
                wanted = rules.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False).url
                self.assertEqual(checks[service + " endpoint"], "%s/ (AWS's own for %s)" % (wanted, region))

    # ---- clock and rights ----

    def test_a_wrong_clock_is_corrected(self):
        self.fakes.skew = 3600
        checks = self.doctor(AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        self.assertEqual(checks["clock"]["result"], "warn")
        self.assertRegex(checks["clock"]["text"], r"^(1 h|3599 s|59\.\d+ min|60 min) behind that of AWS")
        self.assertTrue(checks["clock"]["fix"])
        self.assertEqual(self.actions().count("GetCallerIdentity"), 2)
        self.fakes.calls.clear()
        checks = self.doctor(code=1, AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY="wrong")
        self.assertIn("SignatureDoesNotMatch", checks["identity"]["text"])
        self.assertEqual(self.actions().count("GetCallerIdentity"), 2)
        self.fakes.skew = 0
        self.fakes.calls.clear()
        checks = self.doctor(code=1, AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY="wrong")
        self.assertEqual(self.actions().count("GetCallerIdentity"), 1)
        self.assertEqual(checks["clock"]["result"], "ok")
        self.assertRegex(checks["identity"]["fix"], "secret access key does not go with")
        self.assertRegex(checks["stream 'stock_stream'"]["fix"], "secret access key does not go with")

    def test_the_engine_reads_on_through_a_wrong_clock_and_ended_sessions(self):
        """Its clients sign with the service's time, and take new credentials where the service says that the old have ended."""
        with open(PIPELINE) as f:
            pipeline = self.write("pipeline.sql", f.read().replace("lake = 's3://${BUCKET}', catalog = 'glue'", "lake = './lake', catalog = 'embedded'"))
        ticks = [dict(ticker="T%d" % (i % 4), date="2025-01-02", timestamp="2025-01-02T10:%02d:00" % (i % 60), close=i / 4) for i in range(300)]
        with broker(os.path.join(self.home.name, "data"), "--stream", "stock_stream:2") as server:
            client = kinesis(server.aws)
            put = client.put_records(StreamName="stock_stream", Records=[dict(Data=json.dumps(t).encode(), PartitionKey=t["ticker"]) for t in ticks])
            self.assertEqual(put["FailedRecordCount"], 0)
            keys = [dict(AccessKeyId=k[0], SecretAccessKey=k[1], Token=k[2], Expiration=in_seconds(7200)) for k in (ROLE, SECOND)]
            self.fakes.keys.update({k[0]: k[1:] for k in (ROLE, SECOND)})
            self.fakes.upstream, self.fakes.skew, self.fakes.expired = server.aws, 3600, {ROLE[0]}
            self.fakes.container = [(200, json.dumps(k)) for k in keys]
            p = run("run", pipeline, "--profile", "aws", "--until-now", "--json", "--lake", os.path.join(self.home.name, "lake"), check=False,
                    env=dict(self.env, AWS_ENDPOINT_URL_KINESIS=self.fakes.url, AWS_CONTAINER_CREDENTIALS_FULL_URI=self.fakes.url + "/container"))
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(json.loads(p.stdout.splitlines()[-1])["received"], len(ticks))
        told = [details for what, details in self.fakes.calls if what == "kinesis"]
        self.assertGreaterEqual(told.count("ExpiredTokenException"), 1)
        self.assertGreaterEqual(told.count("InvalidSignatureException"), 1)
        self.assertEqual(set(told), {"ExpiredTokenException", "InvalidSignatureException", SECOND[0]})
        self.assertEqual(self.actions().count("container"), 2)

    def test_what_is_not_there_and_what_is_not_allowed(self):
        keys = dict(AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        self.fakes.databases.clear()
        self.fakes.readonly = True
        checks = self.doctor(code=1, **keys)
        self.assertEqual(checks["database 'stock_streaming_database'"]["result"], "warn")
        self.assertRegex(checks["write 'lake-of-test'"]["text"], "AccessDenied")
        self.assertRegex(checks["write 'lake-of-test'"]["fix"], "allow s3:PutObject on lake-of-test")
        self.fakes.buckets.clear()
        checks = self.doctor(code=1, **keys)
        self.assertRegex(checks["bucket 'lake-of-test'"]["fix"], "aws s3api create-bucket")
        self.assertNotIn("DELETE", self.actions())

    def local_lake(self, options=""):
        """The reference pipeline with the profile 'aws' of the stream alone."""
        with open(PIPELINE) as f:
            return self.write("pipeline.sql", f.read().replace("lake = 's3://${BUCKET}', catalog = 'glue'", "lake = './lake', catalog = 'embedded'")
                              .replace("start = 'LATEST'", "start = 'TRIM_HORIZON'" + options))

    def open_stream(self):
        """A broker behind the fakes, which look at signatures and rights in its place."""
        server = broker(os.path.join(self.home.name, "data"), "--stream", "stock_stream:2", "--limits", "off")
        self.addCleanup(server.kill)
        self.fakes.upstream = server.aws

    def test_missing_rights_of_a_stream_are_named_at_once(self):
        """By engine, feed and doctor; whichever call it is that may not be made."""
        lake = os.path.join(self.home.name, "lake")
        run("sample", "--lake", lake)
        self.open_stream()
        env = dict(self.env, AWS_ENDPOINT_URL_KINESIS=self.fakes.url, AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        run_it = ["run", "--until-now", "--lake", os.path.join(self.home.name, "out")]
        feed_it = ["feed", "--once", "--lake", lake]
        cases = [(run_it, "DescribeStreamSummary", ""), (run_it, "ListShards", ""), (run_it, "GetShardIterator", ""), (run_it, "GetRecords", ""),
                 (run_it, "DescribeStreamConsumer", ", read = 'fanout'"), (run_it, "RegisterStreamConsumer", ", read = 'fanout'"),
                 (feed_it, "DescribeStreamSummary", ""), (feed_it, "PutRecords", "")]
        for command, action, options in cases:
            with self.subTest(command=command[0], action=action):
                self.fakes.denied = {action}
                self.fakes.calls.clear()
                pipeline, began = self.local_lake(options), time.monotonic()
                p = run(command[0], pipeline, "--profile", "aws", *command[1:], check=False, env=env)
                self.assertEqual(p.returncode, 1, p.stderr)
                self.assertIn("AccessDeniedException", p.stderr)
                self.assertIn("'stock_stream'", p.stderr)
                self.assertIn("kinesis:" + action, p.stderr)
                self.assertLess(time.monotonic() - began, 10)
                self.assertLessEqual([d for _, d in self.fakes.calls].count("AccessDeniedException"), 4)  # once a thread
        self.fakes.denied = {"ListShards", "PutRecord", "DescribeStreamConsumer"}
        p = run("doctor", self.local_lake(", read = 'fanout'"), "--profile", "aws", "--json", check=False, env=env)
        fixes = {c["check"]: c["fix"] for c in json.loads(p.stdout)["checks"] if c["result"] == "fail"}
        self.assertEqual(fixes, {
            "read 'stock_stream'": "allow kinesis:ListShards on stock_stream to the identity above",
            "write 'stock_stream'": "allow kinesis:PutRecord and kinesis:PutRecords on stock_stream to the identity above",
            "fan-out 'stock_stream'": "allow kinesis:DescribeStreamConsumer, kinesis:RegisterStreamConsumer and kinesis:SubscribeToShard on stock_stream "
                                      "to the identity above"})

    def test_credentials_are_renewed_before_they_end(self):
        """A quarter of an hour before: none that have ended sign a request of an engine that runs."""
        shims = tempfile.TemporaryDirectory()
        self.addCleanup(shims.cleanup)
        shim = Shim(shims.name)
        self.addCleanup(shim.close)
        ends = in_seconds(1200)
        self.fakes.keys.update({k[0]: k[1:] for k in (ROLE, SECOND)})
        self.open_stream()
        self.fakes.container = [(200, json.dumps(dict(AccessKeyId=k[0], SecretAccessKey=k[1], Token=k[2], Expiration=e)))
                                for k, e in ((ROLE, ends), (SECOND, in_seconds(7200)))]
        signed_by = lambda key: [d for what, d in list(self.fakes.calls) if what == "kinesis"].count(key)
        env = shim.env(env=dict(self.env, AWS_ENDPOINT_URL_KINESIS=self.fakes.url, AWS_CONTAINER_CREDENTIALS_FULL_URI=self.fakes.url + "/container"))
        process = subprocess.Popen([BINARY, "run", self.local_lake(), "--profile", "aws", "--lake", os.path.join(self.home.name, "out")], env=env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for("reads signed with the first", lambda: signed_by(ROLE[0]) > 5)
            self.fakes.skew = 360
            shim[CLOCK_NS] = 360 * 10**9  # six minutes later they are good for 14 more
            wait_for("reads signed with the second", lambda: signed_by(SECOND[0]) > 5)
        finally:
            process.terminate()
            told = process.communicate(timeout=30)[1]
        self.assertEqual(process.returncode, 0, told)
        self.assertEqual({d for what, d in self.fakes.calls if what == "kinesis"} - {"InvalidSignatureException"}, {ROLE[0], SECOND[0]})

    def test_retry_mode(self):
        keys = dict(AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1])
        self.write(".aws/config", "[default]\nretry_mode = adaptive\nmax_attempts = 7\n")
        del self.env["AWS_MAX_ATTEMPTS"]
        checks = self.doctor(**keys)
        self.assertEqual((checks["retries"]["result"], checks["retries"]["text"]), ("warn", "7 attempts, mode adaptive, done as standard"))
        self.assertEqual(self.doctor(AWS_RETRY_MODE="standard", AWS_MAX_ATTEMPTS="2", **keys)["retries"]["text"], "2 attempts, mode standard")
        self.assertIn("AWS_MAX_ATTEMPTS", self.doctor(code=1, AWS_MAX_ATTEMPTS="0", **keys)["retries"]["text"])

    def test_text(self):
        p = run("doctor", PIPELINE, "--profile", "aws", check=False, env=dict(self.env, AWS_ACCESS_KEY_ID=STATIC[0], AWS_SECRET_ACCESS_KEY=STATIC[1]))
        self.assertEqual(p.returncode, 0, p.stdout)
        self.assertRegex(p.stdout, r"(?m)^ok    identity +arn:aws:iam::123456789012:user/R&D-AKIDSTATIC, account 123456789012$")
        self.assertRegex(p.stdout, r"(?m)^\d+ ok, 0 to look at, 0 failed$")
        self.assertNotIn(STATIC[1], p.stdout)


if __name__ == "__main__":
    unittest.main()
