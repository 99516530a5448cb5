"""Runs the queries of queries.toml here, in DuckDB and in chdb, and prints how they compare.

All three read the same Parquet files, as the store wrote them, with two threads each, and keep what they know of
footers between queries. The three take turns within each round, so that a busy machine is as bad for one as for
the others. Medians of five rounds are compared: the time that passed, and the processor time that was used, which
a busy machine changes less.

Answers are compared cell by cell. Where a query is answered approximately, queries.toml says how far answers may
be apart (`within`). The program fails when an engine fails or an answer differs.

Needs the packages `duckdb` and `chdb`; `cargo xtask bench query` installs them.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
import tomllib
from datetime import datetime, timezone
from pathlib import Path

THREADS = 2
ROUNDS = 5
PAGE = """# How fast queries are

Written by `cargo xtask bench query --report FILE`; do not edit. The command builds the engine optimised (half an hour
on two cores, the first time), installs DuckDB and chdb from the Python package index into `target/bench-python`,
generates the events once, into `target/bench-events-20000000`, and runs twenty queries of a security team's
(`crates/engine/benches/peers/queries.toml`) in all three.

All read the same Parquet files, which the product's own store has written: a day's rows sorted by event, computer
and time, in row groups of 131,072 rows with a page index. Our times are from the text of the query to its rows in
the API's form. A ratio is our time to that of the faster of the other two: below 1 we are faster. Processor time is
what all threads used, and differs less on a busy machine. Answers were compared cell by cell, approximate ones
within the bounds that `queries.toml` states.

