#!/usr/bin/env node
import launch from '../dist/launch.cjs';

await launch.start(process.argv.slice(2));
