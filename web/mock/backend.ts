/** Routes and state of the in-memory backend. One instance is one server with one signed-in browser. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { call, colours, complete, format, hover } from './editor.ts';
import { extensionItem, extensionItems, hosts, machineItem, type Item } from './hosts.ts';
import { ago, customerId, machineId, resourceGroup, security, subscription, uuid, workspace } from './ids.ts';
import { accessItems, Directory } from './directory.ts';
import { graphAnswer } from './graph.ts';
import { assessmentItems, assignmentItems, controlItems, metadataItems, policies, scoreItem } from './posture.ts';
import { answer, check, metadata } from './query.ts';
import { asTable, tableItems } from './tables.ts';
import { componentsAnswer, planAnswer, planItems } from './plans.ts';
import { TestAlerts, diagnosis, fleet, groupItems, settingItems, tenantAnswer } from './tenant.ts';
import { alertItems, incidentAlerts, incidentEntities, incidentItems, ruleItems, session } from './threats.ts';

type Reply = { status: number; body?: unknown } | undefined;

export class Backend {
  private items = new Map<string, Item>();
  private listeners = new Set<ServerResponse>();
  private directory = new Directory();
  private tests = new TestAlerts();
  /** Whether a hundred thousand servers are shown in place of ten. */
  private many = false;
  private entities = new Map<string, { alerts: Item[]; entities: Item[] }>();

  constructor() {
    this.reset();
  }

  /** Back to the beginning. Every sign-in does it, so that tests do not depend on one another. */
  private reset(): void {
    this.items.clear();
    this.directory.reset();
    this.tests = new TestAlerts();
    const all: Item[] = [
      ...hosts.map(machineItem), ...hosts.flatMap(extensionItems), ...assessmentItems(), ...controlItems(), scoreItem(), ...structuredClone(planItems), ...assignmentItems(), ...structuredClone(alertItems), ...structuredClone(incidentItems), ...structuredClone(ruleItems),
      { id: workspace, name: 'bartizan', type: 'Microsoft.OperationalInsights/workspaces', location: 'local', properties: { customerId, provisioningState: 'Succeeded', retentionInDays: 30, sku: { name: 'PerGB2018' }, createdDate: ago(60 * 24 * 40) } },
      ...tableItems(), ...groupItems(), ...settingItems(), ...accessItems(),
      { id: `${resourceGroup}/providers/Microsoft.Insights/dataCollectionRules/bartizan-default`, name: 'bartizan-default', type: 'Microsoft.Insights/dataCollectionRules', location: 'local', properties: { immutableId: 'dcr-0a6f0c3d5b7e4f31a2c4d6e8f0a1b2c3', description: 'Takes every table.', provisioningState: 'Succeeded' } },
      { id: `${security}/workspaceSettings/default`, name: 'default', type: 'Microsoft.Security/workspaceSettings', properties: { workspaceId: workspace, scope: subscription } },
    ];
    for (const item of all) this.items.set(item.id.toLowerCase(), item);
    for (const incident of incidentItems) this.entities.set(incident.name, { alerts: incidentAlerts(incident.name), entities: incidentEntities(incident.name) });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const url = new URL(request.url ?? '/', 'http://mock');
    const path = decodeURIComponent(url.pathname);
    if (!/^\/(subscriptions|portal|v1|v1\.0|providers)(\/|$)/i.test(path)) return false;
    if (path === '/portal/v1/events') return this.events(request, response);
    const signedIn = (request.headers.cookie ?? '').includes('bartizan-mock=1');
    if (path === '/portal/v1/signin') return this.signIn(request, response);
    if (!signedIn) return send(response, { status: 401, body: error('AuthenticationFailed', 'The session is not known. Sign in.') });
    if (request.method !== 'GET' && request.headers['x-bartizan-portal'] !== '1') return send(response, { status: 403, body: error('Forbidden', 'The header x-bartizan-portal is missing.') });
    const body = request.method === 'GET' ? undefined : await json(request);
    const reply = (await this.portal(path, body)) ?? this.other(request.method ?? 'GET', url, path, body ?? {}) ?? this.arm(request.method ?? 'GET', path, body);
    return send(response, reply ?? { status: 404, body: error('ResourceNotFound', `The resource ${path} was not found.`) });
  }

  private async portal(path: string, body: Record<string, unknown> | undefined): Promise<Reply> {
    switch (path) {
      case '/portal/v1/session':
        return { status: 200, body: { ...session, workspaceId: workspace, workspaceCustomerId: customerId, version: '0.1.0' } };
      case '/portal/v1/signout':
        return { status: 204 };
      case '/portal/v1/onboarding':
        return { status: 200, body: { ...(body?.['servicePrincipalId'] ? {} : { token: 'bzt_mock', expiresOn: ago(-60 * 24) }), script: script(body ?? {}) } };
      case '/portal/v1/transform/preview':
        return preview(body ?? {});
      case '/portal/v1/query/complete':
        return { status: 200, body: complete(String(body?.['query'] ?? ''), Number(body?.['offset'] ?? 0)) };
      case '/portal/v1/query/hover':
        return { status: 200, body: hover(String(body?.['query'] ?? ''), Number(body?.['offset'] ?? 0)) };
      case '/portal/v1/query/call':
        return { status: 200, body: call(String(body?.['query'] ?? ''), Number(body?.['offset'] ?? 0)) };
      case '/portal/v1/query/colours':
        return { status: 200, body: colours(String(body?.['query'] ?? '')) };
      case '/portal/v1/query/format':
        return { status: 200, body: format(String(body?.['query'] ?? '')) };
      case '/portal/v1/query/check':
        return { status: 200, body: { diagnostics: check(String(body?.['query'] ?? '')), columns: null } };
      case `/v1/workspaces/${customerId}/metadata`:
        return { status: 200, body: metadata };
      case `/v1/workspaces/${customerId}/query`: {
        const query = String(body?.['query'] ?? '');
        const [wrong] = check(query);
        if (wrong) return { status: 400, body: { error: { code: 'BadArgumentError', message: 'The request had some invalid properties', innererror: { code: 'SemanticError', message: wrong.message } } } };
        // A query that takes its time, for those who cancel.
        if (query.includes('// slow')) await new Promise((done) => setTimeout(done, 20_000));
        return { status: 200, body: answer(query) };
      }
      default:
        return undefined;
    }
  }

  /** Doors that are no resources. */
  private other(method: string, url: URL, path: string, body: Record<string, unknown>): Reply {
    if (path.startsWith('/v1.0/')) return this.directory.graph(method, path, body);
    if (/\/Microsoft\.ResourceGraph\/resources$/i.test(path)) {
      const rows = graphAnswer(String(body['query']), [...this.items.values()]);
      return rows ? { status: 200, body: { totalRecords: rows.length, count: rows.length, data: rows } } : { status: 400, body: error('BadRequest', 'The mock does not know this query.') };
    }
    if (this.many && path.endsWith('/providers/Microsoft.HybridCompute/machines')) return fleet(url);
    const test = this.tests.answer(method, path);
    if (test) return test;
    if (method === 'GET') return this.directory.portal(path) ?? tenantAnswer(path) ?? diagnosis(path) ?? componentsAnswer(path, this.items) ?? planAnswer(path) ?? this.groups(path);
    if (path.startsWith('/portal/v1/account')) return this.directory.portal(path);
    const tagged = /^(.*)\/providers\/Microsoft\.Resources\/tags\/default$/i.exec(path);
    const item = tagged && this.items.get((tagged[1] ?? '').toLowerCase());
    if (item && method === 'PUT') {
      item.tags = (body['properties'] as { tags: Record<string, string> }).tags;
      return { status: 200, body: item };
    }
    return method === 'DELETE' ? this.locked(path) : undefined;
  }

  private groups(path: string): Reply {
    const key = path.toLowerCase();
    const all = [...this.items.values()];
    if (/^\/subscriptions\/[^/]+\/resourcegroups$/.test(key)) return { status: 200, body: { value: all.filter((item) => item.type === 'Microsoft.Resources/resourceGroups' && item.id.toLowerCase().startsWith(`${key}/`)) } };
    if (!/\/resourcegroups\/[^/]+\/resources$/.test(key)) return undefined;
    const inside = `${key.slice(0, -'/resources'.length)}/providers/`;
    return { status: 200, body: { value: all.filter((item) => item.id.toLowerCase().startsWith(inside) && !item.type.toLowerCase().startsWith('microsoft.authorization/') && item.id.slice(inside.length).split('/').length === 3) } };
  }

  /** A delete that a lock forbids, and the cascade of one that it does not. */
  private locked(path: string): Reply {
    const key = path.toLowerCase();
    const all = [...this.items.values()];
    const lock = !key.includes('/locks/') && all.find((item) => item.type.toLowerCase() === 'microsoft.authorization/locks' && item.id.toLowerCase().startsWith(`${key}/`));
    if (lock) return { status: 409, body: error('ScopeLocked', `The scope '${path}' cannot perform this operation because it is locked (lock '${lock.name}'). Remove the lock and try again.`) };
    if (/^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+$/.test(key)) for (const item of all) if (item.id.toLowerCase().startsWith(`${key}/`)) this.items.delete(item.id.toLowerCase());
    return undefined;
  }

  private arm(method: string, path: string, body: Record<string, unknown> | undefined): Reply {
    const key = path.toLowerCase();
    const incident = /\/incidents\/([^/]+)\/(alerts|entities)$/i.exec(path);
    if (method === 'POST' && incident) {
      const found = this.entities.get(incident[1] ?? '') ?? { alerts: [], entities: [] };
      return { status: 200, body: incident[2] === 'alerts' ? { value: found.alerts } : { entities: found.entities, metaData: [] } };
    }
    const action = /^(.*\/alerts\/[^/]+)\/(activate|resolve|dismiss|inProgress)$/i.exec(path);
    if (method === 'POST' && action) {
      const alert = this.items.get((action[1] ?? '').toLowerCase());
      if (!alert) return undefined;
      alert.properties['status'] = { activate: 'Active', resolve: 'Resolved', dismiss: 'Dismissed', inprogress: 'InProgress' }[(action[2] ?? '').toLowerCase()];
      this.tell(alert);
      return { status: 204 };
    }
    if (method === 'POST' && key.endsWith('/policystates/latest/queryresults')) return { status: 200, body: { value: this.policyStates().filter((state) => state.complianceState === 'NonCompliant') } };
    if (method === 'POST' && key.endsWith('/policystates/latest/summarize')) return { status: 200, body: { value: [this.policySummary()] } };
    if (method === 'POST' && key.endsWith('/triggerevaluation')) return { status: 202 };
    const task = /^(.*\/remediations\/[^/]+)\/(cancel|listdeployments)$/.exec(key);
    if (method === 'POST' && task) return this.remediation(task[1] ?? '', task[2] === 'cancel');
    if (method === 'PUT' && body) return this.put(path, body);
    const one = this.items.get(key);
    if (method === 'DELETE' && this.items.delete(key)) return { status: 200 };
    if (one) return { status: 200, body: one };
    const list = this.list(key);
    return list ? { status: 200, body: { value: list } } : undefined;
  }

  private list(key: string): Item[] | undefined {
    const at = key.lastIndexOf('/providers/');
    const scope = key.slice(0, at);
    if (key.endsWith('/assessmentmetadata')) return metadataItems;
    const followed = /^(.*\/datacollectionrules\/[^/]+)\/associations$/.exec(key)?.[1];
    if (followed) return [...this.items.values()].filter((item) => String(item.properties['dataCollectionRuleId'] ?? '').toLowerCase() === followed);
    const type = listTypes.find(([suffix]) => key.endsWith(suffix))?.[1];
    if (!type) return undefined;
    const parent = type.endsWith('/extensions') || type.endsWith('/comments') || type.endsWith('/savedsearches') || type.endsWith('/tables') || type.includes('securityinsights') ? key : scope;
    return [...this.items.values()].filter((item) => item.type.toLowerCase() === type && item.id.toLowerCase().startsWith(`${parent}/`));
  }

  private put(path: string, body: Record<string, unknown>): Reply {
    const key = path.toLowerCase();
    const before = this.items.get(key);
    const wanted = String(body['etag'] ?? '');
    if (before?.etag && wanted && before.etag !== wanted) return { status: 412, body: error('PreconditionFailed', 'The resource was changed by someone else. Load it again.') };
    const comment = /^(.*\/incidents\/[^/]+)\/comments\/([^/]+)$/i.exec(path);
    const item: Item = before ?? { id: path, name: path.slice(path.lastIndexOf('/') + 1), type: comment ? 'Microsoft.SecurityInsights/incidents/comments' : listTypes.find(([suffix]) => key.slice(0, key.lastIndexOf('/')).endsWith(suffix))?.[1] ?? 'unknown', properties: {} };
    if (typeof body['location'] === 'string') item.location = body['location'];
    if (body['tags']) item.tags = body['tags'] as Record<string, string>;
    if (/^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+$/.test(key)) item.type = 'Microsoft.Resources/resourceGroups';
    if (key.includes('/roleassignments/')) item.properties['scope'] = path.slice(0, key.lastIndexOf('/providers/'));
    item.properties = { ...item.properties, ...(body['properties'] as Record<string, unknown>) };
    item.etag = `"${uuid(`${path}${Date.now()}`)}"`;
    if (item.type.toLowerCase().endsWith('/tables')) asTable(item);
    if (comment) {
      Object.assign(item.properties, { createdTimeUtc: ago(0), author: { name: session.name, objectId: session.objectId } });
      const about = this.items.get((comment[1] ?? '').toLowerCase());
      const data = about?.properties['additionalData'] as { commentsCount?: number } | undefined;
      if (data) data.commentsCount = (data.commentsCount ?? 0) + 1;
    }
    if (key.includes('/remediations/')) Object.assign(item.properties, { provisioningState: 'InProgress', createdOn: ago(0), deploymentStatus: { totalDeployments: this.failing(String(item.properties['policyAssignmentId'])).length, successfulDeployments: 0, failedDeployments: 0 } });
    if (key.endsWith('/pricings/virtualmachines')) this.provision(item.properties['pricingTier'] === 'Standard');
    this.items.set(key, item);
    this.tell(item);
    return { status: before ? 200 : 201, body: item };
  }

  /** Extensions come and go with the plan, one after the other, as on real servers. */
  private provision(on: boolean): void {
    hosts.forEach((host, at) => {
      for (const policy of policies) {
        const key = `${machineId(host.name)}/extensions/${policy.extension}`.toLowerCase();
        if (!on) this.items.delete(key);
        else if (!this.items.has(key) && !host.missing?.includes(policy.extension)) {
          const creating = extensionItem(host, policy.extension, 'Creating');
          this.items.set(key, creating);
          setTimeout(() => {
            const done = extensionItem(host, policy.extension);
            this.items.set(key, done);
            this.tell(done);
          }, 700 + at * 350);
        }
      }
    });
    this.tell(extensionItem(hosts[0] as (typeof hosts)[number], 'MDE.Linux'));
  }

  /** Cancels a task, or tells what it deployed. */
  private remediation(key: string, cancel: boolean): Reply {
    const item = this.items.get(key);
    if (!item) return undefined;
    if (!cancel) return { status: 200, body: { value: this.failing(String(item.properties['policyAssignmentId'])).map((state) => ({ remediatedResourceId: state.resourceId, status: 'Running', lastUpdatedOn: ago(0) })) } };
    item.properties['provisioningState'] = 'Canceled';
    this.tell(item);
    return { status: 200, body: item };
  }

  private failing(assignment: string) {
    return this.policyStates().filter((state) => !state.isCompliant && state.policyAssignmentId.toLowerCase() === assignment.toLowerCase());
  }

  /** Whether a resource is let off an assignment. */
  private isExempt(resource: string, assignment: string): boolean {
    return [...this.items.values()].some((item) => item.type.toLowerCase().endsWith('/policyexemptions') && item.id.toLowerCase().startsWith(`${resource.toLowerCase()}/`) && String(item.properties['policyAssignmentId']).toLowerCase() === assignment.toLowerCase());
  }

  private policySummary(): object {
    const states = this.policyStates();
    const results = (of: typeof states) => {
      const resources = new Map<string, string>();
      for (const state of of) if (state.complianceState === 'NonCompliant' || !resources.has(state.resourceId)) resources.set(state.resourceId, state.complianceState.toLowerCase());
      const all = [...resources.values()];
      return { nonCompliantResources: all.filter((state) => state === 'noncompliant').length, resourceDetails: [...new Set(all)].map((complianceState) => ({ complianceState, count: all.filter((state) => state === complianceState).length })) };
    };
    const assignments = [...new Set(states.map((state) => state.policyAssignmentId))];
    return { results: results(states), policyAssignments: assignments.map((policyAssignmentId) => ({ policyAssignmentId, results: results(states.filter((state) => state.policyAssignmentId === policyAssignmentId)), policyDefinitions: [{ effect: 'deployifnotexists' }] })) };
  }

  private policyStates() {
    const plan = this.items.get(`${security}/pricings/virtualmachines`.toLowerCase());
    if (plan?.properties['pricingTier'] !== 'Standard') return [];
    return hosts.flatMap((host) =>
      policies.map((policy) => {
        const extension = this.items.get(`${machineId(host.name)}/extensions/${policy.extension}`.toLowerCase());
        const [resourceId, policyAssignmentId] = [machineId(host.name), `${subscription}/providers/Microsoft.Authorization/policyAssignments/${policy.name}`];
        const exempt = this.isExempt(resourceId, policyAssignmentId);
        const compliant = exempt || extension?.properties['provisioningState'] === 'Succeeded';
        return { timestamp: ago(1), resourceId, policyAssignmentId, policyAssignmentName: policy.name, policyDefinitionAction: 'deployifnotexists', complianceState: exempt ? 'Exempt' : compliant ? 'Compliant' : 'NonCompliant', isCompliant: compliant };
      }),
    );
  }

  private tell(item: Item): void {
    const data = JSON.stringify({ id: item.id, type: item.type, op: 'put' });
    for (const listener of this.listeners) listener.write(`event: resource\ndata: ${data}\n\n`);
  }

  private events(request: IncomingMessage, response: ServerResponse): boolean {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': hello\n\n');
    this.listeners.add(response);
    request.on('close', () => this.listeners.delete(response));
    return true;
  }

  private async signIn(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const body = await json(request);
    if (!body?.['code'] || body['code'] === 'wrong') return send(response, { status: 401, body: error('InvalidCode', 'The sign-in code is wrong, was used already, or has expired.') });
    this.reset();
    this.many = body['code'] === 'many';
    response.setHeader('set-cookie', 'bartizan-mock=1; Path=/; HttpOnly; SameSite=Strict');
    return send(response, (await this.portal('/portal/v1/session', undefined)) ?? { status: 500 });
  }
}

