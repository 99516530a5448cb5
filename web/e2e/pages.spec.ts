/** Walks every page: it renders, without script errors, without sideways scrolling, and is photographed. */
import { expect, test, type Page } from '@playwright/test';
import { subscriptionId, uuid } from '../mock/ids.ts';
import { expectNoOverflow, signIn, watchErrors } from './session.ts';

const settings = `/environment/${subscriptionId}`;

const pages: readonly { name: string; path: string; heading: string | RegExp; ready: (page: Page) => Promise<void> }[] = [
  { name: 'overview', path: '/overview', heading: 'Overview', ready: async (page) => {
    await expect(page.getByRole('img', { name: /Secure score: \d+ percent/ })).toBeVisible();
    await expect(page.getByRole('img', { name: /Monitored servers: 70 percent/ })).toBeVisible();
    await expect(page.getByRole('table', { name: 'Top recommendations' })).toBeVisible();
  } },
  { name: 'inventory', path: '/inventory', heading: 'Inventory', ready: async (page) => {
    await expect(page.getByRole('row', { name: /web-01 Connected Monitored/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /backup-01 Disconnected Not monitored/ })).toBeVisible();
  } },
  { name: 'servers', path: '/servers', heading: 'Servers', ready: async (page) => {
    await expect(page.getByRole('row', { name: /web-01 Connected bartizan local Debian/ })).toBeVisible();
  } },
  { name: 'add-servers', path: '/servers/add', heading: 'Add servers', ready: async (page) => {
    await page.getByRole('radio', { name: 'By a proxy server' }).check();
    await expect(page.getByRole('button', { name: 'Next' })).toBeDisabled();
    await page.getByRole('textbox', { name: 'Proxy server' }).fill('http://proxy.example.com:3128');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Name of tag 1').fill('environment');
    await page.getByLabel('Value of tag 1').fill('production');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('button', { name: 'Next' }).click();
    await expect(page.getByLabel('Onboarding script')).toContainText("--tags 'environment=production'");
    await expect(page.getByLabel('Onboarding script')).toContainText('--proxy');
    await expect(page.getByRole('button', { name: 'Copy script' })).toBeVisible();
  } },
  { name: 'access', path: '/access', heading: 'Access control (IAM)', ready: async (page) => {
    await expect(page.getByRole('row', { name: /watch@example.internal User Reader This resource/ })).toBeVisible();
  } },
  { name: 'access-group', path: `/access?scope=/subscriptions/${subscriptionId}/resourceGroups/bartizan`, heading: 'Access control (IAM)', ready: async (page) => {
    await expect(page.getByRole('row', { name: /owner User Owner Subscription Bartizan \(Inherited\)/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /onboarding Service principal Azure Connected Machine Onboarding This resource/ })).toBeVisible();
  } },
  { name: 'access-roles', path: '/access?tab=roles', heading: 'Access control (IAM)', ready: async (page) => {
    await page.getByRole('button', { name: 'Reader', exact: true }).click();
    await expect(page.getByRole('dialog', { name: 'Reader' })).toContainText('*/read');
  } },
  { name: 'access-check', path: `/access?tab=check&who=${uuid('userwatch@example.internal')}`, heading: 'Access control (IAM)', ready: async (page) => {
    await page.getByLabel('Action').fill('Microsoft.Security/pricings/read');
    await expect(page.getByText('Allowed by Reader')).toBeVisible();
    await page.getByLabel('Action').fill('Microsoft.Security/pricings/write');
    await expect(page.getByText(/Not allowed: no role of watch@example.internal/)).toBeVisible();
  } },
  { name: 'users', path: '/users', heading: 'Users', ready: async (page) => {
    await expect(page.getByRole('row', { name: /former@example.internal Disabled/ })).toBeVisible();
  } },
  { name: 'user', path: `/users?who=${uuid('userwatch@example.internal')}`, heading: 'Users', ready: async (page) => {
    const panel = page.getByRole('dialog', { name: 'watch@example.internal' });
    await expect(panel).toContainText('Authenticator app');
    await expect(panel.getByRole('row', { name: /Reader Subscription Bartizan/ })).toBeVisible();
  } },
  { name: 'account', path: '/account', heading: 'Your account', ready: async (page) => {
    await expect(page.getByRole('button', { name: 'Change password' })).toBeDisabled();
    await expect(page.getByRole('button', { name: 'Add authenticator app' })).toBeVisible();
  } },
  { name: 'activity', path: '/activity', heading: 'Activity log', ready: async (page) => {
    await page.getByRole('button', { name: 'Create or update pricings' }).click();
    await expect(page.getByRole('row', { name: 'properties.subPlan P1 P2' })).toBeVisible();
  } },
  { name: 'resource-groups', path: '/resource-groups', heading: 'Resource groups', ready: async (page) => {
    await expect(page.getByRole('row', { name: /bartizan 12 local team: platform/ })).toBeVisible();
  } },
  { name: 'resource-group', path: '/resource-groups/bartizan', heading: 'bartizan', ready: async (page) => {
    await expect(page.getByRole('table', { name: 'Resources' }).getByRole('link', { name: 'web-01' })).toBeVisible();
    await expect(page.getByRole('row', { name: /keep Delete This resource Holds the workspace/ })).toBeVisible();
  } },
  { name: 'tags', path: '/tags?name=environment&value=development', heading: 'Tags', ready: async (page) => {
    await expect(page.getByRole('row', { name: 'environment production 8' })).toBeVisible();
    await expect(page.getByRole('table', { name: 'Resources with the tag' })).toContainText('build-01');
  } },
  { name: 'coverage', path: `${settings}/coverage`, heading: 'Coverage', ready: async (page) => {
    await expect(page.getByRole('row', { name: /production 8 7 of 8 · 88 %.*1 more needed/ })).toBeVisible();
  } },
  { name: 'machine', path: '/inventory/machines/bartizan/app-02', heading: 'app-02', ready: async (page) => {
    await expect(page.getByRole('tab', { name: /Recommendations/ })).toBeVisible();
    await expect(page.getByText('BPF is locked down').first()).toBeVisible();
    await expect(page.getByText('Installation issue')).toBeVisible();
    await page.getByRole('button', { name: 'Diagnose' }).click();
    await expect(page.getByRole('list', { name: 'Checks' }).getByRole('listitem')).toHaveCount(6);
    await expect(page.getByRole('status', { name: 'Result of the diagnosis' })).toContainText('set the lockdown mode to integrity');
    await expect(page.getByRole('status', { name: 'Result of the diagnosis' })).toContainText('Two agents: log collection works and the sensor does not');
    await page.getByText('2 prerequisites, 1 not met').click();
    await expect(page.getByRole('list', { name: 'Prerequisites' })).toContainText('set up time synchronisation');
    await page.getByText('5 installation steps').first().click();
    await expect(page.getByRole('list', { name: 'Installation steps' }).first().getByRole('listitem')).toHaveCount(5);
    await page.getByRole('button', { name: 'Send a test alert' }).click();
    await expect(page.getByRole('list', { name: 'Hops' }).getByRole('listitem')).toHaveCount(8);
    await expect(page.getByRole('status', { name: 'Result of the test alert' })).toContainText('the sensor does not run');
  } },
  { name: 'recommendations', path: '/recommendations', heading: 'Recommendations', ready: async (page) => {
    await page.getByRole('button', { name: 'Secure management ports' }).click();
    await expect(page.getByRole('link', { name: 'Root should not be able to sign in by SSH' })).toBeVisible();
  } },
  { name: 'recommendations-list', path: '/recommendations?view=list', heading: 'Recommendations', ready: async (page) => {
    await expect(page.getByRole('table', { name: 'Recommendations' }).getByRole('row')).toHaveCount(11);
  } },
  { name: 'recommendation', path: `/recommendations/${uuid('updates')}`, heading: 'System updates should be installed on your machines', ready: async (page) => {
    await expect(page.getByRole('heading', { name: 'Remediation steps' })).toBeVisible();
    await expect(page.getByRole('link', { name: 'mail-01' })).toBeVisible();
  } },
  { name: 'alerts', path: '/alerts', heading: 'Security alerts', ready: async (page) => {
    await expect(page.getByRole('link', { name: 'A program ran from memory only' })).toBeVisible();
  } },
  { name: 'environment', path: '/environment', heading: 'Environment settings', ready: async (page) => {
    await expect(page.getByRole('link', { name: 'Bartizan', exact: true })).toHaveCount(2);
    await expect(page.getByRole('row', { name: /Edge sites Management group edge/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /Branch office Subscription/ })).toBeVisible();
  } },
  { name: 'plans', path: `${settings}/plans`, heading: 'Defender plans', ready: async (page) => {
    await expect(page.getByRole('switch', { name: 'Servers plan', exact: true })).toBeChecked();
  } },
  { name: 'provisioning', path: `${settings}/provisioning`, heading: 'Settings and monitoring', ready: async (page) => {
    await expect(page.getByRole('row', { name: /app-02.*Failed.*Non-compliant/ })).toBeVisible();
    await expect(page.getByRole('switch', { name: 'Inventory and change tracking' })).toBeChecked();
    await expect(page.getByRole('switch', { name: 'SQL servers on machines' })).toBeDisabled();
    await expect(page.getByRole('row', { name: /SQL servers on machines.*Not available here/ })).toBeVisible();
  } },
  { name: 'tenant', path: '/environment/tenant', heading: 'Tenant settings', ready: async (page) => {
    await expect(page.getByRole('heading', { name: 'Direct onboarding' })).toBeVisible();
    await expect(page.getByText('Off: no subscription is designated')).toBeVisible();
  } },
  { name: 'policy', path: `${settings}/policy`, heading: 'Security policy', ready: async (page) => {
    await expect(page.getByRole('table', { name: 'Policy assignments' })).toContainText('Deploy the endpoint sensor on Linux servers');
  } },
  { name: 'workspace', path: `${settings}/workspace`, heading: 'Workspace', ready: async (page) => {
    await expect(page.getByRole('radio', { name: /The server's workspace, bartizan/ })).toBeChecked();
    await expect(page.getByRole('radio', { name: /Another workspace/ })).toBeDisabled();
  } },
  { name: 'incidents', path: '/incidents', heading: 'Incidents', ready: async (page) => {
    await expect(page.getByRole('link', { name: 'Many failed SSH sign-ins followed by a success' })).toBeVisible();
  } },
  { name: 'incident', path: `/incidents/${uuid('incidentssh-guess-success')}`, heading: 'Many failed SSH sign-ins followed by a success', ready: async (page) => {
    await expect(page.getByRole('list', { name: 'Timeline' })).toContainText('Incident created');
  } },
  { name: 'incident-evidence', path: `/incidents/${uuid('incidentssh-guess-success')}?tab=evidence`, heading: 'Many failed SSH sign-ins followed by a success', ready: async (page) => {
    await expect(page.getByRole('grid').first()).toContainText('Failed password for deploy');
  } },
  { name: 'incident-entities', path: `/incidents/${uuid('incidentssh-guess-success')}?tab=entities`, heading: 'Many failed SSH sign-ins followed by a success', ready: async (page) => {
    await expect(page.getByRole('table', { name: 'Entities' })).toContainText('203.0.113.77');
  } },
  { name: 'analytics', path: '/analytics', heading: 'Analytics', ready: async (page) => {
    await expect(page.getByRole('switch', { name: 'Enable A program ran from memory only' })).toBeChecked();
  } },
  { name: 'logs', path: `/logs?q=${encodeURIComponent('Syslog\n| where SyslogMessage has "Failed password"\n| take 30000')}`, heading: 'Logs', ready: async (page) => {
    await expect(page.getByRole('grid', { name: 'Results' })).toContainText('Failed password');
    await page.getByRole('button', { name: 'Details of row 2', exact: true }).click();
    await expect(page.locator('.monaco-editor .view-line').first()).toContainText('Syslog');
  } },
  { name: 'logs-chart', path: `/logs?q=${encodeURIComponent('Heartbeat\n| summarize Heartbeats = count() by bin(TimeGenerated, 10m), Computer\n| render timechart')}`, heading: 'Logs', ready: async (page) => {
    await expect(page.getByRole('img', { name: /points/ })).toBeVisible();
  } },
  { name: 'logs-error', path: `/logs?q=${encodeURIComponent('NoSuchTable\n| take 10')}`, heading: 'Logs', ready: async (page) => {
    await expect(page.getByRole('alert').filter({ hasText: 'Line 1, column 1' })).toBeVisible();
  } },
  { name: 'connectors', path: '/data-connectors?door=ingestion', heading: 'Data connectors', ready: async (page) => {
    await expect(page.getByRole('button', { name: /^Bartizan agent/ })).toContainText('Receiving');
    await expect(page.getByLabel(/^Send rows/)).toContainText('dcr-0a6f0c3d5b7e4f31a2c4d6e8f0a1b2c3/streams/Microsoft-Syslog');
    await expect(page.getByText('Nothing came through this door')).toBeVisible();
  } },
  { name: 'collection-rules', path: '/data-collection-rules', heading: 'Data collection rules', ready: async (page) => {
    await expect(page.getByRole('row', { name: /^bartizan-default Takes every table\. No dcr-/ })).toBeVisible();
  } },
  { name: 'collection-rule', path: '/data-collection-rules/new', heading: 'Create rule', ready: async (page) => {
    await page.getByLabel('Name of the stream').fill('Visitors');
    await page.getByRole('button', { name: 'Run the preview' }).click();
    await expect(page.getByRole('grid', { name: 'Rows of the preview' })).toContainText('example');
    await expect(page.getByTestId('query-editor')).toContainText('source');
  } },
  { name: 'workspaces', path: '/workspaces', heading: 'Workspaces', ready: async (page) => {
    await expect(page.getByRole('row', { name: /^bartizan.*30 days/ })).toBeVisible();
  } },
  { name: 'tables', path: '/tables', heading: 'Tables', ready: async (page) => {
    await expect(page.getByRole('row', { name: /^Syslog Rows of Syslog Standard Analytics.*60,000/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /^SecurityEvent.*90 \+ 275 days/ })).toBeVisible();
  } },
  { name: 'table', path: '/tables?table=Heartbeat', heading: 'Tables', ready: async (page) => {
    await expect(page.getByRole('dialog', { name: 'Heartbeat' }).getByRole('row', { name: 'TimeGenerated datetime When it happened' })).toBeVisible();
  } },
  { name: 'usage', path: '/usage', heading: 'Usage', ready: async (page) => {
    await expect(page.getByRole('img', { name: /points/ })).toBeVisible();
    await expect(page.getByRole('row', { name: /^Syslog .* % / })).toBeVisible();
  } },
  { name: 'usage-machines', path: '/usage?view=machines', heading: 'Usage', ready: async (page) => {
    await expect(page.getByRole('table', { name: 'Usage by machine' }).getByRole('row', { name: /^web-01/ })).toBeVisible();
  } },
  { name: 'not-found', path: '/no/such/page', heading: 'Page not found', ready: async () => undefined },
];

for (const { name, path, heading, ready } of pages) {
  test(`page ${name}`, async ({ page }, info) => {
    const errors = watchErrors(page);
    await signIn(page);
    await page.goto(path);
    // A panel over the page hides it from those who cannot see; which of them comes first is a matter of speed.
    await expect(page.getByRole('heading', { name: heading, level: 1, includeHidden: true })).toBeVisible();
    await ready(page);
    await expectNoOverflow(page);
    await page.screenshot({ path: `test-results/screens/${name}-${info.project.name}.png` });
    expect(errors).toEqual([]);
  });
}

test('page sign-in', async ({ page }, info) => {
  await page.goto('/overview');
  await expect(page.getByRole('heading', { name: 'Sign in to Bartizan' })).toBeVisible();
  await page.screenshot({ path: `test-results/screens/sign-in-${info.project.name}.png` });
});
