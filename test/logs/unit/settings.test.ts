import { expect, it } from 'vitest';
import { storeNow } from '../../../src/services/agent/log-egress.ts';
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
  ['{ url: "https://es.lan" }', 'logs.store'],
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

it('without a store, an address of one is refused in a full stack too, whose own would not be that', () => {
  expect(() => stackOf(load({ file: 'profile: prod\nobservability: full\nlogs: { url: "https://es.lan" }\n' }))).toThrow('logs.store');
});

it('credentials without an address are refused: Elasticsearch of this stack has its own', () => {
  const full = 'profile: prod\nobservability: full\nlogs: { store: elasticsearch';
  expect(() => stackOf(load({ file: `${full}, apiKey: k }\n` }))).toThrow('logs.url');
  expect(() => stackOf(load({ file: `${full} }\n` }))).not.toThrow();
});

it('lines are files only while Elasticsearch of this stack is what they would go to, and is not there', () => {
  const now = (logs: string, ...leftOut: { service: string; keeps?: string }[]) =>
    storeNow(load({ file: `profile: prod\nobservability: full\n${logs}\n` }).settings, leftOut);
  const missing = { service: 'elasticsearch' };
  expect([now(''), now('', missing), now('', { service: 'grafana' })]).toEqual(['elasticsearch', 'files', 'elasticsearch']);
  expect(now('', { ...missing, keeps: 'elasticsearch:9.2.0' })).toBe('elasticsearch');
  expect(now('logs: { store: elasticsearch, url: "https://es.lan" }', missing)).toBe('elasticsearch');
  expect(now('logs: { store: off }', missing)).toBe('off');
});

it('the agent is in the network of Elasticsearch that it sends to, monitored or not', () => {
  const agent = (more: string) =>
    stackOf(load({ file: `profile: prod\nobservability: off\n${more}` })).services.find(({ name }) => name === 'agent');
  expect(agent('')?.networks).not.toContain('monitoring');
  expect(agent('components: { elasticsearch: true }\nlogs: { store: elasticsearch }\n')?.networks).toContain('monitoring');
});
