import { it } from 'vitest';
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { load, stackOf, rendered } from '/tmp/wt-h-procs/test/support/settings.ts';
it('x', () => {
  const out = rendered(stackOf(load({ flags: { profile: 'staging' }, file: readFileSync('/tmp/pr1.yml', 'utf8') })));
  for (const f of out.files) { mkdirSync(path.dirname('/tmp/prout/' + f.path), { recursive: true }); writeFileSync('/tmp/prout/' + f.path, f.contents); }
});
