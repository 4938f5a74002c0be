import type { Context, Project } from '../capability/capability.ts';
import { attempt } from './gather/attempt.ts';
import { gather } from './gather/gather.ts';
import { type ComplianceReport, complianceReport } from './plan/report.ts';

/** Reads all evidence and judges it. Nothing is changed. */
export async function collectCompliance(context: Context, project: Project): Promise<ComplianceReport> {
  const { loaded, state } = project;
  const seen = await gather(context, project);
  const manifest = await attempt(() => state.manifest());
  const about = {
    project: loaded.settings.project,
    profile: loaded.profile,
    version: context.version,
    at: context.clock.now().toISOString(),
  };
  return complianceReport(seen, about, 'value' in manifest ? manifest.value?.services.map(({ name }) => name) : []);
}
