import { mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SECTIONS } from '../../../src/capability/section.ts';
import { commands } from '../../../src/cli/commands.ts';
import { GLOBAL } from '../../../src/cli/global-options.ts';
import { HOME, medianest, PROGRAM, run } from '../../support/cli.ts';
import { folder, json } from '../../support/command.ts';

const here = folder();

describe('help', () => {
  it('prints the version of the package, wherever the flag stands', async () => {
    const { version } = JSON.parse(readFileSync(path.join(HOME, 'package.json'), 'utf8')) as { version: string };
    for (const args of [['--version'], ['-V'], ['--quiet', '--version']])
      expect(await medianest(args)).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });
  it.each([[[]], [['--help']], [['help']]])('%j lists every command on stdout, with an example', async (args) => {
    const { status, stdout, stderr } = await medianest(args);
    expect([status, stderr]).toEqual([0, '']);
    for (const { name } of commands) expect(stdout).toContain(`  ${name.split(' ')[0]} `);
    expect(stdout).toContain('Example: medianest ');
  });
  it.each(commands.map((command) => [command.name, command.example]))('of %s starts with an example', async (name, example) => {
    const { status, stdout, stderr } = await medianest([...name.split(' '), '--help']);
    expect([status, stderr]).toEqual([0, '']);
    const [usage, , first] = stdout.split('\n');
    expect([usage?.startsWith(`Usage: medianest ${name}`), first]).toEqual([true, `Example: ${example}`]);
  });
  it('lists the commands in groups, and the topics', async () => {
    const { stdout } = await medianest(['--help']);
    expect(stdout.match(/^\w+:$/gm)).toEqual(['Options:', ...SECTIONS.map((section) => `${section}:`)]);
    expect(stdout).not.toContain('Commands for');
    expect(stdout).toMatch(/^Topics \(medianest help topic X\):$/m);
  });
  it('folds the options that every command takes to one line, which names their topic', async () => {
    const { stdout } = await medianest(['status', '--help']);
    expect(stdout.split('\n').filter((line) => /--(profile|json|no-color)/.test(line))).toEqual([
      'Everywhere: --profile, --json, --dry-run, ... (medianest help topic options)',
    ]);
    const options = await medianest(['help', 'topic', 'options']);
    for (const [flags, , variable] of GLOBAL) expect(options.stdout).toMatch(new RegExp(`${flags.replace(/[[\]]/g, '\\$&')} +${variable}`));
  });
  it('reaches a command whose group is a topic too', async () => {
    const { status, stdout } = await medianest(['help', 'secrets', 'rotate']);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^Usage: medianest secrets rotate/)]);
    const topic = await medianest(['help', 'topic', 'secrets']);
    expect([topic.status, topic.stdout]).toEqual([0, expect.stringMatching(/^Passwords and tokens.*medianest secrets --help$/ms)]);
    expect(await medianest(['help', 'secrets'])).toEqual(topic);
  });
  it('of a group of commands lists them', async () => {
    const { status, stdout } = await medianest(['config']);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/show.*validate/s)]);
  });
});

describe('a working folder that was removed', () => {
  it.each([[['exec', 'app', 'true']], [['status']], [['up']], [['config', 'show', '--json']]])('is told by %j', async (args) => {
    const gone = mkdtempSync(path.join(os.tmpdir(), 'medianest-gone-'));
    const { status, stdout, stderr } = await run('sh', [
      '-c',
      'cd "$1" && rmdir "$1" && shift && exec "$@"',
      '-',
      gone,
      process.execPath,
      PROGRAM,
      ...args,
    ]);
    expect([status, stdout + stderr]).toEqual([1, expect.stringContaining('the working folder cannot be used (ENOENT)')]);
    expect(stdout + stderr).toContain('cd to another folder');
    expect(stdout + stderr).not.toMatch(/fault in medianest|UNEXPECTED/);
  });
  it('completes nothing', async () => {
    const gone = mkdtempSync(path.join(os.tmpdir(), 'medianest-gone-'));
    const args = [process.execPath, PROGRAM, '__complete', '3', 'bash', 'medianest'];
    expect(await run('sh', ['-c', 'cd "$1" && rmdir "$1" && shift && exec "$@"', '-', gone, ...args])).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });
});

