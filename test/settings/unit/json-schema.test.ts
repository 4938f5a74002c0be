import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { registry } from '../../../src/services/index.ts';
import { settingsJsonSchema } from '../../../src/settings/json-schema.ts';
import { HOME } from '../../support/cli.ts';

const schema = settingsJsonSchema(registry, ['dev', 'prod']);
const validate = new Ajv2020({ strict: false, formats: { ipv4: true, ipv6: true, cidrv4: true, cidrv6: true, uri: true } }).compile(schema);
const fits = (text: string) => validate(parse(text));

describe('the JSON Schema', () => {
  it.each([
    'version: 3',
    'profile: prod\nedge: { rateLimit: false, memory: 1g }',
    'edge: { rateLimit: { perSecond: 5 } }',
    'redis: { password: "${REDIS}" }',
    'external: { plex: { url: "http://192.168.1.20:32400", token: "file:./plex" } }',
    'components: { edge: false }\nimages: { base: debian:trixie-slim }',
  ])('takes %j', (text) => {
    expect([fits(text), validate.errors]).toEqual([true, null]);
  });
  it.each([
    'version: 1',
    'edg: {}',
    'edge: { httpsPort: 70000 }',
    'edge: { rateLimit: true }',
    'redis: { password: 7 }',
    'components: { edge: yes please }',
  ])('refuses %j', (text) => {
    expect(fits(text)).toBe(false);
  });
  it('knows every component by what it is', () => {
    const { properties } = (schema.properties as Record<string, { properties: object }>).components as {
      properties: Record<string, object>;
    };
    expect(Object.keys(properties)).toEqual(registry.map(({ name }) => name));
  });
  it('takes what the README shows', () => {
    const blocks = [...readFileSync(path.join(HOME, 'README.md'), 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      (match) => match[1] as string,
    );
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) expect([block, fits(block), validate.errors]).toEqual([block, true, null]);
  });
});
