import { existsSync } from 'node:fs';
import path from 'node:path';
import { docker, run } from '../cli.ts';

const must = async (command: string, args: readonly string[]): Promise<string> => {
  const { status, stdout, stderr } = await run(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
};
const pid = async (container: string) => (await must('docker', ['inspect', '--format', '{{.State.Pid}}', container])).trim();

/** What a container sends goes no faster, until it starts anew. @returns what lets it go again */
export async function slow(container: string, rate: string): Promise<() => Promise<void>> {
  const tc = async (...args: string[]) => void (await must('nsenter', ['--target', await pid(container), '--net', 'tc', 'qdisc', ...args]));
  await tc('replace', 'dev', 'eth0', 'root', 'tbf', 'rate', rate, 'burst', '64kb', 'latency', '200ms');
  return () => tc('del', 'dev', 'eth0', 'root');
}

/** A folder of a container becomes a file system of this size, until it starts anew. */
export async function smallFolder(container: string, folder: string, mebibytes: number): Promise<void> {
  await must('docker', ['exec', container, 'mkdir', '-p', folder]);
  const mount = ['mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0777`, 'tmpfs', folder];
  await must('nsenter', ['--target', await pid(container), '--mount', '--', ...mount]);
}

/** Files below a folder and how large each is: WAL and the database’s parts, whose names are the same here and there. */
export type Sizes = Map<string, number>;
const FIND = ['-type', 'f', '!', '-name', '*.info*', '!', '-name', '*.tmp', '-printf', '%s %P\n'];
const sizes = (found: string): Sizes =>
  new Map(
    found
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(line.indexOf(' ') + 1), Number(line.split(' ')[0])]),
  );
export const sizesIn = async (container: string, folder: string): Promise<Sizes> =>
  sizes(await must('docker', ['exec', container, 'find', folder, '-ignore_readdir_race', ...FIND]));
/** Of a folder here, also while no container looks into it. */
export const sizesHere = async (folder: string): Promise<Sizes> =>
  existsSync(folder) ? sizes(await must('find', [folder, '-ignore_readdir_race', ...FIND])) : new Map();

/** Files that are begun and not whole. */
export const half = (part: Sizes, whole: Sizes): string[] =>
  [...part].filter(([name, size]) => size < (whole.get(name) ?? 0)).map(([name]) => name);

/** Where the engine keeps a volume. */
export const volumeFolder = async (volume: string, ...below: string[]): Promise<string> =>
  path.join((await docker(['volume', 'inspect', '--format', '{{.Mountpoint}}', volume])).stdout.trim(), ...below);
