import { describe, expect, it } from 'vitest';
import { previewCompose, previewSettings, previewVolumes } from '../../../src/backup/plan/preview-compose.ts';
import { restorePlan } from '../../../src/backup/plan/restore-plan.ts';
import { afterSteps, finishSteps, prepareSteps, replaceSteps, rollbackSteps } from '../../../src/backup/plan/restore-steps.ts';
import { appSettings } from '../../../src/services/app/portal.ts';
import { setAt } from '../../support/backup/backup-sets.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const prod = load({ file: '', flags: { profile: 'prod' } });
const stack = stackOf(prod);
const set = setAt('2026-11-25T08:00:00Z', { id: 'set' });
const safety = setAt('2026-11-25T09:00:00Z', { id: 'safety' });
const target = { set, until: 'end' as const };
const ALL = ['db', 'files', 'redis'] as const;
const entry = { parts: ALL, member: 'postgres-2', touched: [] };
const kinds = (steps: readonly { kind: string }[]) => steps.map(({ kind }) => kind);

describe('a restore in place', () => {
  it('stops nothing before the restored database is there', () => {
    expect(kinds(prepareSteps(ALL, target, true))).toEqual(['take-safety-set', 'choose-member', 'restore-database']);
    expect(kinds(prepareSteps(ALL, undefined, true))).toEqual(['take-safety-set', 'restore-database']);
    expect(kinds(prepareSteps(['files'], target, false))).toEqual(['choose-member']);
  });
  it('writes the journal first, and starts the member with the data before all others', () => {
    expect(kinds(replaceSteps(stack, entry, set))).toEqual([
      'begin-replacing',
      'start-base',
      'stop-writers',
      'swap-database',
      'forget-cluster',
      'restore-files',
      'restore-cache',
      'start-database',
      'end-replacing',
      'compose-up',
      'tell-repository',
    ]);
    expect(kinds(replaceSteps(stack, { ...entry, parts: ['files'] }, set))).toEqual([
      'begin-replacing',
      'start-base',
      'stop-writers',
      'restore-files',
      'end-replacing',
      'compose-up',
    ]);
    expect(replaceSteps(stack, { ...entry, parts: ['settings'] }, set)).toEqual([]);
  });
  it('replaces nothing again once writes are accepted', () => {
    expect(kinds(replaceSteps(stack, { ...entry, replaced: true }, set))).toEqual(['compose-up', 'tell-repository']);
    const intent = { kind: 'resume' as const, parts: ALL, says: 'now', target: undefined };
    expect(restorePlan(stack, { ...intent, replaced: true }).steps).toEqual([
      'start everything, and wait until it is healthy',
      'make a new full backup',
    ]);
  });
  it('stops the application always, and of the rest what has the data', () => {
    const stopped = (parts: readonly ('db' | 'files' | 'redis')[]) =>
      replaceSteps(stack, { ...entry, parts }, set).flatMap((step) => (step.kind === 'stop-writers' ? step.services : []));
    expect(stopped(['files']).every((name) => name.startsWith('app-'))).toBe(true);
    expect(stopped(['db'])).toContain('postgres-2');
    expect(stopped(['db'])).not.toContain('redis-1');
    expect(stopped(['redis'])).toContain('redis-6');
    const signsIn = stackOf(load({ file: 'components: { sign-on: true }\n', flags: { profile: 'prod' } }));
    const steps = (part: 'db' | 'files') =>
      replaceSteps(signsIn, { ...entry, parts: [part] }, set).find(({ kind }) => kind === 'stop-writers');
    expect(steps('db')).toMatchObject({ services: expect.arrayContaining(['sign-on']) });
    expect(steps('files')).toMatchObject({ services: expect.not.arrayContaining(['sign-on']) });
  });
  it('rolls back what the journal says was touched, files only from a safety set', () => {
    const touched = { ...entry, touched: ['db', 'files'] as const };
    const back = ['start-base', 'stop-writers', 'swap-database', 'forget-cluster', 'restore-files', 'start-database', 'compose-up'];
    expect(kinds(rollbackSteps(stack, touched, safety))).toEqual(back);
    expect(rollbackSteps(stack, touched, safety)).toContainEqual(
      expect.objectContaining({ kind: 'restore-files', set: safety, back: true }),
    );
    expect(kinds(rollbackSteps(stack, touched, undefined))).toEqual(back.filter((kind) => kind !== 'restore-files'));
    expect(kinds(rollbackSteps(stack, entry, safety))).toEqual(['start-base', 'stop-writers', 'compose-up']);
  });
  it('ends once all members take part; the full backup comes after its end', () => {
    expect(kinds(finishSteps(ALL, set))).toEqual(['await-members', 'end-restore']);
    expect(kinds(finishSteps(['settings'], set))).toEqual(['restore-settings', 'end-restore']);
    expect([kinds(afterSteps(stack, ALL)), kinds(afterSteps(stack, ['files']))]).toEqual([['take-full-set'], []]);
  });
  it.each([
    [
      'new',
      ALL,
      ['back up', 'restore the database as of now', 'stop app-1', 'replace the database, the uploads, the cache', 'start', 'make'],
    ],
    ['bare', ALL, ['restore the database as of now', 'stop app-1', 'replace the database, the uploads, the cache', 'start', 'make']],
    ['resume', ALL, ['stop app-1', 'replace the database, the uploads, the cache', 'start', 'make']],
    ['undo', ['db'], ['back up', 'make the database that was put aside ready', 'stop app-1', 'replace the database', 'start', 'make']],
    ['new', ['settings'], ['back up', 'write medianest.yml']],
    ['new', ['files', 'settings'], ['back up', 'stop app-1', 'replace the uploads, medianest.yml and its profiles', 'start']],
  ] as const)('%s of %j is told in as many lines as matter', (kind, parts, lines) => {
    const { steps } = restorePlan(stack, { kind, parts, says: 'now', target: kind === 'undo' ? undefined : target });
    expect(steps.map((line, index) => line.startsWith(lines[index] ?? '?'))).toEqual(lines.map(() => true));
  });
});

