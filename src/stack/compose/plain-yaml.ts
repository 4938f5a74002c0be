import type { Json, JsonObject } from '../../core/json.ts';

/** Keys that are plain in YAML and mean nothing else in it. */
const PLAIN_KEY = /^[A-Za-z_][\w./-]{0,200}$/;
const WORD = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
/** YAML has escapes of its own for control characters, and breaks long texts at line ends. */
const ESCAPED = /[\p{Cc}\p{Surrogate}]/u;

class Unusual extends Error {}

/**
 * A document as `stringify` of `yaml` writes it with every text quoted and every key plain, in a tenth of the time: that is a sixth of
 * `render`.
 * @returns undefined for what needs more than this knows: unusual keys, texts with control characters or line ends
 */
export function plainYaml(document: JsonObject): string | undefined {
  if (Object.keys(document).length === 0) return undefined;
  try {
    return `${mapping(document, '')}\n`;
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

function mapping(value: JsonObject, indent: string): string {
  let text = '';
  for (const [key, inner] of Object.entries(value)) {
    if (!PLAIN_KEY.test(key) || WORD.test(key)) throw new Unusual();
    if (text !== '') text += `\n${indent}`;
    text += `${key}:${isBlock(inner) ? `\n${indent}  ` : ' '}${node(inner, `${indent}  `)}`;
  }
  return text;
}

const isBlock = (value: Json): boolean => typeof value === 'object' && value !== null && Object.keys(value).length > 0;

/** A value whose first line stands at an indent already. */
function node(value: Json, indent: string): string {
  if (typeof value === 'string') {
    if (ESCAPED.test(value)) throw new Unusual();
    return JSON.stringify(value);
  }
  if (typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || Object.is(value, -0)) throw new Unusual();
    return String(value);
  }
  if (typeof value !== 'object') throw new Unusual();
  if (!isBlock(value)) return Array.isArray(value) ? '[]' : '{}';
  return Array.isArray(value) ? value.map((item) => `- ${node(item, `${indent}  `)}`).join(`\n${indent}`) : mapping(value, indent);
}

const PAIR = /^([A-Za-z_][\w./-]*):(?: (.+))?$/;
const NUMBER = /^-?(?:0|[1-9]\d{0,15})(?:\.\d+)?$/;

/**
 * Reads what `plainYaml` writes, comment lines before it included, without the library.
 * @returns undefined for anything else, such as a file that was edited: the library says what that is
 */
export function readPlainYaml(text: string): JsonObject | undefined {
  const lines = text.split('\n').map((line): Line => {
    const content = line.replace(/^ +/, '');
    return { indent: line.length - content.length, content };
  });
  const last = lines.pop();
  const start = lines.findIndex(({ content }) => !content.startsWith('#'));
  if (last?.content !== '' || last.indent !== 0 || start < 0) return undefined;
  try {
    const reader = { lines, at: start };
    const document = readMapping(reader, 0);
    return reader.at === lines.length ? document : undefined;
  } catch (error) {
    if (error instanceof Unusual || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Line {
  indent: number;
  content: string;
}
interface Reader {
  lines: Line[];
  at: number;
}

function readNode(reader: Reader, indent: number): Json {
  const line = reader.lines[reader.at];
  if (line?.indent !== indent) throw new Unusual();
  if (line.content.startsWith('- ')) return readList(reader, indent);
  if (PAIR.test(line.content)) return readMapping(reader, indent);
  reader.at++;
  return scalar(line.content);
}

function readList(reader: Reader, indent: number): Json[] {
  const list: Json[] = [];
  for (let line = reader.lines[reader.at]; line?.indent === indent && line.content.startsWith('- '); line = reader.lines[reader.at]) {
    // What follows the dash stands where the lines below it do.
    reader.lines[reader.at] = { indent: indent + 2, content: line.content.slice(2) };
    list.push(readNode(reader, indent + 2));
  }
  return list;
}

function readMapping(reader: Reader, indent: number): JsonObject {
  const mapping: JsonObject = {};
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const [, key, value] = PAIR.exec(line.content) ?? [];
    if (key === undefined || key in mapping || WORD.test(key)) throw new Unusual();
    reader.at++;
    mapping[key] = value === undefined ? readNode(reader, indent + 2) : scalar(value);
  }
  return mapping;
}

function scalar(text: string): Json {
  if (text.startsWith('"')) {
    if (/\p{Cc}/u.test(text)) throw new Unusual();
    return JSON.parse(text) as string;
  }
  if (['true', 'false', 'null', '{}', '[]'].includes(text) || NUMBER.test(text)) return JSON.parse(text) as Json;
  throw new Unusual();
}
