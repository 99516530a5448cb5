/** What the editor knows of KQL without asking: brackets, comments, words, and colours until the server says. */
import type { languages } from 'monaco-editor/esm/vs/editor/editor.api';

export const languageId = 'kql';

export const shape: languages.LanguageConfiguration = {
  comments: { lineComment: '//' },
  brackets: [['(', ')'], ['[', ']'], ['{', '}']],
  autoClosingPairs: [
    { open: '(', close: ')' }, { open: '[', close: ']' }, { open: '{', close: '}' },
    { open: '"', close: '"', notIn: ['string', 'comment'] }, { open: "'", close: "'", notIn: ['string', 'comment'] },
  ],
  surroundingPairs: [
    { open: '(', close: ')' }, { open: '[', close: ']' }, { open: '{', close: '}' }, { open: '"', close: '"' }, { open: "'", close: "'" },
  ],
  wordPattern: /[$A-Za-z_][\w$]*|-?\d[\w.]*/,
  // A new operator begins below the one before.
  onEnterRules: [],
};

export const quickTokens: languages.IMonarchLanguage = {
  defaultToken: 'column',
  keywords: [
    'and', 'or', 'by', 'on', 'with', 'from', 'to', 'step', 'asc', 'desc', 'nulls', 'first', 'last', 'let', 'set', 'declare', 'has', 'has_cs', 'has_any', 'has_all', 'contains', 'contains_cs', 'startswith', 'endswith', 'hasprefix', 'hassuffix', 'matches', 'regex', 'between', 'in', 'of', 'default', 'typeof', 'datatable', 'externaldata', 'true', 'false', 'null',
  ],
  tokenizer: {
    root: [
      [/\/\/.*$/, 'comment'],
      [/[hH]?@?"/, { token: 'string', next: '@double' }],
      [/[hH]?@?'/, { token: 'string', next: '@single' }],
      [/```/, { token: 'string', next: '@fenced' }],
      [/(\|)(\s*)([a-z][a-z-]*)/, ['mark', 'white', 'operator']],
      [/\d[\w.]*/, 'literal'],
      [/[A-Za-z_]\w*(?=\s*\()/, { cases: { '@keywords': 'keyword', '@default': 'function' } }],
      [/[$A-Za-z_]\w*/, { cases: { '@keywords': 'keyword', '@default': 'column' } }],
      [/[{}()[\],;.=<>!~+\-*/%|:]/, 'mark'],
      [/\s+/, 'white'],
    ],
    double: [[/[^"\\]+/, 'string'], [/\\./, 'string'], [/"/, { token: 'string', next: '@pop' }], [/$/, { token: 'string', next: '@pop' }]],
    single: [[/[^'\\]+/, 'string'], [/\\./, 'string'], [/'/, { token: 'string', next: '@pop' }], [/$/, { token: 'string', next: '@pop' }]],
    fenced: [[/```/, { token: 'string', next: '@pop' }], [/./, 'string']],
  },
};
