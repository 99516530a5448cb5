/// <reference types="vite/client" />

declare module 'monaco-editor/esm/vs/editor/edcore.main.js';
declare module '@kusto/monaco-kusto/release/esm/kusto.worker.js';
