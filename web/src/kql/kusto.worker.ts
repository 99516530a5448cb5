// The worker in which Microsoft's Kusto language service runs (completion, colours, hover, validation).
import '@kusto/monaco-kusto/release/esm/kusto.worker.js';
