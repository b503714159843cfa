// The network stays here: pictures come in, and go out enlarged.

import { init } from 'deconv-wasm';
import { fromImage, toImageData } from 'deconv-wasm/image';
import { loadNetwork } from 'deconv-wasm/network';
import { serve } from 'deconv-wasm/worker';

serve(async () => {
  await init();
  let net;
  return {
    /** Another network in the place of the one before; its name and shapes. */
    async load(file) {
      const loaded = await loadNetwork(file);
      net?.dispose();
      net = loaded;
      return String(net);
    },

    /** `report` is a port that hears of each tile; what comes from it stops the work. */
    async enlarge(picture, { tile, report }) {
      if (net === undefined) throw new Error('Drop a network first.');
      const stopping = new AbortController();
      report.onmessage = () => stopping.abort();
      const { width, height } = picture;
      const [, channels] = net.inputs[0].shape;
      const colours = fromImage(picture, { channels: 3 });
      picture.close();
      const planes = channels === 3 ? [colours] : [0, 1, 2].map((plane) => planeOf(colours, plane));
      const enlarged = [];
      for (const [index, plane] of planes.entries()) {
        const onProgress = ({ loaded, total }) =>
          report.postMessage((index + loaded / total) / planes.length);
        enlarged.push(await net.tiled(plane, { tile, onProgress, signal: stopping.signal }));
      }
      const pixels = toImageData(enlarged.length === 1 ? enlarged[0] : stacked(enlarged));
      return { pixels, times: pixels.width / width, from: [width, height] };
    },
  };
});

function planeOf({ data, shape: [, channels, height, width] }, plane) {
  const size = data.length / channels;
  return { data: data.subarray(plane * size, (plane + 1) * size), shape: [1, 1, height, width] };
}

function stacked(planes) {
  const [{ shape }] = planes;
  const data = new Float32Array(planes.length * planes[0].data.length);
  for (const [index, plane] of planes.entries()) data.set(plane.data, index * plane.data.length);
  return { data, shape: [1, planes.length, ...shape.slice(2)] };
}
