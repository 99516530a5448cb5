/**
 * Monaco with the Kusto language, and the workers both need, all from our own bundle: the server's
 * content security policy allows no other origin.
 */
import 'monaco-editor/esm/vs/editor/edcore.main.js';
import * as monaco from 'monaco-editor/esm/vs/editor/editor.api';
import { getKustoWorker, kustoDefaults } from '@kusto/monaco-kusto';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker?worker';
import KustoWorker from './kusto.worker?worker';

self.MonacoEnvironment = {
  getWorker: (_moduleId, label) => (label === 'kusto' ? new KustoWorker() : new EditorWorker()),
};

// Colours by the quick tokenizer at once; the worker refines them when it has the schema.
kustoDefaults.setLanguageSettings({ ...kustoDefaults.languageSettings, useTokenColorization: true });

/** Themes of the editor, on the portal's own surfaces. */
export const editorThemes = { light: 'portal-light', dark: 'portal-dark' } as const;

monaco.editor.defineTheme(editorThemes.light, {
  base: 'vs',
  inherit: true,
  rules: [
    { token: 'comment', foreground: '4f7a28' },
    { token: 'string', foreground: 'a4262c' },
    { token: 'number', foreground: '191970' },
    { token: 'keyword', foreground: '0b5798' },
    { token: 'operator.sql', foreground: 'b8400e' },
    { token: 'function', foreground: '0b5798' },
  ],
  colors: { 'editor.background': '#ffffff', 'editorLineNumber.foreground': '#8a8a8a', 'editor.lineHighlightBorder': '#ffffff00', 'editor.lineHighlightBackground': '#f5f8fc' },
});
monaco.editor.defineTheme(editorThemes.dark, {
  base: 'vs-dark',
  inherit: true,
  rules: [
    { token: 'comment', foreground: '8bb45c' },
    { token: 'string', foreground: 'ce9178' },
    { token: 'number', foreground: 'd7ba7d' },
    { token: 'keyword', foreground: '7db0e9' },
    { token: 'operator.sql', foreground: '9cdcfe' },
    { token: 'function', foreground: 'dcdcaa' },
  ],
  colors: { 'editor.background': '#292929', 'editorLineNumber.foreground': '#8a8a8a', 'editor.lineHighlightBorder': '#29292900', 'editor.lineHighlightBackground': '#303030' },
});

// The Kusto package starts Monaco's services while it loads, and services registered later are not
// found: import it only from here, after the editor itself.
export { getKustoWorker, monaco };
