/** What people come to do, from the first click to the last. */
import { expect, test } from '@playwright/test';
import { subscriptionId } from '../mock/ids.ts';
import { signIn, watchErrors } from './session.ts';

test('a wrong code is refused, a right one leads back', async ({ page }) => {
  await page.goto('/incidents');
  await page.getByLabel('Sign-in link or code').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('used already');
  await page.getByLabel('Sign-in link or code').fill('https://localhost/signin#right');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
});

test('the sign-in code leaves the address', async ({ page }) => {
  await signIn(page);
  expect(page.url()).not.toContain('#');
  await page.goBack().catch(() => null);
  expect(page.url()).not.toContain('#');
});

test('an ended session asks to sign in again', async ({ page, context }) => {
  await signIn(page);
  const link = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Analytics' });
  const ended = page.getByText('Your session has ended');
  await context.clearCookies();
  // Whatever asks the server next finds out: this click, or a question in the background before it.
  await Promise.race([link.click().catch(() => undefined), ended.waitFor()]);
  await expect(ended).toBeVisible();
});

test('an incident is assigned, commented and closed', async ({ page }) => {
  await signIn(page);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Incidents' }).click();
  await page.getByRole('link', { name: 'A web server started a shell' }).click();
  await page.getByRole('button', { name: 'Assign to me' }).click();
  await expect(page.getByText('Assigned to you').first()).toBeVisible();
  await page.getByRole('tab', { name: /Comments/ }).click();
  await page.getByLabel('New comment').fill('The request came from our own scanner.');
  await page.getByRole('button', { name: 'Add comment' }).click();
  await expect(page.getByRole('list', { name: 'Comments' })).toContainText('our own scanner');
  await page.getByRole('button', { name: 'Status: New' }).click();
  await page.getByRole('menuitem', { name: 'Closed…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Close incident' });
  await expect(dialog.getByRole('button', { name: 'Close incident' })).toBeDisabled();
  await dialog.getByRole('radio', { name: /Benign positive/ }).check();
  await dialog.getByLabel('Comment').fill('Planned scan.');
  await page.screenshot({ path: 'test-results/screens/close-incident.png' });
  await dialog.getByRole('button', { name: 'Close incident' }).click();
  await expect(page.getByRole('button', { name: 'Status: Closed' })).toBeVisible();
  await expect(page.getByText('Benign positive – suspicious but expected')).toBeVisible();
});

test('the Servers plan is switched off and on, and servers become compliant', async ({ page }) => {
  await signIn(page);
  await page.goto(`/environment/${subscriptionId}/plans`);
  const plan = page.getByRole('switch', { name: 'Servers plan', exact: true });
  await plan.click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Plans saved').first()).toBeVisible();
  await expect(plan).not.toBeChecked();
  await plan.click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('progressbar', { name: 'Compliant servers' })).toBeVisible();
  await page.getByRole('navigation', { name: 'Settings of the subscription' }).getByRole('link', { name: 'Settings and monitoring' }).click();
  await expect(page.getByRole('row', { name: /web-01.*Compliant/ })).toBeVisible();
});

test('a query is typed, completed by Enter, sorted, and kept in the address', async ({ page }) => {
  await signIn(page);
  await page.goto('/logs');
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Perf | take 500 ', { delay: 10 });
  await page.keyboard.press('Escape');
  await page.keyboard.press('Shift+Enter');
  const grid = page.getByRole('grid', { name: 'Results' });
  await expect(grid).toHaveAttribute('aria-rowcount', '501');
  expect(new URL(page.url()).searchParams.get('q')).toContain('Perf | take 500');
  await grid.getByRole('button', { name: 'CounterValue' }).click();
  await expect(grid.getByRole('columnheader', { name: 'CounterValue' })).toHaveAttribute('aria-sort', 'ascending');
  for (const kind of ['CSV', 'JSON']) {
    await page.getByRole('button', { name: 'Export' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: kind }).click()]);
    expect(download.suggestedFilename()).toBe(`query-result.${kind.toLowerCase()}`);
  }
});

