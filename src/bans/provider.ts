import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { withLock } from '../project/with-lock.ts';
import { describe } from '../reconcile/prepare.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { CROWDSEC } from '../services/crowdsec/settings/address.ts';
import type { BansSettings } from '../services/crowdsec/settings/bans-settings.ts';
import { neverBanned, type Protected } from '../services/crowdsec/settings/never-banned.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import {
  addArgv,
  type Ban,
  bansAbout,
  bansOf,
  bansWithin,
  type Evidence,
  evidenceArgv,
  evidenceOf,
  LIST,
  removeArgv,
} from './plan/decisions.ts';
import type { Target } from './plan/targets.ts';

/** Whether clients are banned at all, by the settings. */
const bans = ({ loaded }: Project): boolean => loaded.settings.components[CROWDSEC] === true;

export const bansSettingsOf = ({ loaded }: Project): BansSettings => loaded.settings.bans as BansSettings;

function requireBans(project: Project): void {
  if (bans(project)) return;
  throw new UserError('NOT_RUNNING', 'there are no bans: CrowdSec is off', `set \`components: { ${CROWDSEC}: true }\`, then medianest up`);
}

/** What a command has printed in the container of CrowdSec. @throws UserError NOT_RUNNING where that does not run, or did not do it */
export async function ask(engine: Engine, containers: readonly ObservedContainer[], argv: readonly string[]): Promise<string> {
  const container = containers.find(({ service, state }) => service === CROWDSEC && state === 'running');
  if (!container) throw new UserError('NOT_RUNNING', 'CrowdSec does not run; bans from before stay in force at the edge', 'medianest up');
  const { exitCode, output } = await engine.exec(container.id, argv);
  if (exitCode === 0) return output;
  const reason = output.trim().split('\n').at(-1)?.slice(0, 300);
  throw new UserError('NOT_RUNNING', `CrowdSec did not do it: ${reason || `status ${exitCode}`}`, `medianest why ${CROWDSEC}`);
}

/** All bans, those that end last first. */
export async function listBans(context: Context, project: Project): Promise<Ban[]> {
  requireBans(project);
  const engine = await context.engine();
  const containers = await engine.observe(project.loaded.settings.project);
  return bansOf(await ask(engine, containers, LIST), context.clock.now());
}

/** The bans of this address, and what its clients did. */
export async function aboutAddress(context: Context, project: Project, target: Target): Promise<(Ban & { evidence: Evidence[] })[]> {
  requireBans(project);
  const engine = await context.engine();
  const containers = await engine.observe(project.loaded.settings.project);
  const found = bansAbout(bansOf(await ask(engine, containers, LIST), context.clock.now()), target);
  return Promise.all(
    found.map(async (ban) => ({ ...ban, evidence: evidenceOf(await ask(engine, containers, evidenceArgv(ban.address))) })),
  );
}

/** Who is never banned, by the settings and the stack's own networks. */
export async function neverOf(context: Context, project: Project): Promise<Protected[]> {
  const { settings } = project.loaded;
  const { networks } = await describe(context, project.loaded);
  return neverBanned({
    bans: bansSettingsOf(project),
    firewall: settings.firewall,
    edge: settings.edge as EdgeSettings,
    networks: networks.flatMap(({ subnet, ipv6 }) => [subnet, ...(ipv6 ? [ipv6] : [])]),
  });
}

/**
 * Changes bans, under the lock and with a line in the audit log. A dry run changes nothing.
 * @param commands what CrowdSec is told, in this order
 * @returns whether it was done
 */
export async function changeBans(
  context: Context,
  project: Project,
  words: string,
  commands: (ask: (argv: readonly string[]) => Promise<string>) => Promise<void>,
): Promise<boolean> {
  requireBans(project);
  const engine = await context.engine();
  const name = project.loaded.settings.project;
  return withLock(context, project.state, words, async (_lock, record) => {
    const containers = await engine.observe(name);
    refuseForeign(name, containers, project.state.root);
    if (context.flags.dryRun) return false;
    record(words);
    await commands((argv) => ask(engine, containers, argv));
    return true;
  });
}

/**
 * Ends every ban of this address or range. One that only the edge knows (the database was damaged since) is replaced by one that ends at once.
 * @returns the bans that CrowdSec knew, and those of wider ranges, which stay
 */
export async function removeBans(
  context: Context,
  project: Project,
  target: Target,
): Promise<{ done: boolean; removed: Ban[]; remaining: Ban[] }> {
  let found: ReturnType<typeof bansWithin> = { within: [], around: [] };
  const done = await changeBans(context, project, `bans remove ${target.text}`, async (told) => {
    found = bansWithin(bansOf(await told(LIST), context.clock.now()), target);
    for (const address of new Set(found.within.map((ban) => ban.address))) await told(removeArgv(address));
    if (found.within.length === 0) await told(addArgv(target, 1, 'removed by hand'));
  });
  return { done, removed: found.within, remaining: found.around };
}
