import type { ContainerSecurity } from '../../docker/security-types.ts';
import { asked, byHand, everyContainer, met, names, notApplicable, open, type Row, row } from './point.ts';

const isRoot = ({ user }: ContainerSecurity): boolean => /^(0|root)?(:|$)/.test(user);

/** Section 4: images. */
export const CIS_IMAGES: readonly Row[] = [
  everyContainer(
    '4.1',
    'No container runs as root',
    (one) => isRoot(one) && 'root',
    'each has a user of its own',
    'set `user` in its image or in compose.override.yml',
  ),
  row('4.2', 'Base images are trusted', ['containers'], ({ containers }) => {
    const foreign = containers.filter(({ built }) => !built).map(({ image }) => image);
    return foreign.length === 0
      ? met('all images are built here, from Debian’s signed packages')
      : byHand(`not built by medianest: ${names(foreign)}; do you trust who built them?`);
  }),
  asked('4.3', 'Images have no packages that they do not need', '`medianest images sbom` lists those of each image'),
  asked(
    '4.4',
    'Images are scanned and rebuilt for corrections',
    '`medianest images outdated` compares them with Debian; `medianest update` rebuilds',
  ),
  row('4.5', 'Pulled images are proven by their signature', ['containers'], ({ containers }) => {
    const foreign = containers.filter(({ built }) => !built).map(({ image }) => image);
    return foreign.length === 0
      ? notApplicable('no image is pulled')
      : byHand(`pulled or built elsewhere: ${names(foreign)}; \`medianest images lock\` pins their digests`);
  }),
  everyContainer(
    '4.6',
    'Images say how their health is checked',
    ({ checksHealth }) => !checksHealth,
    'each has a check',
    'give it a HEALTHCHECK, or `app.health` (docs/app-contract.md)',
  ),
  asked(
    '4.7',
    'Package lists are not updated in a step of their own',
    'a matter of your own Dockerfiles; medianest’s own are in templates/*/image',
  ),
  asked(
    '4.8',
    'Images have no setuid programs',
    'look with `find / -xdev -perm /6000` in your own images; without privileges to gain (5.26) such a program gives none',
  ),
  asked('4.9', 'Dockerfiles copy instead of adding', 'a matter of your own Dockerfiles; medianest’s own are in templates/*/image'),
  everyContainer(
    '4.10',
    'No secret is in an image or a variable',
    ({ secretVariables }) => names(secretVariables),
    'no variable looks like one',
    'hand it as a file: `app.secrets` (docs/app-contract.md)',
  ),
  asked('4.11', 'Only verified packages are installed', 'Debian’s are checked by apt; look at what your own images add'),
  asked('4.12', 'Signed artifacts are validated', 'look at what your own images download'),
];

/** Sections 6 and 7. */
export const CIS_OPERATIONS: readonly Row[] = [
  row('6.1', 'Images that nothing needs are removed', ['engine'], ({ engine: { images } }) =>
    byHand(`the engine has ${images} images, also those of others: \`medianest images prune\` removes ours that nothing needs`),
  ),
  row('6.2', 'Containers that do not run are removed', ['containers'], ({ containers }) => {
    const idle = containers.filter(({ running }) => !running).map(({ name }) => name);
    return idle.length > 0 ? open(`${names(idle)}`, '`medianest up` starts or removes them') : met(`all ${containers.length} run`);
  }),
  row('7.1–7.9', 'The swarm is set up safely', ['engine'], ({ engine }) =>
    engine.swarm ? byHand('the engine is part of a swarm: judge it by section 7 of the benchmark') : notApplicable('swarm is inactive'),
  ),
];
