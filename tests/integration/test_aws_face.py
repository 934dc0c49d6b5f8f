# SPDX-License-Identifier: Apache-2.0
"""S3, Glue and Athena on the AWS port of 'tapeline up', with AWS's own clients; a lone broker refuses them by name."""
import hashlib
import io
import json
import os
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tapeline import CLIENT_ENV, Server, rss_kb, run


def call(url, target=None, headers=None, body=None, method=None):
    """Status and body of a request, signed by nobody."""
    headers = dict(headers or {}, **({"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"} if target else {}))
    request = urllib.request.Request(url, data=body if body is not None else b"{}" if target else None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


class LoneBroker(unittest.TestCase):
    def test_refuses_by_name(self):
        with tempfile.TemporaryDirectory() as folder, Server("broker", "--data", folder, "--listen", "127.0.0.1:0") as server:
            for target in ("AWSGlue.GetTables", "AmazonAthena.StartQueryExecution"):
                status, body = call(server.aws, target)
                self.assertEqual((status, json.loads(body)["__type"]), (400, "UnknownOperationException"))
                self.assertIn(target.split(".")[1] + " is not served by 'tapeline broker'", json.loads(body)["Message"])
            status, body = call(server.aws + "/bucket/key", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
            self.assertEqual(status, 501)
            self.assertIn("<Code>NotImplemented</Code>", body)


class Face(unittest.TestCase):
    """One 'tapeline up' without feeds for all tests of it; each uses keys of its own."""
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.data = os.path.join(cls.folder.name, "data")
        cls.server = Server("up", "--data", cls.data, "--no-feed", "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0")
        cls.url = cls.server.aws

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t",
                            config=Config(retries={"max_attempts": 0}))

    def refused(self, code, call, *args, **kw):
        with self.assertRaises(ClientError) as e:
            call(*args, **kw)
        self.assertEqual(e.exception.response["Error"]["Code"], code)
        return e.exception.response["Error"]["Message"]


HISTORY = "curated/stocks_features/"
MISSING = "The specified key does not exist."


class S3(Face):
    def setUp(self):
        self.s3 = self.client("s3")

    def keys(self, **kw):
        return [o["Key"] for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="tapeline-lake", **kw) for o in page.get("Contents", [])]

    def test_buckets(self):
        self.assertEqual([b["Name"] for b in self.s3.list_buckets()["Buckets"]], ["tapeline-lake", "tapeline-results"])
        self.s3.head_bucket(Bucket="tapeline-lake")
        self.assertIsNone(self.s3.get_bucket_location(Bucket="tapeline-lake")["LocationConstraint"])
        self.assertIn("tapeline-lake", self.refused("NoSuchBucket", self.s3.get_object, Bucket="other", Key="k"))
        self.refused("BucketAlreadyOwnedByYou", self.s3.create_bucket, Bucket="tapeline-results")
        self.assertIn("?acl", self.refused("NotImplemented", self.s3.get_bucket_acl, Bucket="tapeline-lake"))
        self.refused("NotImplemented", self.s3.get_object_tagging, Bucket="tapeline-lake", Key="k")

    def test_the_lake_is_read(self):
        """Every file of the history, by pages of each size and delimiters, whole and by ranges; none of tapeline's own."""
        lake = os.path.join(self.data, "lake")
        wanted = sorted(os.path.relpath(os.path.join(f, n), lake) for f, _, names in os.walk(os.path.join(lake, "curated")) for n in names)
        for size in (1, 3, 1000):
            self.assertEqual(self.keys(Prefix=HISTORY, PaginationConfig={"PageSize": size}), wanted)
        page = self.s3.list_objects_v2(Bucket="tapeline-lake", Prefix=HISTORY, Delimiter="/", MaxKeys=4)
        groups = [g["Prefix"] for g in page["CommonPrefixes"]]
        while page["IsTruncated"]:
            page = self.s3.list_objects_v2(Bucket="tapeline-lake", Prefix=HISTORY, Delimiter="/", MaxKeys=4,
                                           ContinuationToken=page["NextContinuationToken"])
            groups += [g["Prefix"] for g in page["CommonPrefixes"]]
        self.assertEqual(groups, sorted({HISTORY + k[len(HISTORY):].split("/")[0] + "/" for k in wanted if k.count("/") > 2}))
        self.assertEqual([o["Key"] for o in self.s3.list_objects(Bucket="tapeline-lake", Prefix=HISTORY)["Contents"]], wanted)
        self.assertEqual(self.keys(Prefix=HISTORY, StartAfter=wanted[2]), wanted[3:])
        with open(os.path.join(lake, wanted[-1]), "rb") as f:
            content = f.read()
        get = lambda **kw: self.s3.get_object(Bucket="tapeline-lake", Key=wanted[-1], **kw)
        head = self.s3.head_object(Bucket="tapeline-lake", Key=wanted[-1])
        self.assertEqual((head["ContentLength"], get()["Body"].read()), (len(content), content))
        for text, part in (("bytes=0-3", content[:4]), ("bytes=-8", content[-8:]), ("bytes=7-", content[7:]), ("bytes=2-999999999", content[2:])):
            answer = get(Range=text)
            self.assertEqual((answer["Body"].read(), answer["ResponseMetadata"]["HTTPStatusCode"]), (part, 206))
        self.refused("InvalidRange", get, Range="bytes=%d-" % len(content))
        self.refused("PreconditionFailed", get, IfMatch='"other"')
        self.assertEqual(get(IfMatch=head["ETag"])["ETag"], head["ETag"])
        self.refused("304", get, IfNoneMatch=head["ETag"])
        self.refused("304", get, IfModifiedSince=head["LastModified"])
        self.assertFalse([k for k in self.keys() if k.startswith("_t")])
        self.refused("NoSuchKey", self.s3.get_object, Bucket="tapeline-lake", Key="_tapeline/catalog.json")
        url = self.s3.generate_presigned_url("get_object", Params={"Bucket": "tapeline-lake", "Key": wanted[-1]})
        self.assertEqual(urllib.request.urlopen(url).read(), content)

    def test_no_path_leaves_the_lake(self):
        os.makedirs(os.path.join(self.data, "lake", "links"), exist_ok=True)
        for name, to in (("folder", self.data), ("file", os.path.join(self.data, "format"))):
            os.symlink(to, os.path.join(self.data, "lake", "links", name))
        for path in ("/../format", "/%2e%2e/format", "/a/%2e%2e/%2e%2e/format", "/links/folder/format", "/links/file", "/.%2e/format", "//etc/passwd",
                     "/%2e/_tapeline/catalog.json", "/_tapeline/catalog.json", "/_tapeline"):
            status, body = call(self.url + "/tapeline-lake" + path)
            self.assertIn(status, (400, 404), path)
            self.assertIn("<Error>", body)
            status, body = call(self.url + "/tapeline-lake" + path, body=b"x", method="PUT")
            self.assertIn(status, (400, 403), path)
        self.assertEqual(call(self.url + "/tapeline-lake/a%00b")[0], 400)
        self.assertEqual(self.keys(Prefix="links/"), [])
        self.assertEqual(self.keys(Prefix="../"), [])

    def test_objects_of_a_client(self):
        """Bytes, metadata, odd names, copies, deletion; folders that are empty are gone."""
        key = "mine/a b+c%20é'\"<&.txt"
        put = self.s3.put_object(Bucket="tapeline-lake", Key=key, Body=b"hello", ContentType="text/plain", Metadata={"owner": "me"})
        self.assertEqual(put["ETag"], '"%s"' % hashlib.md5(b"hello").hexdigest())
        got = self.s3.get_object(Bucket="tapeline-lake", Key=key)
        self.assertEqual((got["Body"].read(), got["ContentType"], got["Metadata"], got["ETag"]), (b"hello", "text/plain", {"owner": "me"}, put["ETag"]))
        self.assertEqual(self.keys(Prefix="mine/"), [key])
        self.assertEqual(self.s3.list_objects_v2(Bucket="tapeline-lake", Prefix="mine/")["Contents"][0]["ETag"], put["ETag"])
        self.s3.copy_object(Bucket="tapeline-results", Key="copy", CopySource={"Bucket": "tapeline-lake", "Key": key})
        copy = self.s3.get_object(Bucket="tapeline-results", Key="copy")
        self.assertEqual((copy["Body"].read(), copy["Metadata"]), (b"hello", {"owner": "me"}))
        answer = self.s3.delete_objects(Bucket="tapeline-lake", Delete={"Objects": [{"Key": key}, {"Key": "nope"}, {"Key": HISTORY + "x"}]})
        self.assertEqual(([d["Key"] for d in answer["Deleted"]], [e["Code"] for e in answer["Errors"]]), ([key, "nope"], ["AccessDenied"]))
        self.assertFalse(os.path.exists(os.path.join(self.data, "lake", "mine")))
        self.s3.delete_object(Bucket="tapeline-results", Key="copy")
        self.refused("404", self.s3.head_object, Bucket="tapeline-lake", Key=key)

    def test_what_a_pipeline_writes_is_not_written_here(self):
        victim = self.keys(Prefix=HISTORY)[1]
        for call_ in (lambda: self.s3.put_object(Bucket="tapeline-lake", Key=HISTORY + "x", Body=b"x"),
                      lambda: self.s3.delete_object(Bucket="tapeline-lake", Key=victim),
                      lambda: self.s3.create_multipart_upload(Bucket="tapeline-lake", Key=victim),
                      lambda: self.s3.copy_object(Bucket="tapeline-lake", Key=victim, CopySource={"Bucket": "tapeline-lake", "Key": victim})):
            self.assertIn("curated.stocks_features", self.refused("AccessDenied", call_))
        self.assertIn("tapeline's own", self.refused("AccessDenied", self.s3.put_object, Bucket="tapeline-lake", Key="_tapeline/x", Body=b"x"))
        self.assertIn(victim, self.keys(Prefix=HISTORY))

    def put(self, key, body, **headers):
        return call(self.url + "/tapeline-lake/" + key, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body, method="PUT")

    def test_conditions_and_checksums(self):
        self.assertEqual(self.put("cond/a", b"1", If_None_Match="*")[0], 200)
        self.assertEqual(self.put("cond/a", b"2", If_None_Match="*")[0], 412)
        tag = self.s3.head_object(Bucket="tapeline-lake", Key="cond/a")["ETag"]
        self.assertEqual(self.put("cond/a", b"3", If_Match='"0"')[0], 412)
        self.assertEqual(self.put("cond/a", b"3", If_Match=tag)[0], 200)
        self.assertEqual(self.put("cond/b", b"3", If_Match=tag)[0], 404)
        for name, value in (("crc32", "NhCmhg=="), ("crc32c", "mnG7TA=="), ("sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
                            ("crc64nvme", "M3eFcAZSQlc="), ("sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")):
            header = {"x-amz-checksum-" + name: value}
            self.assertEqual(self.put("cond/sum", b"hello", **header)[0], 200, name)
            status, body = self.put("cond/sum", b"hellO", **header)
            self.assertEqual((status, "<Code>BadDigest</Code>" in body), (400, True), name)
        self.assertIn("BadDigest", self.put("cond/md5", b"hello", Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==")[1])
        self.assertIn("XAmzContentSHA256Mismatch", self.put("cond/sha", b"hello", x_amz_content_sha256="0" * 64)[1])
        chunked = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
        head = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer": "x-amz-checksum-crc32", "content-encoding": "aws-chunked",
                "x-amz-decoded-content-length": "5"}
        self.assertEqual(self.put("cond/chunked", chunked % b"NhCmhg==", **head)[0], 200)
        got = self.s3.get_object(Bucket="tapeline-lake", Key="cond/chunked", ChecksumMode="ENABLED")
        self.assertEqual((got["Body"].read(), got["ChecksumCRC32"], got.get("ContentEncoding")), (b"hello", "NhCmhg==", None))
        self.assertIn("BadDigest", self.put("cond/chunked", chunked % b"AAAAAA==", **head)[1])
        self.assertIn("IncompleteBody", self.put("cond/chunked", b"5\r\nhel", **head)[1])
        empty = dict(head, **{"x-amz-decoded-content-length": "0"})
        self.assertEqual(self.put("cond/made/", chunked[10:] % b"AAAAAA==", **empty)[0], 200, "a folder, as Hadoop's client makes them")
        self.assertIn("InvalidRequest", self.put("cond/made/", chunked % b"NhCmhg==", **head)[1])
        self.assertEqual(self.s3.get_object(Bucket="tapeline-lake", Key="cond/chunked")["Body"].read(), b"hello")

    def test_large_objects(self):
        """Multipart and single uploads of 24 MB, over HTTP/1.1 and HTTP/2, without their bytes in the server's memory."""
        content = os.urandom(24 << 20)
        before = rss_kb(self.server.pid)
        self.s3.upload_fileobj(io.BytesIO(content), "tapeline-lake", "big/parts")
        self.assertTrue(self.s3.head_object(Bucket="tapeline-lake", Key="big/parts")["ETag"].endswith('-3"'))
        path = os.path.join(self.folder.name, "big")
        with open(path, "wb") as f:
            f.write(content)
        curl = lambda *args: subprocess.run(["curl", "-sS", "--fail", *args], check=True, stdout=subprocess.PIPE).stdout
        curl("-T", path, self.url + "/tapeline-lake/big/one")
        curl("--http2-prior-knowledge", "-T", path, self.url + "/tapeline-lake/big/two")
        for name in ("parts", "one", "two"):
            for version in ((), ("--http2-prior-knowledge",)):
                self.assertEqual(curl(*version, self.url + "/tapeline-lake/big/" + name), content)
        out = io.BytesIO()
        self.s3.download_fileobj("tapeline-lake", "big/one", out)
        self.assertEqual(out.getvalue(), content)
        self.assertLess(rss_kb(self.server.pid) - before, 30 << 10)
        self.refused("InvalidPart", self.complete_with, "0" * 32)
        self.assertEqual(self.keys(Prefix="big/none"), [])

    def complete_with(self, etag):
        begun = dict(Bucket="tapeline-lake", Key="big/none")
        upload = dict(begun, UploadId=self.s3.create_multipart_upload(**begun)["UploadId"])
        self.s3.upload_part(PartNumber=1, Body=b"a", **upload)
        self.assertEqual([p["Size"] for p in self.s3.list_parts(**upload)["Parts"]], [1])
        self.assertIn(upload["UploadId"], [u["UploadId"] for u in self.s3.list_multipart_uploads(Bucket="tapeline-lake")["Uploads"]])
        self.refused("NoSuchUpload", self.s3.upload_part, PartNumber=1, Body=b"a", **dict(upload, Key="big/other"))
        try:
            self.s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload)
        finally:
            self.s3.abort_multipart_upload(**upload)
            self.refused("NoSuchUpload", self.s3.list_parts, **upload)

    def test_a_part_is_copied(self):
        content, place = os.urandom((5 << 20) + 777), dict(Bucket="tapeline-lake", Key="copied/whole")
        self.s3.put_object(Bucket="tapeline-lake", Key="copied/a b", Body=content)
        upload = dict(place, UploadId=self.s3.create_multipart_upload(**place)["UploadId"])
        of = dict(upload, CopySource={"Bucket": "tapeline-lake", "Key": "copied/a b"})
        etags = [self.s3.upload_part_copy(PartNumber=1, **of)["CopyPartResult"]["ETag"],
                 self.s3.upload_part_copy(PartNumber=2, CopySourceRange="bytes=100-199", **of)["CopyPartResult"]["ETag"]]
        for bad in ("bytes=0-%d" % len(content), "bytes=9-8", "bytes=5-", "bytes=-5", "0-5"):
            self.refused("InvalidArgument", self.s3.upload_part_copy, PartNumber=3, CopySourceRange=bad, **of)
        self.refused("NoSuchKey", self.s3.upload_part_copy, PartNumber=3, **dict(of, CopySource="tapeline-lake/copied/none"))
        self.refused("NoSuchUpload", self.s3.upload_part_copy, PartNumber=3, **dict(of, UploadId="0" * 32))
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": i + 1, "ETag": e} for i, e in enumerate(etags)]}, **upload)
        self.assertEqual(self.s3.get_object(**place)["Body"].read(), content + content[100:200])

    def test_an_abandoned_upload_is_removed(self):
        place, day_ns = dict(Bucket="tapeline-lake", Key="late/x"), 86400 * 10**9
        uploads = [dict(place, UploadId=self.s3.create_multipart_upload(**place)["UploadId"]) for _ in range(2)]
        for upload, days in zip(uploads, (7, 6.9)):
            self.s3.upload_part(PartNumber=1, Body=b"a", **upload)
            path = os.path.join(self.data, "lake", "_tapeline", "uploads", upload["UploadId"], "upload.json")
            with open(path) as f:
                file = json.load(f)
            with open(path, "w") as f:
                json.dump(dict(file, begun_ns=file["begun_ns"] - int(days * day_ns)), f)
        self.s3.abort_multipart_upload(**dict(place, UploadId=self.s3.create_multipart_upload(**place)["UploadId"]))
        self.refused("NoSuchUpload", self.s3.list_parts, **uploads[0])
        self.assertFalse(os.path.exists(os.path.join(self.data, "lake", "_tapeline", "uploads", uploads[0]["UploadId"])))
        self.assertEqual(len(self.s3.list_parts(**uploads[1])["Parts"]), 1)
        self.s3.abort_multipart_upload(**uploads[1])

    def test_who_may_ask(self):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            self.assertEqual(call(self.url + "/tapeline-lake", headers=headers)[0], 403)
        port = self.url.rsplit(":", 1)[1]
        status, body = call(self.url + "/?prefix=curated/&max-keys=1", headers={"Host": "tapeline-lake.localhost:" + port})
        self.assertEqual((status, "<Key>curated/" in body), (200, True))

    def test_aws_cli(self):
        env = dict(CLIENT_ENV, HOME=self.folder.name)
        aws = lambda *args: subprocess.run(["/usr/bin/aws", "--endpoint-url", self.url, *args], check=True, env=env, stdout=subprocess.PIPE, text=True).stdout
        here = os.path.join(self.folder.name, "tree")
        os.makedirs(os.path.join(here, "a"))
        for name in ("x", "a/y"):
            with open(os.path.join(here, name), "w") as f:
                f.write(name)
        aws("s3", "cp", "--recursive", "--quiet", here, "s3://tapeline-lake/cli/")
        self.assertEqual([line.split()[-1] for line in aws("s3", "ls", "--recursive", "s3://tapeline-lake/cli/").splitlines()], ["cli/a/y", "cli/x"])
        self.assertEqual(self.s3.get_object(Bucket="tapeline-lake", Key="cli/a/y")["Body"].read(), b"a/y")



def partition(value):
    return {"Values": [value], "StorageDescriptor": {"Location": "s3://tapeline-lake/glue/t/d=%s/" % value}}


class Glue(Face):
    TABLE = {"Name": "T", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://tapeline-lake/glue/t/"},
             "PartitionKeys": [{"Name": "d", "Type": "string"}], "Parameters": {"k": "v"}, "TableType": "EXTERNAL_TABLE"}

    def setUp(self):
        self.glue = self.client("glue")

    def test_tables_of_pipelines(self):
        """As Glue would have them, with the partitions of the lake's folders; nobody changes them here."""
        names = [d["Name"] for d in self.glue.get_databases()["DatabaseList"]]
        self.assertEqual([n for n in names if n != "default"][:3], ["curated", "stock_stream", "stock_streaming_database"])
        table = self.glue.get_table(DatabaseName="curated", Name="stocks_features")["Table"]
        self.assertEqual(table["StorageDescriptor"]["Location"], "s3://tapeline-lake/curated/stocks_features/")
        self.assertEqual([(k["Name"], k["Type"]) for k in table["PartitionKeys"]], [("ticker", "string"), ("year", "bigint")])
        self.assertEqual({c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}["close"], "double")
        of = dict(DatabaseName="curated", TableName="stocks_features")
        every = self.glue.get_partitions(**of)["Partitions"]
        self.assertEqual(len(every), 10)
        some = [p["Values"] for page in self.glue.get_paginator("get_partitions").paginate(Expression="ticker >= 'AMD' AND year = 2024",
                                                                                          PaginationConfig={"PageSize": 4}, **of) for p in page["Partitions"]]
        self.assertEqual(some, [p["Values"] for p in every if p["Values"][0] >= "AMD"])
        self.assertEqual(self.glue.get_partition(PartitionValues=every[3]["Values"], **of)["Partition"]["StorageDescriptor"]["Location"],
                         every[3]["StorageDescriptor"]["Location"])
        for call_ in (lambda: self.glue.delete_table(DatabaseName="curated", Name="stocks_features"),
                      lambda: self.glue.update_table(DatabaseName="curated", TableInput={"Name": "stocks_features"}),
                      lambda: self.glue.delete_partition(PartitionValues=every[0]["Values"], **of),
                      lambda: self.glue.delete_database(Name="stock_stream")):
            self.assertIn("pipeline", self.refused("InvalidInputException", call_))
        self.assertIn("GetCrawlers", self.refused("UnknownOperationException", self.glue.get_crawlers))

    def test_tables_of_a_client(self):
        g, of = self.glue, dict(DatabaseName="mine", TableName="t")
        g.create_database(DatabaseInput={"Name": "Mine", "Description": "of a client"})
        self.refused("AlreadyExistsException", g.create_database, DatabaseInput={"Name": "mine"})
        self.refused("EntityNotFoundException", g.create_table, DatabaseName="none", TableInput=self.TABLE)
        g.create_table(DatabaseName="mine", TableInput=self.TABLE)
        self.refused("AlreadyExistsException", g.create_table, DatabaseName="mine", TableInput=self.TABLE)
        g.update_table(DatabaseName="mine", TableInput=dict(self.TABLE, Description="new"))
        table = g.get_table(DatabaseName="MINE", Name="T")["Table"]
        self.assertEqual((table["Name"], table["Description"], table["VersionId"], table["Parameters"]), ("t", "new", "1", {"k": "v"}))
        self.assertEqual([v["VersionId"] for v in g.get_table_versions(**of)["TableVersions"]], ["1", "0"])
        self.refused("ConcurrentModificationException", g.update_table, DatabaseName="mine", TableInput=self.TABLE, VersionId="0")
        self.assertEqual([t["Name"] for t in g.search_tables(SearchText="of a cl")["TableList"]], [])
        self.assertEqual([t["Name"] for t in g.get_tables(DatabaseName="mine", Expression="t|x.*")["TableList"]], ["t"])
        self.assertEqual(g.get_tables(DatabaseName="mine", Expression="x.*")["TableList"], [])
        self.refused("InvalidInputException", g.get_tables, DatabaseName="mine", Expression="(a{1,255}){1,255}")
        errors = g.batch_create_partition(PartitionInputList=[partition(v) for v in "abab"], **of)["Errors"]
        self.assertEqual([(e["PartitionValues"], e["ErrorDetail"]["ErrorCode"]) for e in errors], [([v], "AlreadyExistsException") for v in "ab"])
        self.refused("AlreadyExistsException", g.create_partition, PartitionInput=partition("b"), **of)
        self.refused("InvalidInputException", g.create_partition, PartitionInput={"Values": ["a", "b"]}, **of)
        g.create_partition(PartitionInput=partition("c"), **of)
        g.update_partition(PartitionValueList=["c"], PartitionInput=dict(partition("c"), Parameters={"x": "y"}), **of)
        self.assertEqual(g.get_partition(PartitionValues=["c"], **of)["Partition"]["Parameters"], {"x": "y"})
        self.assertEqual([p["Values"] for p in g.get_partitions(Expression="d <> 'a'", **of)["Partitions"]], [["b"], ["c"]])
        self.refused("InvalidInputException", g.get_partitions, Expression="other = 1", **of)
        self.assertEqual([p["Values"] for p in g.batch_get_partition(PartitionsToGet=[{"Values": ["b"]}, {"Values": ["z"]}], **of)["Partitions"]], [["b"]])
        errors = g.batch_delete_partition(PartitionsToDelete=[{"Values": ["b"]}, {"Values": ["z"]}], **of)["Errors"]
        self.assertEqual([e["PartitionValues"] for e in errors], [["z"]])
        g.delete_partition(PartitionValues=["a"], **of)
        self.refused("EntityNotFoundException", g.get_partition, PartitionValues=["a"], **of)
        g.delete_table(DatabaseName="mine", Name="t")
        self.refused("EntityNotFoundException", g.get_table, DatabaseName="mine", Name="t")
        g.delete_database(Name="mine")
        self.refused("EntityNotFoundException", g.get_database, Name="mine")

    def rows(self, sql, check=True):
        p = run("query", sql, "--lake", os.path.join(self.data, "lake"), "--format", "csv", check=check)
        return p.stdout.split() if check else p.stderr

    def test_a_clients_table_is_queried(self):
        """Parquet that a client puts and registers: rows of registered partitions, in the table's columns and types, by 'tapeline query'."""
        lake, s3, g = os.path.join(self.data, "lake"), self.client("s3"), self.glue
        storage = lambda place: {"Columns": [{"Name": "Close", "Type": "double"}, {"Name": "volume", "Type": "decimal(20,2)"}, {"Name": "more", "Type": "array<string>"}],
                                 "Location": place, "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"}
        history = self.client("s3").list_objects_v2(Bucket="tapeline-lake", Prefix=HISTORY + "ticker=AAPL/")["Contents"][0]["Key"]
        for day in ("2024-01-01", "2024-01-02", "2024-01-03"):
            s3.copy_object(Bucket="tapeline-lake", Key="client/t/day=%s/x.parquet" % day, CopySource={"Bucket": "tapeline-lake", "Key": history})
        g.create_database(DatabaseInput={"Name": "theirs"})
        place = "s3://tapeline-lake/client/t/"
        g.create_table(DatabaseName="theirs", TableInput={"Name": "prices", "StorageDescriptor": storage(place), "PartitionKeys": [{"Name": "day", "Type": "date"}]})
        count = "SELECT count(*) AS n FROM theirs.prices"
        self.assertEqual(self.rows(count), ["n", "0"])
        g.batch_create_partition(DatabaseName="theirs", TableName="prices", PartitionInputList=[
            {"Values": [d], "StorageDescriptor": storage(place + "day=%s/" % d)} for d in ("2024-01-01", "2024-01-02")])
        one = int(self.rows("SELECT count(*) AS n FROM curated.stocks_features WHERE ticker = 'AAPL'")[1])
        self.assertEqual(self.rows(count), ["n", str(2 * one)])
        self.assertEqual(self.rows("SELECT max(day) + 1 AS d, count(more) AS m, typeof(any_value(volume)) AS t FROM theirs.prices"),
                         self.rows("SELECT DATE '2024-01-03' AS d, 0 AS m, typeof(1::DECIMAL(20,2)) AS t"))
        self.assertEqual(self.rows("SELECT round(avg(close), 6) AS c FROM theirs.prices"),
                         self.rows("SELECT round(avg(close), 6) AS c FROM curated.stocks_features WHERE ticker = 'AAPL'"))
        g.create_table(DatabaseName="theirs", TableInput={"Name": "csv", "StorageDescriptor": dict(storage(place), InputFormat="org.apache.hadoop.mapred.TextInputFormat")})
        g.create_table(DatabaseName="theirs", TableInput={"Name": "away", "StorageDescriptor": storage("s3://elsewhere/x/")})
        self.assertIn("tapeline reads Parquet", self.rows("SELECT * FROM theirs.csv", check=False))
        self.assertIn("is not in this lake", self.rows("SELECT * FROM theirs.away", check=False))
        self.assertIn("prices", " ".join(self.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'theirs'")))

    def test_what_is_no_call(self):
        for body in (b"", b"[1]", b"{", b'{"DatabaseName": 5}', b'{"DatabaseName": "../../x"}', b'{"DatabaseName":"a","TableInput":{"Name":"\u0000"}}'):
            for action in ("GetTables", "CreateTable", "GetPartitions", "BatchCreatePartition"):
                status, answer = call(self.url, "AWSGlue." + action, body=body)
                self.assertEqual(status, 400, (action, body))
                self.assertIn(json.loads(answer)["__type"], ("SerializationException", "InvalidInputException", "EntityNotFoundException"))


if __name__ == "__main__":
    unittest.main()
