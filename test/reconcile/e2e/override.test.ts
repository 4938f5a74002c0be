import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkedRuns } from '../../support/checked-runs.ts';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { ask, containers, devPortal, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
let before: Record<string, string>;
const file = () => path.join(space.state, 'compose.override.yml');
const override = (text: string) => writeFileSync(file(), text);
const SIDE = (note: string) => `services:
  side:
    image: debian:trixie-slim
    init: true
    command: [sh, -c, "echo here is $$NOTE; echo kept > /notes/note; exec sleep 3600"]
    environment: { NOTE: "${note}" }
    volumes: [notes:/notes]
volumes:
  notes:
`;
const { must, refused } = checkedRuns(() => space);
type Planned = { changes: { service: string; action: string; dataRisk: string }[]; leftBehind: string[] };
const planned = async () => {
  const { status, stdout } = await space.run(['plan', '--json']);
  const { changes, leftBehind } = json(stdout) as unknown as Planned;
  return { status, leftBehind, changes: Object.fromEntries(changes.map(({ service, action }) => [service, action])), all: changes };
};
/** Which containers there are, however often each was restarted. */
const identities = async () => Object.fromEntries((await containers(space.project)).map(({ service, id }) => [service, id]));
const volume = () => `${space.project}_notes`;
const volumes = async () =>
  (await docker(['volume', 'ls', '--quiet', '--filter', `name=^${space.project}_`])).stdout.split('\n').filter(Boolean).sort();

beforeAll(async () => {
  space = await workspace('override');
  await space.besideAnother();
  space.configure({ profile: 'dev' });
  await must('up');
  await ask(devPortal, space, 'Safety Last');
  before = await identities();
});
afterAll(() => space.destroy());

test('what the override adds is planned, started, and replaces nothing of ours', async () => {
  override(SIDE('one'));
  expect(await planned()).toMatchObject({ status: 3, changes: { side: 'create', 'all-in-one': 'keep' } });
  await must('up');
  const now = await identities();
  expect(now['all-in-one']).toBe(before['all-in-one']);
  expect(Object.keys(now).sort()).toEqual(['all-in-one', 'side']);
  expect((await must('up')).stdout).toContain('Nothing to do');
  const { stdout } = await docker(['volume', 'inspect', '--format', '{{index .Labels "io.medianest.project"}}', volume()]);
  expect(stdout.trim()).toBe(space.project);
});

test('status, health, logs, exec and restart know it', async () => {
  const status = json((await must('status', '--json')).stdout) as unknown as { services: { name: string; state: string }[] };
  expect(status.services).toContainEqual(expect.objectContaining({ name: 'side', state: 'running' }));
  expect((await must('logs', 'side')).stdout).toContain('here is one');
  expect((await must('exec', 'side', 'cat', '/notes/note')).stdout).toBe('kept\n');
  const started = async () => (await containers(space.project)).find(({ service }) => service === 'side')?.startedAt;
  const first = await started();
  expect((await must('restart', 'side')).stdout).toContain('restarted side');
  expect(await started()).not.toBe(first);
  await docker(['rm', '--force', `${space.project}-side-1`]);
  const health = json((await space.run(['health', '--json'])).stdout) as unknown as { checks: { id: string; status: string }[] };
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'container.side', status: 'fail' }));
  expect((await planned()).changes).toMatchObject({ side: 'create' });
  await must('up');
});

test('an edit replaces its container alone, and counts from the next up on', async () => {
  const side = (await identities()).side;
  override(SIDE('two'));
  await must('restart', 'side');
  expect((await identities()).side).toBe(side);
  expect((await planned()).changes).toMatchObject({ side: 'recreate', 'all-in-one': 'keep' });
  await must('up');
  const now = await identities();
  expect([now['all-in-one'], now.side === side]).toEqual([before['all-in-one'], false]);
  expect((await must('logs', 'side')).stdout).toContain('here is two');
});

