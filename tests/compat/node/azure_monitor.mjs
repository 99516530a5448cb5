// Uploads rows with @azure/monitor-ingestion and asks for them with @azure/monitor-query-logs.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { URL: url, TENANT, APP_ID, SECRET, WORKSPACE, WORKSPACE_ID, DCR, MODULES } = process.env;
const require = createRequire(`${MODULES}/`);
const { ClientSecretCredential } = require("@azure/identity");
const { LogsIngestionClient } = require("@azure/monitor-ingestion");
const { LogsQueryClient } = require("@azure/monitor-query-logs");

const credential = new ClientSecretCredential(TENANT, APP_ID, SECRET, {
  authorityHost: url,
  disableInstanceDiscovery: true,
});
const logs = new LogsIngestionClient(url, credential);
const now = new Date().toISOString();
// More than one request of the client: it sends at most 1 MB at once.
const rows = Array.from({ length: 5000 }, (_, n) => ({ when: now, door: `door ${n}`, n, pad: "x".repeat(400) }));
await logs.upload(DCR, "Custom-Door", rows);

const queries = new LogsQueryClient(credential, { endpoint: `${url}/v1` });
const text = "Doors_CL | summarize c = count(), s = sum(n) by Door | summarize count(), max(c), sum(s)";
const sum = (4999 * 5000) / 2;
const answer = await queries.queryWorkspace(WORKSPACE, text, { duration: "P1D" }, { includeQueryStatistics: true });
assert.deepEqual(answer.tables[0].rows, [[4999, 1, sum]]);
assert.equal(typeof answer.statistics.query.executionTime, "number");
const ofResource = await queries.queryResource(WORKSPACE_ID, text, { duration: "P1D" });
assert.deepEqual(ofResource.tables[0].rows, [[4999, 1, sum]]);
const batch = await queries.queryBatch([
  { workspaceId: WORKSPACE, query: "print 7", timespan: { duration: "P1D" } },
  { workspaceId: WORKSPACE, query: "print nope", timespan: { duration: "P1D" } },
]);
assert.deepEqual(batch[0].tables[0].rows, [[7]]);
// What this client calls any answer of a batch that has an error in it.
assert.equal(batch[1].status, "PartialFailure");
assert.equal(batch[1].partialError.code, "BadArgumentError");
await assert.rejects(queries.queryWorkspace(WORKSPACE, "Doors_CL | where nope", { duration: "P1D" }), /nope|invalid/);
