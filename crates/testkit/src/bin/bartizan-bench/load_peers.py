"""Loads a file of JSON lines into DuckDB and into chdb, each in its fastest documented way, and prints the times.

`load_peers.py LINES FOLDER` prints one JSON array: name, version, rows, seconds, cpu (seconds of all threads). The
columns are declared, because both are faster when they need not guess them; the tables are on disk, as ours is. Each
runs in a process of its own, so that one's threads and memory are gone before the other starts.
"""

import json
import subprocess
import sys
import time

THREADS = 2
COLUMNS = {
    "TimeGenerated": ("TIMESTAMP", "DateTime64(7)"),
    "Computer": ("VARCHAR", "String"),
    "EventID": ("INTEGER", "Int32"),
    "Activity": ("VARCHAR", "String"),
    "Account": ("VARCHAR", "String"),
    "AccountType": ("VARCHAR", "String"),
    "IpAddress": ("VARCHAR", "String"),
    "LogonType": ("INTEGER", "Int32"),
    "Channel": ("VARCHAR", "String"),
    "EventSourceName": ("VARCHAR", "String"),
    "NewProcessName": ("VARCHAR", "String"),
    "ParentProcessName": ("VARCHAR", "String"),
    "CommandLine": ("VARCHAR", "String"),
    "SubjectUserName": ("VARCHAR", "String"),
    "TargetUserName": ("VARCHAR", "String"),
}


def duckdb_load(lines, folder):
    import duckdb

    connection = duckdb.connect(f"{folder}/events.duckdb", config={"threads": THREADS})
    connection.execute("set preserve_insertion_order = false")
    columns = ", ".join(f"'{name}': '{types[0]}'" for name, types in COLUMNS.items())
    source = f"read_json('{lines}', format = 'newline_delimited', columns = {{{columns}}})"

    def load():
        connection.execute(f"create table events as select * from {source}")
        connection.execute("checkpoint")

    return duckdb.__version__, load, lambda: connection.execute("select count(*) from events").fetchone()[0]


def chdb_load(lines, folder):
    import chdb
    from chdb.session import Session

    session = Session(f"{folder}/chdb")
    columns = ", ".join(f"{name} {types[1]}" for name, types in COLUMNS.items())
    session.query("create database if not exists d")
    session.query(f"create table d.events ({columns}) engine = MergeTree order by (EventID, Computer, TimeGenerated)")
    settings = f"max_threads = {THREADS}, max_insert_threads = {THREADS}, date_time_input_format = 'best_effort'"

    def load():
        session.query(
            f"insert into d.events select * from file('{lines}', JSONEachRow, '{columns}') settings {settings}"
        )

    return chdb.__version__, load, lambda: int(str(session.query("select count() from d.events", "TabSeparated")))


def main():
    engines = {"duckdb": duckdb_load, "chdb": chdb_load}
    if len(sys.argv) == 4:
        lines, folder, name = sys.argv[1:]
        version, load, count = engines[name](lines, folder)
        started, used = time.perf_counter(), time.process_time()
        load()
        seconds, used = time.perf_counter() - started, time.process_time() - used
        print(json.dumps({"name": name, "version": version, "rows": count(), "seconds": seconds, "cpu": used}))
        return
    found = []
    for name in engines:
        run = subprocess.run([sys.executable, __file__, *sys.argv[1:3], name], stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(run.stdout.strip().splitlines()[-1]))
    print(json.dumps(found))


main()
