import { registry } from '../services/index.ts';
import { settingNames } from '../settings/setting-names.ts';
import { commands, groups } from './commands.ts';
import { type Candidate, complete, FILES, type Values } from './complete.ts';
import { GLOBAL } from './global-options.ts';
import { topics } from './help-topics.ts';
import { savedNames, type Where } from './saved-names.ts';

const named = (value: string): Candidate => ({ value, description: '' });

/** Answers a shell that completes a line: one candidate a line, its meaning behind a tab. It never fails, it only knows less. */
export function completeLine(words: readonly string[], where: Where): string {
  const saved = savedNames(words, where);
  const services = () => [...new Set([...saved.services(), ...saved.components()])].map(named);
  const sets = () => saved.backups().map(({ id, finishedAt }) => ({ value: id, description: finishedAt }));
  const sources: Record<string, () => Candidate[]> = {
    service: services,
    services,
    profile: () => saved.profiles().map(named),
    release: () => saved.releases().map(({ id, image }) => ({ value: id, description: image })),
    backup: sets,
    set: () => [{ value: 'latest', description: 'The newest set, as of its end' }, ...sets()],
    moment: () => [{ value: 'newest', description: 'Everything that can be reached' }],
    images: () => registry.map(({ name, summary }) => ({ value: name, description: summary })),
    components: () => registry.map(({ name, summary }) => ({ value: name, description: summary })),
    'setting=value': () => settingNames(registry).map(({ name, description }) => ({ value: `${name}=`, description })),
    topic: () => topics.map(({ name, summary }) => ({ value: name, description: summary })),
    group: () => Object.entries(groups).map(([name, { summary }]) => ({ value: name, description: summary })),
    file: () => [FILES],
    dir: () => [FILES],
  };
  const values: Values = (placeholder) => sources[placeholder]?.() ?? [];
  try {
    return complete(words, commands, GLOBAL, values)
      .map(({ value, description }) => `${value}${description && `\t${description}`}\n`)
      .join('');
  } catch {
    return '';
  }
}
