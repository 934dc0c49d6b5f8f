# SPDX-License-Identifier: Apache-2.0
"""S3, Glue and Athena on the AWS port of 'tapeline up', with AWS's own clients; a lone broker refuses them by name."""
import json
import tempfile
import unittest
import urllib.error
import urllib.request

from tapeline import Server


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


if __name__ == "__main__":
    unittest.main()
