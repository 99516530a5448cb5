import type { Plugin } from 'vite';

/**
 * Microsoft's Kusto language service is compiled by Bridge.NET to plain scripts that talk through
 * globals (`this`, then `Bridge`, then `Kusto`). A bundler treats such files as CommonJS, gives each
 * its own `this`, and the globals never appear. This plugin wraps the four files so that they see the
 * worker's global object, no `module`, and no AMD `define`.
 */
export function kustoGlobals(): Plugin {
  const script =
    /@kusto[\\/]language-service(-next)?[\\/](bridge|Kusto\.JavaScript\.Client|newtonsoft\.json|Kusto\.Language\.Bridge)\.min\.js$/;
  return {
    name: 'kusto-globals',
    enforce: 'pre',
    transform(code, id) {
      if (!script.test(id)) return null;
      return {
        // `eval` is only a fallback for text that is not JSON, and the content security policy forbids it.
        code: `(function (module, exports, define, require) {${code.replace('return eval("("+value+")")', 'throw e')}\n}).call(globalThis);\nexport {};\n`,
        map: null,
      };
    },
  };
}
