import type { Context } from '../capability/capability.ts';
import type { ObservedContainer } from '../docker/types.ts';
import type { Project } from '../project/open.ts';
import type { Stack } from '../stack/types.ts';
import { acmeRoot, acmeSettings } from './acme/settings.ts';
import { type Decision, dependsOnServer, planRenewal, type SeenRow } from './plan/renewal-plan.ts';
import { viewCertificates } from './view.ts';

/** What was done about one certificate, or would be. */
export interface Renewal {
  name: string;
  action: 'kept' | 'renewed' | 'taken-up' | 'waits' | 'failed' | 'due';
  cause: string;
  serial: string | null;
  notAfter: string | null;
  nextTry?: string;
}

export interface RenewAsked {
  /** Only these; all if empty. */
  names: readonly string[];
  /** Also what is not due, and before the end of a wait. */
  force: boolean;
  /** As the audit log names it. */
  command: string;
}

/** Looks at every certificate of the stack, and decides what the chosen ones need. */
export async function decide(
  context: Context,
  { loaded, state }: Project,
  stack: Stack,
  containers: readonly ObservedContainer[],
  asked: RenewAsked,
): Promise<{ rows: SeenRow[]; decisions: Decision[] }> {
  const now = context.clock.now();
  const rows = await viewCertificates(context, state, stack, containers);
  const own = rows.filter(({ name }) => asked.names.includes(name));
  const wanted: Record<string, boolean | undefined> = {};
  for (const { name, seen } of own.filter(dependsOnServer)) {
    const { renewalAsked } = await import('./acme/renewal-info.ts');
    const server = { directory: acmeSettings(loaded).directory, ca: acmeRoot(loaded) };
    wanted[name] = await renewalAsked(state, name, seen.pem as string, server, now);
  }
  return { rows, decisions: planRenewal({ stack, containers, rows: own, wanted, force: asked.force, now }) };
}

export const report = ({ row, action, cause, ...more }: Decision): Renewal => ({
  name: row.name,
  action,
  cause,
  serial: row.serial,
  notAfter: row.notAfter,
  ...('nextTry' in more && more.nextTry !== undefined && { nextTry: more.nextTry }),
});
