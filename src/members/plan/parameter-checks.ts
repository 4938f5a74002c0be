import { parse } from 'yaml';
import type { Check } from '../../capability/check.ts';
import type { Manifest } from '../../stack/manifest.ts';

/**
 * What a server says of its configuration files (pg_file_settings and pg_settings in PostgreSQL's manual): entries that it does not
 * take, parameters that wait for a restart, and all names that are in the files. A parameter that waits is also an entry that is not
 * taken; one that is no longer in the files is an entry without a name. A replica that became the leader no longer has a target for its
 * recovery in the files, and waits for nothing.
 */
export const PARAMETER_QUERY = `select json_build_object(
  'refused', (select coalesce(json_agg(json_build_object('name', f.name, 'value', f.setting, 'error', f.error) order by f.seqno), '[]')
    from pg_file_settings f where f.error is not null
    and not (f.name is null and f.error like '%cannot be changed without restarting the server')
    and not exists (select from pg_settings s where s.pending_restart and lower(s.name) = lower(f.name))),
  'waiting', (select coalesce(json_agg(s.name order by s.name), '[]') from pg_settings s
    where s.pending_restart and s.name !~ '^recovery_target'),
  'named', (select coalesce(json_agg(distinct lower(f.name)), '[]') from pg_file_settings f where f.name is not null))`;

export interface Parameters {
  refused: { name: string | null; value: string | null; error: string }[];
  waiting: string[];
  named: string[];
}

/** One server of the database, as far as it could be asked. */
export interface AskedServer {
  service: string;
  /** Under Patroni: its parameters are settings of the operator. */
  member: boolean;
  /** What it answered to PARAMETER_QUERY; undefined if it does not answer. */
  answer: string | undefined;
  /** What the program says that reads its files without starting it; asked if it does not answer. */
  said: string | undefined;
}

/** What PostgreSQL says of every value that it does not take. */
const UNSPECIFIC = 'setting could not be applied';

/** Of PostgreSQL's log: what is wrong, without time and process. */
const WRONG = /(?:LOG|FATAL|ERROR|PANIC):\s+(.*)$/;
const CONTAINS_ERRORS = /contains errors$/;
const PLACE = / in file ".*" line \d+$/;

/** What `postgres -C` says about the files, a line for each fault; empty where it takes them. */
export const faultsOf = (said: string): string[] =>
  said
    .split('\n')
    .flatMap((line) => WRONG.exec(line.trim())?.[1] ?? [])
    .filter((line) => !CONTAINS_ERRORS.test(line))
    .map((line) => line.replace(PLACE, ''));

/** Names of the parameters that all members were given by the last render. */
export function sharedParameters({ files }: Manifest): string[] {
  const text = files.find(({ path }) => path.endsWith('/dynamic.yml'))?.contents ?? '';
  const shared = parse(text) as { postgresql?: { parameters?: object } } | null;
  return Object.keys(shared?.postgresql?.parameters ?? {});
}

/** @param shared the parameters that all members were given */
export function parameterChecks(servers: readonly AskedServer[], shared: readonly string[]): Check[] {
  const answers = servers.flatMap((server) => {
    const parameters = parametersOf(server.answer);
    return parameters ? [{ server, parameters }] : [];
  });
  const checks = [
    ...servers.flatMap((server) => (server.said === undefined ? [] : downCheck(server, faultsOf(server.said)))),
    ...answers.flatMap(({ server, parameters }) => serverChecks(server, parameters)),
    ...droppedChecks(
      answers.filter(({ server }) => server.member).map(({ parameters }) => parameters),
      shared,
    ),
  ];
  if (checks.length > 0 || answers.length === 0) return checks;
  return [{ id: 'parameters', status: 'ok', message: 'database: all parameters are applied' }];
}

function parametersOf(answer: string | undefined): Parameters | undefined {
  try {
    return answer === undefined ? undefined : (JSON.parse(answer.trim().split('\n').at(-1) ?? '') as Parameters);
  } catch {
    // A server that is just starting or stopping: its container is reported.
    return undefined;
  }
}

const remedy = ({ member }: AskedServer): string =>
  member
    ? 'correct or remove it under `database.parameters` in medianest.yml if it is there, then medianest up'
    : 'correct what is under `postgres` in medianest.yml, then medianest up';

const downCheck = (server: AskedServer, faults: readonly string[]): Check[] =>
  faults.length === 0
    ? []
    : [
        {
          id: `parameters.${server.service}`,
          status: 'fail',
          message: `${server.service} cannot start with its parameters: ${faults.join('; ')}`,
          remedy: remedy(server),
        },
      ];

function serverChecks(server: AskedServer, { refused, waiting }: Parameters): Check[] {
  const { service } = server;
  const id = `parameters.${service}`;
  const entries = refused.map(({ name, value, error }) =>
    name === null ? error : `${name} = ${value}${error === UNSPECIFIC ? '' : ` (${error})`}`,
  );
  const checks: Check[] = [];
  if (entries.length > 0)
    checks.push({
      id,
      status: 'fail',
      message: `${service} does not apply ${entries.join(', ')}, and would not start again with it`,
      remedy: remedy(server),
    });
  if (waiting.length > 0)
    checks.push({
      id: `${id}.restart`,
      status: 'warn',
      message: `${service} applies ${waiting.join(', ')} after a restart`,
      remedy: `medianest restart ${service}`,
    });
  return checks;
}

/** Patroni leaves out what it takes for wrong, with a line in its log. Some parameters are written for replicas alone. */
function droppedChecks(members: readonly Parameters[], shared: readonly string[]): Check[] {
  const named = new Set(members.flatMap((parameters) => parameters.named));
  const dropped = members.length === 0 ? [] : shared.filter((name) => !named.has(name.toLowerCase()));
  if (dropped.length === 0) return [];
  return [
    {
      id: 'parameters.dropped',
      status: 'warn',
      message: `database: Patroni leaves out ${dropped.join(', ')}: PostgreSQL has no such parameter, or does not take the value`,
      remedy: 'correct or remove it under `database.parameters` in medianest.yml, then medianest up',
    },
  ];
}
