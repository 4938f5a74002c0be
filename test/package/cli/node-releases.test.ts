import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { HOME, PROGRAM, type Run, run } from '../../support/cli.ts';
import { type Folder, folder, tree } from '../../support/command.ts';
import { type NodeRelease, nodeReleases } from '../../support/nodes.ts';

const PROFILES = ['dev', 'dev-compose', 'staging', 'prod'];
/** Commands that need no engine: what they print, say and exit with is compared. */
const COMMANDS = [
  ['--version'],
  ['--help'],
  ['profiles', '--json'],
  ['config', 'show'],
  ['config', 'show', '--json', '--profile', 'prod'],
  ['config', 'schema'],
  ['config', 'validate', '--profile', 'staging'],
  ['topology', '--profile', 'prod'],
  ['secrets', 'list', '--profile', 'prod'],
  ['certs', 'status', '--json', '--profile', 'dev-compose'],
  ['completion', 'bash'],
  ['help', 'scripts'],
  ['render', '--profile', 'dr'],
  ['render', '--set', 'edge.httpPort=none'],
  ['no-such-command'],
];

/** A command under one release of Node.js, without the settings of the shell that runs the tests. */
function under(node: NodeRelease, own: Folder, args: readonly string[]): Promise<Run> {
  const settings = Object.keys(process.env).filter((name) => name.startsWith('MEDIANEST_') || name.startsWith('NODE_'));
  return run(node.program, [PROGRAM, ...args], {
    cwd: own.dir,
    env: { ...Object.fromEntries(settings.map((name) => [name, undefined])), DOCKER_HOST: 'unix:///nonexistent' },
  });
}

describe('releases of Node.js', () => {
  let releases: NodeRelease[] = [];
  let oldest: NodeRelease;
  let own: Folder;
  const trees: Record<string, Record<string, string>> = {};
  const answers: Run[] = [];
  const render = async (node: NodeRelease, profile: string) => {
    const out = path.join(own.dir, `out-${node.version}-${profile}`);
    const { status, stderr } = await under(node, own, ['render', '--profile', profile, '--out', out]);
    expect([node.version, profile, status, stderr]).toEqual([node.version, profile, 0, '']);
    return tree(out);
  };

  beforeAll(async () => {
    releases = nodeReleases();
    oldest = releases[0] as NodeRelease;
    own = folder();
    for (const profile of PROFILES) {
      // Makes the passwords and certificates that all of them render.
      expect((await under(oldest, own, ['render', '--profile', profile])).status).toBe(0);
      trees[profile] = await render(oldest, profile);
    }
    for (const args of COMMANDS) answers.push(await under(oldest, own, args));
  }, 600_000);

  it('are the oldest that package.json and the scripts take, and all even ones up to what they do not', async () => {
    const { engines } = JSON.parse(readFileSync(path.join(HOME, 'package.json'), 'utf8')) as { engines: { node: string } };
    const [, lowest = '', end = ''] = /^>=(\d+\.\d+) <(\d+)$/.exec(engines.node) ?? [];
    expect(oldest.version).toBe(`${lowest}.0`);
    expect(readFileSync(path.join(HOME, 'scripts/prepare.sh'), 'utf8')).toContain(`needs ${lowest} or newer`);
    const majors = releases.map(({ version }) => Number.parseInt(version, 10));
    expect(majors).toEqual(majors.map((_, index) => Number.parseInt(lowest, 10) + 2 * index));
    expect(majors.at(-1)).toBe(Number(end) - 1);
    for (const { program, version } of releases) expect((await run(program, ['--version'])).stdout).toBe(`v${version}\n`);
  });

  it('have all that our sources take from their modules', async () => {
    const taken: Record<string, Set<string>> = {};
    for (const name of readdirSync(path.join(HOME, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))) {
      const text = readFileSync(path.join(HOME, 'src', name), 'utf8');
      for (const [, names = '', module = ''] of text.matchAll(/^import \{([^}]*)\} from '(node:[^']+)'/gm)) {
        const values = names.split(',').map((entry) => entry.trim().replace(/ as .*/s, ''));
        taken[module] = new Set([...(taken[module] ?? []), ...values.filter((entry) => entry && !entry.startsWith('type '))]);
      }
    }
    expect(Object.keys(taken)).toEqual(expect.arrayContaining(['node:fs', 'node:crypto', 'node:timers/promises']));
    const asked = JSON.stringify(Object.entries(taken).map(([module, names]) => [module, [...names]]));
    const lacking = `process.stdout.write(JSON.stringify(${asked}.flatMap(([module, names]) =>
      names.filter((name) => !(name in require(module))).map((name) => module + ' ' + name))))`;
    for (const { program, version } of releases) expect([version, (await run(program, ['-e', lacking])).stdout]).toEqual([version, '[]']);
  });

  it('render the same bytes for every profile', async () => {
    expect(Object.keys(trees.prod ?? {}).length).toBeGreaterThan(40);
    for (const node of releases.slice(1)) {
      for (const profile of PROFILES)
        expect(await render(node, profile), `${profile} with Node.js ${node.version}`).toEqual(trees[profile]);
    }
  }, 240_000);

  it('print the same, say the same and exit with the same', async () => {
    for (const [index, args] of COMMANDS.entries()) {
      const others = await Promise.all(releases.slice(1).map(async (node) => [node.version, await under(node, own, args)]));
      expect(others, args.join(' ')).toEqual(releases.slice(1).map(({ version }) => [version, answers[index]]));
    }
    expect(answers.filter(({ status }) => status === 0).length).toBeGreaterThan(10);
    expect(answers.map(({ stderr }) => stderr).join('')).not.toMatch(/warning|deprecat/i);
  }, 240_000);

  // One of the same major version would take the cache of another, and fail: V8 compares too little.
  it('each have a code cache of their own, which the first command writes', async () => {
    const ask = `const { load, cacheFile } = require(${JSON.stringify(path.join(HOME, 'dist/launch.cjs'))});
      process.stdout.write(JSON.stringify([cacheFile('main'), load('main').script.cachedDataRejected ?? 'no cache']));`;
    const files = new Set<string>();
    for (const { program, version } of [{ program: process.execPath, version: process.versions.node }, ...releases]) {
      await run(program, [path.join(HOME, 'bin/medianest.js'), 'profiles']);
      const [file, rejected] = JSON.parse((await run(program, ['-e', ask])).stdout) as [string, boolean | string];
      expect([version, path.basename(file).includes(`.v${version}-`), existsSync(file), rejected]).toEqual([version, true, true, false]);
      files.add(file);
    }
    expect(files.size).toBe(new Set([process.versions.node, ...releases.map(({ version }) => version)]).size);
  });
});
