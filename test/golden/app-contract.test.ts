import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { withAppNames } from '../support/app-names.ts';
import { HOME } from '../support/cli.ts';

it('docs/app-contract.md has the names that the code has', async () => {
  const file = path.join(HOME, 'docs/app-contract.md');
  await expect(withAppNames(readFileSync(file, 'utf8'))).toMatchFileSnapshot(file);
});
