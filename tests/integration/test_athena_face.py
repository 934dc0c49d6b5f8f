# SPDX-License-Identifier: Apache-2.0
"""The Athena API of 'tapeline up' with Debian's boto3 and aws, and 'tapeline query --engine athena': over a running pipeline's table."""
import csv
import io
import json
import os
import subprocess
import tempfile
import time
import unittest

from tapeline import CLIENT_ENV, Server, run, wait_for
from test_up import FREE, fast_pipeline

HOSTILE = ["SELECT * FROM read_text('/etc/passwd')", "SELECT getenv('HOME')", "SELECT * FROM glob('/*')", "SELECT * FROM read_csv('../../x')",
           "SELECT * FROM duckdb_settings()", "SELECT * FROM \"/etc/passwd\"", "SELECT * FROM '/proc/self/environ'",
           "SELECT current_setting('memory_limit')", "SELECT * FROM pragma_version()", "SELECT getvariable('x')", "SELECT 1 FROM query('SELECT 1')"]
FOREIGN = ["ATTACH '/tmp/x.db'", "COPY t TO '/tmp/x'", "SET memory_limit = '1TB'", "INSTALL httpfs", "LOAD httpfs", "EXPORT DATABASE '/tmp/x'",
           "CREATE SECRET s (TYPE s3)", "PRAGMA database_list", "CALL pragma_version()", "CREATE MACRO f() AS 1", "VACUUM", "SELECT 1; ATTACH 'x'",
           "EXPLAIN (ANALYZE) SELECT 1", "INSERT INTO t VALUES (1)", "USE curated", "MSCK REPAIR TABLE t", "SELEC 1", "", ";"]


def client(endpoint, name="athena"):
    import boto3
    from botocore.config import Config
    return boto3.client(name, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"max_attempts": 0}, max_pool_connections=20))