describe('what is shown and asked before the first up', () => {
  it('is every schedule, to be run by who starts the stack', async () => {
    const own = folder('profile: prod\n');
    for (const group of ['certs', 'backup']) {
      const { status, stdout, stderr } = await own.run([group, 'schedule', 'show']);
      expect([status, stderr, stdout]).toEqual([0, '', expect.stringContaining('ExecStart=')]);
    }
  });
  it('is no password in an address', async () => {
    const own = folder('external: { plex: { url: "http://maria:planted@192.168.1.20:32400" } }\n');
    for (const more of [[], ['--json']]) {
      const { status, stdout } = await own.run(['config', 'show', ...more]);
      expect([status, stdout]).toEqual([0, expect.stringContaining('http://maria:***@192.168.1.20:32400')]);
      expect(stdout).not.toContain('planted');
    }
  });
  it('is told where it cannot be written', async () => {
    const { status, stderr } = await run('sh', ['-c', '"$@" > /dev/full', '-', process.execPath, PROGRAM, 'profiles']);
    expect([status, stderr]).toEqual([1, 'Error: the output cannot be written (ENOSPC)\nFix: the disk is full: free some space\n']);
  });
  it('is a file that cannot be read, with its owner', async () => {
    const own = folder();
    const { status, stderr } = await own.run(['backup', 'import', path.join(own.dir, 'none.tar')]);
    expect(status).not.toBe(0);
    expect(stderr).not.toMatch(/fault in medianest|UNEXPECTED/);
  });
});

