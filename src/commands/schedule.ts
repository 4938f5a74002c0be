import path from 'node:path';
import { UserError } from '../errors.ts';
import { type Command, done } from './command.ts';

const FOLDER = '/etc/systemd/system';

export const backupSchedule: Command = {
  name: 'backup schedule',
  summary: 'Systemd timers for backups, pruning, verification and drills: printed, or written to a folder',
  example: 'medianest backup schedule --install',
  options: [
    ['--install', `Write them to ${FOLDER}; then: systemctl daemon-reload`],
    ['--out <dir>', 'Write them to this folder'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../engine/open.ts');
    const { writeAtomic } = await import('../engine/files.ts');
    const { SCHEDULE, scheduleUnits } = await import('../plan/schedule.ts');
    const { loaded } = await open(context);
    const { project } = loaded.settings;
    const units = scheduleUnits(project, [process.execPath, path.join(context.home, 'bin/medianest.js')], loaded.root);
    const folder = options.install === true ? FOLDER : typeof options.out === 'string' ? path.resolve(context.cwd, options.out) : undefined;
    if (options.install === true && options.out !== undefined)
      throw new UserError('USAGE', '--install and --out name two folders', 'give one of them');
    if (!folder || context.flags.dryRun) return done({ units }, units.map(({ name, contents }) => `# ${name}\n${contents}`).join('\n'));
    for (const { name, contents } of units) writeAtomic(path.join(folder, name), contents);
    const timers = SCHEDULE.map(({ name }) => `medianest-${project}-${name}.timer`).join(' ');
    return done(
      { folder, units: units.map(({ name }) => name) },
      `${units.length} units are in ${folder}. Next:\n  systemctl daemon-reload\n  systemctl enable --now ${timers}`,
    );
  },
};
