/** Access, accounts, resource groups, tags, locks, subscriptions and the inventory, from the first click to the last. */
import { expect, test, type Page } from '@playwright/test';
import { branchId } from '../mock/tenant.ts';
import { subscriptionId } from '../mock/ids.ts';
import { signIn, watchErrors } from './session.ts';

const group = `/subscriptions/${subscriptionId}/resourceGroups/bartizan`;

test('a role is assigned by the wizard and removed', async ({ page }) => {
  const errors = watchErrors(page);
  await signIn(page);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Access control (IAM)' }).click();
  await page.getByRole('button', { name: 'Add role assignment' }).click();
  const panel = page.getByRole('dialog', { name: 'Add role assignment' });
  await expect(panel.getByRole('button', { name: 'Next' })).toBeDisabled();
  await panel.getByRole('radio', { name: /^Security Reader/ }).check();
  await panel.getByRole('button', { name: 'Next' }).click();
  await panel.getByRole('checkbox', { name: /^ops@example.internal/ }).check();
  await panel.getByRole('checkbox', { name: /^backup report/ }).check();
  await panel.getByRole('button', { name: 'Next' }).click();
  await expect(panel).toContainText('ops@example.internal, backup report');
  await page.screenshot({ path: 'test-results/screens/assign-role.png' });
  await panel.getByRole('button', { name: 'Assign' }).click();
  const table = page.getByRole('table', { name: 'Role assignments' });
  await expect(table.getByRole('row', { name: /ops@example.internal User Security Reader This resource/ })).toBeVisible();
  await table.getByRole('button', { name: 'Remove Security Reader of ops@example.internal' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(table.getByRole('row', { name: /ops@example.internal User Security Reader/ })).toHaveCount(0);
  await expect(table.getByRole('row', { name: /backup report/ })).toBeVisible();
  await page.goto(`/access?scope=${group}`);
  await expect(page.getByRole('button', { name: 'Remove Owner of owner' }), 'an inherited assignment is removed where it was made').toBeDisabled();
  expect(errors).toEqual([]);
});

test('a custom role is made by picking actions, and seen as JSON', async ({ page }) => {
  await signIn(page);
  await page.goto('/access?tab=roles');
  await page.getByRole('button', { name: 'Add custom role' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add custom role' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Plan watcher');
  await dialog.getByLabel('Provider').click();
  await page.getByRole('option', { name: 'Microsoft.Security' }).click();
  await dialog.getByRole('checkbox', { name: 'Microsoft.Security/pricings/read' }).check();
  await dialog.getByLabel('Pattern', { exact: true }).fill('Microsoft.Security/alerts/*');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await page.screenshot({ path: 'test-results/screens/custom-role.png' });
  await dialog.getByRole('tab', { name: 'JSON' }).click();
  const json = dialog.getByLabel('Role as JSON');
  await expect(json).toHaveValue(/"Microsoft.Security\/pricings\/read",\s+"Microsoft.Security\/alerts\/\*"/);
  const text = await json.inputValue();
  await json.fill('{');
  await expect(dialog.getByText(/This is not JSON/)).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Create', exact: true })).toBeDisabled();
  await json.fill(text);
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.getByRole('row', { name: /Plan watcher.*Custom/ })).toBeVisible();
  await page.getByRole('button', { name: 'Actions for Plan watcher' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await confirm(page, 'Plan watcher', 'Delete');
  await expect(page.getByRole('row', { name: /Plan watcher/ })).toHaveCount(0);
});

test('a user is made, gets a link, is disabled and deleted', async ({ page }) => {
  await signIn(page);
  await page.goto('/users');
  await page.getByRole('button', { name: 'New user' }).click();
  await page.getByLabel('User name').fill('new@example.internal');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const made = page.getByRole('dialog', { name: 'new@example.internal was created' });
  await expect(made.getByLabel('Sign-in link, good once')).toContainText('/signin#mock-pass');
  await expect(made.getByLabel('First password')).toHaveText(/^(\w{5}-){3}\w{5}$/);
  await page.screenshot({ path: 'test-results/screens/user-created.png' });
  await made.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'new@example.internal' }).click();
  const panel = page.getByRole('dialog', { name: 'new@example.internal' });
  await panel.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog', { name: 'Disable account' }).getByRole('button', { name: 'Disable' }).click();
  await expect(panel.getByText('Disabled')).toBeVisible();
  await panel.getByRole('button', { name: 'Delete' }).click();
  await confirm(page, 'new@example.internal', 'Delete');
  await expect(page.getByRole('button', { name: 'new@example.internal' })).toHaveCount(0);
});

test('a person of the outside provider is invited where there is one', async ({ page }) => {
  await signIn(page);
  await page.goto('/users');
  await expect(page.getByRole('button', { name: 'New user' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Invite/ })).toHaveCount(0);
  await page.route('**/portal/v1/session', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), signInProvider: 'Example ID' } });
  });
  await page.reload();
  await page.getByRole('button', { name: 'Invite from Example ID' }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite a person of Example ID' });
  await expect(dialog.getByRole('button', { name: 'Invite' })).toBeDisabled();
  await dialog.getByLabel('E-mail address').fill('guest@example.internal');
  await dialog.getByRole('button', { name: 'Invite' }).click();
  const made = page.getByRole('dialog', { name: 'guest@example.internal is invited' });
  await expect(made.getByLabel('Address to sign in at')).toContainText('/identity/outside');
  await page.screenshot({ path: 'test-results/screens/user-invited.png' });
  await made.getByRole('button', { name: 'Close' }).click();
  await expect(page.getByRole('button', { name: 'guest@example.internal' })).toBeVisible();
});

