import type { Context, Result } from './context.ts';

export type Options = Record<string, unknown>;

/** One command: how it is called, and what it does with the context. Heavy modules are imported inside `run`. */
export interface Command {
  /** `config show`: a group and its command. */
  name: string;
  summary: string;
  example: string;
  /** Positional arguments in commander's notation, such as `[services...]`. */
  args?: string;
  options?: readonly (readonly [flags: string, description: string])[];
  /** Words after the first argument belong to another program. */
  passThrough?: boolean;
  run(context: Context, args: string[], options: Options): Promise<Result>;
}

export const done = (data: unknown, text: string, status = 0): Result => ({ data, text, status });
