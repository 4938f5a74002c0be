import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { tree } from '../../support/command.ts';
import { parsed, portal, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Told {
  containers: string[];
  missing: string[];
  points: { id: string; verdict: string; evidence: string; fix?: string }[];
}

let space: Workspace;
const named = (service: string) => `${space.project}-${service}-1`;
const stranger = () => `${space.project}-stranger`;

async function report(): Promise<Told> {
  const ended = await space.run(['audit', 'report', '--json']);
  expect(ended.stderr.slice(-2000) + String(ended.status)).toMatch(/0$/);
  return parsed<Told>(ended);
}
const verdicts = ({ points }: Told, ...ids: string[]) => ids.map((id) => points.find((point) => point.id === id)?.verdict);
const point = ({ points }: Told, id: string) => points.find((one) => one.id === id);

async function up(): Promise<void> {
  const { stderr, status } = await space.run(['up']);
  expect(stderr.slice(-2000) + String(status)).toMatch(/0$/);
}

async function done(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await docker(args);
  expect(stderr + String(status)).toMatch(/0$/);
  return stdout.trim();
}

beforeAll(async () => {
  space = await workspace('compliance');
  space.configure({ profile: 'dev-compose', edge: { address: '127.0.0.1' } });
  await up();
});
afterAll(async () => {
  await docker(['rm', '--force', stranger()]);
  await space?.destroy();
});

test('a stack as it was started: the hardening is seen on the containers themselves, and nothing is written', async () => {
  await until('the edge answers', async () => (await portal(space, '/')).status === 200);
  const before = tree(space.state);
  const began = Date.now();
  const told = await report();
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(tree(space.state)).toEqual(before);
  expect(told.containers).toEqual(['app-1', 'backup', 'edge', 'postgres', 'redis'].map(named));
  expect(told.missing).toEqual([]);
  const container = ['4.1', '4.6', '4.10', '5.4', '5.5', '5.6', '5.7', '5.9', '5.11', '5.13', '5.22', '5.26', '5.29', '5.32'];
  expect(verdicts(told, ...container.map((section) => `cis-${section}`))).toEqual(container.map(() => 'met'));
  const edge = ['asvs-v3.2.1', 'asvs-v4.1.1', 'asvs-v5.2.1', 'asvs-v6.3.1', 'asvs-v12.1.1', 'asvs-v12.2.1'];
  expect(verdicts(told, ...edge)).toEqual(edge.map(() => 'met'));
  expect(verdicts(told, 'gdpr-5-2', 'gdpr-32-1-b-secrets', 'gdpr-32-1-b-networks')).toEqual(['met', 'met', 'met']);
  // This profile has no TLS inside, no HSTS and no backup yet.
  expect(point(told, 'gdpr-32-1-a-inside')).toMatchObject({ verdict: 'open', evidence: expect.stringContaining('app to redis') });
  expect(verdicts(told, 'asvs-v3.4.1', 'gdpr-32-1-c-backups', 'cis-5.15')).toEqual(['open', 'open', 'open']);
});

describe('what was changed by hand', () => {
  test('an override that mounts the engine’s socket, and a password as a variable: both are ours, and told without its value', async () => {
    space.write(
      '.medianest/compose.override.yml',
      'services:\n  redis:\n    volumes: ["/var/run/docker.sock:/srv/engine.sock:ro"]\n    environment: { ADMIN_PASSWORD: geheim }\n',
    );
    await up();
    const told = await report();
    expect(point(told, 'cis-5.32')).toMatchObject({ verdict: 'open', evidence: `mounted by ${named('redis')} (/var/run/docker.sock)` });
    expect(point(told, 'cis-4.10')).toMatchObject({ verdict: 'open', evidence: expect.stringContaining('ADMIN_PASSWORD') });
    expect(JSON.stringify(told)).not.toContain('geheim');
  });

  test('a limit that was lifted from the running container, which no rendered file says', async () => {
    await done(['update', '--pids-limit', '-1', '--restart', 'no', named('app-1')]);
    const told = await report();
    expect(point(told, 'cis-5.29')).toMatchObject({ verdict: 'open', evidence: expect.stringContaining(named('app-1')) });
    expect(point(told, 'cis-5.15')?.evidence).not.toContain(named('app-1'));
  });

  test('a privileged container of another project is not ours, but it is told that it is in our network', async () => {
    const image = await done(['inspect', '--format', '{{.Config.Image}}', named('redis')]);
    const run = ['run', '--detach', '--privileged', '--pull', 'never', '--name', stranger(), '--network', `${space.project}_db`];
    await done([...run, '--entrypoint', 'sleep', image, '300']);
    const told = await report();
    expect(told.containers).not.toContain(stranger());
    expect(verdicts(told, 'cis-5.5', 'cis-5.22')).toEqual(['met', 'met']);
    expect(point(told, 'gdpr-32-1-b-networks')).toMatchObject({
      verdict: 'open',
      evidence: expect.stringContaining(`${stranger()} in db`),
    });
    await done(['rm', '--force', stranger()]);
  });

  test('an edge that does not run is not known, and is not met', async () => {
    await done(['stop', named('edge')]);
    const told = await report();
    expect(verdicts(told, 'asvs-v12.1.1', 'asvs-v3.4.1', 'gdpr-32-1-a-transit', 'gdpr-32-1-b-attacks')).toEqual(
      Array(4).fill('cannot-tell'),
    );
    expect(point(told, 'cis-6.2')).toMatchObject({ verdict: 'open', evidence: named('edge') });
    expect(verdicts(told, 'cis-5.5')).toEqual(['met']);
  });
});

test('a stack that is down: nothing is said of its containers', async () => {
  expect((await space.run(['down'])).status).toBe(0);
  const told = await report();
  expect(told.containers).toEqual([]);
  expect(told.missing).toContain('redis');
  expect(verdicts(told, 'cis-5.5', 'cis-5.32', 'asvs-v12.1.1', 'gdpr-32-1-b-networks')).toEqual(Array(4).fill('cannot-tell'));
  expect(verdicts(told, 'cis-2.19', 'gdpr-5-2')).toEqual(['met', 'met']);
});
