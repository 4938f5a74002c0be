import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Engine } from '../../../src/docker/types.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { chooseIsolation } from '../../../src/reconcile/ranges/isolation.ts';
import { refuseGuests } from '../../../src/reconcile/ranges/refuse-guests.ts';
import type { Reach } from '../../../src/stack/subnets.ts';
import type { Rendered, Stack } from '../../../src/stack/types.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

type Guests = Awaited<ReturnType<Engine['guests']>>;

/** What an engine answers, as far as it is asked here. */
const engine = (isolates: boolean, guests: Guests = []) =>
  ({ info: async () => ({ isolates }), guests: async () => guests }) as unknown as Engine;

const THEIRS: Guests = [{ container: 'tool', network: 'medianest_db', ours: false }];

const open = stackOf(load({ flags: { profile: 'dev-compose' } }));
const isolated: Stack = {
  ...open,
  networks: open.networks.map((network) => ({ ...network, ...(network.internal && { isolated: true as const }) })),
};

interface Composed {
  networks: Record<string, { driver_opts?: Record<string, string>; internal?: boolean }>;
}
const networksOf = ({ files }: Rendered) => (parse(files[0]?.contents ?? '') as Composed).networks;
const modes = (files: Rendered) =>
  Object.fromEntries(
    Object.entries(networksOf(files)).map(([name, { driver_opts }]) => [
      name,
      [...new Set(Object.entries(driver_opts ?? {}).flatMap(([option, mode]) => (option.includes('gateway_mode') ? [mode] : [])))].join(),
    ]),
  );

describe('whether the host stays out of internal networks', () => {
  it.each<[string, boolean, Parameters<typeof chooseIsolation>[2], boolean]>([
    ['a new stack, an engine that can', false, { engine: engine(true) }, true],
    ['a new stack, an engine that cannot', false, { engine: engine(false) }, false],
    ['a stopped stack whose engine was replaced by an older one', true, { engine: engine(false) }, false],
    ['a running stack, up', false, { engine: engine(true), running: true, replaceNetworks: true }, true],
    ['a running stack, up on an engine that cannot', false, { engine: engine(false), running: true, replaceNetworks: true }, false],
    ['a running stack, another command', false, { engine: engine(true), running: true }, false],
    ['a running isolated stack, another command', true, { engine: engine(true), running: true }, true],
    ['a running isolated stack, up', true, { engine: engine(true), running: true, replaceNetworks: true }, true],
    ['without an engine, as it was', true, {}, true],
    ['without an engine, never chosen', false, {}, false],
    ['where it does not matter', false, { engine: engine(true), unchecked: true }, false],
  ])('%s', async (_name, before, check, wanted) => {
    expect(await chooseIsolation('medianest', { isolated: before, appClosed: true }, check)).toEqual({ isolated: wanted, appClosed: true });
  });

  it('leaves networks alone that hold other containers, and says which', async () => {
    const check = { engine: engine(true, [...THEIRS, ...THEIRS]), running: true, replaceNetworks: true };
    const chosen = await chooseIsolation('medianest', { isolated: false, appClosed: true }, check);
    expect(chosen.isolated).toBe(false);
    expect(chosen.notIsolated).toMatch(
      /tool \(and 1 more\) is in medianest_db.*\n {2}Fix: docker network disconnect --force medianest_db tool/,
    );
  });
});

describe('whether the application’s network is closed that an earlier version left open', () => {
  const open = (isolated = false) => ({ isolated, appClosed: false });
  const closed = (isolated = true) => ({ isolated, appClosed: true });
  it.each<[string, Reach, Parameters<typeof chooseIsolation>[2], Reach]>([
    ['a stopped stack', open(), { engine: engine(true) }, closed()],
    ['a stopped stack, an engine that cannot isolate', open(), { engine: engine(false) }, closed(false)],
    ['a running stack, up', open(), { engine: engine(true), running: true, replaceNetworks: true }, closed()],
    ['a running isolated stack, up', open(true), { engine: engine(true), running: true, replaceNetworks: true }, closed()],
    ['a running stack, up on an older engine', open(), { engine: engine(false), running: true, replaceNetworks: true }, closed(false)],
    ['a running stack, another command', open(true), { engine: engine(true), running: true }, open(true)],
    ['without an engine, as it was', open(true), {}, open(true)],
    ['where it does not matter', open(), { engine: engine(true), unchecked: true }, open()],
  ])('%s', async (_name, before, check, wanted) => {
    expect(await chooseIsolation('medianest', before, check)).toEqual(wanted);
  });

  it('stays open where its network cannot be replaced, and says what that means', async () => {
    const check = { engine: engine(true, THEIRS), running: true, replaceNetworks: true };
    const both = await chooseIsolation('medianest', open(), check);
    expect(both).toMatchObject(open());
    expect(both.notIsolated).toMatch(
      /^all addresses outside stay open to the application, and internal networks stay open to this host: tool is/,
    );
    expect((await chooseIsolation('medianest', open(true), check)).notIsolated).toMatch(
      /^all addresses outside stay open to the application: tool/,
    );
  });
});

