/** One thing that `health` looked at. */
export interface Check {
  id: string;
  status: 'ok' | 'warn' | 'fail';
  message: string;
  remedy?: string;
  value?: string | number;
}

/** All checks, and the worst of their verdicts. */
export interface HealthReport {
  status: Check['status'];
  checks: Check[];
}
