import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { mockBackend } from './mock/middleware.ts';
import { kustoGlobals } from './vite/kusto-globals.ts';

// BARTIZAN_URL sends API calls of the development server to a real server; without it the
// in-memory backend of `mock/` answers.
const server = process.env['BARTIZAN_URL'];

const proxied = ['/subscriptions', '/v1', '/portal', '/providers', '/tenants'];

export default defineConfig({
  plugins: [react(), kustoGlobals(), ...(server ? [] : [mockBackend()])],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  worker: { format: 'es', plugins: () => [kustoGlobals()] },
  build: {
    target: 'es2022',
    // The editor and the language service are large by nature and loaded only on the Logs page.
    chunkSizeWarningLimit: 9000,
    reportCompressedSize: false,
  },
  server: {
    proxy: server
      ? Object.fromEntries(proxied.map((path) => [path, { target: server, secure: false, changeOrigin: true }]))
      : undefined,
  },
});
