import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('an image’s source is another one for another name, text or executable bit, and the same for any other mode', () => {
  const home = temporaryFolder('sources');
  const file = path.join(home, 'templates/x/image/start');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, 'exec true', { mode: 0o755 });
  const hash = () => hashImageSource(home, 'templates/x/image');
  const first = hash();
  // The Dockerfile sets modes: what a umask has made of them is no difference.
  chmodSync(file, 0o700);
  expect(hash()).toBe(first);
  chmodSync(file, 0o644);
  expect(hash()).not.toBe(first);
  chmodSync(file, 0o755);
  writeFileSync(file, 'exec false');
  expect(hash()).not.toBe(first);
  writeFileSync(file, 'exec true');
  expect(hash()).toBe(first);
  writeFileSync(path.join(path.dirname(file), 'more'), '');
  expect(hash()).not.toBe(first);
});
