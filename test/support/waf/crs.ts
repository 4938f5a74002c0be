import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Loaded } from '../../../src/settings/loaded.ts';
import type { StateFolder } from '../../../src/state/state.ts';
import { findRules, placeRules, RULES_FOLDER } from '../../../src/waf/store/waf-rules.ts';
import { HOME } from '../cli.ts';
import type { BenchRules } from '../edge/edge.ts';

/** The OWASP CRS that medianest fetches: its rules as released, or another archive of the operator of these tests. */
export const CRS_ARCHIVE = process.env.MEDIANEST_TEST_CRS ?? path.join(HOME, 'test/fixtures/coreruleset-4.28.0.tar.gz');

/** That archive, unpacked as `up` does it. */
export async function crsRules(): Promise<BenchRules & { remove(): void }> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-crs-'));
  chmodSync(root, 0o755);
  const state = { root, at: (...parts: string[]) => path.join(root, ...parts) } as StateFolder;
  const sha256 = createHash('sha256').update(readFileSync(CRS_ARCHIVE)).digest('hex');
  const rules = { archive: CRS_ARCHIVE, sha256 };
  const loaded = { root, settings: { components: { edge: true }, edge: { waf: { mode: 'block', rules } } } } as unknown as Loaded;
  const found = findRules(loaded, state);
  if (!found?.pending) throw new Error(`no rules in ${CRS_ARCHIVE}`);
  await placeRules(state, found.pending, new AbortController().signal);
  return { found: found.rules, folder: state.at(RULES_FOLDER), remove: () => rmSync(root, { recursive: true, force: true }) };
}
