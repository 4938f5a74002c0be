import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { firingClues, knownClues } from '../../../src/alerts/plan/clues.ts';
import { type AgentAction, agentAction } from '../../../src/healing/plan/agent-status.ts';
import { cluesOf } from '../../../src/healing/plan/clues.ts';
import { type Cause, withClues } from '../../../src/health/plan/why.ts';
import { settingsChanged } from '../../../src/health/plan/why-settings.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { lastRender } from '../../../src/state/last-render.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const manifestOf = (file: string) => {
  const stack = stackOf(load({ flags: { profile: 'dev-compose' }, file }));
  return toManifest(rendered(stack), stack);
};
const AT = new Date('2026-11-29T12:00:00Z');
const later = (minutes: number) => new Date(AT.getTime() + minutes * 60_000);

describe('what the last render changed', () => {
  const before = manifestOf('app: { memory: 256m, logLevel: info }\nredis: { memory: 128m }');
  const now = manifestOf('app: { memory: 128m, logLevel: debug }\nredis: { memory: 256m }');
  const changed = (services: string[], moment: Date) => settingsChanged(services, { at: AT, before, now }, moment);
  it('is told with the values of limits and the names of the rest, of the services that are asked about', () => {
    expect(changed(['app-1'], later(5))).toEqual([
      { at: AT.toISOString(), source: 'settings', text: expect.stringMatching(/^app-1: .*mem_limit \d+ -> \d+/) },
    ]);
    expect(changed(['app-1'], later(5))[0]?.text).toMatch(/environment\.LOG_LEVEL/);
    // A file of its own says how much Redis takes.
    expect(changed(['redis'], later(5))[0]?.text).toMatch(/redis\/redis\.conf/);
    expect(changed(['postgres'], later(5))).toEqual([]);
  });
  it('is nothing where it came after, or long before', () => {
    expect([changed(['app-1'], later(-1)), changed(['app-1'], later(31))]).toEqual([[], []]);
  });
  it('is found in the state folder: the newest that was rendered before', () => {
    const state = new StateFolder(temporaryFolder('last-render'));
    const put = (id: string, manifest: object, seconds: number) => {
      mkdirSync(state.at('generations', id), { recursive: true });
      writeFileSync(state.at('generations', id, 'manifest.json'), JSON.stringify(manifest));
      utimesSync(state.at('generations', id), seconds, seconds);
    };
    put(now.id, now, 3000);
    symlinkSync(`generations/${now.id}`, state.at('current'));
    expect(lastRender(state)).toBeUndefined();
    put('older', { ...before, id: 'older' }, 1000);
    put('newer', { ...before, id: 'newer' }, 2000);
    expect(lastRender(state)?.before.id).toBe('newer');
    // One that cannot be read is told as such: it is no proof that nothing was changed.
    put('newer', [], 2000);
    expect(() => lastRender(state)).toThrow(/damaged/);
  });
});

describe('what the agent saw', () => {
  const line = (time: string, what: string, facts: object): AgentAction =>
    agentAction(JSON.stringify({ time: `2026-11-29T${time}.000Z`, what, ...facts })) as AgentAction;
  const names = new Map([['home-redis-1', 'redis']]);
  it('is told of the services that are asked about, by service, member or container', () => {
    const log = [
      line('11:00:00', 'at work', { project: 'home' }),
      line('11:00:01', 'a container ended', { container: 'home-redis-1' }),
      line('11:00:04', 'started', { action: 'start', service: 'redis', why: 'it ended with status 137' }),
      line('11:00:05', 'started', { action: 'start', service: 'edge', why: 'it ended with status 1' }),
    ];
    expect(cluesOf(log, ['redis'], names).map(({ at, text }) => [at?.slice(11, 19), text])).toEqual([
      ['11:00:01', 'a container ended'],
      ['11:00:04', 'started (it ended with status 137)'],
    ]);
  });
  it('is the last of a long log', () => {
    const log = Array.from({ length: 9 }, (_, at) => line(`11:00:0${at}`, 'started', { service: 'redis' }));
    expect(cluesOf(log, ['redis'], names).map(({ at }) => at?.slice(18, 19))).toEqual(['4', '5', '6', '7', '8']);
  });
});

describe('an alert that fires', () => {
  const labels = (more: object) => ({ alertname: 'CacheNodeDown', severity: 'warning', ...more });
  it('is told of its instance or its service, also where it is silenced', () => {
    const alert = (more: object) => ({
      ...{ status: 'firing', labels: labels(more), annotations: { summary: 'Redis does not answer' }, startsAt: AT.toISOString() },
      ...{ endsAt: '', silenced: true, heldBack: false },
    });
    const list = [alert({ instance: 'redis' }), alert({ service: 'edge' }), alert({ instance: 'redis-2' })] as never;
    expect(firingClues(list, ['redis', 'edge']).map(({ service, text }) => [service, text])).toEqual([
      ['redis', 'CacheNodeDown (warning): Redis does not answer'],
      ['edge', 'CacheNodeDown (warning): Redis does not answer'],
    ]);
  });
  it('is told from the last round where a job asks the checks', () => {
    const known = (id: string, more: object = {}) => ({
      id,
      severity: 'critical',
      summary: 'x',
      since: AT.toISOString(),
      fires: true,
      ...more,
    });
    const list = [known('container.redis'), known('container.edge', { fires: false }), known('health.edge', { resolved: 'now' })] as never;
    expect(knownClues(list, ['redis', 'edge']).map(({ text }) => text)).toEqual(['container.redis (critical): x']);
  });
});

it('what is known stands with its cause, in the order of time', () => {
  const cause: Cause = {
    service: 'redis',
    what: 'does not run',
    since: null,
    evidence: [
      { at: later(2).toISOString(), source: 'engine', text: 'Exited' },
      { at: null, source: 'log', text: 'bye' },
    ],
    fix: 'medianest up',
  };
  const clue = (service: string, minutes: number) => ({
    service,
    at: later(minutes).toISOString(),
    source: 'agent' as const,
    text: 'seen',
  });
  const [told] = withClues([cause], [clue('redis', 3), clue('redis', 1), clue('edge', 1)]);
  expect(told?.evidence.map(({ source, text }) => `${source}: ${text}`)).toEqual([
    'agent: seen',
    'engine: Exited',
    'agent: seen',
    'log: bye',
  ]);
});