const listTypes: readonly [string, string][] = [
  ['/inventoryviews', 'bartizan.security/inventoryviews'],
  ['/coveragetargets', 'bartizan.security/coveragetargets'],
  ['/microsoft.hybridcompute/machines', 'microsoft.hybridcompute/machines'],
  ['/extensions', 'microsoft.hybridcompute/machines/extensions'],
  ['/assessments', 'microsoft.security/assessments'],
  ['/securescores', 'microsoft.security/securescores'],
  ['/securescorecontrols', 'microsoft.security/securescores/securescorecontrols'],
  ['/pricings', 'microsoft.security/pricings'],
  ['/policyassignments', 'microsoft.authorization/policyassignments'],
  ['/policyexemptions', 'microsoft.authorization/policyexemptions'],
  ['/remediations', 'microsoft.policyinsights/remediations'],
  ['/microsoft.security/alerts', 'microsoft.security/locations/alerts'],
  ['/incidents', 'microsoft.securityinsights/incidents'],
  ['/roleassignments', 'microsoft.authorization/roleassignments'],
  ['/roledefinitions', 'microsoft.authorization/roledefinitions'],
  ['/locks', 'microsoft.authorization/locks'],
  ['/microsoft.security/settings', 'microsoft.security/settings'],
  ['/comments', 'microsoft.securityinsights/incidents/comments'],
  ['/alertrules', 'microsoft.securityinsights/alertrules'],
  ['/tables', 'microsoft.operationalinsights/workspaces/tables'],
  ['/microsoft.insights/datacollectionrules', 'microsoft.insights/datacollectionrules'],
  ['/microsoft.insights/datacollectionruleassociations', 'microsoft.insights/datacollectionruleassociations'],
  ['/savedsearches', 'microsoft.operationalinsights/workspaces/savedsearches'],
  ['/workspacesettings', 'microsoft.security/workspacesettings'],
  ['/microsoft.operationalinsights/workspaces', 'microsoft.operationalinsights/workspaces'],
];

