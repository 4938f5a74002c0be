import type { BuildInput } from '../../stack/service.ts';

/** Where the application sends its traces, without the path of OTLP; undefined where there are none. Nothing else says so. */
export const tracesEndpoint = ({ settings }: Pick<BuildInput, 'settings'>): string | undefined =>
  settings.traces.endpoint?.replace(/\/+$/, '').replace(/\/v1\/traces$/, '');

/** What nginx keeps of all traces: `10%`, with two decimals at most; null where it is all or none, which split_clients cannot say. */
export const samplePercent = (sample: number): string | null =>
  sample <= 0 || sample >= 1 ? null : `${Number((sample * 100).toFixed(2))}%`;
