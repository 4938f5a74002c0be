import { describe, expect, it } from 'vitest';
import type { ObservedVolume } from '../../../src/docker/types.ts';
import { carryDatabase, carryVolumes, databaseBefore, unfinished } from '../../../src/reconcile/plan/carry.ts';
import { roomForDatabase } from '../../../src/reconcile/plan/carry-compare.ts';
import type { CarryJournal } from '../../../src/reconcile/plan/carry-journal.ts';
import { composeServices } from '../../../src/reconcile/plan/change.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL } from '../../../src/stack/labels.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const volume = (name: string, project: string, more: Record<string, string> = {}, createdAt = '2026-01-01'): ObservedVolume => ({
  name,
  labels: { [LABEL.project]: project, ...more },
  createdAt,
});
const OLD = [
  volume('home_data', 'home', { [COMPOSE_PROJECT]: 'home', [COMPOSE_VOLUME]: 'data', 'com.docker.compose.config-hash': 'x' }),
  volume('home_backups', 'home'),
];
const move = (volumes: readonly ObservedVolume[], journal?: Parameters<typeof carryVolumes>[2]) =>
  carryVolumes({ recorded: 'home', project: 'house', image: 'tool:1' }, volumes, journal);
const JOURNAL = { kind: 'rename', from: 'home', copied: {} } as const;

describe('a renamed project', () => {
  it('has each volume of the old name copied, after a look at the disk and a note that it has begun', () => {
    const { first, written, carried } = move(OLD);
    expect(first.map(({ kind }) => kind)).toEqual(['check-carry', 'begin-carry', 'carry-volume', 'carry-volume']);
    expect(first[0]).toMatchObject({ volumes: ['home_backups', 'home_data'] });
    expect(first[3]).toMatchObject({
      from: 'home_data',
      to: 'house_data',
      // Compose's hash of the old name's definition would make it ask for another volume.
      labels: { [LABEL.project]: 'house', [COMPOSE_PROJECT]: 'house', [COMPOSE_VOLUME]: 'data' },
    });
    expect(first[2]).toMatchObject({ to: 'house_backups', labels: { [LABEL.project]: 'house' } });
    expect([written.map(({ kind }) => kind), carried]).toEqual([['finish-carry'], ['backups', 'data']]);
  });
  it('leaves out what is another project’s, a preview’s, a job’s, or on a server', () => {
    const others = [
      volume('homes_data', 'homes'),
      volume('home_x', 'other'),
      volume('home_look', 'home', { [LABEL.preview]: 'look' }),
      volume('home_job', 'home', { [LABEL.job]: 'carry' }),
      volume('home_media-nfs-abc', 'home'),
      volume('elsewhere', 'home'),
    ];
    expect(move([...OLD, ...others]).carried).toEqual(['backups', 'data']);
  });
  it('copies again what is not noted as verified, or was made again since', () => {
    const there = [...OLD, volume('house_backups', 'house', {}, '2026-02-02'), volume('house_data', 'house', {}, '2026-02-03')];
    const copies = (copied: Record<string, string>) =>
      move(there, { ...JOURNAL, copied }).first.flatMap((step) => (step.kind === 'carry-volume' ? [step.to] : []));
    expect(copies({})).toEqual(['house_backups', 'house_data']);
    expect(copies({ house_backups: '2026-02-02' })).toEqual(['house_data']);
    expect(copies({ house_backups: '2026-01-01', house_data: '2026-02-03' })).toEqual(['house_backups']);
    const last = move(there, { ...JOURNAL, copied: { house_backups: '2026-02-02', house_data: '2026-02-03' } });
    expect(last.first.map(({ kind }) => kind)).toEqual(['begin-carry']);
  });
  it.each([
    ['before it has begun', [...OLD, volume('house_data', 'house')], undefined],
    ['that another project made', [...OLD, volume('house_data', 'other')], JOURNAL],
    ['without a label', [...OLD, { name: 'house_data', labels: {} }], JOURNAL],
  ])('writes into no volume %s', (_what, volumes, journal) => {
    expect(() => move(volumes, journal)).toThrow(
      expect.objectContaining({ code: 'ALREADY_THERE', message: expect.stringContaining('house_data') }),
    );
  });
  it('that was interrupted is told with the way on and the way back', () => {
    const error = unfinished(JOURNAL, 'house', '/state');
    expect([error.code, error.hint]).toEqual(['FOREIGN_STATE', expect.stringMatching(/up --carry-data; or return to the name home/)]);
  });
});

