import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
beforeAll(async () => {
  space = await workspace('edge-commands');
  space.configure({ profile: 'dev-compose', components: { cdn: true } });
  expect(await space.run(['up'])).toMatchObject({ status: 0 });
});
afterAll(() => space.destroy());

const told = async (...args: string[]) => {
  const { status, stdout } = await space.run([...args, '--json']);
  return { status, ...(JSON.parse(stdout) as Record<string, unknown>) };
};
/** The answer's status and one of its headers, as curl sees them. */
const curl = async (path: string, header: string) => {
  const args = ['-sk', '-o', '/dev/null', '-w', `%{http_code} %header{${header}}`, `https://localhost:${space.httpsPort}${path}`];
  return (await run('curl', args)).stdout.trim();
};
const edge = async () => (await docker(['inspect', '--format', '{{.Id}} {{.State.StartedAt}}', `${space.project}-edge-1`])).stdout;

describe('maintenance', () => {
  it('goes on and off at once, without a new container, and stays on over `up`', async () => {
    const before = await edge();
    expect(await told('maintenance', 'on', '--message', 'It’s "$HOME" <b>', '--retry-after', '120')).toMatchObject({
      status: 0,
      result: 'changed',
      maintenance: { message: 'It’s "$HOME" <b>', retryAfterSeconds: 120 },
    });
    expect(await curl('/', 'retry-after')).toBe('503 120');
    expect(await told('maintenance', 'on', '--message', 'It’s "$HOME" <b>', '--retry-after', '120')).toMatchObject({
      status: 0,
      result: 'unchanged',
    });
    expect(await space.run(['up'])).toMatchObject({ status: 0 });
    expect(await curl('/', 'retry-after')).toBe('503 120');
    expect(await told('maintenance', 'off')).toMatchObject({ status: 0, result: 'changed', maintenance: null });
    expect(await curl('/', 'retry-after')).toBe('200');
    expect(await told('maintenance', 'off')).toMatchObject({ status: 0, result: 'unchanged' });
    expect(await edge()).toBe(before);
  });

  it('refuses what makes no sense, and changes nothing', async () => {
    for (const args of [
      ['--retry-after', '0'],
      ['--retry-after', 'soon'],
      ['--message', 'x'.repeat(501)],
    ]) {
      expect(await space.run(['maintenance', 'on', ...args])).toMatchObject({ status: 2 });
    }
    expect(await space.run(['maintenance', 'on', '--dry-run'])).toMatchObject({ status: 0 });
    expect(await curl('/', 'retry-after')).toBe('200');
  });
});

describe('cdn purge', () => {
  it('removes one path, or all, and tells how many', async () => {
    const page = (await run('curl', ['-sk', `https://localhost:${space.httpsPort}/`])).stdout;
    // The portal says `no-cache` for any other version.
    const version = /app\.css\?v=(\w+)/.exec(page)?.[1];
    const css = `/app.css?v=${version}`;
    expect([await curl(css, 'x-cache'), await curl(css, 'x-cache')]).toEqual(['200 MISS', '200 HIT']);
    expect(await told('cdn', 'purge', '/other.css')).toMatchObject({ status: 0, removed: 0 });
    expect(await told('cdn', 'purge', '/app.*')).toMatchObject({ status: 0, removed: 1, path: '/app.*' });
    expect(await curl(css, 'x-cache')).toBe('200 MISS');
    expect(await told('cdn', 'purge')).toMatchObject({ status: 0, removed: 1, path: null });
  });

  it('takes nothing but a path', async () => {
    for (const path of ['app.css', '*', '/a*b', '/a b', '--all', '$(id)']) {
      expect((await space.run(['cdn', 'purge', path])).status).toBe(2);
    }
  });
});

describe('a setting that only nginx can refuse', () => {
  it('is told, the old configuration serves on, and the next `up` goes on', async () => {
    space.configure({ profile: 'dev-compose', components: { cdn: true }, edge: { uploadPaths: ['/.edge/'] } });
    const up = await space.run(['up']);
    expect(up.stderr).toContain('edge would not start with its new configuration');
    expect(up.status).toBe(1);
    expect(await curl('/', 'retry-after')).toBe('200');
    space.configure({ profile: 'dev-compose', components: { cdn: true } });
    expect(await space.run(['up'])).toMatchObject({ status: 0 });
    expect(await curl('/', 'retry-after')).toBe('200');
  });
});
