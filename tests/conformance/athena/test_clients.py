# SPDX-License-Identifier: Apache-2.0
"""PyAthena and awswrangler from PyPI against 'tapeline up': cursors of every kind, SQLAlchemy, UNLOAD and CREATE TABLE AS, with S3 and Athena of the
AWS port. Rows are compared with those of 'tapeline query'."""
import csv
import io
import os
import sys
import tempfile
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "support"))
from tapeline import Server, run  # noqa: E402

FREE = ["--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"]
SQL = "SELECT ticker, count(*) AS n, max(close) AS top, min(\"date\") AS since FROM curated.stocks_features GROUP BY ticker ORDER BY ticker"
KINDS = ("SELECT CAST(NULL AS VARCHAR) AS n, '' AS e, 'a\"b,c' AS q, 1.50 AS d, true AS b, DATE '2024-01-02' AS day, "
         "TIMESTAMP '2024-01-02 03:04:05.678' AS t, ARRAY[1, 2] AS a, X'6869' AS x, 1e10 AS f")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.data = os.path.join(cls.folder.name, "data")
        cls.server = Server("up", "--no-feed", "--data", cls.data, *FREE)
        os.environ.update(AWS_ENDPOINT_URL=cls.server.aws, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
                          AWS_EC2_METADATA_DISABLED="true")
        text = run("query", SQL, "--data", cls.data, "--format", "csv").stdout
        cls.expected = [[r["ticker"], int(r["n"]), float(r["top"]), r["since"]] for r in csv.DictReader(io.StringIO(text))]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def connect(self, **more):
        from pyathena import connect
        return connect(s3_staging_dir="s3://tapeline-results/pyathena/", region_name="us-east-1", schema_name="curated", poll_interval=0.05, **more)

    def test_cursor(self):
        cursor = self.connect().cursor()
        self.assertEqual([list(r) for r in cursor.execute(SQL).fetchall()], self.expected)
        self.assertEqual(cursor.execute("SELECT count(*) FROM stocks_features WHERE ticker = %(t)s", {"t": "AAPL"}).fetchone(), (252,))
        self.assertEqual(cursor.execute("SELECT count(*) FROM stocks_features WHERE ticker = ?", ["'AAPL'"], paramstyle="qmark").fetchone(), (252,))
        row = cursor.execute(KINDS).fetchone()
        self.assertEqual(row[:3], (None, "", 'a"b,c'))
        self.assertEqual((str(row[3]), row[4], str(row[5]), str(row[6])), ("1.50", True, "2024-01-02", "2024-01-02 03:04:05.678000"))
        self.assertEqual((row[8], row[9]), (b"hi", 1e10))
        self.assertGreater(cursor.data_scanned_in_bytes, -1)

    def test_cursor_pages(self):
        cursor = self.connect().cursor()
        rows = cursor.execute("SELECT n FROM UNNEST(sequence(1, 3500)) AS u(n) ORDER BY n").fetchall()
        self.assertEqual([r[0] for r in rows], list(range(1, 3501)))

    def test_dict_cursor(self):
        from pyathena.cursor import DictCursor
        rows = self.connect(cursor_class=DictCursor).cursor().execute(SQL).fetchall()
        self.assertEqual([list(r.values()) for r in rows], self.expected)
        self.assertEqual(list(rows[0]), ["ticker", "n", "top", "since"])

    def test_errors(self):
        from pyathena.error import DatabaseError
        with self.assertRaises(DatabaseError) as caught:
            self.connect().cursor().execute("SELECT * FROM nope")
        self.assertIn("TABLE_NOT_FOUND", str(caught.exception))

    def test_pandas_cursor(self):
        from pyathena.pandas.cursor import PandasCursor
        frame = self.connect(cursor_class=PandasCursor).cursor().execute(SQL).as_pandas()
        self.assertEqual([list(r) for r in frame.itertuples(index=False)], self.expected)

    def test_pandas_cursor_unload(self):
        from pyathena.pandas.cursor import PandasCursor
        frame = self.connect(cursor_class=PandasCursor).cursor(unload=True).execute(SQL).as_pandas()
        self.assertEqual([list(r) for r in frame.itertuples(index=False)], self.expected)

    def test_arrow_cursor(self):
        """Arrow's own S3 client is of C++ and does not know AWS_ENDPOINT_URL: it is told where S3 is."""
        import functools
        import pyarrow.fs
        from unittest import mock
        from pyathena.arrow.cursor import ArrowCursor
        here = functools.partial(pyarrow.fs.S3FileSystem, endpoint_override=self.server.aws.split("//")[1], scheme="http")
        with mock.patch.object(pyarrow.fs, "S3FileSystem", here):
            for unload in (False, True):
                table = self.connect(cursor_class=ArrowCursor).cursor(unload=unload).execute(SQL).as_arrow()
                self.assertEqual([list(r.values()) for r in table.to_pylist()], self.expected)

    def test_sqlalchemy(self):
        from urllib.parse import quote_plus
        from sqlalchemy import create_engine, inspect, text
        engine = create_engine("awsathena+rest://:@athena.us-east-1.amazonaws.com:443/curated?s3_staging_dir=%s&poll_interval=0.05" %
                               quote_plus("s3://tapeline-results/sqlalchemy/"))
        with engine.connect() as connection:
            self.assertEqual([list(r) for r in connection.execute(text(SQL))], self.expected)
        found = inspect(engine)
        self.assertIn("stocks_features", found.get_table_names(schema="curated"))
        self.assertEqual([str(c["type"]) for c in found.get_columns("stocks_features", schema="curated") if c["name"] in ("close", "volume")], ["DOUBLE", "BIGINT"])

    def wrangle(self, output="s3://tapeline-results/wrangler/", **more):
        import awswrangler as wr
        frame = wr.athena.read_sql_query(SQL, database="curated", s3_output=output, **more)
        self.assertEqual([list(r) for r in frame.itertuples(index=False)], self.expected)

    def test_awswrangler_plain(self):
        self.wrangle(ctas_approach=False)

    def test_awswrangler_default(self):
        self.wrangle()

    def test_awswrangler_unload(self):
        self.wrangle("s3://tapeline-results/wrangler-unload/", ctas_approach=False, unload_approach=True)

    def test_awswrangler_parameters(self):
        import awswrangler as wr
        frame = wr.athena.read_sql_query("SELECT count(*) AS n FROM stocks_features WHERE ticker = ?", database="curated", ctas_approach=False,
                                         s3_output="s3://tapeline-results/wrangler/", params=["AAPL"], paramstyle="qmark")
        self.assertEqual(int(frame["n"][0]), 252)


if __name__ == "__main__":
    unittest.main()