describe('a preview', () => {
  const names = ['app', 'postgres', 'redis'];
  const preview = (file: string) => {
    const loaded = load({ file, flags: { profile: 'prod' } });
    const settings = previewSettings(loaded.settings, 'look', names, appSettings.shape.media.parse(undefined));
    const built = stackOf({ ...loaded, settings });
    const document = previewCompose(rendered(built), built, {
      project: 'look',
      of: 'medianest',
      database: { image: 'b', entrypoint: ['preview-database'] },
    });
    return document as { services: Record<string, Record<string, unknown>>; networks: unknown };
  };
  it('is the stack’s own application with one database and one cache', () => {
    const { services } = preview('');
    expect(Object.keys(services)).toEqual(['postgres', 'redis', 'app-1']);
    const image = stack.services.find(({ role }) => role === 'application')?.image.ref;
    expect(services['app-1']).toMatchObject({
      image,
      user: '10001:10001',
      read_only: true,
      cap_drop: ['ALL'],
      container_name: 'look-app',
      environment: {
        DATABASE_URL_FILE: '/run/secrets/database-url',
        REDIS_URL_FILE: '/run/secrets/redis-url',
        UPLOADS_PATH: '/srv/uploads',
      },
    });
    expect(services.postgres).toMatchObject({ image: 'b', entrypoint: ['preview-database'], container_name: 'look-postgres' });
  });
  it('is not measured, also where the stack is', () => {
    const loaded = load({ flags: { profile: 'prod' } });
    const settings = previewSettings(loaded.settings, 'look', names, appSettings.shape.media.parse(undefined));
    expect(stackOf({ ...loaded, settings }).services.map(({ name }) => name)).toEqual(['app-1', 'postgres', 'redis']);
  });
  it('writes into the volumes whose names are checked before it, and marks whose backup it shows', () => {
    const { services, volumes } = preview('') as { services: Record<string, Record<string, unknown>>; volumes?: object };
    const names = Object.values(volumes as Record<string, { name: string; external: boolean }>).map(({ name }) => name);
    expect(names.sort()).toEqual([...previewVolumes('look', [])].sort());
    expect(services.postgres?.labels).toEqual({
      'io.medianest.preview': 'look',
      'io.medianest.preview-of': 'medianest',
      'io.medianest.project': 'look',
      'io.medianest.component': 'preview',
    });
  });
  it('has its application’s own settings, and nothing of the world outside', () => {
    const { services } = preview(
      'app: { logLevel: debug, memory: 1g, env: { THEME: "a$b" } }\nexternal: { plex: { url: "http://plex:32400", token: t } }',
    );
    const { environment, mem_limit } = services['app-1'] as { environment: Record<string, string>; mem_limit: number };
    expect(environment).toMatchObject({ LOG_LEVEL: 'debug', THEME: 'a$$b' });
    expect(mem_limit).toBe(1024 ** 3);
    expect(Object.keys(environment).filter((key) => /PLEX|TLS|CLUSTER/.test(key))).toEqual([]);
  });
  it('is in one network that leads nowhere, publishes nothing, and mounts no folder of the host', () => {
    const { services, networks } = preview('app: { media: { kind: bind, path: /srv/films } }');
    expect(networks).toMatchObject({ preview: { internal: true } });
    for (const service of Object.values(services)) {
      expect([service.networks, service.ports, service.restart]).toEqual([['preview'], undefined, 'no']);
      for (const mount of service.volumes as { type: string }[]) expect(mount.type).toBe('volume');
    }
    expect(JSON.stringify(services)).not.toContain('/srv/films');
  });
});
