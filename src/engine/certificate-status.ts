import type { Context } from '../context.ts';
import type { CertificateRow } from '../plan/certificate-report.ts';
import { caStore } from './ca-store.ts';
import { viewCertificates } from './certificate-view.ts';
import type { Opened } from './open.ts';
import { prepare } from './prepare.ts';
import type { ObservedContainer } from './types.ts';

export interface ClientRow {
  name: string;
  serial: string;
  notAfter: string;
  revoked: boolean;
}

/** For `certs status` and `health`. Where no engine answers, what is served stays unknown. */
export async function certificateStatus(
  context: Context,
  { loaded, state }: Opened,
  containers?: readonly ObservedContainer[],
): Promise<{ certificates: CertificateRow[]; clients: ClientRow[] }> {
  const { stack } = await prepare(context, loaded, { unchecked: true });
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
