/** Our binder's diagnostics as editor markers. */
import type { QueryDiagnostic } from '@/api/types';
import { monaco } from './monaco';
import { byteToIndex } from './offsets';

const owner = 'bartizan';

/**
 * Shows the diagnostics, leaving out those that Microsoft's service already marks at the same place: one
 * mistake should have one message.
 */
export function showDiagnostics(model: monaco.editor.ITextModel, diagnostics: readonly QueryDiagnostic[]): void {
  const text = model.getValue();
  const theirs = monaco.editor.getModelMarkers({ resource: model.uri, owner: 'kusto' });
  const markers = diagnostics
    .map((diagnostic): monaco.editor.IMarkerData => {
      const start = model.getPositionAt(byteToIndex(text, diagnostic.start));
      const end = model.getPositionAt(Math.max(byteToIndex(text, diagnostic.end), byteToIndex(text, diagnostic.start) + 1));
      return {
        severity: severityOf(diagnostic.severity),
        code: diagnostic.code,
        message: diagnostic.hint ? `${diagnostic.message}\n${diagnostic.hint}` : diagnostic.message,
        startLineNumber: start.lineNumber,
        startColumn: start.column,
        endLineNumber: end.lineNumber,
        endColumn: end.column,
      };
    })
    .filter((marker) => !theirs.some((other) => monaco.Range.areIntersectingOrTouching(marker, other)));
  const current = monaco.editor.getModelMarkers({ resource: model.uri, owner });
  if (current.length === 0 && markers.length === 0) return;
  monaco.editor.setModelMarkers(model, owner, markers);
}

function severityOf(text: string): monaco.MarkerSeverity {
  switch (text.toLowerCase()) {
    case 'error':
      return monaco.MarkerSeverity.Error;
    case 'warning':
      return monaco.MarkerSeverity.Warning;
    default:
      return monaco.MarkerSeverity.Info;
  }
}