describe('a command line that is wrong', () => {
  it.each([
    [
      'two places that the repository is to come from',
      ['restore', '--kit', 'k', '--archive', 'a', '--from', 'sftp'],
      /--archive and --from/,
    ],
    ['data of everybody to be sanitized', ['restore', '--sanitize'], /--sanitize is for a project of its own/],
    ['files to be sanitized', ['restore', '--into', 'look', '--sanitize', '--only', 'db,files'], /--only files: should be of db/],
    [
      'a day that does not exist, to restore',
      ['restore', '--to', '2026-02-30 10:00:00+01:00', '--into', 'look'],
      /--to .*: there is no 2026-02-30/,
    ],
    ['the same on a bare host', ['restore', '--kit', 'k', '--to', '2026-02-30 10:00Z'], /--to .*: there is no 2026-02-30/],
    ['the same since when', ['logs', '--since', '2026-02-30T10:00Z'], /--since .*: there is no 2026-02-30/],
    ['the same of the WAF', ['waf', 'log', '--since', '2026-02-30T10:00Z'], /--since .*: there is no 2026-02-30/],
    ['a time without its zone', ['logs', '--since', '2026-11-25T10:00'], /--since .*: has no time zone/],
    ['a level that is none', ['logs', '--level', 'wran'], /--level wran: is no level; did you mean `warn`/],
    ['a pattern that is none', ['logs', '--grep', '(a'], /--grep \(a: is no regular expression/],
    ['lines that are no number', ['logs', '--tail', 'few'], /--tail few: should be a number of lines/],
    ['an unknown command', ['stauts'], /unknown command 'stauts'.*\(Did you mean status\?\)/s],
    ['help about an unknown command', ['help', 'stauts'], /help stauts: there is no such command/],
    ['help about an unknown topic', ['help', 'topic', 'setings'], /help topic setings: there is no such topic/],
    ['an unknown option', ['render', '--ceck'], /unknown option '--ceck'.*\(Did you mean --check\?\)/s],
    ['an argument too many', ['status', 'x'], /too many arguments/],
    ['an argument too few', ['exec'], /missing required argument 'service'/],
    ['an option without its value', ['render', '--out'], /argument missing/],
    ['an assignment that is none', ['render', '--set', 'x'], /should be KEY=VALUE/],
    ['a wait that is no number', ['render', '--wait-lock=soon'], /--wait-lock soon: should be a number/],
    ['a count that is none', ['audit', '--last', 'few'], /--last few: should be a number/],
    ['a count of nothing', ['audit', '--last', '0'], /--last 0: should be a number/],
    ['a time that is none', ['up', '--timeout', '1h'], /--timeout 1h: should be a number/],
    ['a settings file that is not there', ['render', '--config', 'no.yml'], /no\.yml cannot be read \(ENOENT\)/],
    ['a profile that is not there', ['render', '--profile', 'dev-compos'], /did you mean `dev-compose`/],
  ] as const)('%s ends with 2, one error on stderr, and nothing on stdout', async (_name, args, message) => {
    const { status, stdout, stderr } = await here.run(args);
    expect([status, stdout, stderr.match(/^Error: /gm)?.length, stderr.match(/^Fix: /gm)?.length]).toEqual([2, '', 1, 1]);
    expect(stderr).toMatch(message);
    const asJson = await here.run([...args, '--json']);
    if (args.at(-1) !== '--out')
      expect([asJson.status, asJson.stderr, json(asJson.stdout).error.message]).toEqual([2, '', expect.stringMatching(message)]);
  });
  it('asks for JSON by variable as well, in both spellings', async () => {
    for (const value of ['1', 'true']) {
      const { stdout, stderr } = await medianest(['nope'], { env: { MEDIANEST_JSON: value } });
      expect([json(stdout).error.code, stderr]).toEqual(['USAGE', '']);
    }
  });
});

describe('a hint leads on', () => {
  const own = folder();
  it.each([
    ['the command whose option lacks its value', ['topology', '--out'], 2, /argument missing/, /medianest help topology/],
    ['the group’s command', ['secrets', 'rotate'], 2, /missing required argument/, /medianest help secrets rotate/],
    [
      'the option that named the place',
      ['topology', '--out', 'medianest.yml/x.svg'],
      1,
      /ENOTDIR|EEXIST/,
      /choose another place with --out/,
    ],
    ['the same of a schema', ['config', 'schema', '--out', 'medianest.yml/x.json'], 1, /ENOTDIR|EEXIST/, /with --out/],
    ['the same of files', ['render', '--out', 'medianest.yml'], 1, /ENOTDIR|EEXIST/, /with --out/],
    ['a profile with an edge', ['waf', 'log'], 1, /profile dev runs no edge/, /medianest profiles/],
    ['the setting of the WAF', ['waf', 'log', '--profile', 'dev-compose'], 1, /the WAF is off/, /edge\.waf\.mode/],
    [
      'the same where a rule is to be left out',
      ['waf', 'allow', '942100', '--path', '/x', '--profile', 'dev-compose'],
      1,
      /is off/,
      /edge\.waf\.mode/,
    ],
  ] as const)('to %s: %j', async (_what, args, expected, message, hint) => {
    const { status, stdout } = await own.run(['--json', ...args]);
    const { error } = json(stdout);
    expect([status, error]).toEqual([
      expected,
      expect.objectContaining({ message: expect.stringMatching(message), hint: expect.stringMatching(hint) }),
    ]);
  });
  it('and names each component once', async () => {
    const { status, stderr } = await own.run(['render', '--without', 'foo', '--profile', 'prod']);
    const known = /known here: (.*)/.exec(stderr)?.[1]?.split(', ') ?? [];
    expect([status, known.length]).toEqual([2, new Set(known).size]);
    expect(known).toContain('redis-cluster');
  });
  it('topology draws what the name of its file says', async () => {
    for (const [file, start] of [
      ['a.svg', '<svg'],
      ['a.html', '<!doctype html>'],
      ['a.mmd', 'flowchart'],
    ] as const) {
      expect((await own.run(['topology', '--out', file])).status).toBe(0);
      expect(readFileSync(path.join(own.dir, file), 'utf8').toLowerCase()).toContain(start);
    }
  });
});

describe('--json', () => {
  const own = folder();
  it.each([
    ['render', 0],
    ['render --check', 0],
    ['config show', 0],
    ['config validate', 0],
    ['profiles', 0],
    ['secrets list', 0],
    ['audit', 0],
    ['status', 0],
    ['health', 5],
    ['plan --set allInOne.port=18473', 3],
  ])('prints exactly one document: %s', async (command, expected) => {
    const { status, stdout, stderr } = await own.run([...command.split(' '), '--json', '--quiet']);
    expect([status, stderr, typeof json(stdout), stdout.endsWith('}\n')]).toEqual([expected, '', 'object', true]);
  });
});

describe('settings', () => {
  const valid = folder('edge: { httpPort: 9080 }\n');
  it('that are valid are confirmed', async () => {
    expect(await valid.run(['config', 'validate', '--profile', 'dev-compose'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^valid: .*medianest\.yml/),
    });
  });
  it.each(['dr'])('for %s end with 1: it needs what is not built yet', async (profile) => {
    const { status, stdout } = await valid.run(['render', '--profile', profile, '--json']);
    expect([status, json(stdout).error]).toEqual([
      1,
      expect.objectContaining({ code: 'NOT_BUILT_YET', message: expect.stringMatching(/needs standby, which is not built yet/) }),
    ]);
  });
  it('that are wrong end with 2, and JSON names the place', async () => {
    const wrong = folder('edge:\n  httpPrt: 1\n');
    const { status, stdout } = await wrong.run(['config', 'validate', '--json']);
    expect([status, json(stdout).error]).toEqual([2, expect.objectContaining({ code: 'INVALID_SETTINGS', path: 'medianest.yml:4' })]);
  });
  it('are found from a folder below, and are shown with their origins', async () => {
    const { stdout } = await valid.run(['config', 'show', '--json', '--set', 'edge.hsts=true'], { cwd: valid.dir });
    const { origins } = json(stdout) as unknown as { origins: Record<string, string> };
    expect(origins).toMatchObject({ 'edge.httpPort': 'medianest.yml:3', 'edge.hsts': '--set edge.hsts', 'edge.memory': 'default' });
  });
  it('take every --set, before the command and after it, and nothing else with them', async () => {
    const { stdout } = await valid.run([
      '--set',
      'edge.httpPort=1',
      'config',
      'show',
      '--json',
      '--set',
      'edge.httpsPort=2',
      '--set',
      'edge.hsts=true',
    ]);
    expect((json(stdout) as unknown as { settings: { edge: object } }).settings.edge).toMatchObject({
      httpPort: 1,
      httpsPort: 2,
      hsts: true,
    });
  });
  it('name all profiles, those that cannot run yet included', async () => {
    const { stdout } = await valid.run(['profiles', '--json']);
    const { profiles } = json(stdout) as unknown as { profiles: { name: string; missing: string[] }[] };
    expect(profiles.filter((profile) => profile.missing.length === 0).map((profile) => profile.name)).toEqual([
      'dev',
      'dev-compose',
      'prod',
      'staging',
    ]);
  });
});

describe('settings that do nothing', () => {
  const own = folder('edge: { httpsPort: 9443 }\nexternal: { plex: { url: "http://localhost:32400" } }\n');
  const env = { MEDIANEST_ALL_IN_ONE_PROT: '18474' };
  const warnings = [
    '$MEDIANEST_ALL_IN_ONE_PROT: is not a setting, and was ignored; did you mean MEDIANEST_ALL_IN_ONE_PORT?',
    'medianest.yml:3: edge.httpsPort: without effect in profile dev: the component edge is off; here it is allInOne.port',
    expect.stringMatching(/^medianest\.yml:4: external\.plex\.url: localhost:32400 is the portal’s own container/),
  ];
  it.each([
    ['config validate', 0],
    ['plan --set allInOne.port=18474', 3],
    ['up --dry-run --set allInOne.port=18474', 0],
  ])('are told by %s, on stderr and in JSON', async (line, status) => {
    const text = await own.run(line.split(' '), { env });
    expect([text.status, text.stderr.match(/^Warning: (\$MEDIANEST|medianest\.yml)/gm)?.length]).toEqual([status, 3]);
    const asJson = await own.run([...line.split(' '), '--json', '--quiet'], { env });
    expect([asJson.status, asJson.stderr, json(asJson.stdout)]).toEqual([status, '', expect.objectContaining({ warnings })]);
  });
  it('are none in the profile that they are for', async () => {
    const quiet = folder('edge: { httpsPort: 9443 }\n');
    expect(await quiet.run(['config', 'validate', '--profile', 'dev-compose'])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('every flag has a variable', () => {
  const own = folder();
  const show = async (args: string[], env: Record<string, string>) => {
    const { stdout } = await own.run(['config', 'show', '--json', ...args], { env });
    return (json(stdout) as unknown as { settings: { project: string; profile: string; components: object; edge: { httpPort: number } } })
      .settings;
  };
  it.each([
    ['MEDIANEST_PROFILE', 'dev-compose', ['--profile', 'dev'], 'profile', 'dev-compose', 'dev'],
    ['MEDIANEST_PROJECT', 'other', ['--project', 'third'], 'project', 'other', 'third'],
  ] as const)('%s, and the flag wins over it', async (name, value, flag, key, fromEnv, fromFlag) => {
    expect((await show([], { [name]: value }))[key]).toBe(fromEnv);
    expect((await show([...flag], { [name]: value }))[key]).toBe(fromFlag);
  });
  it('MEDIANEST_SET takes a line each, MEDIANEST_WITHOUT a list', async () => {
    const env = { MEDIANEST_SET: 'edge.httpPort=7\nproject=lines', MEDIANEST_WITHOUT: 'redis,edge', MEDIANEST_PROFILE: 'dev-compose' };
    expect(await show([], env)).toMatchObject({
      project: 'lines',
      edge: { httpPort: 7 },
      components: { redis: false, edge: false, app: true },
    });
  });
  it('MEDIANEST_CONFIG and MEDIANEST_STATE name a file and a folder', async () => {
    const env = { MEDIANEST_CONFIG: path.join(own.dir, 'medianest.yml'), MEDIANEST_STATE: path.join(own.dir, 'elsewhere') };
    expect((await medianest(['render'], { cwd: '/', env })).status).toBe(0);
    expect(readFileSync(path.join(own.dir, 'elsewhere/current/compose.yml'), 'utf8')).toContain('name: "mt-cli"');
  });
  it('MEDIANEST_DRY_RUN keeps everything as it is', async () => {
    const fresh = folder();
    const { status, stdout } = await fresh.run(['render'], { env: { MEDIANEST_DRY_RUN: '1' } });
    expect([status, stdout]).toEqual([0, expect.stringContaining('compose.yml')]);
    expect((await fresh.run(['render', '--check'])).status).toBe(3);
  });
});
