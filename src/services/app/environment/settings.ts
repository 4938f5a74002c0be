import * as z from 'zod';
import { Secret } from '../../../core/secret.ts';

/** A name that an environment variable can have in any shell. */
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'should be a name of letters, digits and _');

export const envSettings = z
  .record(
    variable,
    z.string().refine((value) => !value.includes('\0'), 'should contain no NUL byte'),
  )
  .default({})
  .describe(
    'More environment values. `{cache.url}` and the like stand for what the stack gives (docs/app-contract.md); what holds a password so is handed as a secret. `\\{` for a brace that is meant',
  );

const given = () => z.custom<Secret>((value) => value instanceof Secret, 'should be a text');

/** How a secret reaches the application. */
const HANDED = ['file', 'env'] as const;

const oneSecret = z.union(
  [
    given(),
    z
      .strictObject({
        value: given().optional().describe('The value, `${NAME}` or `file:PATH`'),
        generate: z.int().min(8, 'should be at least 8').max(4096, 'should be at most 4096').optional(),
        as: z.enum(HANDED).default('file'),
      })
      .refine(({ value, generate }) => (value === undefined) !== (generate === undefined), 'needs either `value` or `generate`'),
  ],
  'should be a text, or a table such as { generate: 32 } or { value: file:./secret.txt, as: env }',
);

export const secretsSettings = z
  .record(variable, oneSecret)
  .default({})
  .describe(
    'Secrets of its own by name: a text, `${NAME}`, `file:PATH`, or `{ generate: 32 }` (so many random bytes, as base64url). It finds the value in the file that `NAME_FILE` names; with `{ value: ..., as: env }` in the variable `NAME`',
  );

export type AppSecrets = z.output<typeof secretsSettings>;

/** One of them in its long form. */
export const longForm = (entry: AppSecrets[string]): { value?: Secret | undefined; generate?: number | undefined; as: 'file' | 'env' } =>
  entry instanceof Secret ? { value: entry, as: 'file' } : entry;

export const envFileSettings = z
  .array(given())
  .default([])
  .describe(
    'Environment files beside medianest.yml, read as Docker Compose reads them: [.env, more.env]. A later one counts before an earlier one, `app.env` and `app.secrets` before all. What is in them is handed as secrets',
  );
