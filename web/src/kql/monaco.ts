/**
 * Monaco with our language, and the worker it needs, all from our own bundle: the server's content security
 * policy allows no other origin.
 */
import 'monaco-editor/esm/vs/editor/edcore.main.js';
import * as monaco from 'monaco-editor/esm/vs/editor/editor.api';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker?worker';
import { languageId, quickTokens, shape } from './language';

self.MonacoEnvironment = { getWorker: () => new EditorWorker() };

monaco.languages.register({ id: languageId });
monaco.languages.setLanguageConfiguration(languageId, shape);
// Colours at once, by the look of the words; the server's answer refines them.
monaco.languages.setMonarchTokensProvider(languageId, quickTokens);

/** Themes of the editor, on the portal's own surfaces. */
export const editorThemes = { light: 'portal-light', dark: 'portal-dark' } as const;

/** Foregrounds by what a word is: light, dark. Each has a contrast of at least 4.5 on its surface. */
const colors: Record<string, [string, string]> = {
  comment: ['4f7a28', '8bb45c'],
  string: ['a4262c', 'ce9178'],
  literal: ['0b6a0b', 'b5cea8'],
  number: ['0b6a0b', 'b5cea8'],
  operator: ['b8400e', 'f0a36c'],
  keyword: ['0b5798', '7db0e9'],
  function: ['5c2e91', 'd0b3f0'],
  aggregate: ['5c2e91', 'd0b3f0'],
  plugin: ['5c2e91', 'd0b3f0'],
  table: ['0f6c74', '5cc7cf'],
  column: ['1b1b6f', '9cdcfe'],
  variable: ['8a5a00', 'dcc27d'],
  setting: ['605e5c', 'b3b0ad'],
  type: ['0b5798', '7db0e9'],
  mark: ['424242', 'd6d6d6'],
};

const rules = (at: 0 | 1) => Object.entries(colors).map(([token, pair]) => ({ token, foreground: pair[at] }));

monaco.editor.defineTheme(editorThemes.light, {
  base: 'vs',
  inherit: true,
  rules: rules(0),
  colors: { 'editor.background': '#ffffff', 'editorLineNumber.foreground': '#6e6e6e', 'editor.lineHighlightBorder': '#ffffff00', 'editor.lineHighlightBackground': '#f5f8fc' },
});
monaco.editor.defineTheme(editorThemes.dark, {
  base: 'vs-dark',
  inherit: true,
  rules: rules(1),
  colors: { 'editor.background': '#292929', 'editorLineNumber.foreground': '#9a9a9a', 'editor.lineHighlightBorder': '#29292900', 'editor.lineHighlightBackground': '#303030' },
});

export { monaco };
