import type { BuildInput } from '../../stack/service.ts';
import { runsFull, traceEndpoint } from './full.ts';

/** Whether the application makes traces: for a collector outside, or for Jaeger of this stack. */
export const traced = (input: BuildInput): boolean => tracesEndpoint(input) !== undefined || runsFull(input, 'jaeger');

/** Where the application sends its traces within the stack; undefined where they go outside, or nowhere. */
export const ownTracesEndpoint = (input: BuildInput): string | undefined =>
  tracesEndpoint(input) === undefined ? traceEndpoint(input, 'app') : undefined;

/** Who the application says it is in its traces. */
export const traceName = ({ settings }: Pick<BuildInput, 'settings'>): string => settings.project;

/** The collector outside, without the path of OTLP; undefined where none is set. */
export const tracesEndpoint = ({ settings }: Pick<BuildInput, 'settings'>): string | undefined =>
  settings.traces.endpoint?.replace(/\/+$/, '').replace(/\/v1\/traces$/, '');

/** What nginx keeps of all traces: `10%`, with two decimals at most; null where it is all or none, which split_clients cannot say. */
export const samplePercent = (sample: number): string | null =>
  sample <= 0 || sample >= 1 ? null : `${Number((sample * 100).toFixed(2))}%`;
