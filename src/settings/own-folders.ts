/** What an operator may have beside medianest.yml: profiles of their own, and rules and targets for Prometheus. Backups and the recovery kit hold both. */
export const PROFILES_FOLDER = 'profiles';
export const MONITORING_FOLDER = 'monitoring';
