/**
 * The app's own lock: a passkey of this device that is asked for before anything is approved. It keeps out who picks the phone up;
 * the server is not told of it, because a page can only say that it asked.
 */

const random = () => crypto.getRandomValues(new Uint8Array(32));

/** Whether this device can ask for a face, a finger or its own code. */
export async function canLock(): Promise<boolean> {
  try {
    return await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  } catch {
    return false;
  }
}

/** Makes the passkey; its id, or null where the person does not want to after all. */
export async function makeLock(name: string): Promise<ArrayBuffer | null> {
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        rp: { name },
        user: { id: random(), name, displayName: name },
        challenge: random(),
        pubKeyCredParams: [
          { type: 'public-key', alg: -7 },
          { type: 'public-key', alg: -257 },
        ],
        // Not one to log in with: it is not to be offered where passkeys are asked for.
        authenticatorSelection: {
          authenticatorAttachment: 'platform',
          residentKey: 'discouraged',
          userVerification: 'required',
        },
        attestation: 'none',
      },
    });
    return (made as PublicKeyCredential | null)?.rawId ?? null;
  } catch {
    return null;
  }
}

/** Whether the person was verified just now. */
export async function unlock(id: ArrayBuffer): Promise<boolean> {
  try {
    const given = (await navigator.credentials.get({
      publicKey: {
        challenge: random(),
        allowCredentials: [{ type: 'public-key', id, transports: ['internal'] }],
        userVerification: 'required',
      },
    })) as PublicKeyCredential | null;
    const { authenticatorData } = given?.response as AuthenticatorAssertionResponse;
    // The flag that says so: WebAuthn, 6.1, bit 2.
    return ((new Uint8Array(authenticatorData)[32] ?? 0) & 0x04) !== 0;
  } catch {
    return false;
  }
}
