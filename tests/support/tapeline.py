# SPDX-License-Identifier: Apache-2.0
"""What the Python tests share: the binary, processes that are stopped again, the shared data, a Kinesis client."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TAPELINE", os.path.join(ROOT, "build", "tapeline"))
SHARED = os.environ.get("TL_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
REFERENCE = os.path.join(SHARED, "reference")
PIPELINE = os.path.join(ROOT, "pipelines", "stock_stream.sql")

CLIENT_ENV = dict(os.environ, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
                  AWS_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="", AWS_MAX_ATTEMPTS="1")
for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS", "AWS_PROFILE", "AWS_CA_BUNDLE"):
    CLIENT_ENV.pop(name, None)


def shared_absent(path=SHARED):
    """A reason to skip, loud, when the shared data is not there; else None."""
    return None if os.path.exists(path) else "SHARED DATA ABSENT: %s is not there, this test proved nothing" % path


def run(*args, check=True, timeout=120, **kw):
    """The command's CompletedProcess, with text output."""
    p = subprocess.run([BINARY, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=timeout, env=kw.pop("env", CLIENT_ENV), stdin=subprocess.DEVNULL, **kw)
    if check and p.returncode != 0:
        raise AssertionError("tapeline %s: exit %d\n%s\n%s" % (" ".join(map(str, args)), p.returncode, p.stdout, p.stderr))
    return p


class Server:
    """A running 'tapeline up' or 'tapeline broker'; its stderr is read on a thread so that it never blocks."""

    def __init__(self, *args, wait=r"AWS endpoint\s+(https?://\S+)", timeout=20, env=None):
        self.lines = []
        self.found = {}
        self.process = subprocess.Popen([BINARY, *map(str, args)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, env=env or CLIENT_ENV, stdin=subprocess.DEVNULL)
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._read, args=(re.compile(wait),), daemon=True)
        self.thread.start()
        if not self.ready.wait(timeout) or "aws" not in self.found:
            self.kill()
            raise AssertionError("tapeline %s did not start:\n%s" % (" ".join(map(str, args)), "".join(self.lines)))

    def _read(self, pattern):
        for line in self.process.stderr:
            self.lines.append(line)
            m = re.search(r"(?i)dashboard\s+(http://\S+)", line)
            if m:
                self.found["page"] = m.group(1).rstrip("/")
            m = pattern.search(line)
            if m:
                self.found["aws"] = m.group(1)
                self.ready.set()
        self.ready.set()

    @property
    def aws(self):
        return self.found["aws"]

    @property
    def page(self):
        return self.found["page"]

    @property
    def pid(self):
        return self.process.pid

    def get(self, path, timeout=10):
        with urllib.request.urlopen(self.page + path, timeout=timeout) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.get("/api/status"))

    def stop(self, number=signal.SIGTERM, timeout=30):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.thread.join(5)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def broker(data, *options, env=None):
    """A running 'tapeline broker' on a port of its own."""
    return Server("broker", "--data", data, "--listen", "127.0.0.1:0", *options, env=env)


def kinesis(endpoint):
    import boto3
    from botocore.config import Config
    return boto3.client("kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(retries={"max_attempts": 0}))


def read_stream(client, stream):
    """All records, {shard id: [(sequence number, key, data, arrival)]}, from TRIM_HORIZON to the tip."""
    out = {}
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        it = client.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        rows = out.setdefault(shard["ShardId"], [])
        while it:
            try:
                answer = client.get_records(ShardIterator=it, Limit=10000)
            except client.exceptions.ProvisionedThroughputExceededException:
                time.sleep(0.1)  # five reads a second and shard, whoever reads
                continue
            rows += [(r["SequenceNumber"], r["PartitionKey"], r["Data"], r["ApproximateArrivalTimestamp"]) for r in answer["Records"]]
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
            it = answer.get("NextShardIterator")
    return out


def wait_for(what, predicate, timeout=30, every=0.1):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = predicate()
        if value:
            return value
        time.sleep(every)
    raise AssertionError("timed out after %g s: %s" % (timeout, what))


def seed():
    """TL_SEED repeats a run; printed so that a failure can be repeated."""
    value = int(os.environ.get("TL_SEED", time.time_ns() & 0xFFFFFFFF))
    print("TL_SEED=%d" % value, flush=True)
    return value


def rss_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
