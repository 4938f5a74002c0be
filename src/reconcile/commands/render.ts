import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { exists } from '../../core/files.ts';

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
    const list = (files: readonly { path: string }[]) => files.map((file) => file.path).join('\n');
    const out = typeof options.out === 'string' ? options.out : undefined;
    const looks = options.check === true || context.flags.dryRun;
    const written = (files: readonly { path: string }[]) =>
      done({ profile: loaded.profile, files }, files.length > 0 ? list(files) : 'nothing to write: every file is up to date');
    // Prepared once, under the lock; the first time before it too, because settings that cannot be rendered leave no state folder.
    const write = async () => written(await writeRendered(context, loaded, state, options.overwrite === true));
    if (out === undefined && !looks && exists(state.root)) return write();
    const prepared = await prepare(context, loaded, { asLeftOut: true });
    if (prepared.rendered.refused) throw prepared.rendered.refused;
    const files = out === undefined ? pendingFiles(prepared) : fileChanges(prepared.rendered, filesIn(context, out, prepared.rendered));
    if (looks) {
      const text = files.length > 0 ? list(files) : 'every file is as it would be written';
      return done({ profile: loaded.profile, files }, text, options.check && files.length > 0 ? EXIT.pending : EXIT.done);
    }
    if (out !== undefined) {
      refuseUnread(prepared.stack);
      return done({ profile: loaded.profile, out, files }, exportFiles(context, out, prepared.rendered).join('\n'));
    }
    return write();
  },
};
