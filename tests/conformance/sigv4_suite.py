#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our signer against AWS's published Signature Version 4 test suite: sigv4_suite.py ARCHIVE SIGNER. ARCHIVE is botocore's source
archive, which carries the suite (tests/unit/auth/aws4_testsuite); SIGNER is build/sigv4_signer. A line a vector."""
import hashlib
import json
import subprocess
import sys
import tarfile
import urllib.parse

# The suite's credentials; the token goes with the vector that is named for it.
ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
FOLDER = "/tests/unit/auth/aws4_testsuite/"


def read_suite(archive):
    """{vector: {extension: text}}"""
    suite = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and FOLDER in member.name and member.name.endswith((".req", ".creq", ".authz")):
                name, _, extension = member.name.rpartition("/")[2].rpartition(".")
                suite.setdefault(name, {})[extension] = tar.extractfile(member).read().decode().replace("\r\n", "\n")
    return suite


def parse(name, text):
    """The suite writes targets unencoded and headers over several lines."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, _, rest = first.partition(" ")
    target = rest.rpartition(" ")[0]
    path, _, query = target.partition("?")
    headers = []
    for line in lines:
        if line[:1] in " \t":
            headers[-1][1] += "\n" + line
        else:
            headers.append(list(line.partition(":")[::2]))
    if name == "get-vanilla-with-session-token":
        headers.append(["X-Amz-Security-Token", TOKEN])
    return dict(method=method, path=path, query=urllib.parse.quote(query, safe="=&%-_.~/"), headers=headers,
                payload_hash=hashlib.sha256(body.encode()).hexdigest(), region="us-east-1", service="service", date="2015-08-30T12:36:00Z",
                access_key=ACCESS, secret_key=SECRET)


def main():
    suite = read_suite(sys.argv[1])
    names = sorted(n for n in suite if set(suite[n]) == {"req", "creq", "authz"})
    if len(names) < 25:
        sys.exit("sigv4_suite: only %d vectors in %s" % (len(names), sys.argv[1]))
    p = subprocess.run([sys.argv[2]], input="".join(json.dumps(parse(n, suite[n]["req"])) + "\n" for n in names), stdout=subprocess.PIPE, text=True, check=True)
    failed = 0
    for name, line in zip(names, p.stdout.splitlines(), strict=True):
        mine = json.loads(line)
        good = mine["canonical"] == suite[name]["creq"] and mine["authorization"] == suite[name]["authz"]
        print("%-7s %s" % ("ok" if good else "FAILED", name))
        if not good:
            failed += 1
            print("ours:\n%s\n%s\ntheirs:\n%s\n%s" % (mine["canonical"], mine["authorization"], suite[name]["creq"], suite[name]["authz"]))
    print("%d passed, %d failed" % (len(names) - failed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
