import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOME } from '../support/cli.ts';
import { CASES, load, rendered, stackOf } from '../support/settings.ts';

describe.each(Object.keys(CASES))('%s', (name) => {
  // Fixed image sources, ranges and fingerprints: only a change of settings, services or templates changes these files.
  for (const file of rendered(stackOf(load(CASES[name]))).files) {
    it(`renders ${file.path} as it is kept`, async () => {
      await expect(file.contents).toMatchFileSnapshot(path.join(HOME, 'test/golden', name, file.path));
    });
  }
});