test.each([
  ['no YAML', 'services: [\n', 2, 'BAD_YAML'],
  ['an own image for a service of ours', 'services: { all-in-one: { image: postgres } }\n', 1, 'COMPOSE_REFUSED'],
  ['our volume as an external one', 'volumes: { data: { external: true, name: theirs } }\n', 1, 'COMPOSE_REFUSED'],
  ['a hostile name', 'services: { "../side": { image: debian:trixie-slim } }\n', 1, 'COMPOSE_REFUSED'],
  ['our label', 'services: { side: { image: a, labels: { io.medianest.project: theirs } } }\n', 1, 'COMPOSE_REFUSED'],
  ['what only Compose knows to be wrong', 'services: { side: { image: debian:trixie-slim, memmory: 1g } }\n', 1, 'COMPOSE_REFUSED'],
])('an override with %s is refused, and what runs can still be looked at', async (_what, text, status, code) => {
  const now = await identities();
  override(text);
  for (const args of code === 'COMPOSE_REFUSED' && text.includes('memmory')
    ? [['up']]
    : [['plan'], ['up'], ['up', '--dry-run'], ['render']]) {
    const error = await refused(...args);
    expect({ args, status: error.status, code: error.code }).toEqual({ args, status, code });
    expect(`${error.message} ${error.hint}`).toContain('compose.override.yml');
  }
  expect(await identities()).toEqual(now);
  expect((await must('logs', 'side')).stdout).toContain('here is two');
  expect((await must('exec', 'side', 'cat', '/notes/note')).stdout).toBe('kept\n');
});

test('an override that cannot be read is told by its path', async () => {
  rmSync(file());
  mkdirSync(file());
  for (const args of [['plan'], ['up']]) {
    const error = await refused(...args);
    expect([error.status, `${error.message} ${error.hint}`]).toEqual([1, expect.stringContaining(file())]);
    expect(error.code).not.toBe('UNEXPECTED');
  }
  rmSync(file(), { recursive: true });
});

test('a volume of another maker under that name is refused', async () => {
  const theirs = `${space.project}-theirs`;
  await docker(['volume', 'create', theirs]);
  try {
    override(SIDE('two').replace('  notes:\n', `  notes: { name: ${theirs} }\n`));
    const error = await refused('up');
    expect([error.code, error.message]).toEqual(['FOREIGN_PROJECT', expect.stringContaining(theirs)]);
  } finally {
    await docker(['volume', 'rm', theirs]);
  }
});

test('an image that is not here is told before anything is touched', async () => {
  const now = await identities();
  override(SIDE('two').replace('image: debian:trixie-slim', 'image: localhost:1/none:1'));
  expect(await refused('up')).toMatchObject({ code: 'IMAGE_MISSING', message: expect.stringContaining('localhost:1/none:1') });
  override(SIDE('two').replace('image: debian:trixie-slim', 'build: .'));
  expect(await refused('up')).toMatchObject({ code: 'IMAGE_MISSING', hint: expect.stringContaining('docker build') });
  expect(await identities()).toEqual(now);
});

test('what the override has no more goes with the next up; its volume stays, and the plan says so', async () => {
  override('');
  const plan = await planned();
  expect([plan.status, plan.changes, plan.leftBehind]).toEqual([3, { 'all-in-one': 'keep', side: 'remove' }, ['notes']]);
  const up = await must('up');
  expect(up.stderr).toContain('notes');
  expect(await identities()).toEqual({ 'all-in-one': before['all-in-one'] });
  expect(await volumes()).toContain(volume());
  expect((await space.run(['logs', 'side'])).status).toBe(2);
  expect((await must('up')).stdout).toContain('Nothing to do');
});

test('one that an earlier version has started, without our labels, is taken over and goes', async () => {
  await docker(['volume', 'rm', volume()]);
  override(SIDE('old'));
  const compose = ['compose', '--project-name', space.project, '--project-directory', space.state];
  const files = ['--file', path.join(space.state, 'current/compose.yml'), '--file', file()];
  expect((await docker([...compose, ...files, 'up', '--detach', '--no-deps', 'side'])).status).toBe(0);
  expect((await planned()).changes).toMatchObject({ side: 'recreate', 'all-in-one': 'keep' });
  await must('up');
  expect((await must('exec', 'side', 'cat', '/notes/note')).stdout).toBe('kept\n');
  expect((await must('up')).stdout).toContain('Nothing to do');
  expect((await must('uninstall', '--dry-run')).stdout).toContain(volume());
});

test('down --volumes names its volume and deletes it, also one without our label', async () => {
  const dry = await must('down', '--volumes', '--dry-run');
  expect(dry.stdout).toContain(volume());
  const { stderr } = await must('down', '--volumes', '--no-backup', '--yes');
  expect(stderr).toContain(volume());
  expect(await volumes()).toEqual([]);
});

test('a stack that begins with an override comes up whole, and uninstall removes all of it', async () => {
  override(SIDE('new'));
  await must('up');
  await ask(devPortal, space, 'Sherlock Jr.');
  expect(await titles(devPortal, space)).toEqual(['Sherlock Jr.']);
  const dry = await must('uninstall', '--dry-run');
  expect(dry.stdout).toContain(volume());
  await must('uninstall', '--confirm', space.project);
  expect([await volumes(), await containers(space.project)]).toEqual([[], []]);
});
