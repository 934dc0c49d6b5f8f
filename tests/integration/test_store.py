# SPDX-License-Identifier: Apache-2.0
"""The object store (src/lake/store.h) through a tool: one script of calls says the same of a folder, of a bucket of our own stand-in and of
one of s3rver; then what a bucket does when it misbehaves."""
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import tapeline
from fake_s3 import FakeS3

TOOL = os.path.join(os.path.dirname(tapeline.BINARY), "store_tool")
JS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "js")

# What is asked and what every kind of store answers; None: looked at apart.
ALIKE = [
    ("put a/b/c one", "ok"), ("put a/b/c two", "ok"), ("get a/b/c", "ok 3 two"), ("head nothing/here", "TL_NOT_FOUND"), ("get a/b/d", "TL_NOT_FOUND"),
    ("put a/b/ticker=A%20B+C&%25x y", "ok"), ("put a/b/caf\u00e9%253A z", "ok"), ("get a/b/caf\u00e9%253A", "ok 1 z"), ("get a/b/ticker=A%20B+C&%25x", "ok 1 y"),
    ("put a/q/r/s 1", "ok"), ("put a/zz 12", "ok"),
    ("list a", "ok 3 [b] [q] [zz]"), ("list a z", "ok 1 [zz]"), ("list a/b", "ok 3 [c] [caf\u00e9%3A] [ticker=A B+C&%x]"), ("list nothing", "ok 0"),
    ("walk a", "ok 5 [a/b/c]=3 [a/b/caf\u00e9%3A]=1 [a/b/ticker=A B+C&%x]=1 [a/q/r/s]=1 [a/zz]=2"), ("walk a/q", "ok 1 [a/q/r/s]=1"),
    ("range a/b/c 1 1", "ok 1 w"), ("range a/b/c 1 100", "ok 2 wo"), ("range a/b/c 3 10", "ok 0 "),
    ("publish empty 0 1", "ok"), ("get empty", "ok 0 "), ("fetch empty", "ok 0 00000000 1"),
    ("publish p/one 100000 3", "ok"), ("publish p/one 100000 3", "ok"), ("fetch p/one", "ok 100000 90a0c107 1"), ("publish p/one 100000 4", "ok"),
    ("fetch p/one", "ok 100000 ae15f575 1"),
    ("delete a/b/c a/zz a/none", "ok"), ("delete a/none", "ok"), ("tree a", "ok"), ("walk a", "ok 0"), ("tree a", "ok"),
    ("put ../x y", "TL_INVALID"), ("get a//b", "TL_INVALID"), ("put /x y", "TL_INVALID"), ("list ..", "TL_INVALID"),
]
ONCE = [("create o one", "ok"), ("create o one", "ok"), ("create o two", "TL_CONFLICT"), ("get o", "ok 3 one"), ("check probe", "ok"), ("check probe", "ok")]


def ask(root, calls, env, *more, timeout=120):
    """The tool's answers, a line a call, and what it said on stderr."""
    p = subprocess.run([TOOL, root, *more], input="".join(c + "\n" for c in calls), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=timeout, env=env)
    return p.stdout.splitlines(), p.stderr


