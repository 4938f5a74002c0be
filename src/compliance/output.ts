import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, statOptional } from '../core/files.ts';
import { reportFile, writeReport } from '../report/output.ts';
import { type ComplianceReport, complianceJson } from './plan/report.ts';

export interface Outputs {
  html: string | undefined;
  out: string | undefined;
  force: boolean;
}

/**
 * Where the page and the JSON go.
 * @throws UserError FILE_UNUSABLE where something else stands there, unless `force`
 */
export function checkedOutputs(context: Context, { loaded }: Project, { html, out, force }: Outputs) {
  const file = out === undefined ? undefined : path.resolve(context.cwd, out);
  if (file !== undefined) checkJson(file, force);
  return { html: html === undefined ? undefined : reportFile(context, loaded.settings.project, html, force, 'compliance'), out: file };
}

function checkJson(file: string, force: boolean): void {
  const stat = statOptional(file);
  if (!stat) return;
  const unusable = (what: string, fix: string) =>
    new UserError('FILE_UNUSABLE', `${file} ${what}; nothing was written`, fix, { path: file });
  if (!stat.isFile()) throw unusable('is no file', 'choose another place with --out');
  if (force || isOurs(readOptional(file) ?? '')) return;
  throw unusable('is there already, and is no report of medianest', 'choose another place with --out, or replace it with --force');
}

function isOurs(text: string): boolean {
  try {
    const found = JSON.parse(text) as { standards?: unknown; points?: unknown } | null;
    return Array.isArray(found?.standards) && Array.isArray(found?.points);
  } catch {
    return false;
  }
}

/** What stands there may be another file by now, so it is looked at again. The files are their owner's alone: they describe the host. */
export async function writeOutputs(context: Context, project: Project, asked: Outputs, report: ComplianceReport): Promise<void> {
  const { html, out } = checkedOutputs(context, project, asked);
  if (out !== undefined) writeReport(out, `${JSON.stringify(complianceJson(report), null, 2)}\n`);
  if (html === undefined) return;
  const { compliancePage } = await import('./draw/compliance-page.ts');
  writeReport(html, compliancePage(report));
}
