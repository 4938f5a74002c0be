import { PROJECT_NAME } from '../../settings/project-name.ts';

/** `state.json`. */
export interface StateRecord {
  version?: number;
  /** Missing before the first render, and where medianest 0.4 or older made the last one. */
  project?: string;
  /** Names that it had before: what is left of them is this project's too. */
  formerly?: string[];
}

const isName = (value: unknown): boolean => typeof value === 'string' && PROJECT_NAME.test(value);

export function isRecord(value: unknown): boolean {
  const { project, formerly = [] } = (value ?? {}) as StateRecord;
  return (project === undefined || isName(project)) && Array.isArray(formerly) && formerly.every(isName);
}

/** @param was the name before, which state folders of medianest 0.4 and older do not record */
export function renamed(
  before: StateRecord | undefined,
  was: string | undefined,
  project: string,
): Pick<StateRecord, 'project' | 'formerly'> {
  const formerly = [...new Set([...(before?.formerly ?? []), ...(was === undefined ? [] : [was])])].filter((name) => name !== project);
  return { project, ...(formerly.length > 0 && { formerly }) };
}

/** Of a damaged file: what follows when it is moved aside, or what else mends it. */
export type Without = string | { fix: string };
