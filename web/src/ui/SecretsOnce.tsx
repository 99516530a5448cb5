import { MessageBar, MessageBarBody } from '@fluentui/react-components';
import { CodeBlock } from './CodeBlock';

/** Secrets that the server does not keep: here to be copied, gone when the dialog is. */
export function SecretsOnce({ secrets, children }: { secrets: readonly (readonly [string, string])[]; children: string }) {
  return (
    <>
      <MessageBar intent="warning" layout="multiline"><MessageBarBody>{children}</MessageBarBody></MessageBar>
      {secrets.map(([name, value]) => (
        <div key={name}>
          <div style={{ marginBottom: 4 }}>{name}</div>
          <CodeBlock label={name} text={value} />
        </div>
      ))}
    </>
  );
}
