import type { Result } from './result.ts';

/** A measured command that has ended, without a result where it failed: the engine may be away, so metrics come of what is on disk. */
export interface EndedCommand<Context, Project> {
  context: Context;
  project: Project;
  command: string;
  result: Result | undefined;
}
