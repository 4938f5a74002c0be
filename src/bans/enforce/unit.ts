import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists, removeTree, writeAtomic } from '../../core/files.ts';
import { hasSystemd, systemctl, UNITS } from '../../firewall/boot.ts';
import { hasTable, loadRules } from '../../firewall/nft.ts';
import { contains, unmapped } from '../../firewall/plan/addresses.ts';
import { bansTableOf } from '../../firewall/plan/bans-table.ts';
import { dropTable } from '../../firewall/plan/ruleset.ts';
import { sshSession } from '../../firewall/session.ts';
import { timedRun } from '../../schedule/timers.ts';
import { firewallBans } from '../../services/crowdsec/settings/bans-settings.ts';
import { enforcerUnit, unitText } from '../plan/unit.ts';
import { neverSpans } from './firewall-bans.ts';

const fileOf = (project: string): string => path.join(UNITS, enforcerUnit(project));

/** Has systemd keep the bans in the firewall, as long as the settings ask for that. What fails is told: the rules are confirmed by then. */
export async function kept(context: Context, project: Project): Promise<void> {
  const name = project.loaded.settings.project;
  const enforced = firewallBans(project.loaded.settings);
  try {
    if (!enforced) {
      await removed(name);
      return;
    }
    await tellOwnCut(context, project, enforced.hostPorts);
    if (hasSystemd()) await install(context, project, name);
    else context.report.note('systemd does not run here: bans stand in the firewall as long as `medianest bans enforce` runs as root');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const what = enforced ? 'bans stay at the edge alone' : 'bans are still in the firewall';
    context.report.warn(`${what}: ${error.message}; ${error.hint}`);
  }
}

/** Says that a few failed sign-ins would cut the session which this is run from: the way in that would end the ban. @param hostPorts of SSH */
export async function tellOwnCut(context: Context, project: Project, hostPorts: readonly number[]): Promise<void> {
  const session = sshSession(context.env);
  if (!session || !hostPorts.includes(session.port)) return;
  const client = unmapped(session.client);
  if (contains(await neverSpans(context, project), client)) return;
  context.report.warn(
    `this session comes from ${client}, which a ban keeps from port ${session.port}, too: name it in firewall.operators or bans.never if you sign in from it`,
  );
}

/** What of it is on this host. */
export const there = (project: string): string[] => [fileOf(project)].filter(exists);

async function install(context: Context, project: Project, name: string): Promise<void> {
  writeAtomic(fileOf(name), unitText(name, await timedRun(context, project)), 0o644, null);
  await systemctl('daemon-reload');
  await systemctl('enable', enforcerUnit(name));
  await systemctl('restart', enforcerUnit(name));
}

/** Stops it, and empties the sets. @returns the files that were there */
export async function removed(project: string): Promise<string[]> {
  const files = there(project);
  if (hasSystemd() && files.length > 0) await systemctl('disable', '--now', enforcerUnit(project));
  for (const file of files) removeTree(file);
  if (hasSystemd() && files.length > 0) await systemctl('daemon-reload');
  if (await hasTable(bansTableOf(project))) await loadRules(dropTable(bansTableOf(project)));
  return files;
}
