/**
 * YAML files of the package that the build has parsed: the hash of the text -> its data as JSON. The build puts them here
 * (scripts/build.mjs); without it, and for any other text, it is parsed when it is read.
 */
export const preparsed: Readonly<Record<string, string>> = {};
