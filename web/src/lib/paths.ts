/**
 * The one place that knows the portal's addresses. Pages link with `paths`, the router registers
 * `routes`, and `crumbs` derives the breadcrumb from an address.
 */
import { parseArmId } from './arm-id';

export const routes = {
  signIn: '/signin',
  overview: '/overview',
  inventory: '/inventory',
  servers: '/servers',
  addServers: '/servers/add',
  /** Where the page was before there was a page of servers. */
  addServersBefore: '/inventory/add-servers',
  machine: '/inventory/machines/:resourceGroup/:machine',
  recommendations: '/recommendations',
  recommendation: '/recommendations/:key',
  alerts: '/alerts',
  /** Where an alert's own link points; shows it on the list. */
  alert: '/alerts/:alert',
  environment: '/environment',
  tenant: '/environment/tenant',
  plans: '/environment/:subscription/plans',
  provisioning: '/environment/:subscription/provisioning',
  policy: '/environment/:subscription/policy',
  workspaceSettings: '/environment/:subscription/workspace',
  coverage: '/environment/:subscription/coverage',
  groups: '/resource-groups',
  group: '/resource-groups/:group',
  tags: '/tags',
  access: '/access',
  users: '/users',
  account: '/account',
  activity: '/activity',
  logs: '/logs',
  incidents: '/incidents',
  incident: '/incidents/:incident',
  analytics: '/analytics',
  connectors: '/data-connectors',
  collectionRules: '/data-collection-rules',
  collectionRule: '/data-collection-rules/:rule',
  tables: '/tables',
  workspaces: '/workspaces',
  usage: '/usage',
} as const;

type Query = Record<string, string | undefined>;

export const paths = {
  signIn: () => routes.signIn,
  overview: () => routes.overview,
  inventory: (query?: { status?: string; monitoring?: string; q?: string; tag?: string }) => withQuery(routes.inventory, query),
  servers: () => routes.servers,
  addServers: () => routes.addServers,
  machine: (id: string, tab?: string) => {
    const { resourceGroup, name } = parseArmId(id);
    return withQuery(fill(routes.machine, { resourceGroup: resourceGroup ?? '', machine: name }), { tab });
  },
  recommendations: (query?: { view?: string; severity?: string; q?: string }) =>
    withQuery(routes.recommendations, query),
  recommendation: (key: string, tab?: string) => withQuery(fill(routes.recommendation, { key }), { tab }),
  alerts: (query?: { severity?: string; status?: string; alert?: string }) => withQuery(routes.alerts, query),
  environment: () => routes.environment,
  tenant: () => routes.tenant,
  plans: (subscription: string) => fill(routes.plans, { subscription }),
  provisioning: (subscription: string) => fill(routes.provisioning, { subscription }),
  policy: (subscription: string) => fill(routes.policy, { subscription }),
  coverage: (subscription: string) => fill(routes.coverage, { subscription }),
  groups: () => routes.groups,
  group: (name: string) => fill(routes.group, { group: name }),
  tags: (query?: { name?: string; value?: string }) => withQuery(routes.tags, query),
  /** Access control of a scope; of the subscription when none is named. */
  access: (scope?: string, tab?: string) => withQuery(routes.access, { scope, tab }),
  users: (query?: { view?: string; who?: string }) => withQuery(routes.users, query),
  account: () => routes.account,
  activity: (query?: { resource?: string; range?: string }) => withQuery(routes.activity, query),
  workspaceSettings: (subscription: string) => fill(routes.workspaceSettings, { subscription }),
  /** `workspace` is the id of one that is not the server's own. */
  logs: (query?: { q?: string; range?: string; workspace?: string }) => withQuery(routes.logs, query),
  incidents: (query?: { status?: string; severity?: string }) => withQuery(routes.incidents, query),
  incident: (name: string, tab?: string) => withQuery(fill(routes.incident, { incident: name }), { tab }),
  analytics: () => routes.analytics,
  connectors: (query?: { door?: string }) => withQuery(routes.connectors, query),
  workspaces: () => routes.workspaces,
  tables: (query?: { table?: string; q?: string; workspace?: string }) => withQuery(routes.tables, query),
  usage: () => routes.usage,
  collectionRules: () => routes.collectionRules,
  /** `new` is the form of a rule that is not there yet. */
  collectionRule: (rule: string) => fill(routes.collectionRule, { rule }),
};

export interface Crumb {
  text: string;
  to?: string;
}

/** The way from the root to an address. The last crumb is the page itself and has no link. */
export function crumbs(pathname: string): Crumb[] {
  const [area, ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const trail: Crumb[] = [];
  switch (area) {
    case 'inventory':
      trail.push({ text: 'Inventory', to: paths.inventory() });
      if (rest[0] === 'machines' && rest[2]) trail.push({ text: rest[2] });
      break;
    case 'servers':
      trail.push({ text: 'Servers', to: paths.servers() });
      if (rest[0] === 'add') trail.push({ text: 'Add servers' });
      break;
    case 'resource-groups':
      trail.push({ text: 'Resource groups', to: paths.groups() });
      if (rest[0]) trail.push({ text: rest[0] });
      break;
    case 'recommendations':
      trail.push({ text: 'Recommendations', to: paths.recommendations() });
      if (rest[0]) trail.push({ text: 'Recommendation' });
      break;
    case 'environment':
      trail.push({ text: 'Environment settings', to: paths.environment() });
      if (rest[0] === 'tenant') trail.push({ text: 'Tenant settings' });
      else if (rest[1]) trail.push({ text: environmentPages[rest[1]] ?? rest[1] });
      break;
    case 'incidents':
      trail.push({ text: 'Incidents', to: paths.incidents() });
      if (rest[0]) trail.push({ text: 'Incident' });
      break;
    case 'data-collection-rules':
      trail.push({ text: 'Data collection rules', to: paths.collectionRules() });
      if (rest[0]) trail.push({ text: rest[0] === 'new' ? 'Create rule' : rest[0] });
      break;
    default:
      if (area && singles[area]) trail.push({ text: singles[area] });
  }
  const last = trail[trail.length - 1];
  if (last) delete last.to;
  return trail;
}

/** Areas of one page. */
const singles: Record<string, string> = {
  access: 'Access control (IAM)',
  account: 'Your account',
  activity: 'Activity log',
  alerts: 'Security alerts',
  analytics: 'Analytics',
  'data-connectors': 'Data connectors',
  logs: 'Logs',
  overview: 'Overview',
  tables: 'Tables',
  tags: 'Tags',
  usage: 'Usage',
  users: 'Users',
  workspaces: 'Workspaces',
};

const environmentPages: Record<string, string> = {
  coverage: 'Coverage',
  plans: 'Defender plans',
  provisioning: 'Settings and monitoring',
  policy: 'Security policy',
  workspace: 'Workspace',
};

function fill(pattern: string, values: Record<string, string>): string {
  return pattern.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

function withQuery(path: string, query?: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value) search.set(name, value);
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}
