import path from 'node:path';
import { expect, it } from 'vitest';
import { registry } from '../../src/services/index.ts';
import { settingsJsonSchema } from '../../src/settings/json-schema.ts';
import { leaves, settingsSchema } from '../../src/settings/schema.ts';
import { HOME } from '../support/cli.ts';
import { settingsDocument } from '../support/settings-document.ts';

const document = settingsDocument(settingsJsonSchema(registry, []));

it('docs/settings.md says what the schema is', async () => {
  await expect(document).toMatchFileSnapshot(path.join(HOME, 'docs/settings.md'));
});

it.each(leaves(settingsSchema(registry)).map(({ path: keys }) => keys.join('.')))('%s is explained', (name) => {
  const row = document.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
  expect(row?.split(' | ').at(-1)).toMatch(/\w/);
});
