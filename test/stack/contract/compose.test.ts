import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { docker, HOME } from '../../support/cli.ts';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const schema = JSON.parse(readFileSync(path.join(HOME, 'test/fixtures/compose-spec.json'), 'utf8'));
const { $schema: _draft, $id: _id, id: _old, ...body } = schema;
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(body);

describe.each(Object.keys(CASES))('the Compose file of %s', (name) => {
  const file = rendered(stackOf(load(CASES[name]))).files[0] as { contents: string };

  it('holds to the Compose specification', () => {
    validate(parse(file.contents));
    expect(validate.errors ?? []).toEqual([]);
  });
  it('is read by docker compose itself', async () => {
    const dir = temporaryFolder('compose');
    mkdirSync(path.join(dir, 'config'));
    writeFileSync(path.join(dir, 'compose.yml'), file.contents);
    const { status, stderr } = await docker(['compose', '--file', path.join(dir, 'compose.yml'), 'config', '--quiet']);
    expect([status, stderr]).toEqual([0, '']);
  });
});

it('finds an unknown key and a wrong type', () => {
  expect(validate({ services: { a: { image: 'x', memlimit: 1 } } })).toBe(false);
  expect(validate({ services: { a: { image: 'x', read_only: [] } } })).toBe(false);
});