class AthenaFace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.data = os.path.join(cls.folder.name, "data")
        cls.pipeline = fast_pipeline(cls.folder.name)
        cls.server = Server("up", cls.pipeline, "--data", cls.data, *FREE)
        cls.athena = client(cls.server.aws)
        wait_for("rows in the lake", lambda: cls.server.status()["stats"]["epoch"]["rows_committed"] > 10, 40)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def start(self, sql, database=None, parameters=None, **more):
        if database:
            more["QueryExecutionContext"] = {"Database": database}
        if parameters:
            more["ExecutionParameters"] = parameters
        return self.athena.start_query_execution(QueryString=sql, **more)["QueryExecutionId"]

    def wait(self, query):
        def ended():
            e = self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            return e if e["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None
        return wait_for("the end of " + query, ended, 60, 0.02)

    def query(self, sql, *args, **more):
        """(columns as (name, type), rows of texts and None) of all pages."""
        e = self.wait(self.start(sql, *args, **more))
        self.assertEqual(e["Status"]["State"], "SUCCEEDED", (sql, e["Status"]))
        pages = list(self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=e["QueryExecutionId"]))
        rows = [[d.get("VarCharValue") for d in r["Data"]] for p in pages for r in p["ResultSet"]["Rows"]]
        columns = [(c["Name"], c["Type"]) for c in pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        if e["StatementType"] == "DML":
            self.assertEqual(rows.pop(0), [name for name, _ in columns])
        return columns, rows

    def failed(self, sql, *args):
        e = self.wait(self.start(sql, *args))
        self.assertEqual(e["Status"]["State"], "FAILED", (sql, e))
        self.assertEqual(e["Status"]["AthenaError"]["ErrorMessage"], e["Status"]["StateChangeReason"])
        return e["Status"]["StateChangeReason"]

    def refused(self, code, call, **args):
        try:
            call(**args)
        except self.athena.exceptions.InvalidRequestException as e:
            self.assertEqual(e.response["AthenaErrorCode"], code)
            return e.response["Error"]["Message"]
        self.fail("%r was not refused" % args)

    def test_rows_of_the_pipeline(self):
        columns, rows = self.query('SELECT * FROM "stock_streaming_database"."avg_1min" ORDER BY window_start, ticker')
        self.assertEqual(dict(columns), {"trade_date": "varchar", "window_start": "timestamp", "window_end": "timestamp", "avg_close": "double",
                                         "last_close": "double", "ticker": "varchar"})
        self.assertGreater(len(rows), 10)
        local = run("query", "SELECT count(*) AS n FROM stock_streaming_database.avg_1min", "--data", self.data, "--format", "csv").stdout
        counted = self.query("SELECT count(*) AS n FROM AwsDataCatalog.Stock_Streaming_Database.AVG_1min")[1][0][0]
        self.assertGreaterEqual(int(counted), int(local.split()[1]))
        self.assertRegex(rows[0][[c for c, _ in columns].index("window_start")], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$")
        self.assertEqual(self.query("SELECT count(*) FROM avg_1min WHERE window_end > now() + INTERVAL '1' DAY", "stock_streaming_database")[1], [["0"]])

    def test_execution(self):
        query = self.start("SELECT count(*), sum(volume) FROM curated.stocks_features", ClientRequestToken="t" * 40)
        self.assertEqual(self.start("SELECT count(*), sum(volume) FROM curated.stocks_features", ClientRequestToken="t" * 40), query)
        self.refused("INVALID_INPUT", self.athena.start_query_execution, QueryString="SELECT 2", ClientRequestToken="t" * 40)
        e = self.wait(query)
        self.assertEqual((e["StatementType"], e["WorkGroup"]), ("DML", "primary"))
        self.assertEqual(e["EngineVersion"]["EffectiveEngineVersion"], "Athena engine version 3")
        self.assertEqual(e["ResultConfiguration"]["OutputLocation"], "s3://tapeline-results/%s.csv" % query)
        self.assertGreater(e["Statistics"]["DataScannedInBytes"], 1000)
        self.assertGreaterEqual(e["Statistics"]["TotalExecutionTimeInMillis"], e["Statistics"]["EngineExecutionTimeInMillis"])
        self.assertGreater(e["Status"]["CompletionDateTime"], e["Status"]["SubmissionDateTime"])
        both = self.athena.batch_get_query_execution(QueryExecutionIds=[query, "nope"])
        self.assertEqual(len(both["QueryExecutions"]), 1)
        self.assertEqual(both["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"], "nope")
        self.assertIn(query, self.athena.list_query_executions(MaxResults=50)["QueryExecutionIds"])
        statistics = self.athena.get_query_runtime_statistics(QueryExecutionId=query)["QueryRuntimeStatistics"]
        self.assertEqual(statistics["Rows"]["OutputRows"], 1)
        self.assertEqual(self.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][1]["Type"], "bigint")
        with open(os.path.join(self.data, "athena-results", query + ".csv")) as f:
            self.assertEqual(len(list(csv.reader(f))), 2)

    def test_null_and_empty(self):
        columns, rows = self.query("SELECT * FROM (VALUES ('', CAST(NULL AS VARCHAR), 'a\"b', 'x,y', 'l1\nl2', 1.50, ARRAY[1, NULL])) v(e, n, q, c, l, d, a)")
        self.assertEqual(rows, [["", None, 'a"b', "x,y", "l1\nl2", "1.50", "[1, null]"]])
        self.assertEqual([t for _, t in columns], ["varchar"] * 5 + ["decimal", "array"])

    def test_pages(self):
        query = self.start("SELECT n, CASE WHEN n % 7 = 0 THEN NULL ELSE 'row ' || CAST(n AS VARCHAR) END AS t FROM UNNEST(sequence(1, 2500)) AS u(n) ORDER BY n")
        self.wait(query)
        first = self.athena.get_query_results(QueryExecutionId=query)
        self.assertEqual(len(first["ResultSet"]["Rows"]), 1000)  # the header is one of them
        pages = list(self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query, PaginationConfig={"PageSize": 333}))
        rows = [[d.get("VarCharValue") for d in r["Data"]] for p in pages for r in p["ResultSet"]["Rows"]]
        self.assertEqual([len(p["ResultSet"]["Rows"]) for p in pages], [333] * 7 + [170])
        self.assertEqual(rows, [["n", "t"]] + [[str(n), "row %d" % n if n % 7 else None] for n in range(1, 2501)])
        self.refused("INVALID_INPUT", self.athena.get_query_results, QueryExecutionId=query, NextToken="7-1")
        self.refused("INVALID_INPUT", self.athena.get_query_results, QueryExecutionId=query, NextToken="nonsense")
        self.refused("INVALID_INPUT", self.athena.get_query_results, QueryExecutionId=query, MaxResults=1001)

    def test_parameters(self):
        sql = "SELECT ticker, count(*) FROM curated.stocks_features WHERE ticker = ? AND close > ? GROUP BY ticker"
        self.assertEqual(self.query(sql, None, ["'AAPL'", "0.5"])[1], self.query(sql, None, ["AAPL", "1 - 1"])[1])
        self.assertEqual(self.query("SELECT ?", None, ["' OR 1=1 --"])[1], [["' OR 1=1 --"]])
        self.assertEqual(self.query("SELECT ?", None, ["(SELECT 1)"])[1], [["(SELECT 1)"]])
        self.assertEqual(self.query("SELECT ?", None, ["1), (2"])[1], [["1), (2"]])
        self.assertEqual(self.query("SELECT ? + 1, ?", None, ["41", "date_add('day', 1, date '2024-01-01')"])[1], [["42", "2024-01-02"]])
        self.assertIn("expected 2 but found 1", self.failed(sql, None, ["'AAPL'"]))
        self.query("PREPARE best FROM SELECT max(close) FROM curated.stocks_features WHERE ticker = ?")
        self.assertEqual(self.query("EXECUTE best USING 'AAPL'")[1], self.query("EXECUTE best", None, ["AAPL"])[1])
        self.assertEqual(self.athena.get_prepared_statement(StatementName="best", WorkGroup="primary")["PreparedStatement"]["QueryStatement"],
                         "SELECT max(close) FROM curated.stocks_features WHERE ticker = ?")
        self.query("DEALLOCATE PREPARE best")
        self.assertIn("not found", self.failed("EXECUTE best USING 'AAPL'"))

    def test_metadata(self):
        names = [d["Name"] for d in self.athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]]
        self.assertIn("stock_streaming_database", names)
        self.assertEqual(sorted(r[0] for r in self.query("SHOW DATABASES")[1]), sorted(names))
        self.assertEqual(self.query("SHOW TABLES IN stock_streaming_database")[1], [["avg_1min"]])
        self.assertEqual(self.query("SHOW TABLES 'nope*'", "stock_streaming_database")[1], [])
        table = self.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="stock_streaming_database", TableName="avg_1min")["TableMetadata"]
        self.assertEqual(table["PartitionKeys"], [{"Name": "ticker", "Type": "string"}])
        self.assertEqual(self.athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="curated")["TableMetadataList"][0]["Name"], "stocks_features")
        self.assertIn("`window_start` timestamp", "\n".join(r[0] for r in self.query("SHOW CREATE TABLE stock_streaming_database.avg_1min")[1]))
        self.assertTrue(any(r[0].startswith("ticker=") for r in self.query("SHOW PARTITIONS stock_streaming_database.avg_1min")[1]))
        self.assertTrue(self.query("DESCRIBE `stock_streaming_database`.`avg_1min`")[1][0][0].startswith("trade_date"))
        self.assertEqual(self.athena.get_work_group(WorkGroup="primary")["WorkGroup"]["Configuration"]["EngineVersion"]["EffectiveEngineVersion"],
                         "Athena engine version 3")
        self.assertEqual(self.athena.list_data_catalogs()["DataCatalogsSummary"], [{"CatalogName": "AwsDataCatalog", "Type": "GLUE"}])
        with self.assertRaises(self.athena.exceptions.MetadataException):
            self.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="curated", TableName="nope")

    def test_saved_queries(self):
        made = self.athena.create_named_query(Name="n", Database="curated", QueryString="SELECT 1")["NamedQueryId"]
        self.assertIn(made, self.athena.list_named_queries()["NamedQueryIds"])
        self.athena.update_named_query(NamedQueryId=made, Name="m", QueryString="SELECT 2")
        self.assertEqual(self.athena.get_named_query(NamedQueryId=made)["NamedQuery"]["QueryString"], "SELECT 2")
        self.athena.delete_named_query(NamedQueryId=made)
        self.refused("INVALID_INPUT", self.athena.get_named_query, NamedQueryId=made)
        self.athena.create_prepared_statement(StatementName="p", WorkGroup="primary", QueryStatement="SELECT ?")
        self.assertEqual(self.query("EXECUTE p USING 7")[1], [["7"]])
        self.athena.delete_prepared_statement(StatementName="p", WorkGroup="primary")

    def test_errors(self):
        self.assertTrue(self.failed("SELECT * FROM curated.nope").startswith("TABLE_NOT_FOUND"))
        self.assertTrue(self.failed("SELECT nope FROM curated.stocks_features").startswith("SYNTAX_ERROR"))
        self.assertTrue(self.failed("SELECT 1", "nope").startswith("SCHEMA_NOT_FOUND"))
        self.assertTrue(self.failed("SELECT 1/0").startswith("DIVISION_BY_ZERO"))
        self.refused("QUERY_EXECUTION_NOT_FOUND", self.athena.get_query_execution, QueryExecutionId="nope")
        query = self.start("SELECT 1/0")
        self.wait(query)
        self.refused("INVALID_QUERY_EXECUTION_STATE", self.athena.get_query_results, QueryExecutionId=query)
        self.refused("INVALID_INPUT", self.athena.create_work_group, Name="x")
        self.refused("WORKGROUP_NOT_FOUND", self.athena.start_query_execution, QueryString="SELECT 1", WorkGroup="other")
        for place in ("s3://elsewhere/", "s3://tapeline-results/../x/", "s3://tapeline-results/a/..%2f/../b/", "/etc/"):
            self.refused("INVALID_INPUT", self.athena.start_query_execution, QueryString="SELECT 1", ResultConfiguration={"OutputLocation": place})

    def test_hostile_statements(self):
        for sql in HOSTILE:
            self.failed(sql)
        for sql in FOREIGN:
            with self.assertRaises(Exception, msg=sql) as caught:
                self.start(sql)
            self.assertIn(type(caught.exception).__name__, ("InvalidRequestException", "ParamValidationError"), sql)

    def test_cancel(self):
        slow = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) CROSS JOIN UNNEST(sequence(1, 100000)) b(y) WHERE (x * y) % 7 = 3"
        began = time.monotonic()
        query = self.start(slow)
        wait_for("running", lambda: self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] == "RUNNING", 20, 0.02)
        self.refused("INVALID_QUERY_EXECUTION_STATE", self.athena.get_query_results, QueryExecutionId=query)
        self.athena.stop_query_execution(QueryExecutionId=query)
        self.assertEqual(self.wait(query)["Status"]["State"], "CANCELLED")
        self.assertLess(time.monotonic() - began, 20)

    def test_ten_at_once(self):
        queries = [self.start("SELECT %d, count(*) FROM curated.stocks_features" % i) for i in range(10)]
        for i, query in enumerate(queries):
            self.assertEqual(self.wait(query)["Status"]["State"], "SUCCEEDED")
            self.assertEqual(self.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1]["Data"][0], {"VarCharValue": str(i)})

    def manifest(self, execution):
        """The objects that its manifest names, as {url: bytes}, by the S3 face."""
        s3 = client(self.server.aws, "s3")
        def read(url):
            bucket, key = url[5:].split("/", 1)
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return {url: read(url) for url in read(execution["Statistics"]["DataManifestLocation"]).decode().split()}

    def test_create_table_as(self):
        sql = ("CREATE TABLE curated.mine WITH (format = 'PARQUET', external_location = 's3://tapeline-results/made/mine/', write_compression = 'SNAPPY') AS "
               "SELECT ticker, count(*) AS n, sum(volume) AS v, CAST(NULL AS VARCHAR) AS e, DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05.678' AS t "
               "FROM curated.stocks_features WHERE close > ? GROUP BY ticker")
        e = self.wait(self.start(sql, None, ["0"]))
        self.assertEqual(e["Status"]["State"], "SUCCEEDED", e)
        files = self.manifest(e)
        self.assertEqual([(url.rsplit("/", 1)[0], data[:4], data[-4:]) for url, data in files.items()], [("s3://tapeline-results/made/mine", b"PAR1", b"PAR1")])
        self.assertTrue(e["Statistics"]["DataManifestLocation"].endswith("tables/%s-manifest.csv" % e["QueryExecutionId"]))
        self.assertEqual(self.athena.get_query_results(QueryExecutionId=e["QueryExecutionId"])["UpdateCount"], 10)
        columns, rows = self.query("SELECT * FROM mine WHERE ticker = 'AAPL'", "curated")
        self.assertEqual([t for _, t in columns], ["varchar", "bigint", "bigint", "varchar", "date", "timestamp"])
        self.assertEqual(rows[0][:2] + rows[0][3:], ["AAPL", "252", None, "2024-01-02", "2024-01-02 03:04:05.678"])
        self.assertIn(["mine"], self.query("SHOW TABLES IN curated")[1])
        self.assertEqual(self.athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="curated", TableName="mine")["TableMetadata"]["Parameters"]["location"],
                         "s3://tapeline-results/made/mine/")
        self.assertIn("TABLE_ALREADY_EXISTS", self.failed("CREATE TABLE curated.mine AS SELECT 1 AS x"))
        self.assertIn("HIVE_PATH_ALREADY_EXISTS", self.failed("CREATE TABLE curated.other WITH (external_location = 's3://tapeline-results/made/mine/') AS SELECT 1 AS x"))
        self.query("DROP TABLE curated.mine")
        self.query("DROP TABLE IF EXISTS curated.mine")
        self.assertIn("TABLE_NOT_FOUND", self.failed("SELECT * FROM curated.mine"))
        self.assertIn("belongs to a pipeline", self.failed("DROP TABLE stock_streaming_database.avg_1min"))
        self.query("CREATE TABLE curated.here WITH (external_location = 's3://tapeline-lake/clients/here/') AS SELECT 1 AS x")
        self.assertEqual(self.query("SELECT x + 1 AS y FROM curated.here")[1], [["2"]])
        self.query("DROP TABLE curated.here")

    def test_places_that_are_not_a_clients(self):
        for place in ("s3://tapeline-lake/streaming/avg_1min/", "s3://tapeline-lake/streaming/", "s3://tapeline-lake/curated/stocks_features/ticker=AAPL/",
                      "s3://tapeline-lake/_tapeline/x/", "s3://tapeline-lake/", "s3://tapeline-results/", "s3://elsewhere/x/", "s3://tapeline-results/../lake/x/",
                      "/etc/x", "s3://tapeline-results/_tapeline/athena/"):
            self.failed("CREATE TABLE curated.x WITH (external_location = '%s') AS SELECT 1 AS a" % place)
            self.failed("UNLOAD (SELECT 1 AS a) TO '%s' WITH (format = 'PARQUET')" % place)
        self.assertIn("Column name not specified", self.failed("CREATE TABLE curated.x AS SELECT count(*) FROM curated.stocks_features"))
        self.assertIn("specified more than once", self.failed("CREATE TABLE curated.x AS SELECT 1 AS a, 2 AS A"))
        self.assertIn("SCHEMA_NOT_FOUND", self.failed("CREATE TABLE nope.x AS SELECT 1 AS a"))
        self.assertIn("ARRAY", self.failed("CREATE TABLE curated.x AS SELECT ARRAY[1] AS a").upper())
        for sql in ("CREATE TABLE curated.x WITH (format = 'ORC') AS SELECT 1 AS a", "CREATE TABLE curated.x WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a",
                    "UNLOAD (SELECT 1) TO 's3://tapeline-results/x/'", "UNLOAD (SELECT 1) TO 's3://tapeline-results/x/' WITH (format = 'JSON')"):
            self.refused("MALFORMED_QUERY", self.athena.start_query_execution, QueryString=sql)

    def test_unload(self):
        e = self.wait(self.start("UNLOAD (SELECT 1.50 AS d, X'6869' AS b, CAST(2 AS SMALLINT) AS s, CAST(0.5 AS REAL) AS r, 'x' AS v) "
                                 "TO 's3://tapeline-results/out/1/' WITH (format = 'PARQUET', compression = 'GZIP')"))
        self.assertEqual(e["Status"]["State"], "SUCCEEDED", e)
        (url, data), = self.manifest(e).items()
        self.assertTrue(url.startswith("s3://tapeline-results/out/1/"))
        path = os.path.join(self.data, "lake", "unloaded")
        os.makedirs(path)
        with open(os.path.join(path, "x.parquet"), "wb") as f:
            f.write(data)
        self.assertEqual(run("query", "SELECT typeof(d), d, typeof(s), typeof(r), typeof(b) FROM LAKE('unloaded')", "--data", self.data, "--format", "csv").stdout.split("\n")[1],
                         '"DECIMAL(3,2)",1.50,SMALLINT,FLOAT,BLOB')

    def test_aws_cli(self):
        def aws(*args):
            p = subprocess.run(["aws", "athena", *args, "--endpoint-url", self.server.aws, "--output", "json"], env=CLIENT_ENV, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(p.returncode, 0, p.stderr)
            return json.loads(p.stdout)
        query = aws("start-query-execution", "--query-string", "SELECT 'x' AS a", "--result-configuration", "OutputLocation=s3://tapeline-results/mine/")["QueryExecutionId"]
        self.assertEqual(self.wait(query)["ResultConfiguration"]["OutputLocation"], "s3://tapeline-results/mine/%s.csv" % query)
        self.assertEqual(aws("get-query-results", "--query-execution-id", query)["ResultSet"]["Rows"][1]["Data"], [{"VarCharValue": "x"}])

    def test_our_own_client(self):
        env = dict(CLIENT_ENV, AWS_ENDPOINT_URL=self.server.aws)
        out = run("query", "SELECT ticker, count(*) AS n, CAST(NULL AS VARCHAR) AS e FROM curated.stocks_features GROUP BY ticker ORDER BY ticker LIMIT 2",
                  "--engine", "athena", "--format", "csv", env=env).stdout
        self.assertEqual(list(csv.reader(io.StringIO(out)))[:2], [["ticker", "n", "e"], ["AAPL", "252", ""]])
        self.assertIn("TABLE_NOT_FOUND", run("query", "SELECT * FROM curated.nope", "--engine", "athena", env=env, check=False).stderr)


class Restart(unittest.TestCase):
    def test_results_survive(self):
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "data")
            with Server("up", "--no-feed", "--data", data, *FREE) as server:
                athena = client(server.aws)
                query = athena.start_query_execution(QueryString="SELECT 'kept' AS a, CAST(NULL AS DATE) AS b")["QueryExecutionId"]
                wait_for("the end", lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] == "SUCCEEDED", 20, 0.05)
                slow = athena.start_query_execution(QueryString="SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) CROSS JOIN UNNEST(sequence(1, 100000)) b(y) "
                                                    "WHERE (x * y) % 7 = 3")["QueryExecutionId"]
                time.sleep(0.3)
                server.kill()
            with Server("up", "--no-feed", "--data", data, *FREE) as server:
                athena = client(server.aws)
                self.assertEqual(athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1]["Data"], [{"VarCharValue": "kept"}, {}])
                status = athena.get_query_execution(QueryExecutionId=slow)["QueryExecution"]["Status"]
                self.assertEqual(status["State"], "FAILED")
                self.assertIn("stopped while the query ran", status["StateChangeReason"])
                athena.start_query_execution(QueryString="SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) CROSS JOIN UNNEST(sequence(1, 100000)) b(y) WHERE (x * y) % 7 = 3")
                time.sleep(0.3)
                self.assertEqual(server.stop(), 0)  # does not wait for it


if __name__ == "__main__":
    unittest.main()
