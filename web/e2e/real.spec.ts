/**
 * The portal on a real server with one connected machine. Runs only with BARTIZAN_URL (https://host:port)
 * and BARTIZAN_SIGNIN (the printed sign-in link, or its code); the end-to-end test sets both after it has
 * connected a machine. One session for all steps, because a code works once.
 */
import { expect, test, type Page } from '@playwright/test';
import { expectNoOverflow, signIn, watchErrors } from './session.ts';

const link = process.env['BARTIZAN_SIGNIN'] ?? '';

test.skip(!process.env['BARTIZAN_URL'] || !link, 'BARTIZAN_URL and BARTIZAN_SIGNIN are not set');

test('the pages of a real server', async ({ page }) => {
  test.setTimeout(240_000);
  const errors = watchErrors(page);
  await signIn(page, link.includes('#') ? link : `/signin#${link}`);
  const menu = page.getByRole('navigation', { name: 'Main' });

  await test.step('overview', async () => {
    await expect(page.getByRole('heading', { name: 'Secure score' })).toBeVisible();
    await photograph(page, 'overview');
  });
  await test.step('inventory and resource health', async () => {
    await menu.getByRole('link', { name: 'Inventory' }).click();
    await photograph(page, 'inventory');
    await page.getByRole('table', { name: 'Servers' }).getByRole('link').first().click();
    await expect(page.getByRole('heading', { name: 'Extensions' })).toBeVisible();
    await photograph(page, 'machine');
  });
  await test.step('servers plan on until compliant', async () => {
    await menu.getByRole('link', { name: 'Environment settings' }).click();
    await page.getByRole('table', { name: 'Subscriptions' }).getByRole('link', { name: 'Bartizan', exact: true }).click();
    const plan = page.getByRole('switch', { name: 'Servers plan', exact: true });
    await expect(plan).toBeVisible();
    if (!(await plan.isChecked())) {
      await plan.click();
      await page.getByRole('button', { name: 'Save' }).click();
      await expect(page.getByText('Plans saved').first()).toBeVisible();
    }
    await expect(page.getByText(/All \d+ servers? compliant/)).toBeVisible({ timeout: 90_000 });
    await photograph(page, 'plans');
  });
  await test.step('recommendations', async () => {
    await menu.getByRole('link', { name: 'Recommendations' }).click();
    await expect(page.getByRole('heading', { name: 'Recommendations', level: 1 })).toBeVisible();
    await expect(page.getByRole('table').first()).toBeVisible();
    await photograph(page, 'recommendations');
  });
  await test.step('logs', async () => {
    await page.goto(`/logs?q=${encodeURIComponent('Heartbeat | summarize max(TimeGenerated) by Computer')}`);
    await expect(page.getByRole('grid', { name: 'Results' }).getByRole('row')).not.toHaveCount(1);
    await photograph(page, 'logs');
  });
  await test.step('the editor knows the server\'s tables and language', async () => {
    await page.getByRole('code').first().click();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Heartb', { delay: 30 });
    const list = page.locator('.suggest-widget');
    await expect(list.getByRole('option', { name: /^Heartbeat/ })).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.type('eat | join kind=inner (Heartbeat | project Computer, Twin = Version) on $left.Computer == $right.', { delay: 5 });
    await page.keyboard.press('Control+Space');
    await expect(list.getByRole('option', { name: /^Twin/ })).toBeVisible();
    await photograph(page, 'completion');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Heartbeat | where Nope == 1 ', { delay: 5 });
    await expect(page.locator('.squiggly-error')).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
  });
  await test.step('data connectors, tables and usage', async () => {
    await menu.getByRole('link', { name: 'Data connectors' }).click();
    await expect(page.getByRole('button', { name: /^Bartizan agent/ })).toContainText('Receiving');
    await expect(page.getByRole('table', { name: 'Tables of Bartizan agent' }).getByRole('link', { name: 'Heartbeat', exact: true })).toBeVisible();
    await photograph(page, 'connectors');
    await menu.getByRole('link', { name: 'Tables' }).click();
    await page.getByRole('searchbox', { name: 'Find a table' }).fill('heartbeat');
    await page.getByRole('button', { name: 'Heartbeat', exact: true }).click();
    await expect(page.getByRole('dialog', { name: 'Heartbeat' }).getByRole('row', { name: /^Computer string/ })).toBeVisible();
    await page.getByRole('dialog', { name: 'Heartbeat' }).getByRole('button', { name: 'Close' }).click();
    await photograph(page, 'tables');
    await menu.getByRole('link', { name: 'Usage' }).click();
    await expect(page.getByRole('table', { name: 'Usage by table' }).getByRole('link', { name: 'Heartbeat', exact: true })).toBeVisible();
    await photograph(page, 'usage');
  });
  await test.step('incidents: assign and close', async () => {
    await menu.getByRole('link', { name: 'Incidents' }).click();
    await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
    const first = page.getByRole('table', { name: 'Incidents' }).getByRole('link').first();
    if (process.env['BARTIZAN_EXPECT_INCIDENT']) await expect(first).toBeVisible();
    await photograph(page, 'incidents');
    if ((await first.count()) === 0) return;
    await first.click();
    await page.getByRole('button', { name: 'Assign to me' }).click();
    await expect(page.getByText('Assigned to you').first()).toBeVisible();
    await page.getByRole('tab', { name: /Alerts and evidence/ }).click();
    await photograph(page, 'incident');
    await page.getByRole('button', { name: /^Status:/ }).click();
    await page.getByRole('menuitem', { name: 'Closed…' }).click();
    await page.getByRole('radio', { name: /True positive/ }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Close incident' }).click();
    await expect(page.getByRole('button', { name: 'Status: Closed' })).toBeVisible();
  });
  await test.step('analytics', async () => {
    await menu.getByRole('link', { name: 'Analytics' }).click();
    await expect(page.getByRole('table', { name: 'Analytics rules' })).toBeVisible();
    await photograph(page, 'analytics');
  });
  expect(errors).toEqual([]);
});

async function photograph(page: Page, name: string): Promise<void> {
  await expectNoOverflow(page);
  // Gauges and dialogs move into place; the picture is for people.
  await page.waitForTimeout(700);
  await page.screenshot({ path: `test-results/screens/real-${name}.png` });
}
