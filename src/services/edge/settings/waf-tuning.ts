import * as harmless from './waf-harmless.ts';
import { freeText, OWN } from './waf-own-rules.ts';

/* Which exclusions and rules of our own are for which major version of the OWASP CRS. */

interface Tuning {
  narrowed: readonly harmless.Narrowed[];
  shaped: readonly harmless.Shaped[];
  /** Rules that take a word or two of prose for an attack: not for the portal's free text, for which FREE_TEXT_ATTACK stands in. */
  wordy: readonly number[];
}

export type CrsMajor = 3 | 4;

const COMMON = {
  narrowed: [
    harmless.lanAddress,
    ...harmless.dataAddress,
    harmless.fileNames,
    harmless.quotation,
    harmless.unionSelect,
    harmless.updateSet,
    harmless.calculation,
  ],
  shaped: [harmless.jsonInForm([942_190]), harmless.passwordsWithNames],
};

const TUNING: Readonly<Record<CrsMajor, Tuning>> = {
  3: {
    narrowed: [...COMMON.narrowed, harmless.linkedQuery, harmless.markdownLink],
    shaped: [
      ...COMMON.shaped,
      harmless.graphQl([932_100, 932_105, 932_110, 932_115]),
      harmless.passwords([930_100, 930_110, 932_130]),
      harmless.monitor([932_150]),
    ],
    wordy: [
      930_100, 930_110, 932_100, 932_105, 932_110, 932_115, 932_130, 932_150, 932_160, 933_160, 933_210, 942_100, 942_160, 942_190, 942_230,
      942_270, 942_350, 942_360,
    ],
  },
  4: {
    narrowed: [...COMMON.narrowed, harmless.dataScheme, harmless.escapedBracket],
    shaped: [
      ...COMMON.shaped,
      harmless.jsonInForm([942_550]),
      harmless.dataFields,
      harmless.graphQl([932_230, 932_235, 932_236, 932_250, 932_260, 942_290]),
      harmless.passwords([930_100, 930_110, 932_130, 933_135]),
      harmless.monitor([932_260]),
      harmless.sentences,
      harmless.browserFile,
    ],
    wordy: [
      930_100, 930_110, 932_130, 932_160, 932_230, 932_235, 932_250, 932_260, 932_370, 932_380, 933_135, 933_160, 934_200, 941_390, 942_100,
      942_151, 942_160, 942_190, 942_230, 942_270, 942_350, 942_360,
    ],
  },
};

export const wordyRules = (major: CrsMajor): readonly number[] => TUNING[major].wordy;

/** What the templates write of it. @param freeTextFields fields of the portal, as ARGS:... */
export function tuningView(major: CrsMajor, freeTextFields: readonly string[]) {
  const { narrowed, shaped } = TUNING[major];
  const own = freeTextFields.length > 0 ? [...OWN[major], freeText(freeTextFields.join('|'))] : OWN[major];
  return {
    wafNarrowed: narrowed.map(({ rules: numbers, targets, transforms, onlyWith, harmlessForm }, index) => ({
      id: 10_100 + 2 * index,
      next: 10_101 + 2 * index,
      targets,
      transforms,
      onlyWith: onlyWith.startsWith('@') ? onlyWith : `@rx ${onlyWith}`,
      harmlessForm: harmlessForm ?? '',
      controls: numbers.map((number) => `ctl:ruleRemoveById=${number}`).join(','),
    })),
    wafShaped: shaped
      .flatMap(({ targets, form, rules: numbers, phase }) => targets.map((target) => ({ target, form, numbers, phase: phase ?? 2 })))
      .map(({ target, form, numbers, phase }, index) => ({
        id: 10_200 + index,
        phase,
        target,
        form,
        controls: numbers.map((number) => `ctl:ruleRemoveTargetById=${number};${target}`).join(','),
      })),
    wafOwn: own.map((rule) => ({ notOfType: '', ...rule })),
  };
}
