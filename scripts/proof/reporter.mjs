// @ts-check
// A reporter of vitest: every file with its time, its hooks included, and every test with its state, as JSON.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const said = (/** @type {{ message: string, stack?: string }[]} */ errors) => errors.map(({ message }) => message);

export default class ProofReporter {
  /** @param {readonly import('vitest/node').TestModule[]} modules @param {readonly any[]} unhandled */
  onTestRunEnd(modules, unhandled) {
    const files = modules.map((module) => {
      const { duration, setupDuration, collectDuration } = module.diagnostic();
      const suites = [module, ...module.children.allSuites()];
      return {
        file: path.relative(process.cwd(), module.moduleId),
        seconds: (duration + setupDuration + collectDuration) / 1000,
        errors: said(suites.flatMap((suite) => [...suite.errors()])),
        tests: [...module.children.allTests()].map((test) => {
          const { state, errors = [] } = test.result();
          return { name: test.fullName, state, errors: said([...(errors ?? [])]) };
        }),
      };
    });
    const { PROOF_REPORT } = process.env;
    if (PROOF_REPORT) writeFileSync(PROOF_REPORT, JSON.stringify({ files, errors: said([...unhandled]) }, null, 1));
  }
}
