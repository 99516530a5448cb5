import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { Link, type LinkProps } from 'react-router';

const useStyles = makeStyles({
  link: {
    color: tokens.colorBrandForegroundLink,
    textDecorationLine: 'none',
    borderRadius: tokens.borderRadiusSmall,
    ':hover': { color: tokens.colorBrandForegroundLinkHover, textDecorationLine: 'underline' },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: '1px' },
  },
  strong: { fontWeight: tokens.fontWeightSemibold },
  plain: { color: 'inherit' },
});

/** A link inside the portal. */
export function AppLink({ strong, plain, className, ...rest }: LinkProps & { strong?: boolean; plain?: boolean }) {
  const styles = useStyles();
  return <Link {...rest} className={mergeClasses(styles.link, strong && styles.strong, plain && styles.plain, className)} />;
}
