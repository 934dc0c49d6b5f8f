# SPDX-License-Identifier: Apache-2.0
"""Rows of Parquet files by DuckDB's library, without any code of tapeline: a reader that knows nothing of epochs."""
import ctypes
import os

from tapeline import ROOT

LIBRARY = os.path.join(ROOT, "deps", "duckdb", "libduckdb.so")


class Result(ctypes.Structure):
    _fields_ = [("words", ctypes.c_uint64 * 3), ("pointers", ctypes.c_void_p * 3)]


class DuckError(Exception):
    pass


class Duck:
    """A database in memory; one thread."""

    def __init__(self):
        self.lib = ctypes.CDLL(LIBRARY)
        for name, kind in (("value_varchar", ctypes.c_void_p), ("row_count", ctypes.c_uint64), ("column_count", ctypes.c_uint64),
                           ("result_error", ctypes.c_char_p)):
            getattr(self.lib, "duckdb_" + name).restype = kind
        self.lib.duckdb_value_varchar.argtypes = [ctypes.POINTER(Result), ctypes.c_uint64, ctypes.c_uint64]
        self.lib.duckdb_free.argtypes = [ctypes.c_void_p]
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        if self.lib.duckdb_open(None, ctypes.byref(self.database)) or \
                self.lib.duckdb_connect(self.database, ctypes.byref(self.connection)):
            raise DuckError("DuckDB does not open")
        self.rows("SET threads = 1")
        self.rows("SET enable_external_file_cache = false")
        self.rows("SET TimeZone = 'UTC'")

    def close(self):
        self.lib.duckdb_disconnect(ctypes.byref(self.connection))
        self.lib.duckdb_close(ctypes.byref(self.database))

    def rows(self, sql):
        """Rows as tuples of texts; NULL is None."""
        result = Result()
        try:
            if self.lib.duckdb_query(self.connection, sql.encode(), ctypes.byref(result)):
                raise DuckError((self.lib.duckdb_result_error(ctypes.byref(result)) or b"").decode())
            columns = range(self.lib.duckdb_column_count(ctypes.byref(result)))
            return [tuple(self.cell(result, c, r) for c in columns)
                    for r in range(self.lib.duckdb_row_count(ctypes.byref(result)))]
        finally:
            self.lib.duckdb_destroy_result(ctypes.byref(result))

    def cell(self, result, column, row):
        at = self.lib.duckdb_value_varchar(ctypes.byref(result), column, row)
        if not at:
            return None
        try:
            return ctypes.string_at(at).decode()
        finally:
            self.lib.duckdb_free(at)

    def parquet(self, path):
        """The rows of one file, each a tuple of (column, value) in the order of names; folders' values (ticker=A) too."""
        source = "read_parquet('%s', hive_partitioning = true, hive_types_autocast = false)" % path.replace("'", "''")
        names = [r[0] for r in self.rows("DESCRIBE SELECT * FROM " + source)]
        names.sort()
        quoted = ", ".join('CAST("%s" AS VARCHAR)' % n.replace('"', '""') for n in names)
        return [tuple(zip(names, row)) for row in self.rows("SELECT %s FROM %s" % (quoted, source))]


def visible_files(folder):
    """What a reader lists: Parquet files, without names that begin with '_' or '.'."""
    out = []
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f[0] not in "_.")
        out += [os.path.join(at, f) for f in sorted(files) if f[0] not in "_." and f.endswith(".parquet")]
    return out
