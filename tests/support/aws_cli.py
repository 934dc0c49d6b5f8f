#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many commands of Debian's AWS CLI in one process, since a start of it takes most of a second: a JSON list of arguments a line in,
{"code", "out", "err"} a line out. A process of its own, since the CLI puts a botocore of its own in the place of the usual one."""
import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver


def main():
    answers, driver = sys.stdout, create_clidriver()
    for line in sys.stdin:
        out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = driver.main(json.loads(line))
        out.flush()
        print(json.dumps({"code": code, "out": out.buffer.getvalue().decode(), "err": err.getvalue()}), file=answers, flush=True)


if __name__ == "__main__":
    main()
