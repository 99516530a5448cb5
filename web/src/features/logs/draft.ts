/** The text in the editor, kept while the tab is open, so that a look at another page does not lose it. */

const keyOf = (workspace: string) => `bartizan-draft-${workspace}`;

export function readDraft(workspace: string): string | undefined {
  try {
    return sessionStorage.getItem(keyOf(workspace)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function writeDraft(workspace: string, query: string): void {
  try {
    sessionStorage.setItem(keyOf(workspace), query);
  } catch {
    // Too long for the browser's store: the text is still in the editor.
  }
}
