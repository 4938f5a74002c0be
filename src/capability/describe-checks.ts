import type { HealthReport } from './check.ts';

export function describeHealth(report: HealthReport): string {
  return [
    ...report.checks.map((check) => `${check.status.padEnd(4)}  ${check.message}${check.remedy ? `\n      Fix: ${check.remedy}` : ''}`),
    `overall: ${report.status}`,
  ].join('\n');
}
