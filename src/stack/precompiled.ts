/**
 * Templates that the build has compiled: the hash of the source -> Handlebars' template specification. The build puts them
 * here (scripts/build.mjs); without it, and for any other source, a template is compiled when it is rendered.
 */
export const precompiled: Readonly<Record<string, unknown>> = {};
