import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../../../src/cli/commands.ts';
import { registry } from '../../../src/services/index.ts';
import { HOME } from '../../support/cli.ts';

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  keep_firing_for?: string;
}
interface RuleTest {
  tests: { alert_rule_test?: { alertname: string; exp_alerts?: unknown[] }[]; promql_expr_test?: { expr: string }[] }[];
}

const templates = path.join(HOME, 'templates');
const having = (file: string) => readdirSync(templates).filter((name) => readdirSync(path.join(templates, name)).includes(file));
const read = <T>(component: string, file: string) => parse(readFileSync(path.join(templates, component, file), 'utf8')) as T;
const rulesOf = (component: string) => read<{ groups: { name: string; rules: Rule[] }[] }>(component, 'rules.yml').groups;

const components = having('rules.yml');
const rules = components.flatMap((component) =>
  rulesOf(component)
    .flatMap((group) => group.rules)
    .map((rule) => ({ component, rule, name: rule.alert ?? rule.record ?? '' })),
);

/** Those of the rules that no test of their component makes fire. */
function untested(): string[] {
  return rules.flatMap(({ component, rule, name }) => {
    const { tests } = read<RuleTest>(component, 'rules.test.yml');
    const fires = tests.some((test) =>
      test.alert_rule_test?.some(({ alertname, exp_alerts: alerts = [] }) => alertname === name && alerts.length > 0),
    );
    const computed = tests.some((test) => test.promql_expr_test?.some(({ expr }) => expr.includes(name)));
    return (rule.alert ? fires : computed) ? [] : [`${component}: ${name}`];
  });
}

describe('the rules', () => {
  it('stand beside the templates of a component, with their tests', () => {
    expect(components.length).toBeGreaterThan(5);
    expect(having('rules.test.yml')).toEqual(components);
    expect(components.filter((component) => !registry.some(({ name }) => name === component))).toEqual([]);
  });

  it('have a test that makes each of them fire', () => {
    expect(untested()).toEqual([]);
  });

  it('have names of their own, also as groups', () => {
    const groups = components.flatMap(rulesOf).map(({ name }) => name);
    for (const names of [rules.map(({ name }) => name), groups]) expect(names).toEqual([...new Set(names)]);
  });

  it.each(rules.filter(({ rule }) => rule.alert))('$name says how bad it is, what it is, why and what to do', ({ rule }) => {
    expect(rule.labels?.severity).toMatch(/^(critical|warning|info|none)$/);
    expect(rule.labels?.cause).toMatch(/^[a-z][a-z-]+$/);
    expect(Object.keys(rule.annotations ?? {}).sort()).toEqual(['fix', 'summary']);
    expect(rule.annotations?.summary).toMatch(/\w{2}/);
    const [program, ...words] = (rule.annotations?.fix ?? '').split(' ');
    expect(program).toBe('medianest');
    expect(commands.some(({ name }) => words.join(' ') === name || words.join(' ').startsWith(`${name} `))).toBe(true);
  });

  it('are one alert while what is critical comes and goes', () => {
    const critical = rules.filter(({ rule }) => rule.labels?.severity === 'critical');
    expect(critical.filter(({ rule }) => rule.keep_firing_for !== '2m').map(({ name }) => name)).toEqual([]);
  });

  it('never trust what stays well while it is lost', () => {
    // pg_up is 1 after access is lost, and the exporter's lag is 0 when the stream is cut.
    expect(rules.filter(({ rule }) => /pg_up|pg_replication_lag/.test(rule.expr))).toEqual([]);
  });
});