test('a lost second factor is removed, and one\'s own is added', async ({ page }) => {
  await signIn(page);
  await page.goto('/users');
  await page.getByRole('button', { name: 'watch@example.internal' }).click();
  const panel = page.getByRole('dialog', { name: 'watch@example.internal' });
  await panel.getByRole('button', { name: 'Remove second factor' }).click();
  await page.getByRole('dialog', { name: 'Remove second factor' }).getByRole('button', { name: 'Remove' }).click();
  await expect(panel.getByText('Authenticator app')).toHaveCount(0);
  await page.goto('/overview');
  await page.getByRole('button', { name: 'Account of owner' }).click();
  await page.getByRole('menuitem', { name: 'Your account' }).click();
  await page.getByRole('button', { name: 'Add authenticator app' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add authenticator app' });
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(dialog.getByLabel('Key', { exact: true })).toHaveText('JBSWY3DPEHPK3PXP');
  await dialog.getByLabel('Password').fill('nine lives of a cat');
  await dialog.getByLabel('Code that the app shows').fill('123456');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(page.getByText('An authenticator app is asked for at sign-in')).toBeVisible();
});

test('the secret of a service principal is shown once, and a script is made for it', async ({ page }) => {
  await signIn(page);
  await page.goto('/users?view=programs');
  await page.getByRole('button', { name: 'New service principal' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('roll-out');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const made = page.getByRole('dialog', { name: 'roll-out was created' });
  await expect(made.getByLabel('Client secret')).toContainText('mock-client-secret');
  await made.getByRole('button', { name: 'Close' }).click();
  await page.goto('/servers/add');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('radio', { name: /^Service principal/ }).check();
  await expect(page.getByRole('button', { name: 'Next' })).toBeDisabled();
  await page.getByRole('combobox', { name: 'Service principal' }).selectOption('roll-out');
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByLabel('Onboarding script')).toContainText('--service-principal-id');
  await expect(page.getByLabel('Onboarding script')).not.toContainText('bzt_mock');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download', exact: true }).click()]);
  expect(file.suggestedFilename()).toBe('OnboardingScript.sh');
});

test('a locked resource group is kept, an unlocked one is deleted by its name', async ({ page }) => {
  await signIn(page);
  await page.goto('/resource-groups');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const create = page.getByRole('dialog', { name: 'Create resource group' });
  await create.getByRole('textbox', { name: 'Name', exact: true }).fill('lab');
  await expect(create.getByText('There is a resource group with this name')).toBeVisible();
  await create.getByRole('textbox', { name: 'Name', exact: true }).fill('edge');
  await create.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'edge', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: 'Edit tags' }).click();
  const tags = page.getByRole('dialog', { name: 'Edit tags' });
  await tags.getByLabel('Name of tag 1').fill('team');
  await tags.getByLabel('Value of tag 1').fill('field');
  await tags.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('link', { name: 'team: field' })).toBeVisible();
  await page.getByRole('button', { name: 'Add lock' }).click();
  const lock = page.getByRole('dialog', { name: 'Add lock' });
  await lock.getByRole('textbox', { name: 'Name', exact: true }).fill('stay');
  await lock.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(page.getByRole('row', { name: /stay Delete This resource/ })).toBeVisible();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await confirm(page, 'edge', 'Delete');
  await expect(page.getByRole('alert').filter({ hasText: 'Remove the lock' })).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete lock stay' }).click();
  await page.getByRole('dialog', { name: 'Delete lock' }).getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No locks')).toBeVisible();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await confirm(page, 'edge', 'Delete');
  await expect(page.getByRole('heading', { name: 'Resource groups', level: 1 })).toBeVisible();
  await expect(page.getByRole('link', { name: 'edge' })).toHaveCount(0);
});

