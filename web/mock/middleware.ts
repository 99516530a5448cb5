/** The in-memory backend as a Vite plugin: development, preview, and the e2e tests talk to it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import { Backend } from './backend.ts';

export function mockBackend(): Plugin {
  const handle = (backend: Backend) => (request: IncomingMessage, response: ServerResponse, next: () => void) => {
    void backend.handle(request, response).then((handled) => {
      if (!handled) next();
    });
  };
  return {
    name: 'mock-backend',
    configureServer(server) {
      server.middlewares.use(handle(new Backend()));
    },
    configurePreviewServer(server) {
      // The policy of the real server, so that a violation shows up in the tests.
      server.middlewares.use((_request, response, next) => {
        response.setHeader('content-security-policy', policy);
        next();
      });
      server.middlewares.use(handle(new Backend()));
    },
  };
}

const policy = [
  "default-src 'self'", "script-src 'self'", "worker-src 'self' blob:", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", "font-src 'self' data:", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'",
].join('; ');