test('the editor completes, explains and lays out what is typed', async ({ page }) => {
  const errors = watchErrors(page);
  await signIn(page);
  await page.goto('/logs');
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  const list = page.locator('.suggest-widget');
  await page.keyboard.type('Hear', { delay: 40 });
  await expect(list.getByRole('option', { name: /^Heartbeat/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await page.keyboard.type(' | summ', { delay: 40 });
  await expect(list.getByRole('option', { name: /^summarize/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await page.keyboard.type('bi', { delay: 40 });
  await expect(list.getByRole('option', { name: /^bin/ })).toBeVisible();
  await page.keyboard.press('Enter');
  const editor = page.getByTestId('query-editor');
  await expect(editor).toContainText('summarize bin()');
  await page.keyboard.type('TimeGenerated, ', { delay: 20 });
  await expect(page.locator('.parameter-hints-widget .parameter.active')).toHaveText('size: number');
  await page.screenshot({ path: 'test-results/screens/editor-parameters.png' });
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.type('1h');
  await page.keyboard.press('End');
  await page.keyboard.press('Control+Space');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Format query' }).click();
  await expect(page.locator('.view-line').nth(1)).toHaveText(/^\|\s*summarize/);
  // coloured by what the words are: the table has a colour of its own
  const colour = (text: string) => page.locator('.view-line span span', { hasText: text }).first().evaluate((word) => getComputedStyle(word).color);
  await expect.poll(() => colour('Heartbeat').then((table) => colour('TimeGenerated').then((column) => table !== column))).toBe(true);
  await page.locator('.view-line span span', { hasText: 'Heartbeat' }).first().hover();
  await expect(page.locator('.monaco-hover')).toContainText('Rows of Heartbeat');
  await page.screenshot({ path: 'test-results/screens/editor-hover.png' });
  // a mistake is marked while it is typed, and cannot be laid out
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Nothing ');
  await expect(page.locator('.squiggly-error')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.type('(');
  await page.keyboard.press('Delete');
  await page.getByRole('button', { name: 'Format query' }).click();
  await expect(page.getByText('The query was not formatted').first()).toBeVisible();
  expect(errors).toEqual([]);
});

test('a run query is remembered, its text survives a look elsewhere, and its own time counts', async ({ page }) => {
  await signIn(page);
  const bodies: { query?: string; timespan?: string }[] = [];
  page.on('request', (request) => {
    if (/\/v1\/workspaces\/.*\/query$/.test(request.url())) bodies.push(request.postDataJSON() as { query?: string; timespan?: string });
  });
  await page.goto(`/logs?q=${encodeURIComponent('Perf | where TimeGenerated > ago(2h) | take 3')}&range=1h`);
  await expect(page.getByRole('grid', { name: 'Results' })).toHaveAttribute('aria-rowcount', '4');
  await expect(page.getByRole('button', { name: 'Time range: Set in query' })).toBeDisabled();
  expect(bodies.at(-1)?.timespan).toBeUndefined();
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Perf | take 7 ', { delay: 5 });
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Time range: Last hour' })).toBeEnabled();
  await page.getByRole('button', { name: 'Run' }).click();
  await expect(page.getByRole('grid', { name: 'Results' })).toHaveAttribute('aria-rowcount', '8');
  expect(bodies.at(-1)?.timespan).toBe('PT1H');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Analytics' }).click();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByTestId('query-editor')).toContainText('take 7');
  await page.getByRole('button', { name: 'Recent' }).click();
  await page.getByRole('menuitem', { name: /take 7/ }).click();
  await expect(page.getByTestId('query-editor')).toContainText('take 7');
});

test('a query is cancelled, and one of fifty thousand rows scrolls', async ({ page }) => {
  await signIn(page);
  await page.goto('/logs');
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Syslog | take 50000 // slow ');
  await page.keyboard.press('Escape');
  const [request] = await Promise.all([page.waitForRequest(/\/query$/), page.keyboard.press('Shift+Enter')]);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('The query was cancelled')).toBeVisible();
  await expect.poll(() => request.failure()?.errorText).toContain('ERR_ABORTED');
  await page.goto(`/logs?q=${encodeURIComponent('Syslog | take 50000')}`);
  const grid = page.getByRole('grid', { name: 'Results' });
  await expect(grid).toHaveAttribute('aria-rowcount', '50001');
  await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(grid.locator('[aria-rowindex="50001"]')).toBeVisible();
  expect(await grid.getByRole('row').count()).toBeLessThan(120);
});

test('a query is saved as a function, opened by someone else, and deleted', async ({ page }) => {
  await signIn(page);
  await page.goto('/logs?q=Heartbeat%20%7C%20take%205');
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Save query' });
  await dialog.getByLabel('Name').fill('5 beats');
  await dialog.getByRole('switch').click();
  await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled();
  await dialog.getByLabel('Name').fill('FiveBeats');
  await page.screenshot({ path: 'test-results/screens/save-query.png' });
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Function FiveBeats saved').first()).toBeVisible();
  await page.goto('/logs');
  await page.getByRole('button', { name: 'Queries' }).click();
  await expect(page.getByText('My queries')).toBeVisible();
  await page.screenshot({ path: 'test-results/screens/saved-queries.png' });
  await page.getByRole('menuitem', { name: 'Delete FiveBeats' }).click();
  await page.getByRole('button', { name: 'Queries' }).click();
  await expect(page.getByRole('menuitem', { name: 'Heartbeats over time' })).toBeVisible();
  await expect(page.getByRole('menuitem', { name: /FiveBeats/ })).toHaveCount(0);
});

test('a table of one\'s own is created, and the wrong name is told', async ({ page }) => {
  await signIn(page);
  await page.goto('/tables');
  await page.getByRole('button', { name: 'Create table' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create table' });
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('doorlog');
  await expect(dialog.getByText('There is a table of this name.')).toBeVisible();
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Visitors');
  await dialog.getByLabel('What it holds').fill('Who came in');
  await dialog.getByLabel('Name of column 2').fill('9lives');
  await expect(dialog.getByRole('button', { name: 'Create', exact: true })).toBeDisabled();
  await dialog.getByLabel('Name of column 2').fill('Badge');
  await dialog.getByLabel('Type of column 2').selectOption('long');
  await page.screenshot({ path: 'test-results/screens/create-table.png' });
  const [request] = await Promise.all([page.waitForRequest((sent) => sent.method() === 'PUT'), dialog.getByRole('button', { name: 'Create', exact: true }).click()]);
  expect(request.url()).toContain('/tables/Visitors_CL?');
  expect(request.postDataJSON()).toEqual({ properties: { schema: { name: 'Visitors_CL', description: 'Who came in', columns: [{ name: 'TimeGenerated', type: 'datetime' }, { name: 'Badge', type: 'long' }] } } });
  await expect(page.getByRole('dialog', { name: 'Visitors_CL' }).getByRole('row', { name: /^Badge long/ })).toBeVisible();
});

test('the retention of a table is changed, and given back to the workspace', async ({ page }) => {
  await signIn(page);
  await page.goto('/tables?table=Syslog');
  const panel = page.getByRole('dialog', { name: 'Syslog' });
  await panel.getByLabel('Days that queries see').fill('30');
  await panel.getByLabel('Days in all').fill('10');
  await expect(panel.getByText('At least as many as queries see')).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Save retention' })).toBeDisabled();
  await panel.getByLabel('Days in all').fill('365');
  await panel.getByRole('button', { name: 'Save retention' }).click();
  await expect(page.getByText('Retention of Syslog saved').first()).toBeVisible();
  await expect(panel.getByText('365 days')).toBeVisible();
  await panel.getByRole('button', { name: "Use the workspace's" }).click();
  await expect(panel.getByText('365 days')).toBeHidden();
});

test('a data collection rule is written, tried on rows, created and opened again', async ({ page }) => {
  await signIn(page);
  await page.goto('/data-collection-rules');
  await page.getByRole('button', { name: 'Create rule' }).click();
  await expect(page.getByRole('button', { name: 'Create', exact: true })).toBeDisabled();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('visitors');
  await page.getByLabel('Name of the stream').fill('Visitors');
  await page.getByLabel('Name of column 2').fill('Badge');
  await page.getByLabel('Type of column 2').selectOption('long');
  await page.getByRole('combobox', { name: 'Table', exact: true }).fill('Visitors_CL');
  await page.getByLabel(/^Rows as JSON/).fill('{"TimeGenerated":"2026-01-01T00:00:00Z","Badge":7,"Colour":"red"}');
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('print 1');
  await page.getByRole('button', { name: 'Run the preview' }).click();
  await expect(page.getByRole('alert', { name: 'The transformation cannot be used' })).toContainText('begins with `source`');
  await page.getByRole('code').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('source | where Badge > 0 ');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Run the preview' }).click();
  await expect(page.getByText('1 row in, 1 row out')).toBeVisible();
  await expect(page.getByText('1 field is not declared in the stream.')).toBeVisible();
  await page.screenshot({ path: 'test-results/screens/collection-rule-preview.png' });
  const [request] = await Promise.all([page.waitForRequest((sent) => sent.method() === 'PUT'), page.getByRole('button', { name: 'Create', exact: true }).click()]);
  const { properties } = request.postDataJSON() as { properties: { streamDeclarations: object; dataFlows: object[] } };
  expect(properties.streamDeclarations).toEqual({ 'Custom-Visitors': { columns: [{ name: 'TimeGenerated', type: 'datetime' }, { name: 'Badge', type: 'long' }] } });
  expect(properties.dataFlows).toEqual([{ streams: ['Custom-Visitors'], destinations: ['workspace'], transformKql: 'source | where Badge > 0', outputStream: 'Custom-Visitors_CL' }]);
  await page.getByRole('link', { name: 'visitors', exact: true }).click();
  await expect(page.getByTestId('query-editor')).toContainText('where Badge');
  await page.getByRole('combobox', { name: 'Add a machine' }).click();
  const option = page.getByRole('listbox').getByRole('option').first();
  const machine = (await option.textContent()) ?? '';
  await option.click();
  await expect(page.getByRole('cell', { name: machine, exact: true })).toBeVisible();
  await page.getByRole('button', { name: `Take ${machine} away` }).click();
  await expect(page.getByText('No machine follows this rule')).toBeVisible();
});

test('the theme choice is kept', async ({ page }) => {
  await signIn(page);
  await page.getByRole('button', { name: 'Theme' }).click();
  await page.getByRole('menuitemradio', { name: 'Dark' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('an alert is resolved in its panel', async ({ page }) => {
  await signIn(page);
  await page.goto('/alerts');
  await page.getByRole('link', { name: 'A new service was installed' }).click();
  await page.screenshot({ path: 'test-results/screens/alert-panel.png' });
  await page.getByRole('button', { name: 'Resolve' }).click();
  await expect(page.getByText('Alert resolved').first()).toBeVisible();
  await expect(page.getByRole('link', { name: 'A new service was installed' })).toBeHidden();
});
