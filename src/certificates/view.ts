import { chmodSync, statSync } from 'node:fs';
import type { Context } from '../capability/capability.ts';
import { exists } from '../core/files.ts';
import type { ObservedContainer } from '../docker/types.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { CertificateSpec, Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import type { Attempts } from './plan/back-off.ts';
import { type CertificateSeen, certificateRow } from './plan/certificate-report.ts';
import { certificateOf } from './plan/chain.ts';
import { renewalCause } from './plan/renewal.ts';
import type { SeenRow } from './plan/renewal-plan.ts';
import { internalVerdicts } from './store/ca-store.ts';
import { installedCertificate } from './store/install.ts';
import { askListeners } from './store/listeners.ts';
import { responderOf } from './store/staple.ts';

/** The settings of a run that has found nothing due -> the stack that it has built of them: its metrics need it once more. */
export const unchangedStack = new WeakMap<Loaded, Stack>();

export const attemptsOf = (state: StateFolder, name: string): Attempts | undefined =>
  state.readJson<Attempts>(`certs/${name}/attempts.json`, 'earlier failures are forgotten');

/** Every certificate as it is installed and as it is served. */
export async function viewCertificates(
  context: Context,
  state: StateFolder,
  stack: Stack,
  containers: readonly ObservedContainer[],
): Promise<SeenRow[]> {
  const now = context.clock.now();
  const internal = internalVerdicts(state);
  const answers = await askListeners(stack, stack.certificates, containers, () => context.engine());
  return stack.certificates.map((spec) => {
    const pem = installedCertificate(state, spec.name);
    const own = answers.filter(({ certificate }) => certificate === spec.name);
    const attempts = attemptsOf(state, spec.name);
    const seen: CertificateSeen = {
      spec,
      pem,
      cause: renewalCause(spec, pem, now, internal),
      served: own.flatMap(({ at, served }) => (served ? [{ at, ...served }] : [])),
      listeners: own.filter(({ away }) => !away).length,
      offersOcsp: offersOcsp(state, spec, pem),
      lastError: attempts?.lastError,
      nextTry: attempts?.nextTry,
    };
    return { ...certificateRow(seen, now), seen };
  });
}

function offersOcsp(state: StateFolder, spec: CertificateSpec, pem: string | undefined): boolean {
  if (exists(state.at('certs', spec.name, 'current', 'ocsp.der'))) return true;
  try {
    return pem !== undefined && responderOf(certificateOf(pem)) !== undefined;
  } catch {
    return false;
  }
}

/** Warns of keys that other users can read, and closes them: who has read a key can impersonate this host. */
export function closeKeys(context: Context, state: StateFolder, specs: readonly CertificateSpec[]): void {
  const files = [...specs.map(({ name }) => state.at('certs', name, 'current', 'privkey.pem')), state.at('ca', 'root.json')];
  for (const file of files.filter(exists)) {
    const { mode } = statSync(file);
    if ((mode & 0o077) === 0) continue;
    const readable = `${file} could be read by others (mode ${(mode & 0o777).toString(8)})`;
    try {
      chmodSync(file, mode & 0o700);
      context.report.warn(`${readable}; it is closed again. If strangers have an account here: medianest certs renew --force`);
    } catch {
      context.report.warn(`${readable}, and its mode cannot be changed: chmod 0400 as its owner`);
    }
  }
}
