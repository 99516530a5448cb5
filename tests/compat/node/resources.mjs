// @azure/arm-resources and @azure/arm-security.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { URL: url, TENANT, APP_ID, SECRET, SUBSCRIPTION, WORKSPACE_ID, MODULES } = process.env;
const require = createRequire(`${MODULES}/`);
const { ClientSecretCredential } = require("@azure/identity");
const { ResourceManagementClient } = require("@azure/arm-resources");
const { SecurityCenter } = require("@azure/arm-security");

const credential = new ClientSecretCredential(TENANT, APP_ID, SECRET, {
  authorityHost: url,
  disableInstanceDiscovery: true,
});
const cloud = { endpoint: url, credentialScopes: [`${url}/.default`] };
const all = async (pages) => {
  const out = [];
  for await (const one of pages) out.push(one);
  return out;
};
const refusal = async (call) => {
  const error = await call().then(() => assert.fail("was not refused"), (error) => error);
  return [error.statusCode, error.code];
};

const resources = new ResourceManagementClient(credential, SUBSCRIPTION, cloud);
await resources.resourceGroups.createOrUpdate("compat-node", { location: "local", tags: { team: "blue" } });
const groups = await all(resources.resourceGroups.list());
assert.ok(groups.some((group) => group.name === "compat-node" && group.tags.team === "blue"));
const workspaces = await all(
  resources.resources.list({ filter: "resourceType eq 'Microsoft.OperationalInsights/workspaces'" }),
);
assert.deepEqual(workspaces.map((one) => one.id), [WORKSPACE_ID]);
const pack = `/subscriptions/${SUBSCRIPTION}/resourceGroups/compat-node/providers/Microsoft.OperationalInsights/queryPacks/p`;
await resources.resources.beginCreateOrUpdateByIdAndWait(pack, "2025-07-01", { location: "local", properties: {} });
assert.equal((await resources.resources.getById(pack, "2025-07-01")).name, "p");
await resources.resourceGroups.beginDeleteAndWait("compat-node");
assert.deepEqual(await refusal(() => resources.resources.getById(pack, "2025-07-01")), [404, "ResourceGroupNotFound"]);

const security = new SecurityCenter(credential, SUBSCRIPTION, cloud);
const plan = await security.pricings.update("VirtualMachines", { pricingTier: "Standard", subPlan: "P1" });
assert.deepEqual([plan.pricingTier, plan.subPlan], ["Standard", "P1"]);
const plans = await security.pricings.list();
assert.ok(plans.value.some((one) => one.name === "VirtualMachines" && one.pricingTier === "Standard"));
const metadata = await all(security.assessmentsMetadata.list());
const assessments = await all(security.assessments.list(`subscriptions/${SUBSCRIPTION}`));
assert.ok(assessments.length > 0 && assessments.every((one) => metadata.some((known) => known.name === one.name)));
assert.deepEqual((await all(security.secureScores.list())).map((score) => score.name), ["ascScore"]);
await security.securityContacts.create("default", { email: "soc@example.org", alertNotifications: "On", alertsToAdmins: "On", phone: "1" });
assert.equal((await all(security.securityContacts.list())).length, 1);
assert.deepEqual(
  await refusal(() => security.pricings.update("VirtualMachines", { pricingTier: "Gold" })),
  [400, "InvalidRequestContent"],
);
const absent = security.topology.list();
assert.deepEqual(await refusal(() => absent.next()), [400, "NoRegisteredProviderFound"]);
