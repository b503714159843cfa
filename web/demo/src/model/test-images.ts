// The pictures that the page makes, by their names; model/test-image.ts makes them.

export const testImages = ['landscape', 'flat', 'ramp', 'zone'] as const;
export type TestImage = (typeof testImages)[number];

export const testImageNames: Record<TestImage, string> = {
  landscape: 'Landscape',
  flat: 'Flat colour',
  ramp: 'Ramp',
  zone: 'Zone plate',
};