test('the activity log is filtered', async ({ page }) => {
  await signIn(page);
  await page.goto('/activity');
  const table = page.getByRole('table', { name: 'Activity log' });
  await expect(table.getByRole('row')).toHaveCount(6);
  await page.getByLabel('Caller', { exact: true }).fill('ops@');
  await expect(table.getByRole('row')).toHaveCount(2);
  await expect(table).toContainText('Delete locks');
  await page.getByLabel('Operation', { exact: true }).fill('nothing');
  await expect(page.getByText('Nothing was changed')).toBeVisible();
  expect(page.url()).toContain('caller=ops');
});

test('another subscription is chosen, and kept', async ({ page }) => {
  await signIn(page);
  await page.getByRole('button', { name: 'Subscription: Bartizan' }).click();
  await page.getByRole('menuitemradio', { name: 'Branch office' }).click();
  await page.goto('/servers');
  await expect(page.getByText('No servers yet')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Subscription: Branch office' })).toBeVisible();
  await page.goto('/servers/add');
  await expect(page.getByLabel('Subscription', { exact: true })).toHaveValue('Branch office');
  await expect(page.getByText('This subscription has no resource group yet')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Next' })).toBeDisabled();
  await page.goto('/environment');
  await page.getByRole('table', { name: 'Subscriptions' }).getByRole('link', { name: 'Bartizan', exact: true }).click();
  await expect(page.getByRole('switch', { name: 'Servers plan', exact: true })).toBeChecked();
  expect(page.url()).not.toContain(branchId);
});

test('a component is switched off', async ({ page }) => {
  await signIn(page);
  await page.goto(`/environment/${subscriptionId}/provisioning`);
  const component = page.getByRole('switch', { name: 'Log collection' });
  await expect(component).toBeChecked();
  await component.click();
  await expect(component).not.toBeChecked();
  await page.reload();
  await expect(component).not.toBeChecked();
  await page.getByRole('switch', { name: 'Inventory and change tracking' }).click();
  await expect(page.getByRole('switch', { name: 'Inventory and change tracking' })).not.toBeChecked();
});

test('what does not comply is remediated, or exempt until somebody ends it', async ({ page }) => {
  const errors = watchErrors(page);
  await signIn(page);
  await page.goto(`/environment/${subscriptionId}/policy`);
  await page.getByRole('button', { name: 'Evaluate now' }).click();
  await expect(page.getByText('Evaluation started', { exact: true })).toBeVisible();
  await page.getByRole('tab', { name: /Remediation/ }).click();
  await page.getByRole('button', { name: 'Remediate' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Assignment').selectOption({ label: 'Deploy log collection on Linux servers' });
  await dialog.getByRole('button', { name: 'Start' }).click();
  const tasks = page.getByRole('table', { name: 'Remediation tasks' });
  await expect(tasks.getByRole('row', { name: /log collection.*InProgress.*0 of \d/ })).toBeVisible();
  await tasks.getByRole('link').click();
  await expect(page.getByRole('table', { name: 'Deployments' }).getByRole('row', { name: /build-01.*Running/ })).toBeVisible();
  await page.screenshot({ path: 'test-results/screens/remediation.png' });
  await page.getByRole('button', { name: 'Cancel the task' }).click();
  await expect(page.getByRole('dialog').getByText('Canceled')).toBeVisible();
  await page.getByRole('button', { name: 'Remove from the list' }).click();
  await expect(page.getByText('No remediation task')).toBeVisible();

  await page.getByRole('tab', { name: /Non-compliant/ }).click();
  await page.getByRole('button', { name: /Exempt build-01 from .*log collection/ }).click();
  await expect(dialog.getByRole('button', { name: 'Exempt' })).toBeDisabled();
  await dialog.getByLabel('Why').fill('Its rows come from the collector beside it.');
  await dialog.getByRole('radio', { name: /Mitigated/ }).check();
  await page.screenshot({ path: 'test-results/screens/exempt.png' });
  await dialog.getByRole('button', { name: 'Exempt' }).click();
  await expect(page.getByRole('button', { name: /Exempt build-01 from .*log collection/ })).toHaveCount(0);
  await page.getByRole('tab', { name: /Exemptions/ }).click();
  await expect(page.getByRole('row', { name: /Server build-01.*collector beside it.*Mitigated.*No end/ })).toBeVisible();
  await page.getByRole('button', { name: 'End exemption of build-01' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
  await expect(page.getByText('Nothing is exempt')).toBeVisible();
  expect(errors).toEqual([]);
});

test('the geo-location is chosen once, and a subscription is designated for direct onboarding', async ({ page }) => {
  await signIn(page);
  await page.goto('/environment');
  await page.getByRole('link', { name: 'Tenant settings and direct onboarding' }).click();
  await page.getByRole('textbox', { name: 'Geo-location' }).fill('Switzerland North');
  await page.getByRole('button', { name: 'Choose…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Choose', exact: true })).toBeDisabled();
  await dialog.getByRole('textbox').fill('Switzerland North');
  await dialog.getByRole('button', { name: 'Choose', exact: true }).click();
  await expect(page.getByText('It was chosen once and cannot be changed here.')).toBeVisible();
  await page.getByRole('combobox', { name: 'Designated subscription' }).selectOption({ label: 'Bartizan (Servers plan 2)' });
  await expect(page.getByText('On: servers join Bartizan')).toBeVisible();
  await page.goto('/servers/add');
  await page.getByRole('radio', { name: /Direct onboarding: the sensor only, licensed at Bartizan/ }).check();
  await expect(page.getByRole('combobox', { name: 'Resource group' })).toBeHidden();
});

test('the inventory is filtered, a view is saved, and blind spots are found', async ({ page }) => {
  await signIn(page);
  await page.goto('/inventory');
  const count = page.getByRole('search').getByRole('status');
  await expect(count).toHaveText('10 servers');
  await page.getByRole('button', { name: /^3\s*Not monitored$/ }).click();
  await expect(count).toHaveText('3 servers');
  await page.getByRole('combobox', { name: 'Tag' }).click();
  await page.getByRole('option', { name: 'environment=production' }).click();
  await expect(count).toHaveText('1 server');
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: 'Save this view…' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Production gaps');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: /^10\s*Total servers$/ }).click();
  await expect(count).toHaveText('10 servers');
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: 'Production gaps', exact: true }).click();
  await expect(count).toHaveText('1 server');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download CSV' }).click()]);
  expect(file.suggestedFilename()).toBe('inventory.csv');
  await page.goto(`/environment/${subscriptionId}/plans`);
  await page.getByRole('switch', { name: 'Servers plan', exact: true }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Plans saved').first()).toBeVisible();
  await page.goto('/inventory');
  await page.getByRole('button', { name: /^10\s*Blind spots$/ }).click();
  await expect(page.getByRole('row', { name: /web-01 Connected Unmonitored Off/ })).toBeVisible();
});

test('a hundred thousand servers are in the page only as far as they are seen', async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page, '/signin#many');
  await page.goto('/inventory');
  const table = page.getByRole('table', { name: 'Servers' });
  await expect(page.getByRole('search').getByRole('status')).toHaveText('100,000 servers', { timeout: 90_000 });
  expect(await table.getByRole('row').count()).toBeLessThan(80);
  await table.focus();
  await page.keyboard.press('End');
  await expect(table.getByRole('link', { name: 'node-099999' })).toBeVisible();
  expect(await table.getByRole('row').count()).toBeLessThan(80);
  await page.getByRole('searchbox', { name: 'Filter by name' }).fill('node-0420');
  await expect(page.getByRole('search').getByRole('status')).toHaveText('100 servers');
  await page.screenshot({ path: 'test-results/screens/inventory-many.png' });
});

async function confirm(page: Page, name: string, button: string): Promise<void> {
  const dialog = page.getByRole('dialog').filter({ has: page.getByLabel(`Type ${name} to confirm`) });
  await expect(dialog.getByRole('button', { name: button, exact: true })).toBeDisabled();
  await dialog.getByLabel(`Type ${name} to confirm`).fill(name);
  await dialog.getByRole('button', { name: button, exact: true }).click();
}
