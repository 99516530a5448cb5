import { defineConfig } from '@playwright/test';

const real = process.env['BARTIZAN_URL'];

/**
 * Without BARTIZAN_URL the pages are walked on the built portal with the mock backend, once light and
 * narrow, once dark and wide: both themes and both widths that the design names. With it, only `real.spec.ts` runs, against that server.
 */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/run',
  workers: 1,
  // A browser on a shared machine: once more before it counts as a failure, and then reported as flaky.
  retries: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    baseURL: real ?? 'http://localhost:4173',
    ignoreHTTPSErrors: true,
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
    },
  },
  projects: real
    ? [{ name: 'real', testMatch: 'real.spec.ts', use: { viewport: { width: 1280, height: 900 } } }]
    : [
        { name: 'light-1280', testMatch: ['pages.spec.ts', 'flows.spec.ts', 'administration.spec.ts'], use: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } },
        { name: 'dark-1920', testMatch: 'pages.spec.ts', use: { viewport: { width: 1920, height: 1080 }, colorScheme: 'dark' } },
      ],
  ...(real ? {} : { webServer: { command: 'npx vite preview --port 4173 --strictPort', url: 'http://localhost:4173', reuseExistingServer: true } }),
});
