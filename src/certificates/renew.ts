import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { Project } from '../project/open.ts';
import { describe } from '../reconcile/prepare.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import type { Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import { decide, type RenewAsked, type Renewal, report } from './decide.ts';
import { type RenewalStep, renewalSteps, type SeenRow } from './plan/renewal-plan.ts';
import { writeStaple } from './store/staple.ts';
import { closeKeys, unchangedStack } from './view.ts';

export interface RenewalOutcome {
  certificates: Renewal[];
  /** Only in a dry run: what a real run would carry out. */
  steps?: RenewalStep[];
}

/**
 * Renews the certificates that are due, and reports the others. Safe at any time: a certificate and its key are switched
 * together, and if a listener does not serve the new one, the old one returns.
 * @param described the stack, if the caller has built it
 */
export async function renew(context: Context, project: Project, asked: RenewAsked, described?: Stack): Promise<RenewalOutcome> {
  const { loaded, state } = project;
  const engine = await context.engine();
  // The engine answers while the stack is built; what it refuses is told after what the settings or a name have wrong.
  const observing = engine.observe(loaded.settings.project);
  observing.catch(() => undefined);
  const stack = described ?? (await describe(context, loaded));
  const names = chosen(stack, asked.names);
  const containers = await observing;
  refuseForeign(stack.project, containers, state.root);
  const { rows, decisions } = await decide(context, project, stack, containers, { ...asked, names });
  if (context.flags.dryRun) return { certificates: decisions.map(report), steps: renewalSteps(decisions) };
  closeKeys(context, state, stack.certificates);
  await refreshStaples(state, rows, context.clock.now());
  if (decisions.some(({ action }) => action === 'due')) {
    // Loaded only now: most runs find nothing due, and this is most of what a renewal loads.
    const { renewDue } = await import('./renew-due.ts');
    return { certificates: await renewDue(context, project, engine, { ...asked, names }) };
  }
  unchangedStack.set(loaded, stack);
  return { certificates: decisions.map(report) };
}

/**
 * After `up`: orders what only an outside CA can issue, once the portal runs. Until then the internal CA's certificate stands
 * in, so a failure is reported, not thrown.
 */
export async function orderOutside(context: Context, project: Project): Promise<Renewal[]> {
  const { edge, components } = project.loaded.settings as unknown as {
    edge: { certificate: string; certificates: { issuer: string }[] };
    components: Record<string, boolean>;
  };
  const wanted = components.edge === true && [edge.certificate, ...edge.certificates.map(({ issuer }) => issuer)].includes('acme');
  if (!wanted || context.flags.dryRun) return [];
  const stack = await describe(context, project.loaded);
  const names = stack.certificates.filter(({ issuer }) => issuer === 'acme').map(({ name }) => name);
  return (await renew(context, project, { names, force: false, command: 'certs renew' }, stack)).certificates;
}

function chosen(stack: Stack, names: readonly string[]): readonly string[] {
  const known = stack.certificates.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown) {
    throw new UserError(
      'UNKNOWN_SERVICE',
      `there is no certificate ${JSON.stringify(unknown)}; known here: ${known.join(', ')}`,
      'medianest certs status',
    );
  }
  return names.length > 0 ? names : known;
}

/** The internal CA's answers about its certificates are valid for a week, and replaced every day. */
async function refreshStaples(state: StateFolder, rows: readonly SeenRow[], now: Date): Promise<void> {
  for (const { name, serial } of rows)
    if (serial && exists(state.at('certs', name, serial, 'ocsp.der'))) await writeStaple(state, name, serial, now);
}
