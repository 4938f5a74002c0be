import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { open } from '../project/open.ts';
import { converge } from '../reconcile/converge.ts';
import { edge } from '../services/edge/edge.ts';
import { type Exclusion, exclusionSchema } from '../services/edge/settings/waf.ts';
import { parseSettings } from '../settings/document.ts';
import type { Loaded } from '../settings/loaded.ts';
import { addExclusions } from './add-exclusion.ts';
import { requireWaf, wafOf } from './store/waf-rules.ts';
import { loadedRules } from './waf-status.ts';

/** An exclusion that the settings' own schema has still to accept. */
interface AskedExclusion {
  rule: number | string;
  path: string;
  parameter?: string | undefined;
}

/** Writes an exclusion into medianest.yml and has the edge read it. Where the edge refuses, the file is as it was before. */
export async function allowRule(context: Context, project: Project, asked: AskedExclusion) {
  const { loaded, state } = project;
  const exclusion = validated(asked);
  const waf = requireWaf(loaded);
  const file = settingsFile(loaded);
  const known = await loadedRules(context, loaded, state);
  if (known.size === 0)
    throw new UserError('NOT_RUNNING', 'the edge does not run with these rules, so they cannot be looked up', 'medianest up');
  if (typeof exclusion.rule === 'number' && exclusion.rule > 299_999 && !known.has(exclusion.rule)) {
    throw new UserError(
      'USAGE',
      `the WAF has no rule ${exclusion.rule}; nothing was changed`,
      'medianest waf log names the rules that matched',
    );
  }
  const outcome = (result: 'changed' | 'unchanged' | 'planned') => ({ exclusion, file, result });
  if (waf.exclusions.some((entry) => same(entry, exclusion))) return outcome('unchanged');
  const before = readFileSync(file, 'utf8');
  const after = addExclusions(before, [...inherited(loaded, before), exclusion]);
  if (context.flags.dryRun) return outcome('planned');
  const target = realpathSync(file);
  const mode = statSync(target).mode & 0o777;
  writeAtomic(target, after, mode, null);
  try {
    const parameter = exclusion.parameter ? ` --parameter ${exclusion.parameter}` : '';
    await converge(context, await open(context), {
      overwrite: false,
      command: `waf allow ${exclusion.rule} --path ${exclusion.path}${parameter}`,
      only: [edge.name],
    });
  } catch (error) {
    writeAtomic(target, before, mode, null);
    throw error;
  }
  return outcome('changed');
}

function validated(asked: AskedExclusion): Exclusion {
  const result = exclusionSchema.safeParse(asked);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = String(issue?.path[0] ?? '');
  throw new UserError(
    'USAGE',
    `${field === 'rule' ? '' : `--${field} `}${issue?.message}; nothing was changed`,
    'for example medianest waf allow 942100 --path /api/notes --parameter text',
  );
}

function settingsFile(loaded: Loaded): string {
  if (loaded.configFile) return loaded.configFile;
  throw new UserError('USAGE', 'there is no medianest.yml to write it into', 'make one: medianest init');
}

/** Exclusions of a profile: a list in medianest.yml replaces them, so it has to begin with them. */
function inherited(loaded: Loaded, text: string): Exclusion[] {
  const own = parseSettings(text, 'medianest.yml').data as { edge?: { waf?: { exclusions?: unknown[] } | null } | null };
  return own.edge?.waf?.exclusions ? [] : (wafOf(loaded)?.exclusions ?? []);
}

const same = (a: Exclusion, b: Exclusion): boolean => a.rule === b.rule && a.path === b.path && a.parameter === b.parameter;
