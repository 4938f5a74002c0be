import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { overlaps, parseCidr, type Range } from '../../../src/core/cidr.ts';
import { docker } from '../../support/cli.ts';
import { identities, type JsonError } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

const refusal = (stdout: string) => (JSON.parse(stdout) as JsonError).error;

/** The default range of dmz. */
const DEFAULT = '172.16.144.0/24';

/** The first Docker network whose range has addresses of it. */
async function networkInside(): Promise<{ name: string; subnet: string } | undefined> {
  const ids = (await docker(['network', 'ls', '--quiet'])).stdout.split('\n').filter(Boolean);
  const format = '{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}';
  const lines = (await docker(['network', 'inspect', '--format', format, ...ids])).stdout.split('\n');
  const all = lines.flatMap((line) => {
    const [name = '', ...subnets] = line.split(' ');
    return subnets.map((subnet) => ({ name, subnet, range: parseCidr(subnet) }));
  });
  return all.find(({ range }) => range && overlaps(range, parseCidr(DEFAULT) as Range));
}

test('the range of an SSH client is never taken, and one that covers it already is named by doctor', async () => {
  const space = await workspace('ranges-ssh');
  try {
    space.configure({ profile: 'dev' });
    const client = (at: string) => ({ env: { SSH_CLIENT: `${at} 50022 22`, SSH_CONNECTION: undefined } });
    const chosen = () => (JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as { dmz: string }).dmz;
    const first = await space.run(['up'], client('172.16.144.7'));
    expect({ status: first.status, stderr: first.stderr }).toMatchObject({ status: 0 });
    expect(overlaps(parseCidr(chosen()) as Range, parseCidr('172.16.144.7/32') as Range)).toBe(false);
    const inside = chosen().replace(/0\/24$/, '77');
    const doctor = await space.run(['doctor', '--json', '--only', 'subnets'], client(inside));
    expect(JSON.parse(doctor.stdout).checks).toContainEqual(
      expect.objectContaining({ status: 'warn', message: expect.stringContaining(`covers ${inside} (the SSH client, $SSH_CLIENT)`) }),
    );
    expect((await space.run(['up'], client(inside))).stdout).toContain('Nothing to do');
  } finally {
    await space.destroy();
  }
});

test('a network that is made later gets another range where one came in between, and what runs keeps its own', async () => {
  const space = await workspace('ranges-later');
  const between = `${PREFIX}-range-between`;
  const later = { traces: { endpoint: 'http://192.0.2.9:4318' } };
  try {
    const networks = { db: { subnet: 'auto' } };
    space.configure({ profile: 'dev-compose', components: { edge: false, 'sign-on': false }, networks });
    expect((await space.run(['up'])).status).toBe(0);
    const ranges = () => JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as Record<string, string>;
    const before = ranges();
    expect((await docker(['network', 'create', '--subnet', before.out as string, between])).status).toBe(0);
    space.configure({ profile: 'dev-compose', components: { edge: false, 'sign-on': false }, networks, ...later });
    const up = await space.run(['up']);
    expect({ status: up.status, stderr: up.stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`(the Docker network ${between})`),
    });
    const { out, ...others } = ranges();
    expect(out).not.toBe(before.out);
    expect({ ...others, out: before.out }).toEqual(before);
    expect((await space.run(['up'])).stdout).toContain('Nothing to do');
  } finally {
    await space.destroy();
    await docker(['network', 'rm', between]);
  }
});

describe('address ranges', () => {
  let space: Workspace;
  const OTHER = `${PREFIX}-other-range`;
  const other = (subnet: string) => docker(['network', 'create', '--subnet', subnet, OTHER]);
  let blocker: { name: string; subnet: string };

  beforeAll(async () => {
    await docker(['network', 'rm', OTHER]);
    space = await workspace('ranges');
    space.configure({ profile: 'dev' });
    // A network of this machine may hold part of dmz's default range already: then that one is in the way.
    blocker = (await networkInside()) ?? { name: OTHER, subnet: '172.16.144.128/25' };
    if (blocker.name === OTHER) expect((await other(blocker.subnet)).status).toBe(0);
  });
  afterAll(async () => {
    await space.destroy();
    await docker(['network', 'rm', OTHER]);
  });

  test('one that overlaps another network moves, says so in one line and is remembered', async () => {
    const up = await space.run(['up']);
    expect(up.status).toBe(0);
    const said = up.stderr.split('\n').filter((line) => line.includes('overlaps'));
    expect(said).toEqual([
      expect.stringMatching(
        new RegExp(
          `^network dmz: ${DEFAULT} overlaps ${blocker.subnet} \\(the Docker network ${blocker.name}\\), so 172\\.\\d+\\.\\d+\\.0/24 is used$`,
        ),
      ),
    ]);
    const again = await space.run(['up']);
    expect(again.stdout).toContain('Nothing to do');
    // But for the workspace's own settings, of which some are for other profiles.
    expect(again.stderr.replace(/^Warning: medianest\.yml:\d+: .*: without effect .*\n/gm, '')).toBe('');
  });

  test('one that must be used is refused, with both sides named', async () => {
    const before = await identities(space.project);
    space.configure({ profile: 'dev', networks: { dmz: { subnet: DEFAULT } } });
    const up = await space.run(['up', '--json']);
    expect(up.status).toBe(1);
    expect(refusal(up.stdout)).toMatchObject({ code: 'SUBNET_TAKEN', hint: expect.stringContaining('networks.dmz.subnet') });
    expect(refusal(up.stdout).message).toContain(
      `networks.dmz.subnet ${DEFAULT} overlaps ${blocker.subnet} (the Docker network ${blocker.name})`,
    );
    expect(await identities(space.project)).toEqual(before);
    space.configure({ profile: 'dev' });
  });

  test('one that somebody took while the stack was down moves again', async () => {
    expect((await space.run(['down'])).status).toBe(0);
    const remembered = (JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as { dmz: string }).dmz;
    await docker(['network', 'rm', OTHER]);
    expect(await other(remembered)).toMatchObject({ status: 0 });
    const up = await space.run(['up']);
    expect(up.stderr).toContain(`network dmz: ${remembered} overlaps ${remembered} (the Docker network ${OTHER})`);
    expect(up.status).toBe(0);
    expect((await space.run(['up'])).stdout).toContain('Nothing to do');
  });
});

test('two stacks that come up at once both come up: whose range is taken meanwhile chooses again', async () => {
  const both = [await workspace('race-a'), await workspace('race-b')];
  try {
    for (const space of both) space.configure({ profile: 'dev' });
    for (let round = 0; round < 3; round++) {
      for (const { status, stderr } of await Promise.all(both.map((space) => space.run(['up']))))
        expect({ status, stderr }).toMatchObject({ status: 0 });
      // Each has its own, and keeps it.
      for (const space of both) expect((await space.run(['up'])).stdout).toContain('Nothing to do');
      for (const space of both) {
        expect((await space.run(['down'])).status).toBe(0);
        rmSync(path.join(space.state, 'subnets.json'));
      }
    }
  } finally {
    for (const space of both) await space.destroy();
  }
});
