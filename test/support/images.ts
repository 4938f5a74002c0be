import { docker, medianest } from './cli.ts';

/** Before the suites that need an engine: it answers, and the images of all profiles are built (nothing to do when they are). */
export default async function setup(): Promise<void> {
  // Who runs many files has built them once for all.
  if (process.env.PROOF_IMAGES === 'built') return;
  const { status, stderr } = await docker(['version', '--format', '{{.Server.Version}}']);
  if (status !== 0) throw new Error(`no Docker Engine answers (run ./scripts/setup-docker.sh): ${stderr}`);
  for (const profile of ['dev', 'prod']) {
    // With what profiles do not have by themselves.
    const bans = profile === 'prod' ? ['--set', 'components.crowdsec=true', '--set', 'components.suricata=true'] : [];
    const more = ['--set', 'observability=light', ...bans, '--state', '/tmp/medianest-test-images'];
    const built = await medianest(['images', 'build', '--profile', profile, ...more]);
    if (built.status !== 0) throw new Error(built.stderr);
  }
}
