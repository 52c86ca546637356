/** Being woken up by Web Push (RFC 8030) while the app is closed. */

import type { Account } from './kept/database';
import { tell } from './subscription';

/** Whether it is on, can be turned on, was refused, or needs the app to be installed first (iOS). */
export type Waking = 'on' | 'off' | 'refused' | 'install' | 'impossible';

export async function register(): Promise<void> {
  // While developing there is no built one.
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  await navigator.serviceWorker
    .register('/authenticator/worker.js', { scope: '/authenticator' })
    .catch(() => undefined);
}

export async function waking(accounts: readonly Account[]): Promise<Waking> {
  if (!accounts.some(({ vapid }) => vapid)) return 'impossible';
  if (!('serviceWorker' in navigator)) return 'impossible';
  if (!('PushManager' in window) || !('Notification' in window)) {
    // Safari on iOS knows neither until the app is on the home screen.
    return /iP(hone|ad|od)/.test(navigator.userAgent) ? 'install' : 'impossible';
  }
  if (Notification.permission === 'denied') return 'refused';
  const registration = await navigator.serviceWorker.getRegistration('/authenticator');
  const subscription = await registration?.pushManager.getSubscription();
  return subscription && Notification.permission === 'granted' ? 'on' : 'off';
}

/** Asks the person, subscribes, and tells every server. Whether that came about. */
export async function turnOn(accounts: readonly Account[]): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false;
  const registration = await navigator.serviceWorker.ready;
  return tell(registration, accounts);
}

/** Tells the servers again: a subscription may have changed, and one that they took for dead is told anew. */
export async function renew(accounts: readonly Account[]): Promise<void> {
  if ((await waking(accounts)) !== 'on') return;
  await tell(await navigator.serviceWorker.ready, accounts);
}
