import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { testFile, uses } from '../../../scripts/proof/files.mjs';
import { capabilitiesOf, OTHERS, SHARED, touched } from '../../../scripts/proof/touched.mjs';
import { HOME, run } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const all = (readdirSync(path.join(HOME, 'test'), { recursive: true }) as string[]).map((file) => `test/${file}`);
const TESTS = all.flatMap((file) => testFile(file) ?? []);

describe('a test file', () => {
  it('is known by its path, with its capability and its kind', () => {
    expect(testFile('test/backup/deep/backup-odd.test.ts')).toMatchObject({ capability: 'backup', kind: 'deep', alone: false });
    expect(testFile('test/cache/deep/data.alone.test.ts')).toMatchObject({ capability: 'cache', kind: 'deep', alone: true });
    expect(testFile('test/journey/prod.test.ts')).toMatchObject({ capability: 'journey', kind: 'journey' });
    for (const other of ['test/support/cli.ts', 'src/main.ts', 'test/backup/odd.test.ts', 'test/backup/slow/odd.test.ts'])
      expect(testFile(other)).toBeUndefined();
  });

  it('stands where a suite runs it, each one', () => {
    const files = all.filter((file) => file.endsWith('.test.ts') && !file.includes('.tmp/'));
    expect(files.filter((file) => !testFile(file))).toEqual([]);
    expect(TESTS.length).toBeGreaterThan(100);
  });

  it('uses what it imports, also by way of others, and what it names by path', () => {
    const files: Record<string, string> = {
      'test/a/e2e/a.test.ts': "import { b } from '../../support/b.ts';\nimport '../../../src/main.ts';",
      'test/support/b.ts': "const c = await import('./deep/c.mjs'); build('test/support/image');",
      'test/support/deep/c.mjs': "export * from '../b.ts';",
    };
    expect([...uses('test/a/e2e/a.test.ts', (file) => files[file])].sort()).toEqual([
      'test/support/b.ts',
      'test/support/deep/c.mjs',
      'test/support/image',
    ]);
  });
});

