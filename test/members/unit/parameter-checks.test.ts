import { describe, expect, it } from 'vitest';
import {
  type AskedServer,
  faultsOf,
  type Parameters,
  parameterChecks,
  sharedParameters,
} from '../../../src/members/plan/parameter-checks.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const answer = (more: Partial<Parameters> = {}) => JSON.stringify({ refused: [], waiting: [], named: ['timezone', 'work_mem'], ...more });
const server = (service: string, more: Partial<AskedServer> = {}): AskedServer => ({
  service,
  member: true,
  answer: answer(),
  said: undefined,
  ...more,
});
const check = (servers: AskedServer[], shared = ['timezone', 'work_mem']) =>
  parameterChecks(servers, shared).map(({ id, status, message, remedy }) => [id, status, message, remedy]);

const APPLIED = ['parameters', 'ok', 'database: all parameters are applied', undefined];
const UNDER_DATABASE = 'correct or remove it under `database.parameters` in medianest.yml if it is there, then medianest up';

describe('the database’s parameters', () => {
  it('are in order where each server has applied them', () => {
    expect(check([server('postgres-1'), server('postgres-2')])).toEqual([APPLIED]);
    expect(check([server('postgres', { member: false })], [])).toEqual([APPLIED]);
  });
  it('are not judged where no server can be asked', () => {
    expect(check([])).toEqual([]);
    expect(check([server('postgres-1', { answer: undefined })])).toEqual([]);
    expect(check([server('postgres-1', { answer: 'psql: the database system is starting up' })])).toEqual([]);
    expect(check([server('postgres-1', { answer: undefined, said: '' })])).toEqual([]);
  });
  it('are read from the last line of an answer', () => {
    expect(check([server('postgres-1', { answer: `NOTICE: something\n${answer()}\n` })])).toEqual([APPLIED]);
  });
  it('fail where a server does not take one: its next start would end it', () => {
    const refused = [
      { name: 'timezone', value: 'Nowhere/Else', error: 'setting could not be applied' },
      { name: 'foo', value: '1', error: 'unrecognized configuration parameter' },
      { name: null, value: null, error: 'syntax error' },
    ];
    expect(check([server('postgres-1', { answer: answer({ refused }) }), server('postgres-2')])).toEqual([
      [
        'parameters.postgres-1',
        'fail',
        'postgres-1 does not apply timezone = Nowhere/Else, foo = 1 (unrecognized configuration parameter), syntax error, and would not start again with it',
        UNDER_DATABASE,
      ],
    ]);
  });
  it('name the settings of a single server', () => {
    const refused = [{ name: 'jit', value: 'maybe', error: 'setting could not be applied' }];
    expect(check([server('postgres', { member: false, answer: answer({ refused }) })], [])).toEqual([
      expect.arrayContaining(['correct what is under `postgres` in medianest.yml, then medianest up']),
    ]);
  });
  it('warn where one waits for a restart', () => {
    expect(check([server('postgres-2', { answer: answer({ waiting: ['max_connections', 'wal_buffers'] }) })])).toEqual([
      [
        'parameters.postgres-2.restart',
        'warn',
        'postgres-2 applies max_connections, wal_buffers after a restart',
        'medianest restart postgres-2',
      ],
    ]);
  });
  it('warn where Patroni leaves one out on every member: some are written for replicas alone', () => {
    const [one, two] = [server('postgres-1', { answer: answer({ named: ['work_mem'] }) }), server('postgres-2')];
    expect(check([one, two])).toEqual([APPLIED]);
    expect(check([one, server('postgres-2', { answer: undefined })])).toEqual([
      ['parameters.dropped', 'warn', expect.stringContaining('Patroni leaves out timezone: '), expect.stringContaining('medianest up')],
    ]);
    expect(check([server('postgres', { member: false, answer: answer({ named: [] }) })])).toEqual([APPLIED]);
  });
  it('fail where a server is down because of them, also beside one that is well', () => {
    const said = '2026-11-29 03:00:00.000 GMT [7] LOG:  invalid value for parameter "TimeZone": "Nowhere/Else"\n';
    expect(check([server('postgres-1', { answer: undefined, said }), server('postgres-2')])).toEqual([
      [
        'parameters.postgres-1',
        'fail',
        'postgres-1 cannot start with its parameters: invalid value for parameter "TimeZone": "Nowhere/Else"',
        UNDER_DATABASE,
      ],
    ]);
  });
});

describe('what `postgres -C` says', () => {
  it('is a line for each fault, without time and process', () => {
    expect(
      faultsOf(
        [
          '2026-11-29 03:00:00.000 UTC [7] LOG:  invalid value for parameter "work_mem": "banana"',
          '2026-11-29 03:00:00.000 UTC [7] HINT:  Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".',
          '2026-11-29 03:00:00.000 UTC [7] LOG:  unrecognized configuration parameter "foo" in file "/data/postgresql.conf" line 7',
          '2026-11-29 03:00:00.000 UTC [7] FATAL:  configuration file "/data/postgresql.conf" contains errors',
          '',
        ].join('\n'),
      ),
    ).toEqual(['invalid value for parameter "work_mem": "banana"', 'unrecognized configuration parameter "foo"']);
  });
  it.each(['', '/var/lib/postgresql/data/17\n', 'OCI runtime exec failed'])('is no fault: %j', (said) => {
    expect(faultsOf(said)).toEqual([]);
  });
});

describe('the parameters that all members were given', () => {
  const manifestOf = (profile: string, file = '') => {
    const stack = stackOf(load({ file, flags: { profile } }));
    return toManifest(rendered(stack), stack);
  };
  it('are those of the last render', () => {
    expect(sharedParameters(manifestOf('prod', 'database: { parameters: { "pg_trgm.word_similarity_threshold": 0.5 } }'))).toEqual(
      expect.arrayContaining(['timezone', 'max_connections', 'pg_trgm.word_similarity_threshold']),
    );
  });
  it('are none where the database is a single server', () => {
    expect(sharedParameters(manifestOf('dev-compose'))).toEqual([]);
  });
});
