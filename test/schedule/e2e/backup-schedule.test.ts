import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker, HOME } from '../../support/cli.ts';
import { until } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

const IMAGE = 'medianest-test/systemd:1';
const container = `${PREFIX}-schedule-systemd`;

let space: Workspace;
/** What stands in the place of node: it notes how medianest was called. */
let recorder = '';
const calls = () => (existsSync(path.join(recorder, 'calls')) ? readFileSync(path.join(recorder, 'calls'), 'utf8').trim().split('\n') : []);
const must = async (...args: string[]) => {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
};
const systemctl = (...args: string[]) => must('exec', container, 'systemctl', ...args);

beforeAll(async () => {
  await docker(['rm', '--force', container]);
  space = await workspace('schedule');
  space.configure({ profile: 'staging' });
  recorder = mkdtempSync(path.join(os.tmpdir(), 'medianest-schedule-'));
  writeFileSync(path.join(recorder, 'node'), `#!/bin/sh\necho "$PWD $*" >>${recorder}/calls\n`);
  chmodSync(path.join(recorder, 'node'), 0o755);
  await must('build', '--quiet', '--tag', IMAGE, path.join(HOME, 'test/support/engine/systemd'));
}, 300_000);
afterAll(async () => {
  await docker(['rm', '--force', '--volumes', container]);
  rmSync(recorder, { recursive: true, force: true });
  await space?.destroy();
});

test('systemd takes the units, runs what they say, and catches up what was missed', async () => {
  expect((await space.run(['render'])).status).toBe(0);
  const { status, stdout, stderr } = await space.run(['backup', 'schedule', 'show', '--json']);
  expect(status, stderr).toBe(0);
  const units = path.join(recorder, 'units');
  mkdirSync(units);
  for (const [name, text] of Object.entries((JSON.parse(stdout) as { units: Record<string, string> }).units))
    writeFileSync(path.join(units, name), text);
  const stamps = '/var/lib/systemd/timers';
  await must(
    ...['run', '--detach', '--name', container, '--network', 'none', '--cgroupns', 'private', '--tmpfs', '/run', '--tmpfs', '/tmp:exec'],
    ...['--cap-add', 'SYS_ADMIN', '--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...['--volume', `${units}:/units:ro`, '--volume', `${space.dir}:${space.dir}`],
    ...['--volume', `${recorder}:${recorder}`, '--volume', `${recorder}/node:${process.execPath}:ro`, IMAGE],
  );
  await until('systemd runs', async () =>
    /running|degraded/.test((await docker(['exec', container, 'systemctl', 'is-system-running'])).stdout),
  );
  const unit = (name: string, kind: string) => `medianest-${space.project}-${name}.${kind}`;
  await must('exec', container, 'sh', '-c', 'cp /units/* /etc/systemd/system/ && systemd-analyze verify /etc/systemd/system/medianest-*');
  // At once, instead of some time within a minute or two.
  const soon = `/etc/systemd/system/${unit('full', 'timer')}.d`;
  await must('exec', container, 'sh', '-c', `mkdir ${soon} && printf '[Timer]\nRandomizedDelaySec=0\nAccuracySec=1s\n' >${soon}/soon.conf`);
  await systemctl('daemon-reload');

  // The week's full backup was due long ago: the host was off.
  const late = unit('full', 'timer');
  await must('exec', container, 'sh', '-c', `mkdir -p ${stamps} && touch -d '3 weeks ago' ${stamps}/stamp-${late}`);
  await systemctl('enable', '--now', late, unit('prune', 'timer'));
  await until('the missed one is caught up', () => calls().length > 0, 120);
  const called = (command: string) =>
    expect.stringMatching(new RegExp(`^${space.dir} ${HOME}/bin/medianest.js ${command} --wait-lock=3600( |$)`));
  expect(calls()).toEqual([called('backup --type full --retry-for 6h')]);
  expect(await systemctl('show', unit('prune', 'timer'), '--property=ActiveState', '--value')).toBe('active');

  for (const name of ['incr', 'diff', 'prune', 'verify', 'drill']) await systemctl('start', unit(name, 'service'));
  const rest = ['backup --type incr', 'backup --type diff', 'backup prune', 'backup verify', 'drill'].map(
    (command) => `${command} --retry-for ${command.endsWith('diff') ? '55m' : '6h'}`,
  );
  expect(calls().slice(1)).toEqual(rest.map(called));
});

test('systemd runs what is due each minute, where `jobs install` is asked to', async () => {
  const { status, stdout, stderr } = await space.run(['jobs', 'install', '--dry-run', '--json']);
  expect(status, stderr).toBe(0);
  const { units } = JSON.parse(stdout) as { units: Record<string, string> };
  const [service, timer] = ['service', 'timer'].map((kind) => `medianest-${space.project}-jobs.${kind}`) as [string, string];
  expect(Object.keys(units)).toEqual([service, timer]);
  for (const [name, text] of Object.entries(units)) writeFileSync(path.join(recorder, 'units', name), text);
  const verified = await must(
    'exec',
    container,
    'sh',
    '-c',
    `cp /units/*-jobs.* /etc/systemd/system/ && systemd-analyze verify /etc/systemd/system/${timer}`,
  );
  expect(verified).toBe('');
  await systemctl('daemon-reload');
  const before = calls().length;
  await systemctl('enable', '--now', timer);
  await until('its minute comes', () => calls().length > before, 130);
  expect(calls().at(-1)).toMatch(new RegExp(`^${space.dir} ${HOME}/bin/medianest.js jobs run-due --wait-lock=3600( |$)`));
  // It ends when nothing is due, and is begun again: a run that takes longer is waited for.
  expect(await systemctl('show', service, '--property=Type,Result', '--value')).toBe('oneshot\nsuccess');
  await systemctl('disable', '--now', timer);
});
