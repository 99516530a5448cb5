import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { mockBackend } from './mock/middleware.ts';

// BARTIZAN_URL sends API calls of the development server to a real server; without it the
// in-memory backend of `mock/` answers.
const server = process.env['BARTIZAN_URL'];

const proxied = ['/subscriptions', '/v1', '/portal', '/providers', '/tenants'];

export default defineConfig({
  plugins: [react(), ...(server ? [] : [mockBackend()])],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The editor is large by nature and loaded only where queries are written.
    chunkSizeWarningLimit: 3500,
    reportCompressedSize: false,
  },
  server: {
    proxy: server
      ? Object.fromEntries(proxied.map((path) => [path, { target: server, secure: false, changeOrigin: true }]))
      : undefined,
  },
});
