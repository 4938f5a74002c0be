import type { Context, Project } from '../capability/capability.ts';

/** What else this project could have, by all capabilities. */
export async function offersOf(context: Context, project: Project): Promise<string[]> {
  const lines: string[] = [];
  for (const { offers } of await context.capabilities()) lines.push(...((await offers?.(project)) ?? []));
  return lines;
}
