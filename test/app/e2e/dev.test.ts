import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, HOME } from '../../support/cli.ts';
import { ask, containers, devPortal, identities, portal, titles, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** Replaces a text in a file, in place as most editors do, or by a new file that is renamed over the old one. */
function edit(file: string, from: string, to: string, how: 'in place' | 'renamed' = 'in place'): void {
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  writeFileSync(how === 'renamed' ? `${file}.new` : file, text.replaceAll(from, to));
  if (how === 'renamed') renameSync(`${file}.new`, file);
}

describe.each([
  { profile: 'dev', call: devPortal, service: 'all-in-one' },
  { profile: 'dev-compose', call: portal, service: 'app-1' },
])('hot reload in $profile', ({ profile, call, service }) => {
  let space: Workspace;
  let source: string;

  beforeAll(async () => {
    space = await workspace(`hot-${profile}`);
    source = path.join(space.dir, 'portal');
    cpSync(path.join(HOME, 'templates/app/image'), source, { recursive: true });
    space.configure({ profile, app: { source: './portal' } });
    const up = await space.run(['up']);
    if (up.status !== 0) throw new Error(up.stderr);
  });
  afterAll(() => space.destroy());

  test('a changed page is served within seconds from the same container', async () => {
    const before = await identities(space.project);
    expect((await call(space, '/')).body).toContain('Nothing has been asked for yet.');
    edit(path.join(source, 'public/index.html'), 'Nothing has been asked for yet.', 'Nobody wants anything.', 'renamed');
    await until('the new text is served', async () => (await call(space, '/')).body.includes('Nobody wants anything.'), 10);
    expect(await identities(space.project)).toEqual(before);
  });

  test('changed code answers within seconds from the same container, and the data stays', async () => {
    const before = await identities(space.project);
    await ask(call, space, 'Metropolis');
    edit(path.join(source, 'src/routes/health.js'), "return { status: 'ok' }", "return { status: 'ok', edition: 'second' }");
    await until('the new code answers', async () => (await call(space, '/api/health')).body.includes('second'), 10);
    expect(await titles(call, space)).toContain('Metropolis');
    expect(await identities(space.project)).toEqual(before);
  });

  test('code that does not parse is told in the logs, and its correction comes up by itself', async () => {
    const before = await identities(space.project);
    edit(path.join(source, 'src/routes/health.js'), "edition: 'second'", "edition: 'second");
    await until(
      'the mistake is in the logs',
      async () => (await space.run(['logs', '--tail', '30', service])).stdout.includes('SyntaxError'),
      15,
    );
    edit(path.join(source, 'src/routes/health.js'), "edition: 'second", "edition: 'third'");
    await until('the correction answers', async () => (await call(space, '/api/health')).body.includes('third'), 15);
    expect(await identities(space.project)).toEqual(before);
  });

  test('a source folder that is not there is refused by name before anything changes', async () => {
    const before = await identities(space.project);
    space.configure({ profile, app: { source: './portl' } });
    const up = await space.run(['up']);
    expect(up.status).toBeGreaterThan(0);
    expect(up.stderr).toContain('portl');
    expect(up.stderr).toContain('Fix:');
    expect(await identities(space.project)).toEqual(before);
  });
});

describe('the profile dev', () => {
  let space: Workspace;

  beforeAll(async () => {
    space = await workspace('dev');
  });
  afterAll(() => space.destroy());

  test('comes up from nothing as one healthy container, and its page answers', async () => {
    const up = await space.run(['up', '--profile', 'dev']);
    expect(up.stderr).not.toContain('Error');
    expect(up.status).toBe(0);
    expect(up.stdout).toContain(`http://127.0.0.1:${space.devPort}/`);
    expect((await containers(space.project)).map(({ service, health }) => `${service} ${health}`)).toEqual(['all-in-one healthy']);
    expect((await devPortal(space, '/')).body).toContain('MediaNest');
    expect((await devPortal(space, '/api/health/ready')).status).toBe(200);
  });

  test('keeps its data over a restart, a kill and a new container', async () => {
    await ask(devPortal, space, 'Nosferatu');
    expect((await space.run(['restart'])).status).toBe(0);
    expect(await titles(devPortal, space)).toEqual(['Nosferatu']);
    await docker(['kill', `${space.project}-all-in-one-1`]);
    expect((await space.run(['up'])).status).toBe(0);
    expect(await titles(devPortal, space)).toEqual(['Nosferatu']);
    expect((await space.run(['down'])).status).toBe(0);
    expect((await space.run(['up'])).status).toBe(0);
    expect(await titles(devPortal, space)).toEqual(['Nosferatu']);
  });

  test('needs less than 150 MiB of memory when idle', async () => {
    await sleep(3000);
    const { stdout } = await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', `${space.project}-all-in-one-1`]);
    const [, amount, unit] = /^([\d.]+)([KMG])iB/.exec(stdout) ?? [];
    const mebibytes = Number(amount) * { K: 1 / 1024, M: 1, G: 1024 }[unit as 'K' | 'M' | 'G'];
    expect(mebibytes).toBeGreaterThan(10);
    expect(mebibytes).toBeLessThan(150);
  });
});