class Store(unittest.TestCase):
    def setUp(self):
        self.s3 = FakeS3(page=3)
        self.s3.buckets["lake"] = {}
        self.dir = tempfile.mkdtemp(prefix="tapeline-store-")
        self.env = self.s3.env(TMPDIR=self.dir)

    def tearDown(self):
        self.s3.close()
        shutil.rmtree(self.dir)

    def same(self, root, pairs, env, *more):
        answers, _ = ask(root, [call for call, _ in pairs], env, *more)
        self.assertEqual(len(answers), len(pairs), answers[-1:])
        for (call, wanted), answer in zip(pairs, answers):
            self.assertEqual(answer if wanted.startswith("ok") else answer.split(" ")[0], wanted, "%s: %s: %s" % (root, call, answer))

    def expect(self, calls, *more, root="s3://lake/p", **env):
        return ask(root, calls, dict(self.env, **env), *more)

    # ---- the same everywhere ----

    def test_a_folder_and_a_bucket_are_alike(self):
        self.same(os.path.join(self.dir, "lake"), ALIKE + ONCE, self.env)
        self.same("s3://lake/with/prefix/", ALIKE + ONCE, self.env)
        self.assertEqual(self.s3.names("lake"), ["with/prefix/" + n for n in ("empty", "o", "p/one", "probe")])
        self.assertEqual([n for n in os.listdir(self.dir) if n != "lake"], [], "the tool's own staging folder is removed")
        self.same("s3://lake", ALIKE + ONCE, dict(self.env, TAPELINE_S3_ADDRESSING="path"))

    def test_s3rver(self):
        port, root = 0, os.path.join(self.dir, "s3rver")
        script = ("const S3rver = require('s3rver'); new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory: process.argv[1],"
                  " configureBuckets: [{ name: 'lake' }] }).run().then(a => console.log(a.port))")
        server = subprocess.Popen(["node", "-e", script, root], cwd=JS, stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            env = dict(self.env, AWS_ACCESS_KEY_ID="S3RVER", AWS_SECRET_ACCESS_KEY="S3RVER", AWS_ENDPOINT_URL_S3="http://127.0.0.1:%d" % port)
            # It has no range of an empty object, and no common prefix of what lies two folders deeper.
            self.same("s3://lake/p", [(c.replace("q/r/s", "q/r"), w.replace("q/r/s", "q/r")) for c, w in ALIKE if " empty" not in c], env)
            answers, _ = ask("s3://lake/p", ["check probe"], env)
            self.assertRegex(answers[0], "TL_UNSUPPORTED .*does not know conditional writes.*--state")
        finally:
            server.terminate()
            server.wait(30)
            server.stdout.close()

    def test_large_files_go_in_parts_and_come_back(self):
        answers, _ = self.expect(["publish big 20000000 7", "fetch big", "head big", "publish big 20000000 7", "range big 8388600 20"])
        self.assertEqual(answers[:2], ["ok", "ok 20000000 2f763e68 1"])
        self.assertRegex(answers[2], 'ok 20000000 "[0-9a-f]{32}-3" 1')
        self.assertEqual(answers[3], "ok")
        self.assertEqual(answers[4].split(" ")[:2], ["ok", "20"])
        self.assertEqual([a for a, _ in self.s3.calls].count("UploadPart"), 6)
        self.assertEqual(self.s3.uploads, {}, "no part is left behind")

    def test_deletion_of_many_is_one_request_a_thousand(self):
        names = ["d/%04d&<" % i for i in range(2300)]
        self.s3.buckets["lake"] = {"p/" + n: self.thing() for n in names}
        self.s3.page = 1000
        answers, _ = self.expect(["tree d", "walk d"])
        self.assertEqual(answers, ["ok", "ok 0"])
        self.assertEqual([a for a, _ in self.s3.calls].count("DeleteObjects"), 3)

    @staticmethod
    def thing():
        from fake_s3 import Thing
        return Thing(b"x")

    # ---- what a bucket does ----

    def misbehave(self, times, act, action=None):
        """The next requests of that action are answered so."""
        left = [times]

        def rule(r):
            if left[0] <= 0 or (action and r.action != action):
                return None
            left[0] -= 1
            return act
        self.s3.rule = rule

    def test_what_passes_is_tried_again(self):
        self.expect(["put a one"])
        for act, action in (((503, "SlowDown"), None), ((500, "InternalError"), None), ("drop", None), ("cut", "GetObject"), ("cut", "ListObjectsV2"),
                            ("lost", "PutObject"), ((409, "ConditionalRequestConflict"), "PutObject")):
            self.misbehave(2, act, action)
            answers, _ = self.expect(["create b%d two" % len(self.s3.calls), "get a", "list nothing"])
            self.assertEqual(answers, ["ok", "ok 3 one", "ok 0"], (act, action))
        self.misbehave(10 ** 6, (503, "SlowDown"))
        answers, _ = self.expect(["put a two"], AWS_MAX_ATTEMPTS="2")
        self.assertRegex(answers[0], "TL_THROTTLED .*'s3://lake/p/a'.*SlowDown")

    def test_an_answer_that_is_lost_doubles_nothing(self):
        for action, call in (("PutObject", "create x one"), ("PutObject", "publish y 100 1"), ("CompleteMultipartUpload", "publish z 17000000 1"),
                             ("UploadPart", "publish w 17000000 1"), ("CreateMultipartUpload", "publish v 17000000 1")):
            self.misbehave(1, "lost", action)
            answers, _ = self.expect([call])
            self.assertEqual(answers, ["ok"], action)
        self.misbehave(1, "lost", "PutObject")
        answers, _ = self.expect(["create x other"])
        self.assertRegex(answers[0], "TL_CONFLICT")
        self.assertEqual(self.s3.buckets["lake"]["p/x"].body, b"one")

    def test_only_one_of_two_creates_wins(self):
        results = []
        threads = [threading.Thread(target=lambda i=i: results.append((i, ask("s3://lake/r", ["create n%d by%d" % (k, i) for k in range(20)], self.env)[0])))
                   for i in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for k in range(20):
            winners = [i for i, answers in results if answers[k] == "ok"]
            self.assertEqual(len(winners), 1, [answers[k] for _, answers in results])
            self.assertEqual(self.s3.buckets["lake"]["r/n%d" % k].body, b"by%d" % winners[0])

    def test_rights_that_are_missing_are_named(self):
        self.expect(["put a one"])
        for action, call, right in (("PutObject", "put a two", "s3:PutObject"), ("GetObject", "get a", "s3:GetObject"), ("HeadObject", "head a", "s3:GetObject"),
                                    ("ListObjectsV2", "list x", "s3:ListBucket"), ("DeleteObject", "delete a", "s3:DeleteObject"),
                                    ("DeleteObjects", "delete a b", "s3:DeleteObject"), ("CreateMultipartUpload", "publish z 17000000 1", "s3:PutObject")):
            self.misbehave(10, (403, "AccessDenied"), action)
            answers, _ = self.expect([call])
            self.assertRegex(answers[0], "TL_DENIED .*%s is not allowed on 's3://lake/p/" % right)
        self.s3.rule = None
        answers, _ = self.expect(["get a"], AWS_SECRET_ACCESS_KEY="wrong")
        self.assertRegex(answers[0], "TL_DENIED .*SignatureDoesNotMatch")

    def test_a_bucket_that_is_absent_is_no_empty_lake(self):
        answers, _ = self.expect(["get a", "list a", "put a x"], root="s3://not-there/p")
        for answer in answers:
            self.assertRegex(answer, "TL_INVALID .*there is no bucket 'not-there'.*aws s3 mb s3://not-there")

    def test_a_bucket_elsewhere_is_followed_there_and_named(self):
        self.s3.region = "eu-central-1"
        answers, said = self.expect(["put a one", "get a", "head a"])
        self.assertEqual(answers[:2], ["ok", "ok 3 one"])
        self.assertRegex(said, "bucket 'lake' is in eu-central-1.*region = 'eu-central-1'")
        self.assertEqual(said.count("is in eu-central-1"), 1)
        answers, said = self.expect(["get a"], "eu-central-1")
        self.assertEqual((answers, said), (["ok 3 one"], ""))

    def test_the_bucket_in_the_host_name(self):
        answers, _ = self.expect(["put a one", "get a"], TAPELINE_S3_ADDRESSING="virtual", AWS_ENDPOINT_URL_S3=self.s3.url.replace("127.0.0.1", "localhost"))
        self.assertEqual(answers, ["ok", "ok 3 one"])
        self.assertEqual(self.s3.names("lake"), ["p/a"])
        answers, _ = self.expect(["put a one"], TAPELINE_S3_ADDRESSING="both")
        self.assertRegex(answers[0], "TL_INVALID .*TAPELINE_S3_ADDRESSING")

    def test_a_listing_that_lies_is_an_error(self):
        for body in (b"", b"<ListBucketResult></ListBucketResult>", b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
                     b"<ListBucketResult><Contents><Key>p/a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
                     b"<ListBucketResult><Contents><Size>1</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>", b"\xff<>&" * 1000):
            self.s3.do_ListObjectsV2 = lambda r, bucket: (200, body, {})
            answers, _ = self.expect(["walk x"])
            self.assertRegex(answers[0], "TL_CORRUPT .*S3's listing")
        hostile = b"".join(b"<Contents><Key>p/%s</Key><Size>1</Size></Contents>" % k for k in (b"../../x", b"a//b", b"x/./y", b"good", b""))
        self.s3.do_ListObjectsV2 = lambda r, bucket: (200, b"<R>" + hostile + b"<IsTruncated>false</IsTruncated></R>", {})
        self.assertEqual(self.expect(["walk x"])[0], ["ok 1 [good]=1"])


if __name__ == "__main__":
    unittest.main()
