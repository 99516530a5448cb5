/** Light and dark. The choice is kept in this browser; "system" follows the operating system. */
import { createDarkTheme, createLightTheme, type BrandVariants, type Theme } from '@fluentui/react-components';
import { useEffect, useState, useSyncExternalStore } from 'react';

export type ThemeChoice = 'system' | 'light' | 'dark';

const brand: BrandVariants = {
  10: '#04090f', 20: '#0b1b2d', 30: '#0c2c4c', 40: '#0b3a66', 50: '#0b4980', 60: '#0b5798', 70: '#0f66b0', 80: '#1a74c4',
  90: '#3583d0', 100: '#4d92da', 110: '#65a1e2', 120: '#7db0e9', 130: '#95bfef', 140: '#adcdf4', 150: '#c6dcf8', 160: '#dfebfc',
};

const fonts = {
  fontFamilyBase: "'Segoe UI Variable Text', 'Segoe UI', 'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'Cascadia Mono', Consolas, 'DejaVu Sans Mono', ui-monospace, monospace",
};

const light: Theme = { ...createLightTheme(brand), ...fonts };
const dark: Theme = {
  ...createDarkTheme(brand),
  ...fonts,
  // The default dark brand foreground is too dim for links on cards.
  colorBrandForegroundLink: brand[120],
  colorBrandForegroundLinkHover: brand[140],
  colorBrandForeground1: brand[110],
};

const storageKey = 'bartizan-theme';
const changed = 'bartizan:theme';

export function useThemeChoice(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const choice = useSyncExternalStore(subscribe, read);
  return [
    choice,
    (next) => {
      localStorage.setItem(storageKey, next);
      window.dispatchEvent(new Event(changed));
    },
  ];
}

export function useTheme(): { theme: Theme; isDark: boolean } {
  const [choice] = useThemeChoice();
  const [systemDark, setSystemDark] = useState(() => darkQuery().matches);
  useEffect(() => {
    const query = darkQuery();
    const follow = () => setSystemDark(query.matches);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, []);
  const isDark = choice === 'dark' || (choice === 'system' && systemDark);
  useEffect(() => {
    // For scroll bars, form controls, and the editor, which read it from the document.
    document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
    document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
  }, [isDark]);
  return { theme: isDark ? dark : light, isDark };
}

function darkQuery(): MediaQueryList {
  return window.matchMedia('(prefers-color-scheme: dark)');
}

function read(): ThemeChoice {
  const stored = localStorage.getItem(storageKey);
  return stored === 'light' || stored === 'dark' ? stored : 'system';
}

function subscribe(notify: () => void): () => void {
  window.addEventListener(changed, notify);
  window.addEventListener('storage', notify);
  return () => {
    window.removeEventListener(changed, notify);
    window.removeEventListener('storage', notify);
  };
}