describe('the rendered networks', () => {
  it('have the engine’s option for both families, where they are internal', () => {
    expect(modes(rendered(open))).toEqual({ dmz: '', app: '', db: '' });
    expect(modes(rendered(isolated))).toEqual({ dmz: '', app: 'isolated', db: 'isolated' });
    expect(Object.keys(networksOf(rendered(isolated)).db?.driver_opts ?? {})).toHaveLength(2);
  });
  it('change no fingerprint where the engine cannot isolate: an upgrade of medianest replaces nothing there', () => {
    for (const label of Object.values(rendered(open).inputs)) expect(label).not.toContain('isolated');
    const [before, after] = [rendered(open).inputs, rendered(isolated).inputs];
    expect(
      Object.keys(after)
        .filter((name) => before[name] !== after[name])
        .sort(),
    ).toEqual(['app-1', 'edge', 'postgres', 'redis']);
  });
  it.each([
    ['opens', '{ internal: false }'],
    ['gives another driver', '{ driver: macvlan }'],
    ['takes from elsewhere', '{ external: true }'],
  ])('are not isolated where the operator %s one', (_how, db) => {
    expect(modes(rendered(isolated, { override: `networks:\n  db: ${db}\n` }))).toEqual({ dmz: '', app: 'isolated', db: '' });
  });
});

describe('up on a running stack', () => {
  const before = rendered(open);
  const containers = open.services.map(({ name }) => runningContainer(name, before.inputs[name], { component: name.replace(/-1$/, '') }));
  const plan = planUp(
    isolated,
    rendered(isolated),
    settledFacts(before, containers, { reach: { isolated: true, appClosed: true }, subnetsChanged: true }),
  );

  it('tells cause, downtime and that no data is at risk', () => {
    expect(plan.changes.map(({ service, action }) => `${action} ${service}`).sort()).toEqual([
      'keep backup',
      ...['app-1', 'edge', 'postgres', 'redis'].map((name) => `recreate ${name}`),
    ]);
    for (const { cause, downtime, dataRisk } of plan.changes.filter(({ action }) => action === 'recreate')) {
      expect(cause).toContain('the address range or reach of its networks');
      expect(downtime).toMatch(/^about a minute: .* all containers in it at once$/);
      expect(dataRisk).toBe('none');
    }
  });
  it('remembers it before a container is touched', () => {
    const kinds = plan.steps.map(({ kind }) => kind);
    expect(kinds.indexOf('remember-subnets')).toBeGreaterThanOrEqual(0);
    expect(kinds.indexOf('remember-subnets')).toBeLessThan(kinds.indexOf('compose-up'));
  });

  const compose = (files: Rendered) => files.files[0]?.contents;
  it('is refused before anything stops, where another container is in a network that has to be replaced', async () => {
    const refused = refuseGuests(isolated, compose(before), compose(rendered(isolated)), engine(true, THEIRS));
    await expect(refused).rejects.toMatchObject({ code: 'NETWORK_SHARED', hint: expect.stringContaining('docker network disconnect') });
  });
  it('looks for no other container where its networks stay', async () => {
    await refuseGuests(open, compose(before), compose(before), engine(true, THEIRS));
    await refuseGuests(open, undefined, compose(before), engine(true, THEIRS));
    await refuseGuests(open, 'networks: [', compose(before), engine(true, THEIRS));
  });
});
