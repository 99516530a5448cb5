/** Queries that this person saved, kept in this browser. */
import { useSyncExternalStore } from 'react';

export interface SavedQuery {
  name: string;
  query: string;
}

const storageKey = 'bartizan-queries';
const changed = 'bartizan:queries';

export function useSavedQueries(): [SavedQuery[], (saved: SavedQuery[]) => void] {
  const text = useSyncExternalStore(subscribe, () => localStorage.getItem(storageKey) ?? '[]');
  return [
    parseSaved(text),
    (saved) => {
      localStorage.setItem(storageKey, JSON.stringify(saved));
      window.dispatchEvent(new Event(changed));
    },
  ];
}

export function parseSaved(text: string): SavedQuery[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isSaved) : [];
  } catch {
    return [];
  }
}

function isSaved(value: unknown): value is SavedQuery {
  if (typeof value !== 'object' || value === null) return false;
  const { name, query } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof query === 'string';
}

function subscribe(notify: () => void): () => void {
  window.addEventListener(changed, notify);
  window.addEventListener('storage', notify);
  return () => {
    window.removeEventListener(changed, notify);
    window.removeEventListener('storage', notify);
  };
}
