/**
 * Between the JSON of WebAuthn Level 3 (sections 5.1.8 to 5.1.10) and what the browser takes. Browsers before 2025 lack the methods
 * for it; what stands here does the same for the members that Countersign sends.
 */

import { toBytes, toText } from '../sealed/base64url';

type Json = Readonly<Record<string, unknown>>;

interface Statics {
  parseCreationOptionsFromJSON?(json: object): PublicKeyCredentialCreationOptions;
  parseRequestOptionsFromJSON?(json: object): PublicKeyCredentialRequestOptions;
}

const statics = (): Statics => PublicKeyCredential as unknown as Statics;

/** Options for making a passkey. @throws where they are none */
export function creationOptions(json: object): PublicKeyCredentialCreationOptions {
  return statics().parseCreationOptionsFromJSON?.(json) ?? readCreationOptions(json as Json);
}

/** Options for proving with one. @throws where they are none */
export function requestOptions(json: object): PublicKeyCredentialRequestOptions {
  return statics().parseRequestOptionsFromJSON?.(json) ?? readRequestOptions(json as Json);
}

/** RegistrationResponseJSON or AuthenticationResponseJSON. */
export function credentialJson(credential: PublicKeyCredential): object {
  const own = credential as { toJSON?: () => object };
  try {
    if (own.toJSON) return own.toJSON();
  } catch {
    // Some password managers put credentials of their own in place, which cannot.
  }
  return writeCredential(credential);
}

export function readCreationOptions(json: Json): PublicKeyCredentialCreationOptions {
  const user = json.user as Json;
  return {
    ...json,
    challenge: toBytes(String(json.challenge)),
    user: { ...user, id: toBytes(String(user.id)) },
    excludeCredentials: descriptors(json.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
}

export function readRequestOptions(json: Json): PublicKeyCredentialRequestOptions {
  return {
    ...json,
    challenge: toBytes(String(json.challenge)),
    allowCredentials: descriptors(json.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions;
}

function descriptors(value: unknown): PublicKeyCredentialDescriptor[] {
  const all = Array.isArray(value) ? (value as Json[]) : [];
  return all.map(
    (one) => ({ ...one, id: toBytes(String(one.id)) }) as unknown as PublicKeyCredentialDescriptor,
  );
}

export function writeCredential(credential: PublicKeyCredential): object {
  const id = toText(new Uint8Array(credential.rawId));
  return {
    id,
    rawId: id,
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: writeResponse(credential.response),
  };
}

function writeResponse(response: AuthenticatorResponse): object {
  const clientDataJSON = written(response.clientDataJSON);
  if ('attestationObject' in response) {
    const made = response as AuthenticatorAttestationResponse;
    return {
      clientDataJSON,
      attestationObject: written(made.attestationObject),
      transports: made.getTransports?.() ?? [],
    };
  }
  const given = response as AuthenticatorAssertionResponse;
  return {
    clientDataJSON,
    authenticatorData: written(given.authenticatorData),
    signature: written(given.signature),
    userHandle: given.userHandle ? written(given.userHandle) : undefined,
  };
}

const written = (buffer: ArrayBuffer): string => toText(new Uint8Array(buffer));
