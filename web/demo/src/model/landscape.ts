type Colour = readonly [number, number, number];

const blend = (a: Colour, b: Colour, t: number): Colour => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];

const smooth = (from: number, to: number, t: number): number => {
  const u = Math.min(Math.max((t - from) / (to - from), 0), 1);
  return u * u * (3 - 2 * u);
};

/** A fixed random value in [0, 1) for every whole-number place. */
function hash(x: number, y: number): number {
  let h = Math.imul(x | 0, 374761393) + Math.imul(y | 0, 668265263);
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Value noise: hashed corners, smoothly joined. */
function noise(x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [smooth(0, 1, x - column), smooth(0, 1, y - row)];
  const top = hash(column, row) * (1 - u) + hash(column + 1, row) * u;
  const bottom = hash(column, row + 1) * (1 - u) + hash(column + 1, row + 1) * u;
  return top * (1 - v) + bottom * v;
}

function layered(x: number, y: number, octaves: number): number {
  let [sum, weight, scale] = [0, 0.5, 1];
  for (let octave = 0; octave < octaves; octave++) {
    sum += weight * noise(x * scale + 17 * octave, y * scale + 31 * octave);
    weight /= 2;
    scale *= 2;
  }
  return sum;
}

const sky: readonly Colour[] = [
  [0.16, 0.27, 0.46],
  [0.42, 0.53, 0.66],
  [0.93, 0.74, 0.56],
  [0.99, 0.87, 0.66],
];
const sunlight: Colour = [1, 0.95, 0.8];

/** Ridges from far to near: height of the skyline, its roughness, and the colour. */
const ridges: readonly { base: number; swing: number; scale: number; colour: Colour }[] = [
  { base: 0.6, swing: 0.2, scale: 2.6, colour: [0.62, 0.6, 0.66] },
  { base: 0.68, swing: 0.2, scale: 3.4, colour: [0.4, 0.44, 0.54] },
  { base: 0.79, swing: 0.18, scale: 4.6, colour: [0.22, 0.31, 0.36] },
  { base: 0.93, swing: 0.16, scale: 6, colour: [0.08, 0.16, 0.16] },
];

/**
 * Evening over hills: smooth sky, one bright disc, fine texture and hard edges,
 * which is where a checkerboard shows and where it hides.
 */
export function landscape(width: number, height: number): (x: number, y: number) => Colour {
  return (px, py) => {
    const x = px / height;
    const y = py / height;
    let colour = skyAt(x, y, width / height);
    ridges.forEach((ridge, depth) => {
      const top = ridge.base - ridge.swing * (layered(x * ridge.scale + 9 * depth, depth, 5) - 0.3);
      const inside = smooth(top - 0.004, top + 0.006, y);
      if (inside === 0) return;
      const grain = layered(px / (7 - depth), py / (3.5 - depth / 2), 3) - 0.44;
      const lit = ridge.colour.map((c) => c + grain * 0.16 * (0.4 + c)) as unknown as Colour;
      // Haze gathers in the valleys between ridges.
      const haze = (0.5 - 0.14 * depth) * smooth(top, top + 0.22, y);
      colour = blend(colour, blend(lit, [0.86, 0.72, 0.62], haze), inside);
    });
    return colour;
  };
}

function skyAt(x: number, y: number, aspect: number): Colour {
  const place = Math.min(y / 0.66, 0.999) * (sky.length - 1);
  const band = Math.floor(place);
  let colour = blend(sky[band] as Colour, sky[band + 1] as Colour, place - band);
  const cloud = smooth(0.42, 0.72, layered(x * 2.2 + 3, y * 9, 4));
  colour = blend(colour, [1, 0.86, 0.76], cloud * 0.4 * smooth(0, 0.3, y));
  const distance = Math.hypot(x - aspect * 0.68, y - 0.4);
  colour = blend(colour, sunlight, 0.55 * Math.exp(-distance * distance * 26));
  return blend(colour, [1, 0.98, 0.9], 1 - smooth(0.068, 0.076, distance));
}
