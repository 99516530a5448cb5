"""Runs the queries of queries.toml here, in DuckDB and in chdb, and prints how they compare.

All three read the same Parquet files, as the store wrote them, with two threads each. The three take turns
within each round, so that a busy machine is as bad for one as for the others; medians of five rounds are
compared, and answers too. Needs the packages `duckdb` and `chdb`; `cargo xtask bench query` installs them.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
import tomllib
from pathlib import Path

THREADS = 2
ROUNDS = 5
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
        self.files = self.read()["files"]

    def read(self):
        return json.loads(self.process.stdout.readline())

    def run(self, text, check=False):
        self.process.stdin.write(json.dumps({"kql": text, "check": check}) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["seconds"], answer["rows"]


class DuckDB:
    name = "duckdb"

    def __init__(self, folder):
        import duckdb

        self.connection = duckdb.connect(config={"threads": THREADS})
        self.table = f"read_parquet('{folder}/*.parquet', union_by_name = true)"
        self.version = duckdb.__version__

    def run(self, text):
        started = time.perf_counter()
        rows = self.connection.execute(text.replace("{table}", self.table)).fetchall()
        return time.perf_counter() - started, rows


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
        started = time.perf_counter()
        answer = str(self.session.query(text, "JSONCompactEachRow"))
        seconds = time.perf_counter() - started
        return seconds, [json.loads(line) for line in answer.splitlines() if line]


def normal(value):
    """One spelling of a cell."""
    if value is None:
        return ""
    if isinstance(value, (bytes, bytearray)):
        value = value.decode()
    if isinstance(value, str):
        try:
            return f"{float(value):.6g}"
        except ValueError:
            return value
    if isinstance(value, (int, float)):
        return f"{float(value):.6g}"
    return json.dumps(value)


def comparable(rows, query):
    if query.get("only") == "count":
        return len(rows)
    skipped = query.get("skip_columns", [])
    cells = lambda row: tuple(normal(cell) for at, cell in enumerate(row) if at not in skipped)
    return sorted(cells(row) for row in rows)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("folder")
    arguments.add_argument("--report", type=Path, help="where to write the table as Markdown")
    arguments.add_argument("--only", default="", help="queries whose name has this")
    options = arguments.parse_args()

    ours = Ours(options.program, options.folder)
    # One folder with the files and nothing else; links, so that they take no room.
    shared = Path(options.folder) / "peers"
    shared.mkdir(exist_ok=True)
    for old in shared.iterdir():
        old.unlink()
    for at, file in enumerate(sorted(ours.files)):
        os.link(file, shared / f"{at:04}.parquet")
    peers = [DuckDB(shared), Chdb(shared)]

    queries = tomllib.loads((Path(__file__).parent / "queries.toml").read_text())["query"]
    lines = [
        "| query | bartizan, s | DuckDB, s | chdb, s | to the faster | answers |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    ratios = []
    for query in queries:
        if options.only not in query["name"]:
            continue
        runs = [("kql", ours), ("duckdb", peers[0]), ("chdb", peers[1])]
        times = {engine.name: [] for _, engine in runs}
        answers = {}
        for round in range(ROUNDS + 1):
            for key, engine in runs:
                try:
                    seconds, rows = engine.run(query[key])
                except Exception as error:
                    answers.setdefault(engine.name, f"fails: {str(error)[:200]}")
                    continue
                answers[engine.name] = comparable(rows, query)
                if round > 0:  # the first warms caches
                    times[engine.name].append(seconds)
        medians = {name: statistics.median(all) if all else math.nan for name, all in times.items()}
        faster = min((medians[peer.name] for peer in peers if not math.isnan(medians[peer.name])), default=math.nan)
        ratio = medians[ours.name] / faster
        if not math.isnan(ratio):
            ratios.append(ratio)
        same = [answers[peer.name] == answers[ours.name] for peer in peers]
        verdict = "same" if all(same) else "differ: " + ", ".join(
            peer.name for peer, alike in zip(peers, same) if not alike
        )
        cells = [medians[engine.name] for _, engine in runs]
        line = f"| {query['name']} | " + " | ".join(f"{cell:.3f}" for cell in cells) + f" | {ratio:.2f} | {verdict} |"
        print(line, flush=True)
        if verdict != "same":
            for name, answer in answers.items():
                print(f"    {name}: {str(answer)[:300]}")
        lines.append(line)

    mean = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else math.nan
    rule = [ours.run(RULE)[0] and ours.run(RULE, check=True)[0] for _ in range(20)]
    summary = (
        f"Geometric mean of the ratios {mean:.2f}, largest {max(ratios, default=math.nan):.2f}. "
        f"A typical rule is parsed and bound in {statistics.median(rule) * 1000:.2f} ms."
    )
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
    machine += f"DuckDB {peers[0].version}, chdb {peers[1].version}; {THREADS} threads each, medians of {ROUNDS}."
    print(summary)
    print(machine)
    if options.report:
        options.report.write_text("\n".join([*lines, "", summary, "", machine, ""]))


main()
