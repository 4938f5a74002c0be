import type { Context, Project } from '../capability/capability.ts';
import type { Metric } from '../core/metrics-text.ts';
import { describe } from '../reconcile/prepare.ts';
import { certificateMetrics } from './plan/certificate-report.ts';
import { unchangedStack, viewCertificates } from './view.ts';

/** Of every certificate as it is installed: no listener is asked, so that it costs little and needs no engine. */
export async function metricsOfCertificates(context: Context, { loaded, state }: Project): Promise<Metric[]> {
  const stack = unchangedStack.get(loaded) ?? (await describe(context, loaded));
  return certificateMetrics(await viewCertificates(context, state, stack, []));
}
