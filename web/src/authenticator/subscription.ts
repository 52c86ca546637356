/** The one subscription that this browser has for a server, and telling the server of it. */

import { toBytes, toText } from '../sealed/base64url';
import type { Account } from './kept/database';
import { type Delivery, subscribe } from './server';

/** Subscribes, and tells the server in each account's name; false where it was not possible. */
export async function tell(
  registration: ServiceWorkerRegistration,
  accounts: readonly Account[],
): Promise<boolean> {
  try {
    const [vapid] = accounts.flatMap((account) => account.vapid ?? []);
    if (!vapid) return false;
    const delivery = deliveryOf(await subscribed(registration, toBytes(vapid)));
    await Promise.allSettled(
      accounts.filter((account) => account.vapid === vapid).map((account) => subscribe(account, delivery)),
    );
    return true;
  } catch {
    return false;
  }
}

async function subscribed(
  registration: ServiceWorkerRegistration,
  key: Uint8Array<ArrayBuffer>,
): Promise<PushSubscription> {
  const how = { userVisibleOnly: true, applicationServerKey: key };
  const old = await registration.pushManager.getSubscription();
  if (old && !sameKey(old.options.applicationServerKey, key)) await old.unsubscribe();
  return registration.pushManager.subscribe(how);
}

function sameKey(one: ArrayBuffer | null, other: Uint8Array): boolean {
  return one !== null && toText(new Uint8Array(one)) === toText(other);
}

function deliveryOf(subscription: PushSubscription): Delivery {
  const key = (name: PushEncryptionKeyName) =>
    toText(new Uint8Array(subscription.getKey(name) ?? new ArrayBuffer(0)));
  return { web_push: { endpoint: subscription.endpoint, p256dh: key('p256dh'), auth: key('auth') } };
}
