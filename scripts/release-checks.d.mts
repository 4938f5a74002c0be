export interface Versions {
  manifest: { version: string };
  lock: { version: string; packages: Record<string, { version?: string }> };
  changelog: string;
}
export interface Archive {
  size: number;
  files: { path: string }[];
}
export function compareVersions(a: string, b: string): number;
export function changelogSections(changelog: string): { version?: string; date?: string; text: string }[];
export function versionFaults(versions: Versions): string[];
export function bumped<V extends Versions>(versions: V, version: string, date: string): V;
export const MOST_BYTES: number;
export function archiveFaults(archive: Archive, published: object, portal: { dependencies: Record<string, string> }): string[];
export function auditOutcome(output: string): { outcome: 'clean' | 'vulnerable' | 'unknown'; reason: string };
