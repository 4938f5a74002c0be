import { afterAll, beforeAll, expect, it } from 'vitest';
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
