import { Button, DrawerBody, DrawerFooter, DrawerHeader, DrawerHeaderTitle, makeStyles, OverlayDrawer } from '@fluentui/react-components';
import { DismissRegular } from '@fluentui/react-icons/svg/dismiss';
import type { ReactNode } from 'react';

const useStyles = makeStyles({
  body: { display: 'flex', flexDirection: 'column', gap: '18px', paddingBottom: '24px' },
  footer: { flexWrap: 'wrap' },
});

interface SidePanelProps {
  title: string;
  wide?: boolean;
  footer?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}

/** Details of one thing of a list, beside the list. */
export function SidePanel({ title, wide, footer, onClose, children }: SidePanelProps) {
  const styles = useStyles();
  return (
    <OverlayDrawer open position="end" size={wide ? 'large' : 'medium'} onOpenChange={(_, data) => { if (!data.open) onClose(); }} aria-label={title}>
      <DrawerHeader>
        <DrawerHeaderTitle action={<Button appearance="subtle" aria-label="Close" icon={<DismissRegular />} onClick={onClose} />}>{title}</DrawerHeaderTitle>
      </DrawerHeader>
      <DrawerBody className={styles.body}>{children}</DrawerBody>
      {footer && <DrawerFooter className={styles.footer}>{footer}</DrawerFooter>}
    </OverlayDrawer>
  );
}
