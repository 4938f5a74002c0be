import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import type { CertificateSpec, Stack } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { installedSerial } from './install.ts';
import { askListeners, type ServedAt } from './listeners.ts';

interface Expected {
  stack: Stack;
  specs: readonly CertificateSpec[];
  containers: readonly ObservedContainer[];
  /** Only its listeners are asked. */
  only?: string;
  engine: Engine;
  /** The serial that listeners have to show. */
  serialOf(certificate: string): string | undefined;
  /** Whether a listener that does not speak TLS is still starting, so that the handshake is tried again. */
  silenceCounts: boolean;
  /** Milliseconds until every listener has to show the certificate. */
  timeout: number;
  signal: AbortSignal;
}

type Proof = { ok: true; answers: ServedAt[] } | { ok: false; wrong: ServedAt };

/** Makes a handshake with every listener until all show the certificate that is installed, or the time is over. */
export async function proveListeners(expected: Expected): Promise<Proof> {
  const { stack, specs, containers, engine, only, serialOf, silenceCounts, timeout, signal } = expected;
  let wrong: ServedAt | undefined;
  const answers = await poll(
    async () => {
      const all = await askListeners(stack, specs, containers, () => engine, only);
      wrong = all.find(({ certificate, served, away }) => (served ? served.serial !== serialOf(certificate) : silenceCounts && !away));
      return wrong ? undefined : all;
    },
    { every: 200, timeout, signal },
  );
  return answers ? { ok: true, answers } : { ok: false, wrong: wrong as unknown as ServedAt };
}

/** Proves that listeners serve what `up` has issued. @throws UserError PARTIAL */
export async function proveServed(
  state: StateFolder,
  stack: Stack,
  specs: readonly CertificateSpec[],
  engine: Engine,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  if (specs.length === 0) return;
  const containers = await engine.observe(stack.project);
  const serialOf = (name: string) => installedSerial(state, name);
  const proof = await proveListeners({ stack, specs, containers, engine, serialOf, silenceCounts: false, timeout: 10_000, signal });
  if (proof.ok) return;
  const { service, at, served, certificate } = proof.wrong;
  throw new UserError(
    'PARTIAL',
    `${service} at ${at} still serves certificate ${served?.serial}, not the new one of ${certificate}`,
    `medianest restart ${service}, then medianest certs renew`,
  );
}
