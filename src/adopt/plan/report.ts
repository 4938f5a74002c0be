import type { Proposal } from './propose.ts';

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length > 0 ? ['', title, ...lines.map((line) => `  - ${line}`)] : [];

/** For a person: what each service becomes, the settings, what is not taken, and the commands that follow. @param yaml without secrets */
export function report({ services, left, notes, commands }: Proposal, yaml: string, written: readonly string[]): string {
  const wide = Math.max(...services.map(({ name }) => name.length));
  const settings = yaml
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
  return [
    ...services.map(({ name, image, as }) => `${name.padEnd(wide)}  ${image} -> ${as}`),
    '',
    ...(written.length > 0 ? [`Written: ${written.join(', ')}`] : ['medianest.yml would be:', '', settings]),
    ...listed('Not taken:', left),
    ...listed('To look at:', notes),
    '',
    'What follows:',
    ...commands.map(({ command, why }, index) => `  ${index + 1}. ${command}\n     ${why}`),
    '',
    'The old project stays as it is; remove it once you no longer need it.',
  ].join('\n');
}
