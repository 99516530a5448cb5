"""Asks with azure-kusto-data, unmodified: signs in with an application key, queries and looks at the schema."""
import json
import os

from azure.kusto.data import ClientRequestProperties, KustoClient, KustoConnectionStringBuilder
from azure.kusto.data.exceptions import KustoServiceError

connection = KustoConnectionStringBuilder.with_aad_application_key_authentication(
    os.environ["URL"], os.environ["APP_ID"], os.environ["SECRET"], "adfs"
)
client = KustoClient(connection)
answer = client.execute("bartizan", "print n = 7, s = 'text', d = dynamic({'a': [1]}), t = 2h, w = datetime(2026-01-02)")
row = answer.primary_results[0][0].to_dict()
assert (row["n"], row["s"], row["d"], row["t"].total_seconds(), row["w"].year) == (7, "text", {"a": [1]}, 7200.0, 2026), row
names = [row["TableName"] for row in client.execute_mgmt("bartizan", ".show tables").primary_results[0]]
assert "SecurityEvent" in names and "Syslog" in names, names
schema = client.execute_mgmt("bartizan", ".show database bartizan schema as json").primary_results[0][0]["DatabaseSchema"]
columns = json.loads(schema)["Databases"]["bartizan"]["Tables"]["Syslog"]["OrderedColumns"]
assert {"TimeGenerated", "SyslogMessage"} <= {column["Name"] for column in columns}, columns
properties = ClientRequestProperties()
properties.set_parameter("least", "long(5)")
properties.set_parameter("text", "a'b")
answer = client.execute("bartizan", "declare query_parameters(least: long, text: string); print least, text", properties)
assert answer.errors_count == 0 and answer.primary_results[0][0].to_list() == [5, "a'b"], answer
several = client.execute("bartizan", "print a = 1 | fork (project b = a) (project c = a + 1)").primary_results
assert [table[0].to_list() for table in several] == [[1], [2]], several
properties = ClientRequestProperties()
properties.set_option("truncationmaxrecords", 2)
try:
    client.execute("bartizan", "range n from 1 to 5 step 1", properties)
    raise SystemExit("a result that was cut off looks whole")
except KustoServiceError as error:
    assert "2" in str(error), error
try:
    client.execute("bartizan", "Syslog | wher x > 1")
    raise SystemExit("a wrong query was answered")
except KustoServiceError as error:
    assert "line:position=1:" in str(error), error
