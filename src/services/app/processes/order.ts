import { UserError } from '../../../core/errors.ts';

/**
 * In which order a release replaces processes: each after those that it names, otherwise as they stand.
 * @param after process -> those that come before it
 * @throws UserError INVALID_SETTINGS for a name that there is not, or a circle, with the whole of it
 */
export function releaseOrder(after: Readonly<Record<string, readonly string[]>>): string[] {
  const names = Object.keys(after);
  for (const [name, before] of Object.entries(after)) {
    const unknown = before.find((other) => !names.includes(other));
    if (unknown === undefined) continue;
    throw new UserError(
      'INVALID_SETTINGS',
      `${settingOf(name)} names ${unknown}, and there is no such process; nothing was changed`,
      `name one of ${names.filter((other) => other !== name).join(', ')}, or leave it out`,
    );
  }
  const order: string[] = [];
  const visit = (name: string, way: readonly string[]): void => {
    if (order.includes(name)) return;
    if (way.includes(name)) {
      const circle = [...way.slice(way.indexOf(name)), name];
      throw new UserError(
        'INVALID_SETTINGS',
        `${settingOf(name)} leads in a circle: ${circle.join(' after ')}; nothing was changed`,
        'leave one of these out',
      );
    }
    for (const other of after[name] ?? []) visit(other, [...way, name]);
    order.push(name);
  };
  for (const name of names) visit(name, []);
  return order;
}

const settingOf = (name: string): string => (name === 'app' ? 'app.after' : `services.${name}.after`);
