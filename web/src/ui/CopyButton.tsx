import { Button, type ButtonProps } from '@fluentui/react-components';
import { CheckmarkRegular } from '@fluentui/react-icons/svg/checkmark';
import { CopyRegular } from '@fluentui/react-icons/svg/copy';
import { useEffect, useState } from 'react';

/** Copies a text and says so for two seconds. */
export function CopyButton({ text, label = 'Copy', size = 'small', appearance = 'subtle', iconOnly }: {
  /** The text, or what makes it when it is wanted. */
  text: string | (() => string);
  label?: string;
  size?: ButtonProps['size'];
  appearance?: ButtonProps['appearance'];
  iconOnly?: boolean;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button size={size} appearance={appearance} icon={copied ? <CheckmarkRegular /> : <CopyRegular />}
      aria-label={copied ? 'Copied' : label} title={label}
      onClick={() => void navigator.clipboard.writeText(typeof text === 'function' ? text() : text).then(() => setCopied(true), () => undefined)}>
      {iconOnly ? undefined : copied ? 'Copied' : label}
    </Button>
  );
}
