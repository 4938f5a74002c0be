import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { HOME } from './cli.ts';

/** A fenced block of a document: ```sh, ```sh prod, ```yaml. */
export interface Block {
  /** `docs/cookbook.md:12`. */
  where: string;
  file: string;
  language: string;
  /** The word behind the language; empty for a block that is run as it stands. */
  note: string;
  text: string;
}

/** Every document: the front page, docs/ and the readmes beside the code. */
export const FILES = [
  'README.md',
  ...['docs', 'src'].flatMap((folder) =>
    (readdirSync(path.join(HOME, folder), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(folder, name)),
  ),
];

export const blocks = (): Block[] =>
  FILES.flatMap((file) => {
    const text = readFileSync(path.join(HOME, file), 'utf8');
    return [...text.matchAll(/^```(\w*) ?(\w*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language = '', 2: note = '', 3: body = '' }) => ({
      where: `${file}:${text.slice(0, index).split('\n').length}`,
      file,
      language,
      note,
      text: body,
    }));
  });

/** The words of each call of medianest in a block, as a shell would split them. */
export const calls = (text: string): string[][] =>
  text
    .split('\n')
    .flatMap((line) =>
      [...line.matchAll(/(?:^|[\s(;"]|bin\/)medianest (?!-images)((?:"[^"]*"|'[^']*'|[^\s|;&)>#"']+|[ ])*)/g)].map(([, words = '']) =>
        [...words.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? ''),
      ),
    );
