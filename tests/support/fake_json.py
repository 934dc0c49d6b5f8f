# SPDX-License-Identifier: Apache-2.0
"""What stands for AWS's JSON services in tests: a server on loopback that calls do_<Action>(body), and small Athena and Glue."""
import email.utils
import http.server
import json
import threading
import time
import uuid


class Refused(Exception):
    def __init__(self, code, message="", status=400, **more):
        super().__init__(code, message)
        self.answer = dict({"__type": code, "message": message}, **more)
        self.status = status


class FakeJson:
    """calls: (action, body) of all that was asked, in order. trouble: a list of (action or None, status, code) that the next calls of the
    action meet instead, one each."""
    PREFIX, SERVICE = "", ""

    def __init__(self):
        self.calls, self.trouble = [], []
        self.lock = threading.Lock()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return email.utils.formatdate(time.time(), usegmt=True)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = fake.answer(self.headers, body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs=dict(poll_interval=0.05), daemon=True)
        self.thread.start()

    def answer(self, headers, body):
        prefix, _, action = headers.get("X-Amz-Target", "").partition(".")
        if prefix != self.PREFIX or "/%s/aws4_request" % self.SERVICE not in headers.get("Authorization", ""):
            return 403, {"__type": "InvalidSignatureException", "message": "not signed for %s" % self.SERVICE}
        with self.lock:
            request = json.loads(body)
            self.calls.append((action, request))
            for i, (what, status, code) in enumerate(self.trouble):
                if what in (None, action):
                    del self.trouble[i]
                    return status, {"__type": code, "message": "trouble of the test"}
            try:
                return 200, getattr(self, "do_" + action)(request)
            except Refused as refused:
                return refused.status, refused.answer

    def count(self, action):
        return sum(a == action for a, _ in self.calls)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class FakeAthena(FakeJson):
    """Answers each statement with what results says: {sql: dict(columns=[(name, type)], rows=[[text or None]], type='DML', scanned=n,
    polls=n before it has ended, fails='reason')}."""
    PREFIX, SERVICE = "AmazonAthena", "athena"

    def __init__(self, results):
        super().__init__()
        self.results, self.queries, self.tokens = results, {}, {}

    def do_StartQueryExecution(self, r):
        if r["QueryString"] not in self.results:
            raise Refused("InvalidRequestException", "line 1:1: mismatched input", AthenaErrorCode="MALFORMED_QUERY")
        assert len(r["ClientRequestToken"]) >= 32
        if r["ClientRequestToken"] not in self.tokens:
            self.tokens[r["ClientRequestToken"]] = id = str(uuid.uuid4())
            self.queries[id] = dict(self.results[r["QueryString"]], state="RUNNING", seen=0)
        return {"QueryExecutionId": self.tokens[r["ClientRequestToken"]]}

    def query(self, r):
        if r["QueryExecutionId"] not in self.queries:
            raise Refused("InvalidRequestException", "QueryExecution was not found", AthenaErrorCode="QUERY_EXECUTION_NOT_FOUND")
        return self.queries[r["QueryExecutionId"]]

    def do_GetQueryExecution(self, r):
        q = self.query(r)
        q["seen"] += 1
        if q["state"] == "RUNNING" and q["seen"] > q.get("polls", 1):
            q["state"] = "FAILED" if "fails" in q else "SUCCEEDED"
        status = {"State": "QUEUED" if q["state"] == "RUNNING" and q["seen"] == 1 else q["state"]}
        if "fails" in q:
            status["StateChangeReason"] = q["fails"]
        return {"QueryExecution": {"QueryExecutionId": r["QueryExecutionId"], "StatementType": q.get("type", "DML"), "Status": status,
                                   "Statistics": {"DataScannedInBytes": q.get("scanned", 0), "EngineExecutionTimeInMillis": 321}}}

    def do_StopQueryExecution(self, r):
        self.query(r)["state"] = "CANCELLED"
        return {}

    def do_GetQueryResults(self, r):
        q = self.query(r)
        if q["state"] != "SUCCEEDED":
            raise Refused("InvalidRequestException", "Query has not yet finished", AthenaErrorCode="INVALID_QUERY_EXECUTION_STATE")
        rows = [[None if v is None else str(v) for v in row] for row in q["rows"]]
        if q.get("type", "DML") == "DML":
            rows.insert(0, [name for name, _ in q["columns"]])
        at = int(r.get("NextToken", "0"))
        page = rows[at:at + r["MaxResults"]]
        out = {"ResultSet": {"Rows": [{"Data": [{} if v is None else {"VarCharValue": v} for v in row]} for row in page],
                             "ResultSetMetadata": {"ColumnInfo": [{"Name": n, "Type": t} for n, t in q["columns"]]}}}
        if at + len(page) < len(rows):
            out["NextToken"] = str(at + len(page))
        return out


