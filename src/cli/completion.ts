import { type Command, done } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';

export const completion: Command = {
  name: 'completion',
  section: 'Machine',
  summary: 'A script by which a shell completes commands, options, services, profiles, releases and settings',
  example: 'medianest completion bash',
  args: '<bash|zsh|fish>',
  run: async (_context, [shell = '']) => {
    const { SHELLS } = await import('./completion-scripts.ts');
    if (!Object.hasOwn(SHELLS, shell))
      throw new UserError(
        'USAGE',
        `there is no completion for ${JSON.stringify(shell)}`,
        `choose one of ${Object.keys(SHELLS).join(', ')}`,
      );
    const script = SHELLS[shell as keyof typeof SHELLS];
    return done({ shell, script }, script);
  },
};
