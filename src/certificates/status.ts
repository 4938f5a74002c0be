import type { Context, Project } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { describe } from '../reconcile/prepare.ts';
import { type CertificateRow, certificateChecks } from './plan/certificate-report.ts';
import { caStore } from './store/ca-store.ts';
import { viewCertificates } from './view.ts';

export interface ClientRow {
  name: string;
  serial: string;
  notAfter: string;
  revoked: boolean;
}

/**
 * For `certs status` and `health`.
 * @throws UserError ENGINE_AWAY where `containers` is not given and the engine does not answer
 */
export async function certificateStatus(
  context: Context,
  { loaded, state }: Project,
  containers?: readonly ObservedContainer[],
): Promise<{ certificates: CertificateRow[]; clients: ClientRow[] }> {
  const stack = await describe(context, loaded);
  const seen = containers ?? (await (await context.engine()).observe(stack.project));
  const rows = await viewCertificates(context, state, stack, seen);
  const ca = caStore(state).load();
  const revoked = new Set(ca?.revoked?.map(({ serial }) => serial));
  return {
    certificates: rows.map(({ seen: _, ...row }) => row),
    clients: Object.entries(ca?.issued ?? {}).map(([serial, { name, notAfter }]) => ({
      name,
      serial,
      notAfter,
      revoked: revoked.has(serial),
    })),
  };
}

/** For `health`, which goes on where nothing can be said about certificates. */
export async function certificateHealth(context: Context, project: Project, containers: readonly ObservedContainer[]): Promise<Check[]> {
  if (!project.state.manifest()) return [];
  try {
    return certificateChecks((await certificateStatus(context, project, containers)).certificates);
  } catch (error) {
    return [{ id: 'certificates', status: 'warn', message: `certificates: ${(error as Error).message}`, remedy: 'medianest certs status' }];
  }
}