class FakeGlue(FakeJson):
    """Databases, tables and partitions in memory, with Glue's errors and limits; pages of 3 partitions."""
    PREFIX, SERVICE = "AWSGlue", "glue"
    PAGE = 3

    def __init__(self):
        super().__init__()
        self.databases, self.tables, self.partitions = {}, {}, {}

    def table(self, r, name):
        key = (r["DatabaseName"], name)
        if key not in self.tables:
            raise Refused("EntityNotFoundException", "Table %s not found." % name)
        return key

    def do_GetDatabase(self, r):
        if r["Name"] not in self.databases:
            raise Refused("EntityNotFoundException", "Database %s not found." % r["Name"])
        return {"Database": self.databases[r["Name"]]}

    def do_CreateDatabase(self, r):
        name = r["DatabaseInput"]["Name"]
        if name in self.databases:
            raise Refused("AlreadyExistsException", "Database already exists.")
        self.databases[name] = r["DatabaseInput"]
        return {}

    def do_GetTable(self, r):
        return {"Table": dict(self.tables[self.table(r, r["Name"])], DatabaseName=r["DatabaseName"])}

    def do_CreateTable(self, r):
        if r["DatabaseName"] not in self.databases:
            raise Refused("EntityNotFoundException", "Database not found.")
        key = (r["DatabaseName"], r["TableInput"]["Name"])
        if key in self.tables:
            raise Refused("AlreadyExistsException", "Table already exists.")
        assert key[1] == key[1].lower() and isinstance(r["TableInput"]["PartitionKeys"], list)
        self.tables[key] = r["TableInput"]
        self.partitions[key] = {}
        return {}

    def do_UpdateTable(self, r):
        self.tables[self.table(r, r["TableInput"]["Name"])] = r["TableInput"]
        return {}

    def do_GetPartitions(self, r):
        all = sorted(self.partitions[self.table(r, r["TableName"])].items())
        at = int(r.get("NextToken", "0"))
        out = {"Partitions": [p for _, p in all[at:at + self.PAGE]]}
        if at + self.PAGE < len(all):
            out["NextToken"] = str(at + self.PAGE)
        return out

    def do_BatchCreatePartition(self, r):
        there, errors = self.partitions[self.table(r, r["TableName"])], []
        if len(r["PartitionInputList"]) > 100:
            raise Refused("InvalidInputException", "too many")
        for p in r["PartitionInputList"]:
            if tuple(p["Values"]) in there:
                errors.append({"PartitionValues": p["Values"], "ErrorDetail": {"ErrorCode": "AlreadyExistsException", "ErrorMessage": "there"}})
            else:
                there[tuple(p["Values"])] = p
        return {"Errors": errors}

    def do_BatchUpdatePartition(self, r):
        there, errors = self.partitions[self.table(r, r["TableName"])], []
        assert len(r["Entries"]) <= 100
        for e in r["Entries"]:
            if tuple(e["PartitionValueList"]) not in there:
                errors.append({"PartitionValueList": e["PartitionValueList"], "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "none"}})
            else:
                there[tuple(e["PartitionValueList"])] = e["PartitionInput"]
        return {"Errors": errors}

    def do_BatchDeletePartition(self, r):
        there, errors = self.partitions[self.table(r, r["TableName"])], []
        assert len(r["PartitionsToDelete"]) <= 25
        for p in r["PartitionsToDelete"]:
            if there.pop(tuple(p["Values"]), None) is None:
                errors.append({"PartitionValues": p["Values"], "ErrorDetail": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "none"}})
        return {"Errors": errors}
