/**
 * What the editor asks the server while somebody types: completion, hover, the forms of a call, colours, layout.
 * Monaco waits before it asks and drops what is out of date; a dropped question is aborted, so that the server
 * does not answer it.
 */
import { askColours, askCompletions, askForms, askFormat, askHover } from '@/api/editor';
import type { CompletionItem, QueryDiagnostic, Session } from '@/api/types';
import { languageId } from './language';
import { monaco } from './monaco';
import { byteToIndex, byteWalker, indexToByte } from './offsets';

/** Whose names a text uses. `prefix` is put in front of what the server is asked about: it may declare a table. */
export interface LanguageSource {
  session: Session;
  prefix: string;
}

const sources = new Map<string, LanguageSource>();

/** Says whose names the text in `model` uses, until the model goes. */
export function setSource(model: monaco.editor.ITextModel, source: LanguageSource): void {
  const key = model.uri.toString();
  if (!sources.has(key)) model.onWillDispose(() => sources.delete(key));
  sources.set(key, source);
}

interface Asked {
  session: Session;
  text: string;
  shift: number;
  signal: AbortSignal;
}

/** Asks about a model; nothing when it has no source, the question was dropped, or the server could not answer. */
async function ask<T>(model: monaco.editor.ITextModel, token: monaco.CancellationToken, question: (asked: Asked) => Promise<T>): Promise<T | undefined> {
  const source = sources.get(model.uri.toString());
  if (!source) return undefined;
  const abort = new AbortController();
  const listener = token.onCancellationRequested(() => abort.abort());
  try {
    const answer = await question({ session: source.session, text: source.prefix + model.getValue(), shift: source.prefix.length, signal: abort.signal });
    return token.isCancellationRequested || model.isDisposed() ? undefined : answer;
  } catch {
    // The editor works on without its helpers; a server that is away is told elsewhere.
    return undefined;
  } finally {
    listener.dispose();
  }
}

function rangeOf(model: monaco.editor.ITextModel, asked: { text: string; shift: number }, start: number, end: number): monaco.Range {
  const from = model.getPositionAt(Math.max(0, byteToIndex(asked.text, start) - asked.shift));
  const to = model.getPositionAt(Math.max(0, byteToIndex(asked.text, end) - asked.shift));
  return new monaco.Range(from.lineNumber, from.column, to.lineNumber, to.column);
}

const kinds: Record<string, monaco.languages.CompletionItemKind> = {
  Column: monaco.languages.CompletionItemKind.Field,
  Variable: monaco.languages.CompletionItemKind.Variable,
  Value: monaco.languages.CompletionItemKind.EnumMember,
  Setting: monaco.languages.CompletionItemKind.Property,
  Keyword: monaco.languages.CompletionItemKind.Keyword,
  Operator: monaco.languages.CompletionItemKind.Keyword,
  Table: monaco.languages.CompletionItemKind.Class,
  Aggregate: monaco.languages.CompletionItemKind.Function,
  Function: monaco.languages.CompletionItemKind.Function,
  Plugin: monaco.languages.CompletionItemKind.Module,
  Statement: monaco.languages.CompletionItemKind.Keyword,
};

const next = { suggest: { id: 'editor.action.triggerSuggest', title: 'Suggest' }, call: { id: 'editor.action.triggerParameterHints', title: 'Parameters' } };

function suggestion(item: CompletionItem, at: number, insert: monaco.Range, replace: monaco.Range, behind: string): monaco.languages.CompletionItem {
  const opens = item.insert.endsWith('(');
  // Brackets that are there already are not written twice.
  const bracketed = opens && behind.startsWith('(');
  const text = bracketed ? item.insert.slice(0, -1) : opens ? `${snippet(item.insert)}$0)` : item.insert;
  const asks = opens ? next.call : / $|[.=]$/.test(item.insert) ? next.suggest : undefined;
  return {
    label: item.label,
    kind: kinds[item.kind] ?? monaco.languages.CompletionItemKind.Text,
    ...(item.detail ? { detail: item.detail } : {}),
    ...(item.documentation ? { documentation: item.documentation } : {}),
    insertText: text,
    ...(opens && !bracketed ? { insertTextRules: monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet } : {}),
    range: { insert, replace },
    // The server's order, best first.
    sortText: String(at).padStart(5, '0'),
    ...(asks ? { command: asks } : {}),
  };
}

/** A text in which `$`, `}` and `\` stand for themselves. */
function snippet(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}

