#!/usr/bin/env node
// CommonJS, as bin/package.json says: the loader of ES modules costs every command a sixth of what Node.js itself does.
require('../dist/launch.cjs').start(process.argv.slice(2));
