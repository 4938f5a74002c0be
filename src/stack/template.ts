import Handlebars from 'handlebars';
import { shortHash } from '../core/hash.ts';
import { precompiled } from './precompiled.ts';
import { TEMPLATE_OPTIONS } from './template-options.ts';

const engine = Handlebars.create();
// Strict mode does not look at the arguments of helpers.
engine.registerHelper('json', (value: unknown) => {
  if (value === undefined) throw new Error('{{json}} of a name that the view does not declare');
  return JSON.stringify(value);
});

function prepare(source: string): Handlebars.TemplateDelegate {
  const known = precompiled[shortHash(source)];
  return known ? engine.template(known) : engine.compile(source, TEMPLATE_OPTIONS);
}

const compiled = new Map<string, Handlebars.TemplateDelegate>();

/**
 * Renders one template. A name that the view does not declare is an error, nothing is HTML-escaped, and `{{json x}}`
 * writes a value as JSON, which is YAML too.
 * @throws Error naming the template, for a name that the view does not have
 */
export function renderTemplate(name: string, source: string, view: object): string {
  const key = `${name}\0${source}`;
  const template = compiled.get(key) ?? prepare(source);
  compiled.set(key, template);
  try {
    return template(view);
  } catch (error) {
    throw new Error(`templates/${name}: ${(error as Error).message}`, { cause: error });
  }
}
