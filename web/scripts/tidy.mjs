/**
 * Checks what the compiler does not: imports go one way (app, features, kql, ui, api, lib), features do not
 * import one another, only pages have default exports, and no file grows past its readers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = new URL('../src', import.meta.url).pathname;
const layers = ['lib', 'api', 'ui', 'kql', 'features', 'app'];
const linesMax = 300;
const findings = [];

/** A flat list of wire types, until they are generated. */
const flatList = 'api/types.ts';

/** Lazily loaded components, which `React.lazy` and the router want as default exports. */
const defaultAllowed = /(Page|kql\/Editor|kql\/Chart)\.tsx$/;

for (const file of files(root)) {
  const path = relative(root, file);
  const text = readFileSync(file, 'utf8');
  const [layer, feature] = path.split('/');
  for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const to = resolve(path, target);
    if (!to) continue;
    const [toLayer, toFeature] = to.split('/');
    if (layers.indexOf(toLayer) > layers.indexOf(layer)) findings.push(`${path}: ${layer} may not import ${toLayer} (${target})`);
    if (layer === 'features' && toLayer === 'features' && feature !== toFeature) findings.push(`${path}: features do not import one another (${target})`);
  }
  if (/export default/.test(text) && !defaultAllowed.test(path)) findings.push(`${path}: default exports are for lazy pages`);
  if (/^export \* from/m.test(text)) findings.push(`${path}: no barrels, import files directly`);
  const lines = text.split('\n').length;
  if (lines > linesMax && path !== flatList) findings.push(`${path}: ${lines} lines, more than ${linesMax}`);
}

for (const finding of findings) process.stderr.write(`${finding}\n`);
process.stdout.write(`tidy: ${findings.length === 0 ? 'clean' : `${findings.length} findings`}\n`);
process.exit(findings.length === 0 ? 0 : 1);

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.tsx?$/.test(entry.name) && folder !== root) yield path;
  }
}

/** Path inside `src` of an import, or nothing for packages. */
function resolve(path, target) {
  if (target.startsWith('@/')) return target.slice(2);
  if (target.startsWith('.')) return join(path, '..', target);
  return undefined;
}
