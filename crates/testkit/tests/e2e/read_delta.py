"""Counts the rows of a published table with delta-rs and with DuckDB, and adds up a column."""

import json
import sys

import duckdb
import pyarrow
from deltalake import DeltaTable, QueryBuilder

table = DeltaTable(sys.argv[1])
found = {}

answer = QueryBuilder().register("t", table).execute('SELECT count(*) AS n, sum("ProcessID") AS s FROM t')
columns = [column[0].as_py() for column in pyarrow.table(answer.read_all()).columns]
found["deltalake"] = {"rows": columns[0], "sum": columns[1]}

# DuckDB reads the files that the log names.
rows, total = duckdb.sql(
    f"SELECT count(*), sum(ProcessID)::BIGINT FROM read_parquet({table.file_uris()!r}, union_by_name = true)"
).fetchall()[0]
found["duckdb"] = {"rows": rows, "sum": total}
print(json.dumps(found))
