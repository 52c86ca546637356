/** Reading a QR code by the camera, where the browser can: others paste the link, or open it by the phone's own camera app. */

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
};

const detectors = () => (globalThis as unknown as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

export async function canScan(): Promise<boolean> {
  try {
    const formats = await detectors()?.getSupportedFormats();
    return (formats?.includes('qr_code') ?? false) && 'mediaDevices' in navigator;
  } catch {
    return false;
  }
}

/**
 * Looks through the camera until `accept` takes what was read, or `signal` ends it.
 *
 * @throws where there is no camera, or it may not be used
 */
export async function scan(
  video: HTMLVideoElement,
  signal: AbortSignal,
  accept: (text: string) => boolean,
): Promise<void> {
  const Detector = detectors();
  if (!Detector) throw new Error('no detector');
  const camera = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment' },
    audio: false,
  });
  try {
    if (signal.aborted) return;
    video.srcObject = camera;
    await video.play();
    const detector = new Detector({ formats: ['qr_code'] });
    while (!signal.aborted) {
      const found = await detector.detect(video).catch(() => []);
      if (found.some(({ rawValue }) => accept(rawValue))) return;
      await new Promise((later) => setTimeout(later, 150));
    }
  } finally {
    for (const track of camera.getTracks()) track.stop();
    video.srcObject = null;
  }
}
