import { expect, type Page } from '@playwright/test';

/** Signs in by the one-time link, as the server prints it. */
export async function signIn(page: Page, link = '/signin#mock'): Promise<void> {
  await page.goto(link);
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
}

/** Collects what must not happen: script errors and violations of the content security policy. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) errors.push(message.text());
  });
  return errors;
}

/** No page may scroll sideways. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const [inner, outer] = await page.locator('main').evaluate((main) => [main.scrollWidth, main.clientWidth]);
  expect(inner, 'the page is wider than the window').toBeLessThanOrEqual((outer ?? 0) + 1);
}
