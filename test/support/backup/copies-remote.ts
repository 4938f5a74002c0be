import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Copy } from '../../../src/backup/copies-service/copy.ts';
import { type Ran, type Run, runner } from '../../../src/backup/copies-service/programs.ts';

const done = (stdout = ''): Ran => ({ status: 0, stdout, stderr: '' });
const refused = (stderr: string, status = 1): Ran => ({ status, stdout: '', stderr });
const lines = (names: readonly string[]) => names.map((name) => `${name}\n`).join('');

/** A repository and a place for its copy, two folders: rclone works between them, restic does nothing and is recorded. */
export interface CopiesRemote {
  copy: Copy;
  /** Every call of rclone and restic, with paths of here as `HERE` and `WORK`, those that only look left out. */
  calls: string[];
  /** Answers a call that begins so, instead of doing it; undefined does it. Asked before each call. */
  answer: (call: string) => Ran | undefined;
  here(...below: string[]): string;
  there(...below: string[]): string;
  fact(name: string): string | undefined;
  put(file: string, text: string): void;
  /** Files below a folder: `path` -> content. */
  files(root: string): Record<string, string>;
  destroy(): void;
}

const LOOKS = /^(rclone (lsf|cat|hashsum|about|size)|restic (cat config|snapshots))/;

export function copiesRemote(): CopiesRemote {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-copies-'));
  const places = { here: path.join(root, 'here'), facts: path.join(root, 'facts'), work: path.join(root, 'work') };
  const remote = path.join(root, 'there');
  for (const folder of [places.here, places.facts, path.join(places.work, 'sftp'), remote]) mkdirSync(folder, { recursive: true });
  const real = runner({ LC_ALL: 'C' });
  const at = (text: string) => text.replace(/^sftp:/, `${remote}/`);
  const files = (folder: string): Record<string, string> =>
    Object.fromEntries(
      (readdirSync(folder, { recursive: true }) as string[])
        .filter((file) => statSync(path.join(folder, file)).isFile())
        .sort()
        .map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]),
    );

  const rclone = (command: string, args: readonly string[]): Ran => {
    const flag = (name: string) => args[args.indexOf(name) + 1] ?? '';
    const [last, before] = [at(args.at(-1) ?? ''), at(args.at(-2) ?? '')];
    switch (command) {
      case 'lsf': {
        if (!existsSync(last)) return refused('directory not found', 3);
        if (args.includes('--recursive')) return done(lines(Object.entries(files(last)).map(([file, text]) => `${text.length} ${file}`)));
        const folders = (name: string) => statSync(path.join(last, name)).isDirectory();
        if (args.includes('--dirs-only')) return done(lines(readdirSync(last).filter(folders)));
        if (args.includes('--files-only')) return done(lines(readdirSync(last).filter((name) => name.includes('.info'))));
        return done(lines(readdirSync(last).map((name) => (folders(name) ? `${name}/` : name))));
      }
      case 'cat':
        return existsSync(last) ? done(readFileSync(last, 'utf8')) : refused('object not found', 3);
      case 'copyto':
        mkdirSync(path.dirname(last), { recursive: true });
        cpSync(before, last);
        return done();
      case 'copy': {
        const listed = args.includes('--files-from-raw')
          ? readFileSync(flag('--files-from-raw'), 'utf8').split('\n').filter(Boolean)
          : undefined;
        const wanted = (file: string) =>
          args.includes('--include') ? file === flag('--include') : !args.includes('--exclude') || !file.startsWith('backup.manifest');
        for (const file of listed ?? Object.keys(files(before)).filter(wanted)) cpSync(path.join(before, file), path.join(last, file));
        return done();
      }
      case 'purge':
        rmSync(last, { recursive: true });
        return done();
      case 'deletefile':
        rmSync(last);
        return done();
      case 'delete':
        for (const file of readFileSync(flag('--files-from-raw'), 'utf8').split('\n').filter(Boolean)) rmSync(path.join(last, file));
        return done();
      case 'size': {
        const all = Object.values(files(remote));
        return done(JSON.stringify({ count: all.length, bytes: all.reduce((sum, text) => sum + text.length, 0), sizeless: 0 }));
      }
      case 'check': {
        const differing = Object.entries(files(before)).flatMap(([file, text]) =>
          existsSync(path.join(last, file)) && readFileSync(path.join(last, file), 'utf8') === text ? [] : [file],
        );
        if (args.includes('--differ')) writeFileSync(flag('--differ'), lines(differing));
        return differing.length === 0
          ? done()
          : refused(differing.map((file) => `1970/01/01 00:00:00 ERROR : ${file}: differs`).join('\n'));
      }
      default:
        return done();
    }
  };

  const world: CopiesRemote = {
    calls: [],
    answer: () => undefined,
    here: (...below) => path.join(places.here, ...below),
    there: (...below) => path.join(remote, ...below),
    fact: (name) => {
      const file = path.join(places.facts, 'sftp', name);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
    put: (file, text) => {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
    files,
    destroy: () => rmSync(root, { recursive: true }),
    copy: { name: 'sftp', folders: ['pgbackrest'], places, run: (...call) => run(...call) },
  };
  const run: Run = async (program, args, options) => {
    if (program !== 'rclone' && program !== 'restic') return real(program, args, options);
    const said = [program, ...args.filter((arg) => arg !== '--no-cache')].join(' ');
    const call = said.replaceAll(places.here, 'HERE').replaceAll(places.work, 'WORK');
    if (!LOOKS.test(call)) world.calls.push(call);
    const answer = world.answer(call);
    if (answer) return answer;
    if (program === 'rclone') return rclone(args[0] ?? '', args.slice(1));
    return done(args.includes('snapshots') ? '[]' : '');
  };
  return world;
}

export const failed = (stderr: string): Ran => refused(stderr);
export const said = (stdout: string): Ran => done(stdout);
