/** Queries that were run from this browser, newest first. They stay here: the server keeps its own record. */

const countMax = 20;
/** A longer query is not worth the room it takes. */
const lengthMax = 20_000;

const keyOf = (workspace: string) => `bartizan-queries-${workspace}`;

export function recentQueries(workspace: string): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(keyOf(workspace)) ?? '[]');
    return Array.isArray(list) ? list.filter((entry): entry is string => typeof entry === 'string').slice(0, countMax) : [];
  } catch {
    return [];
  }
}

export function remember(workspace: string, query: string): void {
  const text = query.trim();
  if (!text || text.length > lengthMax) return;
  store(workspace, [text, ...recentQueries(workspace).filter((entry) => entry !== text)].slice(0, countMax));
}

export function forget(workspace: string): void {
  store(workspace, []);
}

/** A query as one line of a menu. */
export function oneLine(query: string): string {
  const line = query.replace(/\s+/g, ' ');
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

function store(workspace: string, queries: readonly string[]): void {
  try {
    localStorage.setItem(keyOf(workspace), JSON.stringify(queries));
  } catch {
    // The browser keeps nothing, or nothing more: the query ran all the same.
  }
}
