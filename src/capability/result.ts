/** What a command gives back: data for --json, text for a person, and the exit status. */
export interface Result {
  data: unknown;
  text: string;
  status: number;
}

export type Options = Record<string, unknown>;

export const done = (data: unknown, text: string, status = 0): Result => ({ data, text, status });
