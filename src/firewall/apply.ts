import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, removeTree } from '../core/files.ts';
import { bootFiles, installBoot, removeBoot } from './boot.ts';
import { checkRules, listed, loadRules, notRoot, requireRoot, trialLeft } from './nft.ts';
import { tableState } from './observe.ts';
import { mayReach, type Policy } from './plan/policy.ts';
import { dropTable, ruleset, suspend, tableOf, trialRuleset, trialTableOf, unsuspend } from './plan/ruleset.ts';
import { sshSession } from './session.ts';
import { changing, firewallFolder, hasFirewall, readRules, removeRules, rulesFile, writeRules } from './store.ts';

export type Applied = { state: 'active'; changed: boolean; unit: string | null } | { state: 'trial'; until: string; seconds: number };

/** Refuses rules that cut the session which they are loaded from. @throws UserError CONFIRMATION_NEEDED */
export function refuseOwnCut(context: Context, policy: Policy): void {
  const session = sshSession(context.env);
  if (!session || mayReach(policy, session.client, session.server, session.port)) return;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    `this session comes from ${session.client} to port ${session.port}, which these rules refuse; nothing was changed`,
    'add that address to firewall.operators and name them in firewall.ports, or run the same command with --force: without a confirmation the rules end by themselves',
  );
}

/**
 * Loads the rules for so many seconds, in one transaction with what is in force: the kernel itself ends the trial and returns to that.
 * Rules that were confirmed before are loaded as they are.
 */
export async function apply(
  context: Context,
  project: Project,
  policy: Policy,
  asked: { seconds: number; force: boolean },
): Promise<Applied> {
  requireRoot();
  if (!asked.force) refuseOwnCut(context, policy);
  const { state } = project;
  const name = policy.project;
  const wanted = ruleset(policy);
  await checkRules(wanted);
  return changing(context, state, 'firewall apply', async () => {
    const confirmed = readRules(state, 'confirmed');
    const table = await tableState(name, confirmed?.text);
    if (confirmed?.text === wanted) {
      const changed = table !== 'as confirmed' || (await trialLeft(trialTableOf(name))) !== undefined;
      if (changed) await loadRules(wanted + dropTable(trialTableOf(name)));
      removeRules(state, 'trial');
      const unit = await installBoot(name, readOptional(rulesFile(state, 'confirmed')) ?? '');
      await keepBeside(context, project);
      return { state: 'active', changed, unit: unit ?? null };
    }
    const until = new Date(context.clock.now().getTime() + asked.seconds * 1000);
    writeRules(state, 'trial', wanted, until);
    // What the trial ends with: the rules in force, as they were confirmed where that is known; else none.
    const before = table === 'absent' ? dropTable(tableOf(name)) : (confirmed?.text ?? '') + suspend(name, asked.seconds);
    await loadRules(before + trialRuleset(policy, asked.seconds));
    return { state: 'trial', until: until.toISOString(), seconds: asked.seconds };
  });
}

/** The rules being tried become those in force. @returns the unit that loads them after a reboot. @throws UserError NOT_RUNNING where none are tried any more */
export async function confirm(context: Context, opened: Project): Promise<{ unit: string | null }> {
  requireRoot();
  const { loaded, state } = opened;
  const { project } = loaded.settings;
  return changing(context, state, 'firewall confirm', async () => {
    const trial = readRules(state, 'trial');
    const left = await trialLeft(trialTableOf(project));
    if (!trial || !left)
      throw new UserError(
        'NOT_RUNNING',
        trial ? `the rules were not confirmed by ${trial.at}, so those before are in force again` : 'no rules are being tried',
        'sudo medianest firewall apply',
      );
    const before = readRules(state, 'confirmed');
    // The file first: if it cannot be written, the trial ends by itself and all is as before.
    writeRules(state, 'confirmed', trial.text, context.clock.now());
    try {
      await loadRules(trial.text + dropTable(trialTableOf(project)));
    } catch (error) {
      if (before) writeRules(state, 'confirmed', before.text, new Date(before.at));
      else removeRules(state, 'confirmed');
      throw error;
    }
    removeRules(state, 'trial');
    const unit = await installBoot(project, readOptional(rulesFile(state, 'confirmed')) ?? '');
    await keepBeside(context, opened);
    return { unit: unit ?? null };
  });
}

const beside = async (context: Context) => (await context.capabilities()).flatMap(({ besideRules = [] }) => besideRules);

async function keepBeside(context: Context, project: Project): Promise<void> {
  for (const part of await beside(context)) await part.kept(context, project);
}

/** Ends a trial that was not confirmed, or clears away what it has left: the rules from before are in force. */
export async function clearTrial(context: Context, { loaded, state }: Project): Promise<void> {
  await changing(context, state, 'firewall revert', async () => {
    const { project } = loaded.settings;
    const inForce = (await listed(tableOf(project))) === undefined ? '' : unsuspend(project);
    await loadRules(inForce + dropTable(trialTableOf(project)));
    removeRules(state, 'trial');
  });
}

/** What of the firewall is on this host: tables (as far as they can be seen), units, the folder. */
export async function remainsOf(context: Context, { loaded, state }: Project): Promise<string[]> {
  const { project } = loaded.settings;
  const others = await Promise.all((await beside(context)).map((part) => part.there(project)));
  const files = [...bootFiles(project), ...others.flat()];
  if (!hasFirewall(state) && files.length === 0) return [];
  return [`table inet ${tableOf(project)}`, ...files, firewallFolder(state)];
}

/** Takes everything of ours away: what systemd loads, the tables, the folder. @returns whether rules were loaded */
export async function remove(context: Context, { loaded, state }: Project): Promise<{ removed: boolean; files: string[] }> {
  requireRoot();
  return changing(context, state, 'firewall remove', () => removeAll(context, loaded.settings.project, firewallFolder(state)));
}

/** The same for `uninstall`, which has removed the stack by then. @throws UserError PARTIAL where this is not root */
export async function removeAll(context: Context, project: string, folder: string): Promise<{ removed: boolean; files: string[] }> {
  if (notRoot() !== undefined)
    throw new UserError(
      'PARTIAL',
      'only root may change the rules of the kernel: the firewall stays, what was removed before it is gone',
      'run the same command with sudo: it continues',
    );
  const tables = [tableOf(project), trialTableOf(project)];
  const files = (await Promise.all((await beside(context)).map((part) => part.removed(project)))).flat();
  files.push(...(await removeBoot(project)));
  const there = (await Promise.all(tables.map(listed))).filter((text) => text !== undefined);
  if (there.length > 0) await loadRules(tables.map(dropTable).join(''));
  removeTree(folder);
  return { removed: there.length > 0, files };
}
