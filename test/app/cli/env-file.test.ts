import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseEnvFile } from '../../../src/services/app/environment/env-file.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const folder = temporaryFolder('env-file');

/** The same file, read by Docker Compose. It asks no engine for that. */
function composed(text: string): Record<string, string> {
  writeFileSync(path.join(folder, 'app.env'), text);
  writeFileSync(path.join(folder, 'compose.yml'), 'services: { app: { image: x, env_file: [app.env] } }\n');
  const args = ['compose', '--project-name', 'x', '--file', path.join(folder, 'compose.yml'), 'config', '--format', 'json'];
  const { services } = JSON.parse(execFileSync('docker', args, { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: folder } }));
  // What it prints is a Compose file again, where a dollar sign is doubled.
  return Object.fromEntries(
    Object.entries(services.app.environment as Record<string, string>).map(([name, value]) => [name, value.replaceAll('$$', '$')]),
  );
}

describe('an environment file is read as Docker Compose reads it', () => {
  it.each([
    [
      'values without quotes',
      'A=plain value   # comment\nB=no#comment\nC=\nD = around = it \nE=a"b\'c\nF=#there\nH= # there too\nI=a  # b # c\nG=\\n\\t',
    ],
    ['names', 'export A=1\nB: 2\n_c=3\ndotted.name=4\nexport=5\nexport D: 6'],
    ['single quotes', `A='$B \${C} \\n'\nB='it\\'s' # comment\nC=''\nD='two\n lines'\nE= 'space before'`],
    ['double quotes', 'A="a \\"b\\" \\\\ \\n \\r \\t #"  # comment\nB=""\nC="two\n$A lines"\nD="\\$A $$A \\\\$A"'],
    ['variables', 'A=a\nB=$A ${A} ${A:-x} ${Z:-y z} ${Z-w} $$A\nC="$A${A}"\nD=${C}\nE=\nF=${E:-empty} ${E-set}\nA=${A}b'],
    ['ends of lines', '\uFEFFA=1\r\nB="2"\r\n\r\n# comment\r\nC=3'],
    ['comments alone', '# nothing\n\n  # here'],
    ['a key of several lines', 'KEY="-----BEGIN KEY-----\nab+/=\n-----END KEY-----\n"\nNEXT=1'],
  ])('%s', (_what, text) => {
    expect(Object.fromEntries(parseEnvFile(text, 'app.env'))).toEqual(text.includes('=') || text.includes(':') ? composed(text) : {});
  });
});
