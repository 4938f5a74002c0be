import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Project } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { reloadTrust } from '../activate.ts';
import type { RevocationReason } from '../ca/x509.ts';
import { renew } from '../renew.ts';
import { caStore } from '../store/ca-store.ts';
import { installedSerial } from '../store/install.ts';

/**
 * Puts certificates of the internal CA on its list of revoked ones, has the edge read it, and replaces those of the stack: what fails after
 * the first is due from then on, so that the next `certs renew` continues with it.
 */
export async function revokeCertificate(context: Context, project: Project, name: string, reason: RevocationReason) {
  const { loaded, state } = project;
  const stack = await describe(context, loaded);
  const own = stack.certificates.find((spec) => spec.name === name);
  const ca = caStore(state).load();
  const done = new Set(ca?.revoked?.map(({ serial }) => serial));
  const installed = own && installedSerial(state, own.name);
  const clients = Object.entries(ca?.issued ?? {}).filter(
    ([serial, entry]) => (entry.name === name && !done.has(serial)) || serial === name.toUpperCase(),
  );
  const wanted = installed ? [{ name, serial: installed }] : clients.map(([serial, entry]) => ({ name: entry.name, serial }));
  if (own && own.issuer !== 'internal-ca') {
    throw new UserError(
      'CERTIFICATE_FAILED',
      `${name} is not by the internal CA; nothing was changed`,
      'ask its CA to revoke it, then: medianest certs renew --force',
    );
  }
  if (wanted.length === 0)
    throw new UserError(
      'UNKNOWN_SERVICE',
      `the internal CA has no certificate for ${JSON.stringify(name)} that is good`,
      'medianest certs status lists them',
    );
  if (context.flags.dryRun) return { revoked: wanted };
  const engine = await context.engine();
  const docker = await context.docker();
  const unread = await withLock(context, state, 'certs revoke', async (_lock, record, fail) => {
    refuseForeign(stack.project, await engine.observe(stack.project), state.root);
    record(wanted);
    const { revoke } = await import('../ca/ca-changes.ts');
    for (const { serial } of wanted) await revoke(caStore(state), loaded.settings.project, serial, reason, context.clock.now());
    // A service that checks clients reads the list only with its configuration.
    try {
      await reloadTrust({ context, state, stack, engine, docker });
      return false;
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'CERTIFICATE_FAILED') throw error;
      const again = `once that is mended: medianest certs revoke ${wanted[0]?.serial}`;
      if (!own) throw new UserError(error.code, `${error.message}; ${name} is revoked, but that is not read yet`, again, { cause: error });
      // What is revoked is replaced all the same.
      context.report.warn(`${error.message}\n  ${error.hint}`);
      fail(error.code);
      return true;
    }
  });
  if (!own) return { revoked: wanted };
  const { certificates } = await renew(context, project, { names: [own.name], force: true, command: 'certs revoke' }, stack);
  return { revoked: wanted, certificates, unread };
}
