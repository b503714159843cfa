import { landscape } from './landscape';
import { type Picture, painted } from './picture';
import { type TestImage, testImageNames } from './test-images';

const WIDTH = 88;
const HEIGHT = 66;

/** Pictures made on the spot, the same on every machine. */
export function testImage(which: TestImage): Picture {
  const name = testImageNames[which];
  switch (which) {
    case 'landscape':
      return painted(name, 2 * WIDTH, 2 * HEIGHT, landscape(2 * WIDTH, 2 * HEIGHT));
    case 'flat':
      return painted(name, WIDTH, HEIGHT, () => [0.86, 0.3, 0.18]);
    case 'ramp':
      return painted(name, WIDTH, HEIGHT, (x, y) => {
        const t = x / WIDTH;
        return y < HEIGHT / 2 ? [t, t, t] : [0.1 + 0.8 * t, 0.45, 0.85 - 0.7 * t];
      });
    case 'zone':
      return painted(name, WIDTH, HEIGHT, (x, y) => zonePlate(x - WIDTH / 2, y - HEIGHT / 2));
  }
}

/** Rings whose frequency grows with the radius and reaches half a cycle a pixel at the far edge. */
function zonePlate(x: number, y: number): [number, number, number] {
  const value = 0.5 + 0.5 * Math.cos((Math.PI * (x * x + y * y)) / WIDTH);
  return [value, value, value];
}
