# SPDX-License-Identifier: Apache-2.0
"""The object store against moto's S3: what a folder and our own stand-in answer, conditional PUT and uploads in parts among it."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integration"))
import test_glue  # noqa: E402
import test_store  # noqa: E402
from tapeline import CLIENT_ENV  # noqa: E402


class MotoStore(test_glue.unittest.TestCase):
    setUpClass = classmethod(test_glue.Moto.setUpClass.__func__)
    tearDownClass = classmethod(test_glue.Moto.tearDownClass.__func__)

    def test_it_is_alike(self):
        test_glue.Moto.client(self, "s3").create_bucket(Bucket="lake")
        pairs = test_store.ALIKE + test_store.ONCE + [("publish big 20000000 7", "ok"), ("fetch big", "ok 20000000 2f763e68 1")]
        with tempfile.TemporaryDirectory() as folder:
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_S3=self.url, TMPDIR=folder)
            answers, _ = test_store.ask("s3://lake/p/q", [call for call, _ in pairs], env)
        self.assertEqual(len(answers), len(pairs))
        for (call, wanted), answer in zip(pairs, answers):
            self.assertEqual(answer if wanted.startswith("ok") else answer.split(" ")[0], wanted, call)
