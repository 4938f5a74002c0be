import { createHash, createPrivateKey, sign } from 'node:crypto';
import {
  BasicOCSPResponse,
  CertID,
  CertStatus,
  id_pkix_ocsp_basic,
  KeyHash,
  OCSPResponse,
  OCSPResponseStatus,
  ResponderID,
  ResponseBytes,
  ResponseData,
  RevokedInfo,
  SingleResponse,
} from '@peculiar/asn1-ocsp';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate } from '@peculiar/asn1-x509';
import type { KeyedCertificate } from './ca-record.ts';
import type { Revocation } from './x509.ts';

const SHA1 = '1.3.14.3.2.26';
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const NULL = new Uint8Array([5, 0]).buffer;

const fromPem = (pem: string): Certificate => AsnConvert.parse(Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64'), Certificate);

const sha1 = (bytes: ArrayBuffer): ArrayBuffer => Uint8Array.from(createHash('sha1').update(Buffer.from(bytes)).digest()).buffer;

/** What the authority says about one certificate (RFC 6960), signed by the authority itself, which issued it. */
export function ocspResponse(
  leaf: string,
  issuer: KeyedCertificate,
  revoked: Revocation | undefined,
  thisUpdate: Date,
  nextUpdate: Date,
): Buffer {
  const [own, parent] = [fromPem(leaf), fromPem(issuer.certificate)];
  const keyHash = sha1(parent.tbsCertificate.subjectPublicKeyInfo.subjectPublicKey);
  const nameHash = sha1(AsnConvert.serialize(parent.tbsCertificate.subject));
  const data = new ResponseData({
    responderID: new ResponderID({ byKey: new KeyHash(keyHash) }),
    producedAt: whole(thisUpdate),
    responses: [
      new SingleResponse({
        certID: new CertID({
          hashAlgorithm: new AlgorithmIdentifier({ algorithm: SHA1, parameters: NULL }),
          issuerNameHash: new OctetString(nameHash),
          issuerKeyHash: new OctetString(keyHash),
          serialNumber: own.tbsCertificate.serialNumber,
        }),
        certStatus: revoked
          ? new CertStatus({ revoked: new RevokedInfo({ revocationTime: whole(new Date(revoked.at)) }) })
          : new CertStatus({ good: null }),
        thisUpdate: whole(thisUpdate),
        nextUpdate: whole(nextUpdate),
      }),
    ],
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(data)), createPrivateKey(issuer.privateKey));
  const basic = new BasicOCSPResponse({
    tbsResponseData: data,
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: SHA256_WITH_RSA, parameters: NULL }),
    signature: Uint8Array.from(signature).buffer,
  });
  return Buffer.from(
    AsnConvert.serialize(
      new OCSPResponse({
        responseStatus: OCSPResponseStatus.successful,
        responseBytes: new ResponseBytes({ responseType: id_pkix_ocsp_basic, response: new OctetString(AsnConvert.serialize(basic)) }),
      }),
    ),
  );
}

/** GeneralizedTime in whole seconds (RFC 5280, 4.1.2.5.2). */
const whole = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);
