import { expect, it } from 'vitest';
import { load, stackOf } from '../../support/settings.ts';

const REMOTE = 'profile: dev\ncomponents: { all-in-one: false, redis: true, engine-proxy: true, agent: true }\n';
const build = (logs: string, more = '') => stackOf(load({ file: `${REMOTE}logs: ${logs}\n${more}` }));

it.each([
  ['{ store: elasticsearch }', 'logs.url'],
  ['{ store: elasticsearch, url: "http://localhost:9200" }', 'logs.url'],
  ['{ store: elasticsearch, url: "https://u:p@es.lan" }', 'logs.url'],
  ['{ store: elasticsearch, url: "https://es.lan", user: u }', 'logs.password'],
  ['{ store: elasticsearch, url: "https://es.lan", user: u, password: p, apiKey: k }', 'logs.apiKey'],
  ['{ store: victorialogs, url: "https://vl.lan", apiKey: k }', 'logs.apiKey'],
  ['{ store: loki }', 'logs.store'],
  ['{ size: 1m }', 'logs.size'],
])('%s is refused, with the setting that is wrong', (logs, setting) => {
  expect(() => build(logs)).toThrow(setting);
});

it('the way to a store is there for one outside alone, and is not to be switched off under it', () => {
  const names = (logs: string) => build(logs).services.map(({ name }) => name);
  expect(names('{ store: files }')).not.toContain('log-egress');
  expect(names('{ store: off }')).not.toContain('log-egress');
  const remote = build('{ store: victorialogs, url: "http://10.1.2.3:9428" }').services.find(({ name }) => name === 'log-egress');
  expect(remote).toMatchObject({ networks: ['db', 'out'], view: { target: '10.1.2.3', resolves: false, ports: [9428] } });
  const off = REMOTE.replace('agent: true', 'agent: true, log-egress: false');
  expect(() => stackOf(load({ file: `${off}logs: { store: victorialogs, url: "http://10.1.2.3:9428" }\n` }))).toThrow('log-egress');
});

it('secrets of a store reach the agent as files alone', () => {
  const { services } = build('{ store: elasticsearch, url: "https://es.lan", user: u, password: not-to-be-seen, ca: also-not }');
  const agent = services.find(({ name }) => name === 'agent');
  expect(agent?.secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['logs-password', 'logs-ca']));
  expect(JSON.stringify(agent?.view)).not.toMatch(/not-to-be-seen|also-not/);
});
