import { Link, makeStyles, MessageBar, MessageBarBody, MessageBarTitle, tokens } from '@fluentui/react-components';
import { ApiError, errorText } from '@/api/errors';
import type { QueryDiagnostic } from '@/api/types';
import { byteToIndex, lineColumn } from '@/kql/offsets';

const useStyles = makeStyles({
  list: { margin: '6px 0 0', padding: 0, listStyle: 'none', display: 'flex', flexDirection: 'column', gap: '6px' },
  hint: { color: tokens.colorNeutralForeground3 },
});

interface QueryErrorViewProps {
  query: string;
  error: unknown;
  diagnostics: readonly QueryDiagnostic[];
  onFocus: (index: number) => void;
}

/** Why a query failed, and where: each place is a link into the editor. */
export function QueryErrorView({ query, error, diagnostics, onFocus }: QueryErrorViewProps) {
  const styles = useStyles();
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity.toLowerCase() === 'error');
  const details = error instanceof ApiError ? error.details : [];
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{errors.length > 0 ? 'The query cannot run' : 'The query failed'}</MessageBarTitle>
        {errors.length === 0 && errorText(error)}
        <ul className={styles.list}>
          {errors.length > 0
            ? errors.map((diagnostic) => {
                const index = byteToIndex(query, diagnostic.start);
                const { line, column } = lineColumn(query, index);
                return (
                  <li key={`${diagnostic.start}${diagnostic.code}`}>
                    <Link onClick={() => onFocus(index)}>Line {line}, column {column}</Link>: {diagnostic.message} ({diagnostic.code})
                    {diagnostic.hint && <div className={styles.hint}>{diagnostic.hint}</div>}
                  </li>
                );
              })
            : details.map((detail) => <li key={detail.message}>{detail.message}{detail.code && ` (${detail.code})`}</li>)}
        </ul>
      </MessageBarBody>
    </MessageBar>
  );
}
