import type { Blueprint, CertificateSpec } from './types.ts';

/** Every certificate of a service, its main one first. */
export const certificatesOf = (service: Pick<Blueprint, 'certificate' | 'alsoCertificates'>): CertificateSpec[] => [
  ...(service.certificate ? [service.certificate] : []),
  ...(service.alsoCertificates ?? []),
];

/** Where a container finds one of its certificates. */
export const certificateTarget = (service: Pick<Blueprint, 'certificate'>, spec: CertificateSpec): string =>
  service.certificate?.name === spec.name ? '/run/certs' : `/run/certificates/${spec.name}`;
