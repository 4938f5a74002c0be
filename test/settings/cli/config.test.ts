import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folder, json } from '../../support/command.ts';
import { LanguageServer } from '../../support/language-server.ts';

describe('config schema in an editor with a YAML language server', () => {
  const server = new LanguageServer();
  const own = folder();
  let line = '';
  const open = async (name: string, text: string) => {
    const uri = pathToFileURL(path.join(own.dir, name)).href;
    return { uri, problems: await server.open(uri, `${line}\n${text}`) };
  };
  beforeAll(async () => {
    const { stdout } = await own.run(['config', 'schema', '--out', 'schema.json']);
    line = (stdout.split('\n')[1] as string).replace('=schema.json', `=${pathToFileURL(path.join(own.dir, 'schema.json')).href}`);
    await server.start();
  });
  afterAll(() => server.stop());

  it('completes keys, names of components, and values', async () => {
    const { uri } = await open('a.yml', 'edge:\n  ht\ncomponents:\n  \nprofile: \n');
    expect(await server.complete(uri, 2, 4)).toEqual(expect.arrayContaining(['httpPort', 'httpsPort']));
    expect(await server.complete(uri, 4, 2)).toEqual(expect.arrayContaining(['edge', 'postgres']));
    expect(await server.complete(uri, 5, 9)).toEqual(expect.arrayContaining(['prod', 'dev-compose']));
  });
  it('explains what the cursor is on', async () => {
    const { uri } = await open('b.yml', 'edge:\n  hsts: true\n');
    expect(await server.hover(uri, 2, 4)).toContain('Strict-Transport-Security');
  });
  it('marks what is wrong, and nothing of what is right', async () => {
    expect((await open('c.yml', 'edge: { httpsPort: 70000 }\nedg: {}\n')).problems).toEqual([
      expect.stringContaining('65535'),
      expect.stringContaining('edg'),
    ]);
    expect((await open('d.yml', 'version: 3\nedge: { waf: { mode: block } }\n')).problems).toEqual([]);
  });
});

describe('config migrate', () => {
  const OLD = 'edge:\n  # few\n  connections: 7\n';
  it('writes the file in the newest version, keeps the old one and its mode, and is noted', async () => {
    const own = folder(OLD);
    const file = path.join(own.dir, 'medianest.yml');
    const before = readFileSync(file, 'utf8');
    const planned = await own.run(['config', 'migrate', '--dry-run']);
    expect([planned.stdout, readFileSync(file, 'utf8')]).toEqual([
      expect.stringContaining('edge.connections is now edge.connectionsPerClient'),
      before,
    ]);
    const meant = async () => json((await own.run(['config', 'show', '--json'])).stdout).settings;
    const settings = await meant();
    const { stdout, status } = await own.run(['config', 'migrate', '--json']);
    expect([status, json(stdout)]).toEqual([0, expect.objectContaining({ result: 'migrated', from: 1, to: 3, kept: `${file}.v1` })]);
    expect(readFileSync(file, 'utf8')).toBe(before.replace('version: 1', 'version: 3').replace('connections', 'connectionsPerClient'));
    expect([readFileSync(`${file}.v1`, 'utf8'), statSync(file).mode]).toEqual([before, statSync(`${file}.v1`).mode]);
    expect(await meant()).toEqual(settings);
    expect((await own.run(['config', 'migrate'])).stdout).toContain('nothing to do');
    expect((await own.run(['audit'])).stdout).toContain('config migrate');
  });
  it('follows a link to the file, and never overwrites what it kept before', async () => {
    const own = folder(OLD);
    const real = path.join(own.dir, 'real.yml');
    writeFileSync(real, OLD);
    writeFileSync(`${real}.v1`, 'mine');
    symlinkSync('real.yml', path.join(own.dir, 'link.yml'));
    expect((await own.run(['config', 'migrate', '--config', 'link.yml'])).status).toBe(0);
    expect(readFileSync(`${real}.v1`, 'utf8')).toBe('mine');
    expect(readdirSync(own.dir).sort()).toEqual(['.medianest', 'link.yml', 'medianest.yml', 'real.yml', 'real.yml.v1', 'real.yml.v1.2']);
  });
  it('has nothing to do without a file, and says so', async () => {
    const { status, stdout } = await folder().run(['config', 'migrate', '--json'], { cwd: '/' });
    expect([status, json(stdout).error.code]).toEqual([2, 'USAGE']);
  });
});

it('config show has each origin near its value, however long another value is', async () => {
  const { stdout } = await folder('profile: prod\n').run(['config', 'show']);
  expect(stdout).toMatch(/^agent\.hungSeconds: +30 {1,30}# default$/m);
  expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeGreaterThan(200);
});