describe('a database of another kind', () => {
  const small = stackOf(load({ flags: { profile: 'dev-compose' } }));
  const large = stackOf(load({ flags: { profile: 'staging' } }));
  const files = rendered(large);
  const manifest = toManifest(rendered(small), small);
  const compose = composeServices(manifest.files.find(({ path }) => path === 'compose.yml')?.contents);
  const old = [
    ...small.services.map(({ name, component }) =>
      runningContainer(name, 'old', { component, volumes: name === 'postgres' ? ['medianest_postgres-data'] : [] }),
    ),
  ];
  const plan = (containers = old) => {
    const carry = carryDatabase('postgres-data', large, { containers, volumes: [] }, undefined);
    const left = containers.filter(({ service }) => !carry.database?.stop.includes(service));
    return { carry, ...planUp(large, files, settledFacts(files, left, { files: manifest.files, carry })) };
  };

  it('is known by the volumes of the last render that the stack has no more', () => {
    expect(databaseBefore(manifest, compose, large)).toEqual({ volumes: ['postgres-data'], clustered: false });
    expect(databaseBefore(manifest, compose, small).volumes).toEqual([]);
    const cluster = toManifest(files, large);
    const services = composeServices(files.files[0]?.contents);
    expect(databaseBefore(cluster, services, small)).toMatchObject({ clustered: true });
    expect(databaseBefore(undefined, {}, large)).toEqual({ volumes: [], clustered: false });
  });
  it('is carried once its cluster runs, and before anything starts that uses it', () => {
    const { steps, carry } = plan();
    const kinds = steps.map(({ kind }) => kind);
    const at = (kind: string) => kinds.indexOf(kind as never);
    expect(carry.database?.stop).toEqual(expect.arrayContaining(['postgres']));
    expect(carry.database?.stop.some((name) => name.startsWith('app'))).toBe(true);
    expect(at('check-carry')).toBeLessThan(at('begin-carry'));
    expect(at('begin-carry')).toBeLessThan(at('write-files'));
    expect(at('write-files')).toBeLessThan(at('remove-services'));
    const carried = at('carry-database');
    const before = steps.slice(0, carried).flatMap((step) => (step.kind === 'compose-up' ? step.services : []));
    expect(before.sort()).toEqual(
      large.services
        .filter(({ role }) => role === 'database' || role === 'coordination')
        .map(({ name }) => name)
        .sort(),
    );
    expect(kinds[carried + 1]).toBe('finish-carry');
    expect(steps.slice(carried).flatMap((step) => (step.kind === 'compose-up' ? step.services : []))).toEqual(
      expect.arrayContaining(['edge']),
    );
    expect(kinds.filter((kind) => kind === 'replace')).toEqual([]);
  });
  it('is not carried into a cluster that was there before, and continues where one was begun', () => {
    const volumes = ['medianest_postgres-data', 'medianest_etcd-1-data', 'medianest_redis-1-data'].map((name) => volume(name, 'medianest'));
    const carried = (journal?: CarryJournal) => carryDatabase('postgres-data', large, { containers: old, volumes }, journal);
    expect(() => carried()).toThrow(
      expect.objectContaining({ code: 'ALREADY_THERE', hint: expect.stringMatching(/docker volume rm medianest_etcd-1-data;/) }),
    );
    expect(carried({ kind: 'database', from: 'postgres-data', copied: {} }).carried).toEqual(['postgres-data']);
  });
  it('needs room for the copy, and for data and WAL in every member', () => {
    const check = plan().steps.find((step) => step.kind === 'check-carry');
    expect(check).toMatchObject({ database: { members: 2 } });
    expect([roomForDatabase(100, 20, 1), roomForDatabase(100, 20, 2)]).toEqual([260, 420]);
  });
  it('is told with what stops meanwhile', () => {
    const { changes } = plan();
    expect(changes.find(({ service }) => service === 'postgres')).toMatchObject({
      action: 'remove',
      dataRisk: 'none: its volumes are kept',
    });
    expect(changes.filter(({ service }) => service === 'postgres')).toHaveLength(1);
  });
  it('is carried by a further run, too, when nothing else has to start first', () => {
    const there = large.services
      .filter(({ oneOff }) => !oneOff)
      .map(({ name, component }) => runningContainer(name, files.inputs[name], { component }));
    const { steps, changes } = plan(there);
    const kinds = steps.map(({ kind }) => kind);
    expect(kinds).toContain('carry-database');
    expect(kinds.lastIndexOf('compose-up')).toBeGreaterThan(kinds.indexOf('carry-database'));
    expect(changes.find(({ service }) => service === 'app-1')).toMatchObject({
      action: 'recreate',
      cause: expect.stringMatching(/data goes there first/),
    });
  });
});
