import { describe, expect, test } from 'vitest';
import { processName } from '../../../src/adopt/plan/beside-app.ts';
import { propose } from '../../../src/adopt/plan/propose.ts';
import { refusalsOf } from '../../../src/adopt/plan/refusals.ts';
import { one, project } from '../../support/adopt/compose.ts';

const choice = { app: undefined, profile: 'prod', components: ['sign-on', 'agent'] };

describe('what is not taken', () => {
  test('is named with its reason', () => {
    const all = refusalsOf(
      one({
        image: 'x',
        privileged: true,
        network_mode: 'host',
        pid: 'host',
        cap_add: ['SYS_ADMIN'],
        devices: [{}],
        security_opt: ['seccomp=unconfined'],
        entrypoint: ['sh'],
      }),
    );
    expect(all.map((line) => line.split(':')[1]?.trim())).toEqual([
      'privileged',
      'network_mode',
      'pid',
      'devices',
      'cap_add',
      'entrypoint',
      'security_opt',
    ]);
    expect(refusalsOf(one({ image: 'x', entrypoint: null, cap_add: [], network_mode: 'bridge' }))).toEqual([]);
  });

  test.each([
    ['Back_End', 'back-end'],
    ['worker-2', 'worker'],
    ['edge', 'old-edge'],
    ['2fast', 'fast'],
    ['--', 'old-process'],
  ])('a process named %s is called %s', (name, ours) => {
    expect(processName(name)).toBe(ours);
  });
});

describe('the proposal', () => {
  const found = (services: Record<string, object>, more = {}) => ({
    project: project(services, { volumes: { up: {} } }),
    file: 'my compose.yml',
    texts: {},
    secretFiles: {},
    images: {},
    warnings: [],
    ...more,
  });

  test('has at most five commands, each with what a shell would change quoted', () => {
    const proposal = propose(
      found({
        web: {
          image: 'x/w',
          ports: [{ target: 80, published: '80' }],
          volumes: [{ type: 'volume', source: 'up', target: '/uploads' }],
          container_name: 'my web',
        },
        db: { image: 'postgres', environment: { POSTGRES_DB: "it's" } },
      }),
      choice,
    );
    expect(proposal?.commands.map(({ command }) => command)).toEqual([
      "medianest adopt 'my compose.yml' --write",
      'medianest up --set edge.httpPort=18080 --set edge.httpsPort=18443',
      "medianest import database container:old-db-1 --database 'it'\\''s' --stop 'my web'",
      'medianest import files volume:old_up --to uploads',
      'medianest up',
    ]);
  });

  test('hands what a process shares with the application only once', () => {
    const shared = { DATABASE_URL: 'postgres://a:b@db/a', API_TOKEN: 't', LOG: 'info' };
    const proposal = propose(
      found({
        web: { image: 'x/w', expose: ['80'], environment: shared, volumes: [{ type: 'volume', source: 'up', target: '/uploads' }] },
        worker: {
          image: 'x/w',
          command: ['work'],
          environment: { ...shared, LOG: 'debug' },
          volumes: [{ type: 'volume', source: 'up', target: '/uploads' }],
          depends_on: { db: {} },
        },
        db: { image: 'postgres' },
      }),
      choice,
    );
    expect(proposal?.settings.services).toEqual({
      worker: { command: ['work'], env: { LOG: 'debug' }, needs: { cache: false, uploads: true } },
    });
    expect(proposal?.secrets.map(({ file }) => file)).toEqual(['API_TOKEN']);
  });

  test('copies a volume of a process alone to it, and tells of one that both have in different places', () => {
    const volume = (source: string, target: string) => ({ type: 'volume', source, target });
    const proposal = propose(
      found({
        web: { image: 'x/w', expose: ['80'], volumes: [volume('up', '/uploads')] },
        mail_worker: { image: 'x/m', command: ['work'], volumes: [volume('up', '/elsewhere'), volume('spool', '/spool')] },
        db: { image: 'postgres' },
      }),
      choice,
    );
    expect(proposal?.settings.services).toMatchObject({
      'mail-worker': { volumes: { spool: { path: '/spool' } }, needs: { uploads: true } },
    });
    expect(proposal?.commands.find(({ command }) => command.includes('import files'))?.command).toBe(
      'medianest import files volume:old_up volume:spool --to uploads,mail-worker_spool',
    );
    expect(proposal?.left.join()).toMatch(/the application has it at \/uploads/);
  });

  test('has no password in the settings', () => {
    const proposal = propose(
      found({ web: { image: 'x/w', expose: ['80'], environment: { PASSWORD: 'hunter22', SMTP: 'smtp://u:hunter22@m' } } }),
      choice,
    );
    expect(JSON.stringify(proposal?.settings)).not.toContain('hunter22');
    expect(proposal?.secrets.map(({ path }) => path.join('.'))).toEqual(['app.secrets.PASSWORD.value', 'app.secrets.SMTP.value']);
  });

  test('is none where no service is the application', () => {
    expect(propose(found({ db: { image: 'postgres' } }), choice)).toBeUndefined();
  });
});

describe('a hostile project', () => {
  const found = (services: Record<string, object>) => ({
    project: project(services),
    ...{ file: 'c.yml', texts: {}, secretFiles: {}, images: {}, warnings: [] },
  });

  test('names no file of a secret outside the folder of secrets', () => {
    const web = {
      image: 'web',
      ports: [{ target: 3000, published: '3000' }],
      environment: { '../../x_SECRET': 'hidden', 'a.b': '1', MY_SECRET: 'z' },
    };
    const proposal = propose(found({ web }), { ...choice, app: 'web' });
    expect(proposal?.secrets.map(({ file }) => file)).toEqual(['MY_SECRET']);
    expect(JSON.stringify(proposal?.settings)).not.toContain('a.b');
    expect(proposal?.left.filter((line) => line.includes('the variable'))).toHaveLength(2);
  });

  test.each([
    ['prod', ['sign-on', 'agent'], 'sentinel', { 'sign-on': false }],
    // The operator's own, whatever its name.
    ['house', ['sign-on', 'agent'], 'sentinel', { 'sign-on': false }],
    ['prod', ['app'], 'single', undefined],
  ])('lets visitors in as before: %s with %j', (profile, components, mode, expected) => {
    const web = { image: 'web', ports: [{ target: 80, published: '80' }] };
    const proposal = propose(found({ web }), { app: 'web', profile, components });
    expect(proposal?.settings).toMatchObject({ profile, cache: { mode } });
    expect(proposal?.settings.components).toEqual(expected);
    expect(proposal?.notes.some((note) => note.startsWith('sign-on: '))).toBe(expected !== undefined);
  });

  test('puts nothing into a command that is to be copied', () => {
    const db = { image: 'postgres:15', container_name: 'db;touch x', environment: { POSTGRES_DB: 'shop' } };
    const proposal = propose(found({ web: { image: 'web', ports: [{ target: 80, published: '80' }] }, db }), {
      ...choice,
      app: 'web',
    });
    expect(proposal?.commands.map(({ command }) => command).join('\n')).toContain("'container:db;touch x'");
  });
});
