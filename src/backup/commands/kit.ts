import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';

export const PASSPHRASE_FILE = ['--passphrase-file <file>', 'Where the passphrase stands; asked where it is not given'] as const;

export const backupKit: Command = {
  name: 'backup kit',
  summary: 'Write the recovery kit: what a bare host needs to restore everything, encrypted with a passphrase',
  example: 'medianest backup kit /media/stick/medianest.kit',
  args: '<file>',
  options: [PASSPHRASE_FILE],
  run: async (context, [file = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { kitPassphrase } = await import('../../project/passphrase.ts');
    const { exportKit, kitParts } = await import('../restore/kit.ts');
    const project = await open(context);
    const parts = await kitParts(context, project);
    const passphrase = await kitPassphrase(context, options.passphraseFile);
    const kit = exportKit(context, project, path.resolve(context.cwd, file), passphrase, parts);
    return done(kit, `The recovery kit is ${kit.file}; print ${kit.page}. Keep both, and the passphrase, away from this host.`);
  },
};
