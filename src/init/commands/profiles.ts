import { type Command, done } from '../../capability/capability.ts';

export const profiles: Command = {
  name: 'profiles',
  section: 'Start',
  summary: 'What each profile runs',
  example: 'medianest profiles',
  run: async (context) => {
    const { listProfiles, loadInput } = await import('../../project/load-settings.ts');
    const { table } = await import('../../ui/table.ts');
    const list = listProfiles(await loadInput(context));
    const rows = list.map((profile) => [
      profile.name,
      profile.missing.length > 0 ? `not yet (needs ${profile.missing.join(', ')})` : profile.components.join(', '),
      profile.description,
    ]);
    return done({ profiles: list }, table([['PROFILE', 'RUNS', 'FOR'], ...rows]));
  },
};
