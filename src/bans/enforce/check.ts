import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Project } from '../../capability/capability.ts';
import type { Check } from '../../capability/check.ts';
import { UserError } from '../../core/errors.ts';
import { readOptional } from '../../core/files.ts';
import { notRoot, tableJson } from '../../firewall/nft.ts';
import { bansInKernel, bansTableOf } from '../../firewall/plan/bans-table.ts';
import { readRules } from '../../firewall/store.ts';
import { firewallBans } from '../../services/crowdsec/settings/bans-settings.ts';
import { answerOf, type Banned, take } from '../plan/banned.ts';
import { type Differing, differing, enforcedChecks, lasting } from '../plan/enforced.ts';
import { askBans, enforcedFile, neverSpans, wantedElements } from './firewall-bans.ts';

/** What is new is in force after ten seconds. */
const AGAIN_MS = 12_000;

/** Whether the bans that CrowdSec has stand in the firewall; nothing where they need not. */
export async function checkEnforced(context: Context, project: Project): Promise<Check[]> {
  if (!firewallBans(project.loaded.settings) || !isConfirmed(project)) return [];
  const text = readOptional(enforcedFile(project));
  const first = text === undefined ? undefined : await compare(context, project);
  let second = first;
  if (first && first.missing.length + first.extra.length > 0) {
    await sleep(AGAIN_MS, undefined, { signal: context.signal });
    second = await compare(context, project);
  }
  const compared = first && second ? lasting(first, second) : undefined;
  return enforcedChecks(readOptional(enforcedFile(project)), second === null ? null : compared, context.clock.now());
}

/** What is damaged is told by the firewall's own check. */
function isConfirmed({ state }: Project): boolean {
  try {
    return readRules(state, 'confirmed') !== undefined;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** @returns null where the kernel has no such table; undefined where one of the two cannot be asked */
async function compare(context: Context, project: Project): Promise<Differing | null | undefined> {
  if (notRoot() !== undefined) return undefined;
  const name = project.loaded.settings.project;
  try {
    const answer = answerOf(await askBans(context, name, 'compare'));
    const table = await tableJson(bansTableOf(name));
    if (table === undefined) return null;
    if (!answer) return undefined;
    const banned: Banned = new Map();
    const now = performance.now();
    take(banned, answer, now);
    const { elements } = wantedElements(banned, await neverSpans(context, project), now);
    return differing(new Set(elements.map(({ set, text }) => `${set} ${text}`)), bansInKernel(table));
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
