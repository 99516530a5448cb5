"""Uploads rows with azure-monitor-ingestion and asks for them with azure-monitor-query."""
import datetime
import os

from azure.identity import ClientSecretCredential
from azure.monitor.ingestion import LogsIngestionClient
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryStatus

url, ca = os.environ["URL"], os.environ["CA"]
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["APP_ID"], os.environ["SECRET"],
    authority=url, disable_instance_discovery=True, connection_verify=ca,
)
logs = LogsIngestionClient(url, credential, connection_verify=ca)
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
# More than one request of the client: it sends at most 1 MB at once.
rows = [{"when": now, "door": f"door {n}", "n": n, "pad": "x" * 400} for n in range(5000)]
logs.upload(os.environ["DCR"], "Custom-Door", rows)

queries = LogsQueryClient(credential, endpoint=url + "/v1", connection_verify=ca)
answer = queries.query_workspace(
    os.environ["WORKSPACE"], "Doors_CL | summarize c = count(), s = sum(n) by Door | summarize count(), max(c), sum(s)", timespan=datetime.timedelta(days=1)
)
found = list(answer.tables[0].rows[0])
assert found == [4999, 1, sum(range(5000))], found

# By the workspace's ARM id, and several in one request.
answer = queries.query_resource(
    os.environ["WORKSPACE_ID"], "Doors_CL | count", timespan=datetime.timedelta(days=1)
)
assert list(answer.tables[0].rows[0]) == [4999], answer.tables[0].rows
day = datetime.timedelta(days=1)
good, bad = queries.query_batch([
    LogsBatchQuery(os.environ["WORKSPACE"], "print 7", timespan=day),
    LogsBatchQuery(os.environ["WORKSPACE"], "print nope", timespan=day),
])
assert list(good.tables[0].rows[0]) == [7] and bad.status == LogsQueryStatus.FAILURE, (good, bad)
