import { appendFileSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/hash.ts';
import {
  type AuditEntry,
  acceptAudit,
  appendAudit,
  beginAudit,
  endAudit,
  noteKilled,
  readAudit,
  verifyAudit,
} from '../../../src/state/audit.ts';
import { nextLine } from '../../../src/state/plan/audit-chain.ts';
import { HOME, run } from '../../support/cli.ts';

const entry = (command: string): AuditEntry => ({
  time: '2026-11-30T00:00:00.000Z',
  user: 'op',
  command,
  plan: 'p',
  result: 'done',
  seconds: 1,
});
const newLog = () => path.join(mkdtempSync(path.join(os.tmpdir(), 'medianest-audit-')), 'audit.jsonl');

function logOf(...commands: string[]) {
  const file = newLog();
  for (const command of commands) appendAudit(file, entry(command));
  const lines = () => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return { file, lines, write: (some: readonly string[]) => writeFileSync(file, some.map((line) => `${line}\n`).join('')) };
}

/** A program in the log's folder that may append. @returns its file */
function programThat(file: string, does: string): string {
  const program = path.join(path.dirname(file), 'append.cjs');
  buildSync({
    stdin: { contents: `import { appendAudit } from './src/state/audit.ts';\n${does}`, resolveDir: HOME, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: program,
  });
  return program;
}

describe('the chain of the audit log', () => {
  it('fits where nothing but medianest wrote, and its end can be noted elsewhere', () => {
    const { file } = logOf('a', 'b', 'c');
    const { head, ...verdict } = verifyAudit(file);
    expect(verdict).toEqual({ valid: true, entries: 3, before: 0, torn: [], problems: [] });
    appendAudit(file, entry('d'));
    expect(verifyAudit(file, head as string).valid).toBe(true);
    expect(verifyAudit(file, 'a'.repeat(64)).problems).toEqual([{ line: 4, what: expect.stringContaining('--head') }]);
    expect(readAudit(file).map(({ command }) => command)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('tells what a changed line, a removed one, one that was put in, two that changed places and a cut end are', () => {
    const text = (line: string | undefined, from: string, to: string) => (line ?? '').replace(`"${from}"`, `"${to}"`);
    const cases: [string, (lines: string[]) => string[], number][] = [
      ['changed', ([a, b, c]) => [a as string, text(b, 'b', 'x'), c as string], 2],
      ['removed', ([a, , c]) => [a as string, c as string], 2],
      ['put in, copied', ([a, b, c]) => [a, b, b, c] as string[], 3],
      ['put in, without a chain', ([a, b, c]) => [a as string, JSON.stringify(entry('x')), b as string, c as string], 3],
      ['put in at the end', (all) => [...all, JSON.stringify(entry('x'))], 4],
      ['changed places', ([a, b, c]) => [b, a, c] as string[], 1],
      ['cut off', ([a, b]) => [a, b] as string[], 2],
      ['all gone', () => [], 0],
    ];
    for (const [what, change, line] of cases) {
      const log = logOf('a', 'b', 'c');
      log.write(change(log.lines()));
      const { valid, problems } = verifyAudit(log.file);
      expect([what, valid, problems[0]?.line]).toEqual([what, false, line]);
    }
  });

  it('seals the lines of an older medianest with its first line', () => {
    const file = newLog();
    writeFileSync(file, `${JSON.stringify(entry('old'))}\n${JSON.stringify(entry('older'))}\n`);
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 0, before: 2, head: null });
    appendAudit(file, entry('new'));
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 1, before: 2 });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"older"', '"other"'));
    expect(verifyAudit(file).problems).toEqual([{ line: 3, what: 'it, or what stands before it, is not what was written' }]);
  });

  it('tells that the note of its end was removed: lines may have been cut off with it', () => {
    const log = logOf('a', 'b', 'c');
    log.write(log.lines().slice(0, 2));
    rmSync(log.file.replace(/jsonl$/, 'head'));
    expect(verifyAudit(log.file)).toMatchObject({ valid: false, problems: [{ line: 2, what: expect.stringContaining('audit.head') }] });
    // A crash after the first line of all may leave none.
    log.write(log.lines().slice(0, 1));
    expect(verifyAudit(log.file).valid).toBe(true);
  });

  it('tells of a line without a chain that an older medianest may have written it', () => {
    const { file } = logOf('a');
    appendFileSync(file, `${JSON.stringify(entry('older'))}\n`);
    appendAudit(file, entry('b'));
    expect(verifyAudit(file).problems).toEqual([{ line: 2, what: expect.stringContaining('or an older medianest') }]);
  });

  it('bears a line that a crash cut short, which takes no other line along', () => {
    const { file } = logOf('a');
    appendFileSync(file, nextLine(readFileSync(file, 'utf8'), entry('b')).line.slice(0, 50));
    appendAudit(file, entry('c'));
    expect(readAudit(file).map(({ command }) => command)).toEqual(['a', 'c']);
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 2, torn: [2] });
  });

  it('still shows a cut end after the next line', () => {
    const log = logOf('a', 'b', 'c');
    log.write(log.lines().slice(0, 1));
    appendAudit(log.file, entry('d'));
    expect(verifyAudit(log.file).problems).toEqual([{ line: 2, what: 'it, or what stands before it, is not what was written' }]);
  });

  it('bears a crash between the line and the note of its end', () => {
    const { file } = logOf('a');
    appendFileSync(file, `${nextLine(readFileSync(file, 'utf8'), entry('b')).line}\n`);
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 2 });
    appendAudit(file, entry('c'));
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 3 });
  });

  it('has the change of a process that was killed, once', () => {
    const { file } = logOf('a');
    const { time, user, plan } = entry('b');
    const begin = () => beginAudit(file, { time, user, command: 'b', plan });
    begin();
    noteKilled(file);
    noteKilled(file);
    expect(readAudit(file).map(({ command, result, error }) => [command, result, error])).toEqual([
      ['a', 'done', undefined],
      ['b', 'interrupted', 'KILLED'],
    ]);
    // Killed between its own last line and the end of the note.
    begin();
    endAudit(file, entry('b'));
    begin();
    noteKilled(file);
    expect(readAudit(file)).toHaveLength(3);
  });

  it('has the change of a killed process once where another process wrote a line since', () => {
    const { file } = logOf('a');
    const { time, user, plan } = entry('b');
    beginAudit(file, { time, user, command: 'b', plan });
    appendAudit(file, entry('b'));
    appendAudit(file, { ...entry('agent'), time: '2026-11-30T00:00:01.000Z' });
    noteKilled(file);
    expect(readAudit(file).map(({ command }) => command)).toEqual(['a', 'b', 'agent']);
  });

  it('that is accepted is kept, and another chain begins with the reason; killed in between, the same again completes it', () => {
    const log = logOf('a', 'b', 'c');
    const given = { time: '2026-11-30T00:00:01.000Z', user: 'maria', command: 'medianest audit accept', reason: 'a downgrade' };
    expect(acceptAudit(log.file, given)).toBeUndefined();
    log.write(log.lines().slice(0, 1));
    const before = readFileSync(log.file, 'utf8');
    const kept = acceptAudit(log.file, given);
    expect(readFileSync(kept as string, 'utf8')).toBe(before);
    const [first] = readAudit(log.file);
    expect(first).toMatchObject({ user: 'maria', reason: expect.stringMatching(/^a downgrade; the log before is kept as .*, SHA-256 /) });
    expect(first?.reason).toContain(sha256(before));
    expect(verifyAudit(log.file)).toMatchObject({ valid: true, entries: 1, before: 0 });
    appendAudit(log.file, entry('d'));
    expect(verifyAudit(log.file)).toMatchObject({ valid: true, entries: 2 });
    // Killed before the note of its end: the first log's end is still noted.
    writeFileSync(log.file.replace(/jsonl$/, 'head'), readFileSync((kept as string).replace(/jsonl$/, 'head')));
    expect(verifyAudit(log.file).valid).toBe(false);
    expect(() => acceptAudit(log.file, given)).toThrow('is there already');
    const again = acceptAudit(log.file, { ...given, time: '2026-11-30T00:00:02.000Z' });
    expect([again === kept, verifyAudit(log.file).valid, readFileSync(kept as string, 'utf8')]).toEqual([false, true, before]);
  });

  it('belongs to the owner of the folder, also where root writes: the owner continues it', () => {
    const file = newLog();
    const owner = { uid: process.geteuid?.() === 0 ? 65534 : statSync(path.dirname(file)).uid };
    chownSync(path.dirname(file), owner.uid, -1);
    const { time, user, plan } = entry('a');
    beginAudit(file, { time, user, command: 'a', plan });
    appendAudit(file, entry('a'));
    for (const name of ['audit.jsonl', 'audit.head', 'audit.open'])
      expect([name, statSync(path.join(path.dirname(file), name)).uid]).toEqual([name, owner.uid]);
  });

  it('notes no end of a line that a full disk cut short, and the next one continues the chain', async () => {
    const { file } = logOf('a');
    const program = programThat(file, `appendAudit(process.argv[2], ${JSON.stringify(entry('b'.repeat(3000)))});`);
    // As a disk with two blocks of 512 bytes left: a part of the line fits, and is written without an error.
    const cut = await run('sh', ['-c', 'ulimit -f 2 && exec "$0" "$@"', process.execPath, program, file]);
    expect(cut).toMatchObject({ status: 1, stderr: expect.stringContaining('EFBIG') });
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 1, torn: [2] });
    appendAudit(file, entry('c'));
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 2, torn: [2] });
  });

  it('is one chain where several processes write at once, and one of them is killed', async () => {
    const file = newLog();
    const program = programThat(
      file,
      `for (let i = 0; i < 40; i++) appendAudit(process.argv[2], { time: '', user: '', command: process.argv[3] + i, plan: '', result: 'done', seconds: 0 });`,
    );
    const writers = ['a', 'b', 'c', 'd'].map((name) =>
      run(process.execPath, [program, file, name], { onSpawn: (child) => name === 'd' && setTimeout(() => child.kill('SIGKILL'), 150) }),
    );
    const statuses = (await Promise.all(writers)).map(({ status }) => status);
    expect(statuses.slice(0, 3)).toEqual([0, 0, 0]);
    const commands = readAudit(file).map(({ command }) => command);
    for (const name of ['a', 'b', 'c']) expect(commands.filter((command) => command.startsWith(name))).toHaveLength(40);
    expect(verifyAudit(file)).toMatchObject({ valid: true, entries: commands.length, torn: [] });
  });
});
