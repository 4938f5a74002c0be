/** Options of every command, each with the variable that means the same. */
export const GLOBAL: readonly (readonly [flags: string, description: string, variable: string])[] = [
  ['--profile <profile>', 'Profile to run', 'MEDIANEST_PROFILE'],
  ['--config <file>', 'Settings file (default: the nearest medianest.yml)', 'MEDIANEST_CONFIG'],
  ['--project <name>', 'Compose project name (default: as started here, else the folder’s name)', 'MEDIANEST_PROJECT'],
  ['--state <dir>', 'State folder (default: .medianest beside the settings)', 'MEDIANEST_STATE'],
  ['--set <setting=value>', 'Set one setting; may be given more than once', 'MEDIANEST_SET'],
  ['--without <components>', 'Switch components off, separated by commas', 'MEDIANEST_WITHOUT'],
  ['--json', 'Print one JSON document on stdout', 'MEDIANEST_JSON'],
  ['--quiet', 'No progress on stderr', 'MEDIANEST_QUIET'],
  ['--verbose', 'Every line of progress, and every program run and engine call with its time', 'MEDIANEST_VERBOSE'],
  ['--yes', 'Answer every question with yes', 'MEDIANEST_YES'],
  ['--dry-run', 'Print what would be done, and change nothing', 'MEDIANEST_DRY_RUN'],
  ['--wait-lock [seconds]', 'Wait for another medianest to finish (600 seconds when none are given)', 'MEDIANEST_WAIT_LOCK'],
  ['--no-color', 'No colours (also NO_COLOR; CLICOLOR_FORCE=1 has them in a pipe)', 'MEDIANEST_NO_COLOR'],
];
