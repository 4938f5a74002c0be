import { systemCode, UserError } from '../core/errors.ts';
import { type RunResult, runProgram } from '../docker/compose.ts';
import { canonicalListing, secondsLeft } from './plan/listing.ts';

/** Where nft is for those whose PATH does not say: not root's, or that of a job. */
const SBIN = '/usr/sbin:/sbin:/usr/local/sbin';

/** @throws UserError HOST_UNFIT where it is not installed */
async function run(program: string, args: readonly string[], input?: string): Promise<RunResult> {
  const env = { PATH: `${process.env.PATH ?? ''}:${SBIN}` };
  try {
    return await runProgram(program, args, { env, ...(input !== undefined && { input }) });
  } catch (error) {
    if (error instanceof UserError && systemCode(error.cause) === 'ENOENT')
      throw new UserError(
        'HOST_UNFIT',
        `${program} is not installed; nothing was changed`,
        `install the package ${program === 'nft' ? 'nftables' : 'util-linux'}, for example: sudo apt install nftables`,
        { cause: error },
      );
    throw error;
  }
}

const refused = (what: string, { exitCode, tail }: RunResult): UserError =>
  new UserError(
    'HOST_UNFIT',
    `nft ${what}: ${tail.slice(-4).join(' ').trim() || `status ${exitCode}`}; nothing was changed`,
    'see whether the kernel has nf_tables (`sudo nft list tables`), and `medianest firewall plan --rules`',
  );

/** Why this process may not ask the kernel, or undefined. */
export const notRoot = (): string | undefined => (process.geteuid?.() === 0 ? undefined : 'only root can read them');

/** @throws UserError USAGE */
export function requireRoot(): void {
  if (notRoot() === undefined) return;
  throw new UserError('USAGE', 'only root may change the rules of the kernel; nothing was changed', 'run the same command with sudo');
}

/** Whether nft takes these rules; the kernel keeps what it has. @throws UserError HOST_UNFIT */
export async function checkRules(text: string): Promise<void> {
  const result = await run('nft', ['-c', '-f', '-'], text);
  if (result.exitCode !== 0) throw refused('refuses the rules', result);
}

/** Loads rules in one transaction: all of them, or none. @throws UserError HOST_UNFIT */
export async function loadRules(text: string): Promise<void> {
  const result = await run('nft', ['-f', '-'], text);
  if (result.exitCode !== 0) throw refused('refuses the rules', result);
}

/** What the kernel has of a table; undefined where it has none. @throws UserError HOST_UNFIT where it cannot be told */
export async function listed(table: string): Promise<string | undefined> {
  const result = await run('nft', ['-s', 'list', 'table', 'inet', table]);
  if (result.exitCode === 0) return canonicalListing(result.stdout);
  if (result.tail.some((line) => line.includes('No such file or directory'))) return undefined;
  throw refused('cannot list the rules', result);
}

/** Whether the kernel has a table of this name: costs nothing, whatever is in it. @throws UserError HOST_UNFIT */
export async function hasTable(table: string): Promise<boolean> {
  const result = await run('nft', ['list', 'tables', 'inet']);
  if (result.exitCode !== 0) throw refused('cannot list the tables', result);
  return result.stdout.split('\n').includes(`table inet ${table}`);
}

/** A table with all that is in its sets, as JSON; undefined where there is none. @throws UserError HOST_UNFIT where it cannot be told */
export async function tableJson(table: string): Promise<string | undefined> {
  if (!(await hasTable(table))) return undefined;
  const result = await run('nft', ['-j', 'list', 'table', 'inet', table]);
  if (result.exitCode !== 0) throw refused('cannot list the rules', result);
  return result.stdout;
}

/** Seconds for which the kernel still tries this table's rules; undefined where there is no such table. @throws UserError HOST_UNFIT */
export async function trialLeft(table: string): Promise<number | undefined> {
  const result = await run('nft', ['-j', 'list', 'set', 'inet', table, 'trial']);
  if (result.exitCode === 0) return secondsLeft(result.stdout);
  if (result.tail.some((line) => line.includes('No such file or directory'))) return undefined;
  throw refused('cannot list the rules', result);
}

/** In a network namespace of its own the same nft and kernel say how they print these rules: no listing of an older nft is kept. */
export async function printedAs(text: string, table: string): Promise<string> {
  const script = 'nft -f - && exec nft -s list table inet "$0"';
  const result = await run('unshare', ['--net', '--', 'sh', '-c', script, table], text);
  if (result.exitCode === 0) return canonicalListing(result.stdout);
  throw refused('cannot print the rules', result);
}
