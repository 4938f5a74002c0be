import { type Document, isMap, isScalar, parseDocument } from 'yaml';
import { UserError } from '../core/errors.ts';
import { canonical } from '../core/hash.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { migrateData, pendingRenames, renamed, SETTINGS_VERSION } from './migrations.ts';

export interface Migration {
  text: string;
  from: number;
  to: number;
  /** One line for each change, for a person. */
  changes: string[];
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** The text of medianest.yml with today's names: only names and the version change, comments and spacing stay. */
export function migrateText(text: string): Migration {
  const document = parseDocument(text);
  const data = (document.toJS() ?? {}) as JsonObject;
  const from = typeof data.version === 'number' ? data.version : 1;
  if (from >= SETTINGS_VERSION) return { text, from, to: from, changes: [] };
  const edits: Edit[] = [versionEdit(document, text)];
  const changes = [`version: ${SETTINGS_VERSION}`];
  for (const entry of pendingRenames(data)) {
    const range = keyRange(document, entry.from);
    if (!range) continue;
    edits.push({ start: range[0], end: range[1], text: entry.to });
    changes.push(`${entry.from.join('.')} is now ${renamed(entry).join('.')}`);
  }
  const result = edits
    .sort((a, b) => b.start - a.start)
    .reduce((current, edit) => current.slice(0, edit.start) + edit.text + current.slice(edit.end), text);
  const wanted = { ...migrateData({ ...data, version: from }), version: SETTINGS_VERSION };
  if (canonical((parseDocument(result).toJS() ?? {}) as Json) !== canonical(wanted)) {
    throw new UserError(
      'INVALID_SETTINGS',
      'the file cannot be migrated without changing more than names (anchors, or both names of one setting); nothing was changed',
      `rename by hand: ${changes.join('; ')}`,
    );
  }
  return { text: result, from, to: SETTINGS_VERSION, changes };
}

function versionEdit(document: Document, text: string): Edit {
  const node = document.get('version', true);
  if (isScalar(node) && node.range) return { start: node.range[0], end: node.range[1], text: String(SETTINGS_VERSION) };
  if (isMap(document.contents) && document.contents.flow && document.contents.range) {
    const at = document.contents.range[0] + 1;
    return { start: at, end: at, text: ` version: ${SETTINGS_VERSION},` };
  }
  // Before the first key, behind the comments that stand above it.
  const at = isMap(document.contents) ? (document.contents.range?.[0] ?? 0) : text.length;
  const gap = at > 0 && text[at - 1] !== '\n' ? '\n' : '';
  return { start: at, end: at, text: `${gap}version: ${SETTINGS_VERSION}\n` };
}

function keyRange(document: Document, path: readonly string[]): [number, number] | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  const range = isScalar(pair?.key) ? pair.key.range : undefined;
  return range ? [range[0], range[1]] : undefined;
}
