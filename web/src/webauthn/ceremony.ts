/** Asking the device for a passkey: what the browser does, and each way in which that ends as one word. */

import { Failure, type Trouble } from '../flow/server';
import { creationOptions, credentialJson, requestOptions } from './json';

/** Whether this browser knows passkeys at all. */
export const knowsPasskeys = (): boolean => typeof PublicKeyCredential === 'function';

/** Makes a passkey: RegistrationResponseJSON. Fails with a `Failure` and nothing else. */
export async function createPasskey(options: object, signal: AbortSignal): Promise<object> {
  try {
    return await ceremony(() =>
      navigator.credentials.create({ publicKey: creationOptions(options), signal }),
    );
  } catch (error) {
    const calledOff = error instanceof Failure && error.trouble === 'passkeyCancelled';
    throw calledOff ? new Failure('passkeyUnmade') : error;
  }
}

/** Has a passkey sign: AuthenticationResponseJSON. Fails with a `Failure` and nothing else. */
export async function usePasskey(
  options: object,
  signal: AbortSignal,
  mediation: CredentialMediationRequirement = 'optional',
): Promise<object> {
  return ceremony(() => navigator.credentials.get({ publicKey: requestOptions(options), mediation, signal }));
}

/** Whether the browser offers passkeys where a field is filled in, beside saved passwords and codes from messages. */
export async function offersPasskeysInFields(): Promise<boolean> {
  if (!knowsPasskeys()) return false;
  const known = PublicKeyCredential as { isConditionalMediationAvailable?: () => Promise<boolean> };
  return (await known.isConditionalMediationAvailable?.().catch(() => false)) ?? false;
}

async function ceremony(asked: () => Promise<Credential | null>): Promise<object> {
  if (!knowsPasskeys()) throw new Failure('passkeyUnsupported');
  try {
    const credential = await asked();
    if (!credential) throw new Failure('passkeyCancelled');
    return credentialJson(credential as PublicKeyCredential);
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(troubleOf(error));
  }
}

/** WebAuthn Level 3, sections 5.1.3 and 5.1.4: what the browser's errors mean. */
export function troubleOf(error: unknown): Trouble {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'AbortError':
      return 'passkeyCancelled';
    case 'InvalidStateError':
      return 'passkeyExists';
    case 'NotSupportedError':
    case 'ConstraintError':
      return 'passkeyUnsupported';
    default:
      return 'passkeyFailed';
  }
}
