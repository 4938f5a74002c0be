import type { Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';
import { bootState } from './boot.ts';
import { listed, notRoot, printedAs, trialLeft } from './nft.ts';
import { type Policy, ungoverned } from './plan/policy.ts';
import { ruleset, tableOf, trialTableOf } from './plan/ruleset.ts';
import type { Found, Kernel } from './plan/verdict.ts';
import { readRules, rulesFile } from './store.ts';

/** All that is known of the firewall. @param ports what the engine publishes for this project; undefined where it was not asked */
export async function observe(
  { loaded, state }: Project,
  policy: Policy,
  ports: readonly { address: string; host: number }[] | undefined,
): Promise<Found> {
  const { project, firewall } = loaded.settings;
  const confirmed = readRules(state, 'confirmed');
  const kernel = await readKernel(project, confirmed?.text);
  return {
    enabled: firewall.enabled,
    wanted: ruleset(policy),
    confirmed,
    trial: readRules(state, 'trial'),
    ...(typeof kernel === 'string' ? { kernel: undefined, unread: kernel } : { kernel }),
    ungoverned: ports && ungoverned(policy, ports),
    boot: await bootState(project, readOptional(rulesFile(state, 'confirmed'))),
  };
}

/** @returns why the kernel cannot be asked, where it cannot */
async function readKernel(project: string, confirmed: string | undefined): Promise<Kernel | string> {
  const reason = notRoot();
  if (reason !== undefined) return reason;
  try {
    return { table: await tableState(project, confirmed), trialLeft: (await trialLeft(trialTableOf(project))) ?? 0 };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

/** @throws UserError HOST_UNFIT */
export async function tableState(project: string, confirmed: string | undefined): Promise<Kernel['table']> {
  const table = tableOf(project);
  const loaded = await listed(table);
  if (loaded === undefined) return 'absent';
  if (confirmed === undefined) return 'unconfirmed';
  return loaded === (await printedAs(confirmed, table)) ? 'as confirmed' : 'changed';
}
