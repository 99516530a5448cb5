import { expect, test } from 'vitest';
import { extensionsFrom } from './fleet';

test('entries that share a row are taken apart, with messages of several lines', () => {
  const found = extensionsFrom([{ Entries: ['/m1\nMDE.Linux\nMDE.Linux\nSucceeded\n', '/m2\nMDE.Linux\nMDE.Linux\nFailed\nno kernel\nsecond line'] }, { Entries: ['/m1\nAMA\nAzureMonitorLinuxAgent\nCreating\n'] }]);
  expect([...found.keys()]).toEqual(['/m1', '/m2']);
  expect(found.get('/m1')?.map((entry) => [entry.name, entry.properties.provisioningState])).toEqual([['MDE.Linux', 'Succeeded'], ['AMA', 'Creating']]);
  expect(found.get('/m2')?.[0]?.properties.instanceView?.status?.message).toBe('no kernel\nsecond line');
});
