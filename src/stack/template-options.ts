/** How every template is compiled, by the program and by its build. */
export const TEMPLATE_OPTIONS = { noEscape: true, strict: true, knownHelpersOnly: true, knownHelpers: { json: true } };
