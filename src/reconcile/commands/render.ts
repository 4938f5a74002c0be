import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';

export const render: Command = {
  name: 'render',
  section: 'Change',
  summary: 'Write the Compose file and every service’s configuration; no Docker needed',
  example: 'medianest render --profile dev-compose --out ./rendered',
  options: [
    ['--out <dir>', 'Write the plain files here instead of the state folder'],
    ['--check', 'Write nothing; exit 3 if the files on disk differ from what would be written'],
    ['--overwrite', 'Replace rendered files that were edited by hand (the edits are kept in edited/)'],
  ],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { fileChanges } = await import('../plan/change.ts');
    const { refuseUnread } = await import('../../state/launch-program.ts');
    const { prepare } = await import('../prepare.ts');
    const { exportFiles, filesIn, pendingFiles, writeRendered } = await import('../write-rendered.ts');
    const { loaded, state } = await open(context);
    const prepared = await prepare(context, loaded, { asLeftOut: true });
    if (prepared.rendered.refused) throw prepared.rendered.refused;
    const list = (files: readonly { path: string }[]) => files.map((file) => file.path).join('\n');
    const out = typeof options.out === 'string' ? options.out : undefined;
    const files = out === undefined ? pendingFiles(prepared) : fileChanges(prepared.rendered, filesIn(context, out, prepared.rendered));
    if (options.check || context.flags.dryRun) {
      const text = files.length > 0 ? list(files) : 'every file is as it would be written';
      return done({ profile: loaded.profile, files }, text, options.check && files.length > 0 ? EXIT.pending : EXIT.done);
    }
    if (out !== undefined) {
      refuseUnread(prepared.stack);
      const written = exportFiles(context, out, prepared.rendered);
      return done({ profile: loaded.profile, out, files }, written.join('\n'));
    }
    await writeRendered(context, loaded, state, options.overwrite === true);
    return done({ profile: loaded.profile, files }, files.length > 0 ? list(files) : 'nothing to write: every file is up to date');
  },
};
