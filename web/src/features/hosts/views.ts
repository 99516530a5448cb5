/** Filters that people keep by a name, in this browser. */
const storageKey = 'bartizan-inventory-views';
const viewsMax = 30;

export interface View {
  name: string;
  /** The search part of the address. */
  query: string;
}

export function savedViews(): View[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
    return Array.isArray(found) ? found.filter((view): view is View => typeof (view as View | null)?.name === 'string' && typeof (view as View | null)?.query === 'string') : [];
  } catch {
    return [];
  }
}

/** The newest come first; one with the same name is replaced. */
export function saveView(view: View): View[] {
  return store([view, ...savedViews().filter((other) => other.name !== view.name)].slice(0, viewsMax));
}

export function dropView(name: string): View[] {
  return store(savedViews().filter((view) => view.name !== name));
}

function store(views: View[]): View[] {
  localStorage.setItem(storageKey, JSON.stringify(views));
  return views;
}