monaco.languages.registerCompletionItemProvider(languageId, {
  triggerCharacters: ['|', '(', ' ', '.', '=', ',', '$', '-'],
  async provideCompletionItems(model, position, _context, token) {
    const index = model.getOffsetAt(position);
    let asked: Asked | undefined;
    const answer = await ask(model, token, (question) => {
      asked = question;
      return askCompletions(question.session, question.text, indexToByte(question.text, question.shift + index), question.signal);
    });
    if (!answer || !asked) return undefined;
    const first = answer.items[0];
    if (!first) return { suggestions: [] };
    // All answers replace the same word.
    const replace = rangeOf(model, asked, first.start, first.end);
    const insert = replace.setEndPosition(position.lineNumber, position.column);
    const behind = model.getValueInRange(new monaco.Range(replace.endLineNumber, replace.endColumn, replace.endLineNumber, replace.endColumn + 1));
    return { suggestions: answer.items.map((item, at) => suggestion(item, at, insert, replace, behind)), incomplete: answer.incomplete };
  },
});

monaco.languages.registerHoverProvider(languageId, {
  async provideHover(model, position, token) {
    const index = model.getOffsetAt(position);
    let asked: Asked | undefined;
    const answer = await ask(model, token, (question) => {
      asked = question;
      return askHover(question.session, question.text, indexToByte(question.text, question.shift + index), question.signal);
    });
    if (!answer || !asked) return undefined;
    return { range: rangeOf(model, asked, answer.start, answer.end), contents: [{ value: answer.text }] };
  },
});

monaco.languages.registerSignatureHelpProvider(languageId, {
  signatureHelpTriggerCharacters: ['(', ','],
  signatureHelpRetriggerCharacters: [')'],
  async provideSignatureHelp(model, position, token) {
    const index = model.getOffsetAt(position);
    const answer = await ask(model, token, (question) => askForms(question.session, question.text, indexToByte(question.text, question.shift + index), question.signal));
    if (!answer) return undefined;
    const signatures = answer.forms.map((form) => ({
      label: form.label,
      documentation: answer.documentation,
      parameters: form.parameters.map(([start, end]) => ({ label: [byteToIndex(form.label, start), byteToIndex(form.label, end)] as [number, number] })),
    }));
    return { value: { signatures, activeSignature: answer.form, activeParameter: answer.parameter }, dispose: () => undefined };
  },
});

const tokenTypes = ['comment', 'string', 'literal', 'operator', 'keyword', 'function', 'aggregate', 'plugin', 'table', 'column', 'variable', 'setting', 'type', 'mark', 'unknown'];

monaco.languages.registerDocumentSemanticTokensProvider(languageId, {
  getLegend: () => ({ tokenTypes, tokenModifiers: [] }),
  releaseDocumentSemanticTokens: () => undefined,
  async provideDocumentSemanticTokens(model, _last, token) {
    let asked: Asked | undefined;
    const answer = await ask(model, token, (question) => {
      asked = question;
      return askColours(question.session, question.text, question.signal);
    });
    if (!answer || !asked) return undefined;
    const types = answer.kinds.map((kind) => Math.max(0, tokenTypes.indexOf(kind.toLowerCase())));
    return { data: semanticTokens(asked.text, asked.shift, answer.pieces, types) };
  },
});

/** Five numbers a piece, as Monaco takes them: lines and columns relative to the piece before, length, type, none. */
function semanticTokens(text: string, shift: number, pieces: readonly [number, number, number][], types: readonly number[]): Uint32Array {
  const walk = byteWalker(text);
  const data: number[] = [];
  let [line, column, scanned] = [0, 0, shift];
  let [lastLine, lastColumn] = [0, 0];
  for (const [start, end, kind] of pieces) {
    const from = walk(start);
    const to = walk(end);
    if (from < shift) continue;
    for (; scanned < from; scanned += 1) {
      if (text[scanned] === '\n') [line, column] = [line + 1, 0];
      else column += 1;
    }
    // A piece over several lines keeps the quick colours.
    if (text.slice(from, to).includes('\n')) continue;
    data.push(line - lastLine, line === lastLine ? column - lastColumn : column, to - from, types[kind] ?? 0, 0);
    [lastLine, lastColumn] = [line, column];
  }
  return new Uint32Array(data);
}

monaco.languages.registerDocumentFormattingEditProvider(languageId, {
  async provideDocumentFormattingEdits(model, _options, token) {
    // A text with mistakes stays as it is; the marks say where they are.
    const answer = await ask(model, token, (question) => askFormat(model.getValue(), question.signal));
    return answer?.query ? [{ range: model.getFullModelRange(), text: answer.query }] : [];
  },
});

/** Lays the text out. Gives the mistakes for which it cannot. */
export async function formatModel(editor: monaco.editor.IStandaloneCodeEditor): Promise<QueryDiagnostic[]> {
  const model = editor.getModel();
  const source = model && sources.get(model.uri.toString());
  if (!model || !source) return [];
  const version = model.getVersionId();
  const answer = await askFormat(model.getValue());
  if (!answer.query) return answer.diagnostics;
  if (model.isDisposed() || model.getVersionId() !== version) return [];
  editor.pushUndoStop();
  editor.executeEdits('format', [{ range: model.getFullModelRange(), text: answer.query }]);
  editor.pushUndoStop();
  return [];
}
