import { makeStyles, tokens } from '@fluentui/react-components';
import { useEffect, useEffectEvent, useRef, type Ref } from 'react';
import type { Metadata, QueryDiagnostic } from '@/api/types';
import { showDiagnostics } from './markers';
import { editorThemes, getKustoWorker, monaco } from './monaco';
import { toKustoSchema } from './schema';
import './editor.css';

const useStyles = makeStyles({
  root: {
    height: '100%', width: '100%', backgroundColor: tokens.colorNeutralBackground1,
    ':focus-within': { outline: `1px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-1px' },
  },
});

export interface EditorHandle {
  focusAt: (index: number) => void;
  insert: (text: string) => void;
  format: () => void;
  /** The selected text, or nothing. */
  selection: () => string;
}

interface EditorProps {
  value: string;
  onChange: (value: string) => void;
  onRun: () => void;
  metadata: Metadata | undefined;
  diagnostics: readonly QueryDiagnostic[];
  dark: boolean;
  ref?: Ref<EditorHandle>;
}

let model: monaco.editor.ITextModel | undefined;

/**
 * The text lives as long as the portal: the language service answers late, after the page was left, and
 * fails on a model that is gone.
 */
function keptModel(text: string): monaco.editor.ITextModel {
  if (!model) model = monaco.editor.createModel(text, 'kusto');
  else if (model.getValue() !== text) model.setValue(text);
  return model;
}

/** The query editor: Monaco, the Kusto language service, and our own diagnostics on top. */
export default function Editor({ value, onChange, onRun, metadata, diagnostics, dark, ref }: EditorProps) {
  const styles = useStyles();
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor>(null);
  const changed = useEffectEvent(onChange);
  const run = useEffectEvent(onRun);
  const marks = useEffectEvent((model: monaco.editor.ITextModel) => showDiagnostics(model, diagnostics));
  const first = useEffectEvent(() => value);

  useEffect(() => {
    if (!host.current) return undefined;
    const created = monaco.editor.create(host.current, {
      model: keptModel(first()),
      automaticLayout: true,
      minimap: { enabled: false },
      fontSize: 14,
      fontFamily: "'Cascadia Mono', Consolas, 'DejaVu Sans Mono', monospace",
      lineNumbersMinChars: 3,
      scrollBeyondLastLine: false,
      renderLineHighlight: 'line',
      padding: { top: 10, bottom: 10 },
      fixedOverflowWidgets: true,
      tabSize: 4,
      ariaLabel: 'Query editor. Press Shift and Enter to run, Control and M to let Tab move the focus.',
      wordBasedSuggestions: 'off',
      scrollbar: { alwaysConsumeMouseWheel: false },
      stickyScroll: { enabled: false },
    });
    editor.current = created;
    created.addCommand(monaco.KeyMod.Shift | monaco.KeyCode.Enter, () => run());
    const content = created.onDidChangeModelContent(() => changed(created.getValue()));
    const markers = monaco.editor.onDidChangeMarkers(() => {
      const model = created.getModel();
      if (model) marks(model);
    });
    return () => {
      content.dispose();
      markers.dispose();
      created.dispose();
      editor.current = null;
    };
  }, []);

  useEffect(() => {
    const current = editor.current;
    if (current && current.getValue() !== value) current.setValue(value);
  }, [value]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) showDiagnostics(model, diagnostics);
  }, [diagnostics]);

  useEffect(() => {
    monaco.editor.setTheme(dark ? editorThemes.dark : editorThemes.light);
  }, [dark]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (!metadata || !model) return;
    void getKustoWorker()
      .then((workerFor) => workerFor(model.uri))
      .then((worker) => worker.setSchema(toKustoSchema(metadata)));
  }, [metadata]);

  useEffect(() => {
    const handle: EditorHandle = {
      focusAt: (index) => {
        const model = editor.current?.getModel();
        if (!editor.current || !model) return;
        const position = model.getPositionAt(index);
        editor.current.setPosition(position);
        editor.current.revealPositionInCenterIfOutsideViewport(position);
        editor.current.focus();
      },
      insert: (text) => {
        editor.current?.trigger('portal', 'type', { text });
        editor.current?.focus();
      },
      format: () => void editor.current?.getAction('editor.action.formatDocument')?.run(),
      selection: () => {
        const range = editor.current?.getSelection();
        return (range && editor.current?.getModel()?.getValueInRange(range)) ?? '';
      },
    };
    if (typeof ref === 'function') ref(handle);
    else if (ref) ref.current = handle;
  }, [ref]);

  return <div ref={host} className={styles.root} data-testid="query-editor" />;
}
