import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Names that Elasticsearch keeps to itself (its manual, "Built-in users"). */
const RESERVED = ['elastic', 'kibana', 'kibana_system', 'logstash_system', 'beats_system', 'apm_system', 'remote_monitoring_user'];

const stack = stackOf(load(CASES.full));
const files = rendered(stack).files.filter(({ path: name }) => name.startsWith('elasticsearch/'));

it('the container of Elasticsearch starts it with a copy of its configuration, and users whose passwords no list of processes shows', () => {
  const folder = temporaryFolder('elasticsearch');
  const at = (...names: string[]) => path.join(folder, ...names);
  for (const name of ['home/config/jvm.options.d', 'home/bin', 'etc', 'secrets', 'run']) mkdirSync(at(name), { recursive: true });
  for (const { path: name, contents } of files) writeFileSync(at('etc', path.basename(name)), contents);
  const secrets = stack.services.find(({ name }) => name === 'elasticsearch')?.secrets ?? [];
  for (const { name } of secrets) writeFileSync(at('secrets', name), `value-of-${name}`);
  writeFileSync(at('home/config/jvm.options'), '-Xmx9g\n');
  writeFileSync(at('home/config/log4j2.properties'), 'status = error\n');
  // In place of Elasticsearch's own programs: they note how they were called.
  const program = (name: string, text: string) => {
    writeFileSync(at(name), `#!/bin/bash\n${text}\n`);
    chmodSync(at(name), 0o755);
  };
  program('home/bin/elasticsearch-users', `read -r one; read -r two; echo "$ES_PATH_CONF $* | $one $two" >>${at('users')}`);
  program('docker-entrypoint.sh', `echo "$ES_PATH_CONF $*" >${at('started')}`);
  const script = (files.find(({ path: name }) => name.endsWith('/start.sh'))?.contents ?? '')
    .replaceAll('/usr/share/elasticsearch', at('home'))
    .replaceAll('/etc/medianest/current', at('etc'))
    .replaceAll('/run/secrets', at('secrets'))
    .replaceAll('/run/elasticsearch', at('run/elasticsearch'))
    .replaceAll('/usr/local/bin/docker-entrypoint.sh', at('docker-entrypoint.sh'));
  writeFileSync(at('start.sh'), script);
  execFileSync('bash', [at('start.sh')], { stdio: 'pipe' });

  const conf = at('run/elasticsearch');
  expect(readFileSync(at('started'), 'utf8').trim()).toBe(`${conf} eswrapper`);
  const users = readFileSync(at('users'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' | '));
  expect(users).toEqual(
    [
      ['admin', 'kibana_admin,medianest-read'],
      ['kibana-server', 'kibana_system'],
      ['grafana', 'medianest-read'],
      ['logs', 'medianest-write'],
    ].map(([name, role]) => {
      const password = `value-of-elasticsearch-${name}-password`;
      return [`${conf} useradd ${name} -r ${role}`, `${password} ${password}`];
    }),
  );
  for (const [called = ''] of users) expect(RESERVED).not.toContain(called.split(' ')[2]);
  for (const name of ['elasticsearch.yml', 'roles.yml', 'jvm.options', 'log4j2.properties', 'jvm.options.d/medianest.options'])
    expect(existsSync(path.join(conf, name))).toBe(true);
  expect(statSync(conf).mode & 0o077).toBe(0);
  // Each role that a user has is one of ours, or comes with Elasticsearch.
  const roles = Object.keys(parse(readFileSync(path.join(conf, 'roles.yml'), 'utf8')));
  for (const [called = ''] of users)
    for (const role of called.split(' -r ')[1]?.split(',') ?? []) expect([...roles, 'kibana_admin', 'kibana_system']).toContain(role);
});
