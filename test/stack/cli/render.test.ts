import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { docker, HOME } from '../../support/cli.ts';
import { faults, folder, json, tree } from '../../support/command.ts';

const COMPOSE = ['--profile', 'dev-compose'];

describe('render', () => {
  it('writes once, changes nothing the second time, and notices a changed setting', async () => {
    const own = folder();
    expect(await own.run(['render', '--check', ...COMPOSE])).toMatchObject({ status: 3 });
    expect(existsSync(own.state)).toBe(false);
    const first = await own.run(['render', ...COMPOSE]);
    expect([first.status, first.stdout.split('\n')]).toEqual([0, expect.arrayContaining(['compose.yml', 'edge/nginx.conf'])]);
    const before = tree(own.state);
    expect(await own.run(['render', ...COMPOSE])).toEqual({
      status: 0,
      stdout: 'nothing to write: every file is up to date\n',
      stderr: '',
    });
    expect(tree(own.state)).toEqual(before);
    expect((await own.run(['render', '--check', ...COMPOSE])).status).toBe(0);
    own.settings('edge: { hsts: true }\n');
    const check = await own.run(['render', '--check', '--json', ...COMPOSE]);
    expect([check.status, json(check.stdout).files]).toEqual([3, [{ path: 'edge/headers.conf', action: 'change' }]]);
    expect(tree(own.state)).toEqual(before);
    expect((await own.run(['render', ...COMPOSE])).stdout).toBe('edge/headers.conf\n');
    expect((await own.run(['render', '--check', ...COMPOSE])).status).toBe(0);
    expect(faults(own.state)).toEqual([]);
  });
  it('leaves out what the last up left out for want of its image, and settles there', async () => {
    const own = folder('observability: full\ncomponents: { elasticsearch: false }\n');
    await own.run(['render', ...COMPOSE]);
    const file = path.join(own.state, 'current/manifest.json');
    const { image } = parse(readFileSync(path.join(own.state, 'current/compose.yml'), 'utf8')).services.grafana;
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...manifest, leftOut: [{ service: 'grafana', image, without: 'dashboards' }] }));
    expect((await own.run(['render', ...COMPOSE])).status).toBe(0);
    const compose = parse(readFileSync(path.join(own.state, 'current/compose.yml'), 'utf8'));
    expect([compose['x-left-out'], 'grafana' in compose.services, 'jaeger' in compose.services]).toEqual([{ grafana: image }, false, true]);
    expect((await own.run(['render', '--check', ...COMPOSE])).status).toBe(0);
  });
  it('asks for no engine, no network, and not even for a docker client', async () => {
    const own = folder();
    const { status, stderr } = await own.run(['render'], { env: { PATH: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent' } });
    expect([status, stderr]).toEqual([0, '']);
  });
  it('gives what the templates give when they are not compiled by the build, but for the addresses', async () => {
    const own = folder();
    await own.run(['render', '--profile', 'prod', '--project', 'medianest', '--out', own.dir]);
    const golden = path.join(HOME, 'test/golden/prod');
    const files = (readdirSync(golden, { recursive: true }) as string[]).filter((file) => statSync(path.join(golden, file)).isFile());
    const text = (root: string, file: string) =>
      readFileSync(path.join(root, file), 'utf8').replaceAll(/\d+(\.\d+){3}(\/\d+)?/g, 'ADDRESS');
    // Compose's own file names images by what they are made of; the golden one has fixed names.
    for (const file of files.filter((file) => file !== 'compose.yml')) expect(text(own.dir, file), file).toBe(text(golden, file));
    expect(files.length).toBeGreaterThan(40);
  });
  it('gives the same bytes in another time zone, language, umask and folder', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const [a, b] = [path.join(own.dir, 'a'), path.join(own.dir, 'b')];
    await own.run(['render', '--out', a, ...COMPOSE]);
    await own.run(['render', '--out', b, ...COMPOSE], { env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' } });
    expect(tree(b)).toEqual(tree(a));
    expect(tree(a)['compose.yml']).toBe(readFileSync(path.join(own.state, 'current/compose.yml'), 'utf8'));
    expect(statSync(path.join(a, 'edge/nginx.conf')).mode & 0o777).toBe(0o644);
  });
  it('with --out and --check writes nothing, and tells what differs there', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const out = path.join(own.dir, 'out');
    expect((await own.run(['render', '--out', out, '--check', ...COMPOSE])).status).toBe(3);
    expect((await own.run(['render', '--out', out, '--dry-run', ...COMPOSE])).status).toBe(0);
    expect(existsSync(out)).toBe(false);
    await own.run(['render', '--out', out, ...COMPOSE]);
    expect((await own.run(['render', '--out', out, '--check', ...COMPOSE])).status).toBe(0);
    appendFileSync(path.join(out, 'redis/redis.conf'), '# mine\n');
    const { status, stdout } = await own.run(['render', '--out', out, '--check', ...COMPOSE]);
    expect([status, stdout]).toEqual([3, 'redis/redis.conf\n']);
  });
  it('keeps the last five trees and no more, and no configuration that none of them names', async () => {
    const own = folder();
    for (let i = 0; i < 8; i++) await own.run(['render', '--set', `redis.memory=${64 + i}m`, ...COMPOSE]);
    const files = Object.keys(tree(own.state));
    expect(files.filter((file) => file.endsWith('manifest.json') && file.startsWith('generations/'))).toHaveLength(5);
    expect(files.filter((file) => /^config\/redis\/[0-9a-f]+\/redis\.conf$/.test(file))).toHaveLength(1);
    expect(faults(own.state)).toEqual([]);
  });
});

describe('a file that was edited by hand', () => {
  const edited = async (file: string, edit: (at: string) => void) => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const at = path.join(own.state, file);
    edit(at);
    return { own, at };
  };
  const live = (name: string) => `current/${name}`;

  it('is refused with the difference and both ways out, and stays as it is', async () => {
    const { own, at } = await edited(live('compose.yml'), (file) => appendFileSync(file, '# my own line\n'));
    const before = tree(own.state);
    const { status, stderr } = await own.run(['render', '--set', 'redis.memory=64m', ...COMPOSE]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/compose\.yml was edited by hand; nothing was changed.*\+# my own line/s);
    expect(stderr).toMatch(/compose\.override\.yml.*--overwrite/);
    expect({ ...tree(own.state), 'audit.jsonl': '' }).toEqual({ ...before, 'audit.jsonl': '' });
    expect(readFileSync(at, 'utf8')).toMatch(/# my own line\n$/);
  });
  it('is noticed by --check', async () => {
    const { own } = await edited(live('compose.yml'), (file) => appendFileSync(file, '# my own line\n'));
    const { status, stdout } = await own.run(['render', '--check', ...COMPOSE]);
    expect([status, stdout]).toEqual([3, 'compose.yml\n']);
  });
  it('is replaced with --overwrite, and the edit is kept aside', async () => {
    const { own, at } = await edited(live('compose.yml'), (file) => appendFileSync(file, '# my own line\n'));
    expect((await own.run(['render', '--overwrite', ...COMPOSE])).status).toBe(0);
    expect(readFileSync(path.join(own.state, 'edited/compose.yml'), 'utf8')).toMatch(/# my own line\n$/);
    expect(readFileSync(at, 'utf8')).not.toContain('# my own line');
    expect(faults(own.state)).toEqual([]);
    expect((await own.run(['render', '--check', ...COMPOSE])).status).toBe(0);
  });
  it('may be anything: no YAML, empty, gone, or a configuration', async () => {
    const config = (state: string) => Object.keys(tree(state)).find((file) => /^config\/redis\/.*redis\.conf$/.test(file)) ?? '';
    for (const edit of [
      (state: string) => writeFileSync(path.join(state, live('compose.yml')), 'services: [\u0000'),
      (state: string) => writeFileSync(path.join(state, live('compose.yml')), ''),
      (state: string) => rmSync(path.join(state, live('compose.yml'))),
      (state: string) => appendFileSync(path.join(state, config(state)), 'save 1 1\n'),
    ]) {
      const { own } = await edited('.', (state) => edit(state));
      const refused = await own.run(['render', '--json', ...COMPOSE]);
      expect([refused.status, json(refused.stdout).error.code]).toEqual([1, 'HAND_EDITED']);
      expect((await own.run(['render', '--overwrite', ...COMPOSE])).status).toBe(0);
      expect(faults(own.state)).toEqual([]);
    }
  });
});

describe('compose.override.yml', () => {
  it('survives every render, and Compose reads it over the rendered file', async () => {
    const own = folder();
    await own.run(['render', ...COMPOSE]);
    const file = path.join(own.state, 'compose.override.yml');
    writeFileSync(file, 'services:\n  redis:\n    cpus: 1.5\n');
    for (const value of ['64m', '65m'])
      expect((await own.run(['render', '--overwrite', '--set', `redis.memory=${value}`, ...COMPOSE])).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('services:\n  redis:\n    cpus: 1.5\n');
    const files = ['--file', path.join(own.state, 'current/compose.yml'), '--file', file];
    const { stdout } = await docker(['compose', ...files, 'config', '--format', 'json']);
    expect((json(stdout) as unknown as { services: { redis: object } }).services.redis).toMatchObject({ cpus: 1.5, mem_limit: '68157440' });
  });
  it('that is no YAML is refused with its line, and nothing is written', async () => {
    const own = folder();
    mkdirSync(own.state);
    writeFileSync(path.join(own.state, 'compose.override.yml'), 'services:\n  redis: [\n');
    const { status, stdout } = await own.run(['render', '--json']);
    expect([status, json(stdout).error]).toEqual([
      2,
      expect.objectContaining({ code: 'BAD_YAML', message: expect.stringMatching(/compose\.override\.yml:\d+:\d+/) }),
    ]);
    expect(Object.keys(tree(own.state)).filter((name) => name.startsWith('generations'))).toEqual([]);
  });
});