describe('a change', () => {
  it('of a comment in docker-compose.base.yml is none; of anything else in it, it is', async () => {
    const dir = temporaryFolder('base');
    const file = path.join(dir, 'docker-compose.base.yml');
    const text = readFileSync(path.join(HOME, 'docker-compose.base.yml'), 'utf8');
    const git = async (...args: string[]) =>
      (await run('git', ['-C', dir, '-c', 'user.name=x', '-c', 'user.email=x', ...args])).stdout.trim();
    await git('init', '--quiet');
    writeFileSync(file, text);
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'x');
    const commit = await git('rev-parse', 'HEAD');
    const ask = `import { changedSince } from ${JSON.stringify(path.join(HOME, 'scripts/proof/ledger.mjs'))}; console.log(JSON.stringify(changedSince('${commit}')))`;
    const changed = async (now: string) => {
      writeFileSync(file, now);
      return JSON.parse((await run('node', ['--input-type=module', '--eval', ask], { cwd: dir })).stdout) as string[];
    };
    expect(await changed(text.replace(/^#.*/, '# Another comment.').replace(' # administration', ''))).toEqual([]);
    expect(await changed(text.replace('pids_limit: 256', 'pids_limit: 255'))).toEqual(['docker-compose.base.yml']);
    expect(await changed(text.replace(/^ {2}app: .*\n/m, ''))).toEqual(['docker-compose.base.yml']);
    expect(await changed('{')).toEqual(['docker-compose.base.yml']);
  });

  const tests = [
    'test/backup/e2e/backup.test.ts',
    'test/backup/deep/odd.test.ts',
    'test/edge/e2e/edge.test.ts',
    'test/waf/deep/waf.test.ts',
    'test/members/deep/members.test.ts',
  ].flatMap((file) => testFile(file) ?? []);
  const using = (file: string) => new Set(file.includes('waf') ? ['test/support/load.ts', 'test/support/image'] : []);
  const since = (changed: string[] | undefined) =>
    touched(
      () => changed,
      tests,
      () => 'commit',
      using,
    );
  const by = (...changed: string[]) => [...since(changed).keys()].map((file) => file.split('/')[1]);

  it.each([
    ['a capability touches its own files', 'src/backup/plan/retention.ts', ['backup', 'backup']],
    ['a service touches those that it serves', 'src/services/edge/waf.ts', ['edge', 'waf']],
    ['a template touches them too', 'templates/edge/config/nginx.conf.hbs', ['edge', 'waf']],
    ['a template of a group touches what stands on it', 'templates/patroni/image/Dockerfile', ['backup', 'backup', 'members']],
    ['a test file touches itself', 'test/edge/e2e/edge.test.ts', ['edge']],
    ['a helper touches those that use it', 'test/support/load.ts', ['waf']],
    ['a file of a folder that is used too', 'test/support/image/Dockerfile', ['waf']],
    ['a helper that is not used touches nothing', 'test/support/other.ts', []],
    ['a golden file touches no stack', 'test/golden/prod/compose.yml', []],
    ['a document touches no such test', 'CHANGELOG.md', []],
  ])('of %s', (_what, file, expected) => {
    expect(by(file)).toEqual(expected);
  });

  it.each([
    ...SHARED.map((place) => (place.endsWith('/') ? `${place}x.ts` : place)),
    'src/main.ts',
    'src/services/index.ts',
    'new-thing/x',
  ])('of %s touches everything', (file) => {
    expect(by(file)).toHaveLength(tests.length);
  });

  it('that is not known touches everything', () => {
    expect(since(undefined).size).toBe(tests.length);
  });

  it('says which file it was', () => {
    expect(since(['src/backup/backup.ts', 'src/core/files.ts']).get('test/backup/e2e/backup.test.ts')).toBe('src/backup/backup.ts');
  });

  it('counts from the commit on which each file passed, and touches a file that never did', () => {
    const provenOn = (file: string) => (file.includes('backup') ? (file.includes('odd') ? 'old' : 'new') : undefined);
    const changedSince = (commit: string | undefined) => ({ old: ['src/backup/backup.ts'], new: [] })[commit ?? ''];
    expect(Object.fromEntries(touched(changedSince, tests, provenOn, using))).toEqual({
      'test/backup/deep/odd.test.ts': 'src/backup/backup.ts',
      'test/edge/e2e/edge.test.ts': 'no success is known here',
      'test/waf/deep/waf.test.ts': 'no success is known here',
      'test/members/deep/members.test.ts': 'no success is known here',
    });
  });
});

it('every file of the repository has a rule, so that none touches everything by accident', async () => {
  const files = (await run('git', ['-C', HOME, 'ls-files'])).stdout.split('\n').filter(Boolean);
  const tracked = files.filter((file) => !file.startsWith('test/'));
  expect(tracked.length).toBeGreaterThan(300);
  expect(tracked.filter((file) => capabilitiesOf(file) === 'unknown')).toEqual([]);
});

it('every rule leads to a capability that has tests, and from a place that exists', () => {
  const capabilities = new Set(TESTS.map(({ capability }) => capability));
  expect(
    Object.values(OTHERS)
      .flat()
      .filter((capability) => !capabilities.has(capability)),
  ).toEqual([]);
  const there = new Set(
    ['src', 'templates', 'docs', 'scripts', '.'].flatMap((folder) =>
      readdirSync(path.join(HOME, folder), { recursive: folder === 'src', withFileTypes: true }).map((entry) => {
        const at = path.relative(HOME, path.join(entry.parentPath, entry.name));
        return entry.isDirectory() ? `${at}/` : at;
      }),
    ),
  );
  expect(Object.keys(OTHERS).filter((place) => !there.has(place))).toEqual([]);
});
