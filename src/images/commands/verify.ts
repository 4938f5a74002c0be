import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const imagesVerify: Command = {
  name: 'images verify',
  summary: 'Whether what runs, and what the engine has, are the images that `up` has started (exit 5 if not)',
  example: 'medianest images verify',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { verifyImages } = await import('../pins.ts');
    const project = await open(context);
    const engine = await context.engine();
    const containers = await engine.observe(project.loaded.settings.project);
    const findings = await verifyImages({ engine, project, containers, manifest: project.state.manifest() });
    const bad = findings.filter(({ status }) => !['ok', 'unknown', 'gone'].includes(status));
    const lines = findings.map(({ status, message }) => `${status.padEnd(8)}  ${message}`);
    const text = findings.length === 0 ? 'nothing runs: medianest up' : lines.join('\n');
    return done({ images: findings }, text, bad.length > 0 ? EXIT.unhealthy : EXIT.done);
  },
};
