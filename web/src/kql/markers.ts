/** The server's findings as marks in the editor. */
import type { QueryDiagnostic } from '@/api/types';
import { monaco } from './monaco';
import { byteToIndex } from './offsets';

const owner = 'bartizan';

/** `prefix`: text that the server was given in front of the model's, whose findings are nobody's. */
export function showDiagnostics(model: monaco.editor.ITextModel, diagnostics: readonly QueryDiagnostic[], prefix = ''): void {
  const text = prefix + model.getValue();
  const markers = diagnostics.map((diagnostic): monaco.editor.IMarkerData => {
    const from = Math.max(prefix.length, byteToIndex(text, diagnostic.start));
    const start = model.getPositionAt(from - prefix.length);
    const end = model.getPositionAt(Math.max(byteToIndex(text, diagnostic.end), from + 1) - prefix.length);
    return {
      severity: severityOf(diagnostic.severity),
      code: diagnostic.code,
      message: diagnostic.hint ? `${diagnostic.message}\n${diagnostic.hint}` : diagnostic.message,
      startLineNumber: start.lineNumber,
      startColumn: start.column,
      endLineNumber: end.lineNumber,
      endColumn: end.column,
    };
  });
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
