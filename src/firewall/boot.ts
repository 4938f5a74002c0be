import { existsSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree, writeAtomic } from '../core/files.ts';
import { runProgram } from '../docker/compose.ts';
import { bootRules, bootUnit, unitName } from './plan/unit.ts';

export const UNITS = '/etc/systemd/system';

const unitFile = (project: string): string => path.join(UNITS, unitName(project));

/** systemd runs here and has the same network: what it loads is what was tried. */
export const hasSystemd = (): boolean =>
  existsSync('/run/systemd/system') && readlinkSync('/proc/self/ns/net') === readOptionalLink('/proc/1/ns/net');

/** Only root may look. */
function readOptionalLink(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

/** Whether the confirmed rules are loaded after a reboot; undefined where systemd does not run, or this user may not look. */
export function bootState(project: string, confirmed: string | undefined): 'installed' | 'missing' | undefined {
  if (!hasSystemd()) return undefined;
  return exists(unitFile(project)) && readOptional(bootRules(project)) === confirmed ? 'installed' : 'missing';
}

/** What of it is there. */
export const bootFiles = (project: string): string[] => [unitFile(project), bootRules(project)].filter(exists);

/** Has systemd load these rules at each start of the host. @returns the unit, or undefined where systemd does not run */
export async function installBoot(project: string, rules: string): Promise<string | undefined> {
  if (!hasSystemd()) return undefined;
  writeAtomic(bootRules(project), rules, 0o600, null);
  writeAtomic(unitFile(project), bootUnit(project, nftPath()), 0o644, null);
  await systemctl('daemon-reload');
  await systemctl('enable', unitName(project));
  // Active, so that a restart of nftables.service restarts it too.
  await systemctl('restart', unitName(project));
  return unitName(project);
}

export async function removeBoot(project: string): Promise<string[]> {
  const files = bootFiles(project);
  if (hasSystemd() && files.includes(unitFile(project))) await systemctl('disable', '--now', unitName(project));
  for (const file of files) removeTree(file);
  if (hasSystemd() && files.length > 0) await systemctl('daemon-reload');
  return files;
}

const nftPath = (): string => ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'].find((file) => existsSync(file)) ?? '/usr/sbin/nft';

/** @throws UserError PARTIAL */
export async function systemctl(...args: string[]): Promise<void> {
  const { exitCode, tail } = await runProgram('systemctl', args);
  if (exitCode === 0) return;
  throw new UserError(
    'PARTIAL',
    `systemctl ${args.join(' ')}: ${tail.slice(-2).join(' ') || exitCode}`,
    'the rules are loaded until the host restarts; journalctl -xe says more',
  );
}
