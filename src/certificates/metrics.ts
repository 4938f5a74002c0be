import { readOptional, writeAtomic } from '../core/files.ts';
import type { StateFolder } from '../state/state.ts';
import { type CertificateRow, certificateMetrics } from './plan/certificate-report.ts';

/** For node-exporter's textfile collector. */
export function writeMetrics(state: StateFolder, rows: readonly CertificateRow[]): void {
  const text = certificateMetrics(rows);
  const file = state.at('metrics', 'certificates.prom');
  if (readOptional(file) !== text) writeAtomic(file, text);
}
