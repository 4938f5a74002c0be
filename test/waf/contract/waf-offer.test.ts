import { afterAll, beforeAll, expect, it } from 'vitest';
import { OFFER } from '../../../src/waf/plan/crs.ts';
import { folder } from '../../support/command.ts';
import { type Mirror, rulesMirror } from '../../support/waf/mirror.ts';

const OFF = ['agent', 'engine-proxy', 'etcd', 'patroni', 'db-router', 'redis-cluster', 'app', 'balancer', 'backup', 'cdn'];
const own = folder();
let mirror: Mirror;
const configure = (rules: string) =>
  own.settings(
    `profile: prod\ncomponents: { ${OFF.map((name) => `${name}: false`).join(', ')} }\nedge: { waf: { mode: block, rules: { ${rules} } } }\n`,
  );
const offered = async () => {
  const { status, stdout } = await own.run(['update', '--check']);
  expect([0, 3]).toContain(status);
  return stdout;
};

beforeAll(async () => {
  mirror = await rulesMirror(own.dir);
});
afterAll(() => mirror?.close());

it('`update` offers the release where Debian’s rules serve, and not where it is here or these were chosen', async () => {
  configure(`mirror: "${mirror.at('good.tar.gz')}"`);
  expect(await offered()).toContain(OFFER);
  configure('source: debian');
  expect(await offered()).not.toContain('waf rules fetch');
  configure(`mirror: "${mirror.at('good.tar.gz')}"`);
  expect((await own.run(['waf', 'rules', 'fetch'], { env: mirror.env })).status).toBe(0);
  expect(await offered()).not.toContain('waf rules fetch');
});
