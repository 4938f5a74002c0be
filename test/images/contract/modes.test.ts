import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { docker, HOME } from '../../support/cli.ts';

const IMAGE = 'mt-modes';
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-modes-'));
afterAll(async () => {
  await docker(['image', 'rm', '--force', IMAGE]);
  rmSync(dir, { recursive: true, force: true });
});

/** The source of an image as a checkout under umask 077 has it. */
function strict(component: string): string {
  const copy = path.join(dir, component);
  cpSync(path.join(HOME, 'templates', component, 'image'), copy, { recursive: true });
  for (const name of ['.', ...(readdirSync(copy, { recursive: true }) as string[])]) {
    const file = path.join(copy, name);
    chmodSync(file, statSync(file).isDirectory() ? 0o700 : 0o600);
  }
  return copy;
}

// Layers before the copies are those of the images that are there already.
it.each([
  ['app', '/app', ['node', '--check', 'src/server.js']],
  ['agent', '/usr/local', ['sh', '-c', 'test -x /usr/local/bin/agent']],
  ['edge', '/usr/share/medianest /usr/local/bin', ['test', '-r', '/usr/share/medianest/page.html']],
])('%s runs as its own user, whatever umask its source was written under', { timeout: 600_000 }, async (component, folders, works) => {
  const base = process.env.MEDIANEST_BASE_IMAGE;
  const args = base ? ['--build-arg', `BASE_IMAGE=${base}`] : [];
  const built = await docker(['buildx', 'build', '--load', '--tag', IMAGE, ...args, strict(component)]);
  expect([built.status, built.stderr.slice(-2000)]).toEqual([0, expect.any(String)]);
  const inside = ['run', '--rm', '--network', 'none', '--pull', 'never', '--cap-drop', 'ALL', '--entrypoint'];
  const hidden = await docker([...inside, 'sh', IMAGE, '-c', `find ${folders} ! -readable -o -type d ! -executable`]);
  expect([hidden.status, hidden.stdout, hidden.stderr]).toEqual([0, '', '']);
  const [program = '', ...rest] = works;
  expect(await docker([...inside, program, IMAGE, ...rest])).toEqual({ status: 0, stdout: '', stderr: '' });
});
