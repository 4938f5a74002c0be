import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OFFER } from '../../../src/waf/plan/crs.ts';
import { folder } from '../../support/command.ts';
import { type Mirror, rulesMirror } from '../../support/waf/mirror.ts';

const own = folder();
let mirror: Mirror;
const configure = (name: string) => own.settings(`profile: prod\nedge: { waf: { rules: { mirror: "${mirror.at(name)}" } } }\n`);

beforeAll(async () => {
  mirror = await rulesMirror(own.dir);
});
afterAll(() => mirror?.close());

it('`waf rules fetch` says what failed, brings the release from a mirror, and does nothing the second time', async () => {
  configure('none.tar.gz');
  const missing = await own.run(['waf', 'rules', 'fetch'], { env: mirror.env });
  expect(missing.status).not.toBe(0);
  expect(missing.stderr).toMatch(/HTTP 404.*nothing was changed/s);
  configure('good.tar.gz');
  const planned = await own.run(['waf', 'rules', 'fetch', '--dry-run', '--json'], { env: mirror.env });
  expect(JSON.parse(planned.stdout)).toMatchObject({ result: 'planned' });
  const fetched = await own.run(['waf', 'rules', 'fetch', '--json'], { env: mirror.env });
  expect(JSON.parse(fetched.stdout)).toMatchObject({
    result: 'fetched',
    version: '4.28.0',
    signature: { unchecked: expect.stringMatching(/no signature: .*HTTP 404/) },
  });
  const again = await own.run(['waf', 'rules', 'fetch'], { env: mirror.env });
  expect(again.stdout).toMatch(/nothing to do/);
  expect((await own.run(['waf', 'rules', 'update'])).status).toBe(2);
});

describe('the release of the rules', { timeout: 60_000 }, () => {
  const other = folder();
  const start = (mirrorHas: string) => other.settings(`profile: prod\nedge: { waf: { rules: { mirror: "${mirror.at(mirrorHas)}" } } }\n`);
  /** What a first `init` and an `up` say, without what they do. */
  const said = async (...more: string[]) => {
    rmSync(path.join(other.dir, 'medianest.yml'));
    const init = await other.run(['init', '--yes', '--profile', 'prod', ...more]);
    const up = await other.run(['up', '--dry-run', ...more]);
    expect([init.status, up.status]).toEqual([0, 0]);
    return [init.stdout, up.stderr];
  };
  it('is offered by `init` and `up` where Debian’s rules serve, unless the settings choose these', async () => {
    for (const text of await said()) expect(text).toContain(OFFER);
    for (const text of await said('--set', 'edge.waf.rules.source=debian')) expect(text).not.toContain('waf rules fetch');
    for (const text of await said('--set', 'edge.waf.mode=off')) expect(text).not.toContain('waf rules fetch');
  });
  it('is offered no more once it is here', async () => {
    start('good.tar.gz');
    expect((await other.run(['waf', 'rules', 'fetch'], { env: mirror.env })).status).toBe(0);
    for (const text of await said()) expect(text).not.toContain('waf rules fetch');
  });
});