"""
RULE_ROUNDS = 20
TICKS = 10_000_000
# Ticks at 1970-01-01.
EPOCH = 621_355_968_000_000_000
# A typical scheduled rule: what is analysed and planned for each of its runs.
RULE = """
let threshold = 10;
SecurityEvent
| where TimeGenerated > ago(1h) and EventID == 4625 and LogonType in (3, 10)
| extend Host = tolower(tostring(split(Computer, '.')[0])), Domain = tostring(split(Account, '\\\\')[0])
| where isnotempty(IpAddress) and IpAddress != "127.0.0.1"
| summarize Failures = count(), Accounts = make_set(Account, 100), First = min(TimeGenerated), Last = max(TimeGenerated) by IpAddress, Host
| where Failures > threshold
| join kind=leftouter (SecurityEvent | where EventID == 4624 | summarize Successes = count() by IpAddress) on IpAddress
| extend Severity = iff(Successes > 0, "High", "Medium")
| project First, Last, IpAddress, Host, Failures, Successes, Severity, Accounts
"""


class Ours:
    name = "bartizan"

    def __init__(self, program, folder):
        self.process = subprocess.Popen(
            [program, "serve", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        # The clock of another process's processor time, as clock_getcpuclockid(3) makes it.
        self.clock = (~self.process.pid << 3) | 2
        self.files = self.read()["files"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the program ended")
        return json.loads(line)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def run(self, text):
        used = time.clock_gettime(self.clock)
        answer = self.ask(kql=text)
        return answer["seconds"], time.clock_gettime(self.clock) - used, answer["rows"]


class DuckDB:
    name = "duckdb"

    def __init__(self, folder):
        import duckdb

        self.connection = duckdb.connect(config={"threads": THREADS})
        self.connection.execute("set parquet_metadata_cache = true")
        # A file lacks columns that none of its rows has; while all have the same, DuckDB need not compare them.
        columns = self.connection.execute(
            f"select count(distinct c) from (select list(name) c from parquet_schema('{folder}/*.parquet') group by file_name)"
        ).fetchone()[0]
        by_name = "" if columns == 1 else ", union_by_name = true"
        self.table = f"read_parquet('{folder}/*.parquet'{by_name})"
        self.version = duckdb.__version__

    def run(self, text):
        started, used = time.perf_counter(), time.process_time()
        rows = self.connection.execute(text.replace("{table}", self.table)).fetchall()
        return time.perf_counter() - started, time.process_time() - used, rows


class Chdb:
    name = "chdb"

    def __init__(self, folder):
        import chdb
        from chdb.session import Session

        self.session = Session()
        self.table = f"file('{folder}/*.parquet', Parquet)"
        self.version = chdb.__version__

    def run(self, text):
        text = text.replace("{table}", self.table) + f" settings max_threads = {THREADS}"
        started, used = time.perf_counter(), time.process_time()
        answer = str(self.session.query(text, "JSONCompactEachRow"))
        seconds, used = time.perf_counter() - started, time.process_time() - used
        return seconds, used, [json.loads(line) for line in answer.splitlines() if line]


def ticks(text):
    """A datetime or a timespan, as the query API writes them, in ticks."""
    if match := re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(?:\.(\d+))?Z", text):
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
        return EPOCH + int(moment.timestamp()) * TICKS + int((match[2] or "").ljust(7, "0"))
    if match := re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+):(\d+)(?:\.(\d+))?", text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
        whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        return whole * TICKS + int((match[5] or "").ljust(7, "0"))
    raise ValueError(f"`{text}` is no time")


def cell(value):
    """A number, or text; an absent value is empty text."""
    if value is None:
        return ""
    if isinstance(value, (bytes, bytearray)):
        value = value.decode()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    if isinstance(value, (int, float)):
        return int(value) if float(value).is_integer() else float(value)
    return json.dumps(value)


def answer_of(rows, query, is_ours):
    """The rows in one form for all engines: lists in columns of their own, times in ticks, sorted."""
    made = []
    for row in rows:
        cells = []
        for at, value in enumerate(row):
            if at in query.get("skip", []):
                continue
            if is_ours and at in query.get("ticks", []) and isinstance(value, str):
                value = ticks(value)
            cells.extend(map(cell, value) if isinstance(value, (list, tuple)) else [cell(value)])
        made.append(tuple(cells))
    return sorted(made, key=lambda row: [str(value) for value in row])


def difference(ours, theirs, query):
    """What is different, or `None`. With `within`, text and whole rows must agree, numbers about."""
    within = query.get("within")
    if within is None:
        if ours == theirs:
            return None
        missing = next((row for row in theirs if row not in ours), None) if len(theirs) < 5_000 else None
        return f"{len(ours)} and {len(theirs)} rows" + (f", only one has {missing}" if missing else "")
    keys = query.get("keys", 1)
    mine, other = ({row[:keys]: row[keys:] for row in rows} for rows in (ours, theirs))
    if mine.keys() != other.keys():
        return f"{len(mine)} and {len(other)} keys"
    worst = 0.0
    for key, row in mine.items():
        for a, b in zip(row, other[key], strict=True):
            worst = max(worst, abs(a - b) / max(abs(a), abs(b), 1))
    return None if worst <= within else f"numbers up to {worst:.1%} apart, {within:.0%} are allowed"


def link(ours, folder):
    """One folder with the files and nothing else; links, so that they take no room."""
    shared = Path(folder) / "peers"
    shared.mkdir(exist_ok=True)
    for old in shared.iterdir():
        old.unlink()
    for at, file in enumerate(sorted(ours.files)):
        os.link(file, shared / f"{at:04}.parquet")
    return shared


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else os.uname().machine


def geometric(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else math.nan


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("folder")
    arguments.add_argument("--report", type=Path, help="where to write a page with the table, as Markdown")
    arguments.add_argument("--only", default="", help="queries whose name has this")
    options = arguments.parse_args()

    load = os.getloadavg()[0]
    ours = Ours(options.program, options.folder)
    shared = link(ours, options.folder)
    peers = [DuckDB(shared), Chdb(shared)]
    rows = ours.run("SecurityEvent | count")[2][0][0]

    queries = tomllib.loads((Path(__file__).parent / "queries.toml").read_text())["query"]
    lines = [
        "| query | bartizan, s | DuckDB, s | chdb, s | ratio | ratio of processor time | answers |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    wall, processor_time, wrong = [], [], []
    for query in queries:
        if options.only not in query["name"]:
            continue
        runs = [("kql", ours), ("duckdb", peers[0]), ("chdb", peers[1])]
        seconds = {engine.name: [] for _, engine in runs}
        used = {engine.name: [] for _, engine in runs}
        answers, trouble = {}, []
        for round in range(ROUNDS + 1):
            for key, engine in runs:
                try:
                    took, cpu, rows_of = engine.run(query[key])
                except Exception as error:
                    trouble.append(f"{engine.name} fails: {str(error)[:200]}")
                    continue
                answers[engine.name] = answer_of(rows_of, query, engine is ours)
                if round > 0:  # the first warms caches
                    seconds[engine.name].append(took)
                    used[engine.name].append(cpu)
        for peer in peers:
            if ours.name in answers and peer.name in answers:
                found = difference(answers[ours.name], answers[peer.name], query)
                trouble.extend([f"{peer.name} differs: {found}"] if found else [])
        trouble = list(dict.fromkeys(trouble))
        median = lambda times: [statistics.median(times[engine.name] or [math.nan]) for _, engine in runs]
        cells, cpu_cells = median(seconds), median(used)
        verdict = f"same, {len(answers.get(ours.name, []))} rows" if not trouble else "; ".join(trouble)
        if not trouble:
            wall.append(cells[0] / min(cells[1:]))
            processor_time.append(cpu_cells[0] / min(cpu_cells[1:]))
        else:
            wrong.append(query["name"])
        ratios = [f"{all[-1]:.2f}" if not trouble else "-" for all in (wall, processor_time)]
        line = f"| {query['name']} | " + " | ".join([*(f"{cell:.3f}" for cell in cells), *ratios, verdict]) + " |"
        print(line, flush=True)
        if trouble:
            for name, answer in answers.items():
                print(f"    {name}: {str(answer)[:300]}")
        lines.append(line)

    rule = [ours.ask(kql=RULE, plan=True) for _ in range(RULE_ROUNDS)]
    checked, planned = (statistics.median(answer[part] for answer in rule) * 1000 for part in ("checked", "planned"))
    files = len(ours.files)
    summary = [
        f"Geometric mean of the ratios to the faster of the two {geometric(wall):.2f}, largest {max(wall, default=math.nan):.2f}; "
        f"of processor time {geometric(processor_time):.2f}, largest {max(processor_time, default=math.nan):.2f}. "
        f"A typical rule is parsed and bound in {checked:.2f} ms; parsed, bound and planned in {planned:.2f} ms.",
        f"{rows:,} rows in {files} Parquet files. {processor()}, {os.cpu_count()} cores, load {load:.1f} before the run. "
        f"DuckDB {peers[0].version}, chdb {peers[1].version}; {THREADS} threads each, medians of {ROUNDS} rounds "
        "after one that warms up; the three take turns.",
    ]
    print("\n".join(summary))
    if options.report:
        options.report.write_text(PAGE + "\n".join([*lines, "", summary[0], "", summary[1], ""]))
    if wrong:
        sys.exit(f"not comparable: {', '.join(wrong)}")


main()