/** Knows `source` and `source | where false`; anything else is refused as the server refuses it. */
function preview(body: Record<string, unknown>): Reply {
  const text = String(body['transformKql'] ?? '').trim();
  if (!/^source\b/.test(text)) return { status: 400, body: error('InvalidTransformQuery', 'the transformation cannot be used: a transformation begins with `source` (K0400, line 1, column 1)') };
  const source = (body['rows'] as Record<string, unknown>[] | undefined) ?? [{ TimeGenerated: ago(1), Computer: 'web-01' }];
  const columns = (body['columns'] as { name: string; type: string }[] | undefined) ?? [{ name: 'TimeGenerated', type: 'datetime' }, { name: 'Computer', type: 'string' }];
  const known = new Set(columns.map((column) => column.name));
  const unknownFields = source.flatMap((row) => Object.keys(row)).filter((field) => !known.has(field)).length;
  return { status: 200, body: { source, columns, rows: text.includes('where false') ? [] : source, rowsIn: source.length, rejectedCells: 0, unknownFields } };
}

function script(body: Record<string, unknown>): string {
  const tags = Object.entries((body['tags'] ?? {}) as Record<string, string>).map(([name, value]) => `${name}=${value}`).join(',');
  const proxy = body['proxy'] ? ` \\\n  --proxy '${String(body['proxy'])}'` : '';
  const program = body['servicePrincipalId'] ? ` \\\n  --service-principal-id '${String(body['servicePrincipalId'])}'` : '';
  return `#!/bin/sh\n# Installs the Bartizan agent and connects this machine.\nset -eu\n\nserver='https://bartizan.example.internal:8443'\n\ncurl --fail --silent --show-error --cacert bartizan-ca.pem \\\n  --output bartizan-agent "$server/agent/v1/download"\ninstall -m 0755 bartizan-agent /usr/local/bin/bartizan-agent\n\nbartizan-agent connect \\\n  --server "$server" \\\n  --resource-group '${String(body['resourceGroup'] ?? '')}' \\\n  --location '${String(body['location'] ?? '')}'${tags ? ` \\\n  --tags '${tags}'` : ''}${proxy}${program || " \\\n  --token 'bzt_mock'"}\n`;
}

function error(code: string, message: string): object {
  return { error: { code, message } };
}

function send(response: ServerResponse, reply: { status: number; body?: unknown }): boolean {
  response.writeHead(reply.status, { 'content-type': 'application/json' });
  response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
  return true;
}

async function json(request: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

