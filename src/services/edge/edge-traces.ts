import type { BuildInput } from '../../stack/service.ts';
import { samplePercent, traced } from '../shared/traces.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';

/** How traces of requests begin at the edge; null where there are none. */
export function tracesView(own: EdgeSettings, input: BuildInput) {
  if (!traced(input)) return null;
  const { sample, fromProxies } = input.settings.traces;
  return { percent: samplePercent(sample), flags: sample > 0 ? '01' : '00', continuedFrom: fromProxies ? own.trustedProxies : [] };
}
