import type { BuildInput } from '../../stack/service.ts';
import { samplePercent, traced } from '../shared/traces.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';

/** Whether and how traces of requests begin at the edge. */
export function tracesView(own: EdgeSettings, input: BuildInput) {
  const { sample, fromProxies } = input.settings.traces;
  return {
    traces: traced(input),
    tracesShare: samplePercent(sample),
    tracesFlags: sample > 0 ? '01' : '00',
    tracesProxies: fromProxies ? own.trustedProxies : [],
  };
}
