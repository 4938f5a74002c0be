import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { folder, json, tree } from '../../support/command.ts';

const own = folder('profile: dev-compose\n');
/** No engine answers there. */
const env = { DOCKER_HOST: 'unix:///none.sock' };
const medianest = (...args: string[]) => own.run(['audit', 'report', ...args], { env });
const file = (name: string) => path.join(own.dir, name);

interface Told {
  files: string[];
  counts: Record<string, number>;
  points: { id: string; verdict: string; evidence: string }[];
}

beforeAll(async () => {
  expect((await own.run(['render'], { env })).status).toBe(0);
});

describe('without an engine', () => {
  it('ends well, tells once why nothing can be told of containers, and judges what it can', async () => {
    const before = tree(own.dir);
    const { status, stdout } = await medianest();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^mt-cli: .*\d+ cannot tell/);
    expect(stdout.match(/none\.sock does not answer/g)).toHaveLength(1);
    expect(stdout).toContain('not judged, because they have no container:');
    expect(tree(own.dir)).toEqual(before);
  });
  it('says nothing of containers but that it cannot tell', async () => {
    const { points } = json(await medianest('--json').then(({ stdout }) => stdout)) as unknown as Told;
    const containers = points.filter(({ id }) => /^cis-(4\.1|4\.6|4\.10|5\.[45]|5\.1\d|5\.32)$/.test(id));
    expect(containers.length).toBeGreaterThan(10);
    expect(new Set(containers.map(({ verdict }) => verdict))).toEqual(new Set(['cannot-tell']));
    expect(points.find(({ id }) => id === 'gdpr-32-1-b-secrets')).toMatchObject({ verdict: 'met' });
  });
  it('ends with 5 where it is to be strict', async () => {
    expect((await medianest('--strict')).status).toBe(5);
  });
});

describe('what it writes', () => {
  it('is its owner’s alone, and what is written is printed', async () => {
    const { status, stdout } = await medianest('--html', 'page.html', '--out', 'data.json');
    expect([status, stdout]).toEqual([0, expect.stringContaining(`${file('page.html')}\n${file('data.json')}`)]);
    expect([file('page.html'), file('data.json')].map((name) => statSync(name).mode & 0o777)).toEqual([0o600, 0o600]);
    expect(readFileSync(file('page.html'), 'utf8')).toMatch(/<h1>mt-cli: compliance<\/h1>/);
    expect(JSON.parse(readFileSync(file('data.json'), 'utf8'))).toMatchObject({ project: 'mt-cli', standards: [{ id: 'cis' }, {}, {}] });
    // Both are known as reports, so the next run may replace them.
    expect((await medianest('--html', 'page.html', '--out', 'data.json')).status).toBe(0);
  });
  it('goes into a folder by the day’s name', async () => {
    mkdirSync(file('out'));
    expect((await medianest('--html', 'out')).status).toBe(0);
    expect(readdirSync(file('out'))).toEqual([expect.stringMatching(/^mt-cli-compliance-\d{4}-\d\d-\d\d\.html$/)]);
  });
  it.each([
    ['--html', 'mine.html', '<!doctype html><title>mine</title>'],
    ['--out', 'mine.json', '{"points":3}'],
    ['--out', 'broken.json', '{'],
  ])('%s replaces nothing else: %s', async (flag, name, text) => {
    writeFileSync(file(name), text);
    const refused = await medianest(flag, name, '--json');
    expect([refused.status, json(refused.stdout).error.code]).toEqual([1, 'FILE_UNUSABLE']);
    expect(readFileSync(file(name), 'utf8')).toBe(text);
    expect((await medianest(flag, name, '--force')).status).toBe(0);
    expect(readFileSync(file(name), 'utf8')).not.toBe(text);
  });
  it('is neither of them where one of both cannot be written', async () => {
    mkdirSync(file('folder'));
    const { status, stderr } = await medianest('--html', 'none.html', '--out', 'folder');
    expect([status, stderr]).toEqual([1, expect.stringContaining('is no file')]);
    expect(existsSync(file('none.html'))).toBe(false);
  });
  it('is nothing in a dry run', async () => {
    const { stdout } = await medianest('--html', 'dry.html', '--dry-run');
    expect(stdout).toContain(`would write ${file('dry.html')}`);
    expect(existsSync(file('dry.html'))).toBe(false);
  });
});

it('a mistake in the settings ends it', async () => {
  const wrong = folder('edge: { connections: 64 }\nprofil: prod\n');
  expect((await wrong.run(['audit', 'report'], { env })).status).toBe(2);
});

it('a damaged state folder is told, and hides nothing else', async () => {
  const damaged = folder('profile: dev-compose\n');
  expect((await damaged.run(['render'], { env })).status).toBe(0);
  writeFileSync(path.join(damaged.state, 'current/manifest.json'), '{');
  const { status, stdout } = await damaged.run(['audit', 'report'], { env });
  expect([status, stdout]).toEqual([0, expect.stringContaining('cis-1.1.2')]);
});
