import { makeStyles, tokens } from '@fluentui/react-components';
import { useEffect, useEffectEvent, useRef, type Ref } from 'react';
import { useSession } from '@/api/session';
import type { QueryDiagnostic } from '@/api/types';
import { languageId } from './language';
import { showDiagnostics } from './markers';
import { editorThemes, monaco } from './monaco';
import { formatModel, setSource } from './providers';

const useStyles = makeStyles({
  root: {
    height: '100%', width: '100%', backgroundColor: tokens.colorNeutralBackground1,
    ':focus-within': { outline: `1px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '-1px' },
  },
});

export interface EditorHandle {
  focusAt: (index: number) => void;
  insert: (text: string) => void;
  /** Lays the text out; gives the mistakes for which it stays as it is. */
  format: () => Promise<QueryDiagnostic[]>;
  /** The selected text, or nothing. */
  selection: () => string;
}

interface EditorProps {
  value: string;
  onChange: (value: string) => void;
  onRun?: () => void;
  diagnostics: readonly QueryDiagnostic[];
  dark: boolean;
  /** Text in front of `value` that is not shown: declarations that the query may use. */
  prefix?: string;
  label?: string;
  ref?: Ref<EditorHandle>;
}

const keys = 'Press Shift and Enter to run, Control and Space for suggestions, Control and M to let Tab move the focus.';

/** The query editor: Monaco with the server's knowledge of the language and of the workspace's names. */
export default function Editor({ value, onChange, onRun, diagnostics, dark, prefix = '', label = 'Query editor', ref }: EditorProps) {
  const styles = useStyles();
  const session = useSession();
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor>(null);
  const changed = useEffectEvent(onChange);
  const run = useEffectEvent(() => onRun?.());
  const first = useEffectEvent(() => ({ text: value, label: `${label}. ${keys}` }));

  useEffect(() => {
    if (!host.current) return undefined;
    const model = monaco.editor.createModel(first().text, languageId);
    const created = monaco.editor.create(host.current, {
      model,
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
      ariaLabel: first().label,
      wordBasedSuggestions: 'off',
      // The toolbar above stays in reach.
      hover: { above: false },
      // Suggestions that nobody asked for do not take the Enter key.
      suggest: { selectionMode: 'whenQuickSuggestion', showStatusBar: false },
      'semanticHighlighting.enabled': true,
      scrollbar: { alwaysConsumeMouseWheel: false },
      stickyScroll: { enabled: false },
    });
    editor.current = created;
    created.addCommand(monaco.KeyMod.Shift | monaco.KeyCode.Enter, () => run());
    const content = created.onDidChangeModelContent(() => changed(created.getValue()));
    return () => {
      content.dispose();
      created.dispose();
      model.dispose();
      editor.current = null;
    };
  }, []);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) setSource(model, { session, prefix });
  }, [session, prefix]);

  useEffect(() => {
    const current = editor.current;
    if (current && current.getValue() !== value) current.setValue(value);
  }, [value]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) showDiagnostics(model, diagnostics, prefix);
  }, [diagnostics, prefix]);

  useEffect(() => {
    monaco.editor.setTheme(dark ? editorThemes.dark : editorThemes.light);
  }, [dark]);

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
      format: () => (editor.current ? formatModel(editor.current) : Promise.resolve([])),
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
