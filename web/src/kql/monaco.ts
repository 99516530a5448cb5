/**
 * Monaco with the Kusto language, and the workers both need, all from our own bundle: the server's
 * content security policy allows no other origin.
 */
import 'monaco-editor/esm/vs/editor/edcore.main.js';
import * as monaco from 'monaco-editor/esm/vs/editor/editor.api';
import { getKustoWorker, themeNames } from '@kusto/monaco-kusto';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker?worker';
import KustoWorker from './kusto.worker?worker';

self.MonacoEnvironment = {
  getWorker: (_moduleId, label) => (label === 'kusto' ? new KustoWorker() : new EditorWorker()),
};

// The Kusto package starts Monaco's services while it loads, and services registered later are not
// found: import it only from here, after the editor itself.
export { getKustoWorker, monaco, themeNames };
