import { existsSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree, writeAtomic } from '../core/files.ts';
import { runProgram } from '../docker/compose.ts';
import { tableOf } from './plan/ruleset.ts';
import { type Boot, bootOf, bootRules, bootUnit, unitName } from './plan/unit.ts';

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

/** What systemd does for the confirmed rules; undefined where it does not run, or this user may not look. */
export async function bootState(project: string, confirmed: string | undefined): Promise<Boot | undefined> {
  if (!hasSystemd()) return undefined;
  const same = readOptional(unitFile(project)) === unitText(project) && readOptional(bootRules(project)) === confirmed;
  const shown = await runProgram('systemctl', ['show', '--property=ActiveState,SubState,UnitFileState', unitName(project)]);
  return bootOf(same ? 'same' : 'other', shown.exitCode === 0 ? shown.stdout : undefined);
}

/** What of it is there. */
export const bootFiles = (project: string): string[] => [unitFile(project), bootRules(project)].filter(exists);

/** Has systemd load these rules at each start of the host. @returns the unit, or undefined where systemd does not run */
export async function installBoot(project: string, rules: string): Promise<string | undefined> {
  if (!hasSystemd()) return undefined;
  writeAtomic(bootRules(project), rules, 0o600, null);
  writeAtomic(unitFile(project), unitText(project), 0o644, null);
  await systemctl('daemon-reload');
  await systemctl('enable', unitName(project));
  // It loads what stands there now, and watches from now on.
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

const unitText = (project: string): string => bootUnit(project, nftPath(), tableOf(project));

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
