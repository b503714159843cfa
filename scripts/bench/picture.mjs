// A picture through one layer and back, against the layer alone: what is lost between pixels and tensors. In a page and
// in its worker, on tensors of the WebAssembly heap that the caller keeps.

import { measure } from './measure.mjs';

const SIDE = 512;
const BUILDS = ['relaxed', 'simd'];

export const PICTURE = `${SIDE}x${SIDE} ImageData through one x2 layer (3 -> 3, k4 s2 p1) and back`;

/** Milliseconds of both for each build. */
export async function pictureAndLayer(host, options) {
  const results = [];
  for (const build of BUILDS) {
    const { ConvTranspose2d, HeapTensor, init } = await host.ours(build, 'index.js');
    const { fromImage, toImageData } = await host.ours(build, 'image/index.js');
    await init({ build });
    const layer = new ConvTranspose2d({
      ...{ inChannels: 3, outChannels: 3, kernelSize: 4, stride: 2, padding: 1, seed: 1 },
    });
    const x = new HeapTensor([1, 3, SIDE, SIDE]);
    const y = new HeapTensor(layer.outputShape(x.shape));
    const before = new ImageData(SIDE, SIDE);
    for (let index = 0; index < before.data.length; index += 1) before.data[index] = (index * 7919) >> 4;
    const after = new ImageData(2 * SIDE, 2 * SIDE);
    const [alone, picture, made] = await measure(
      [
        { run: () => layer.forward(x, { out: y }) },
        {
          run: () => {
            fromImage(before, { out: x });
            layer.forward(x, { out: y });
            return toImageData(y, { out: after });
          },
        },
        { run: () => toImageData(layer.forward(fromImage(before))) },
      ],
      options,
    );
    results.push({ build, alone, picture, made });
    for (const owner of [layer, x, y]) owner.dispose();
  }
  return results;
}
