import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { describe } from '../reconcile/prepare.ts';
import { firewallBans } from '../services/crowdsec/settings/bans-settings.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Stack } from '../stack/types.ts';
import { parseList, type Span } from './plan/addresses.ts';
import { type Policy, policyOf } from './plan/policy.ts';

const LONGEST = 32 * 1024 ** 2;

/** What settings, lists and the stack ask for. @throws UserError INVALID_SETTINGS */
export async function readPolicy(context: Context, { loaded }: Project, known?: Stack): Promise<Policy> {
  const { firewall, edge } = loaded.settings;
  const { operators, trustedProxies } = edge as EdgeSettings;
  const bans = firewallBans(loaded.settings);
  return policyOf({
    settings: firewall,
    edge: { operators, trustedProxies },
    stack: known ?? (await describe(context, loaded)),
    lists: readLists(loaded),
    ...(bans && { bans }),
  });
}

function readLists({ root, settings }: Loaded): Record<string, Span[]> {
  return Object.fromEntries(
    Object.entries(settings.firewall.lists).map(([name, file]) => [name, readList(name, path.resolve(root, file))]),
  );
}

function readList(name: string, file: string): Span[] {
  const wrong = (problem: string, hint: string, cause?: unknown) =>
    new UserError('INVALID_SETTINGS', `firewall.lists.${name}: ${problem}`, hint, { path: file, cause });
  try {
    const { size } = statSync(file);
    if (size > LONGEST) throw wrong(`${file} has ${size} bytes, and ${LONGEST} are the most`, 'split it, or choose a shorter one');
    const spans = parseList(readFileSync(file, 'utf8'));
    if (Array.isArray(spans)) return spans;
    throw wrong(
      `${file}, line ${spans.line}: ${spans.problem}`,
      'an address or a range such as 192.0.2.0/24 in each line; # begins a comment',
    );
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || error instanceof UserError) throw error;
    throw wrong(`${file} cannot be read (${code})`, 'correct its path (relative to medianest.yml) or its rights', error);
  }
}
