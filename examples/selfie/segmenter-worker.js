// The network and its tensors stay here: a picture comes in, the mask of its person goes out.

import file from '@mediapipe/selfie_segmentation/selfie_segmentation.tflite?url';
import { HeapTensor, init } from 'deconv-wasm';
import { fromImage, toImageData } from 'deconv-wasm/image';
import { loadNetwork } from 'deconv-wasm/network';
import { serve } from 'deconv-wasm/worker';

serve(async ({ progress }) => {
  await init();
  const net = await loadNetwork(new URL(file, import.meta.url), {
    onProgress: ({ loaded, total }) => progress({ loaded, total, name: 'network' }),
  });
  const [{ shape }] = net.inputs;
  const [, height, width] = shape;
  const x = new HeapTensor(shape);
  const mask = new HeapTensor(net.outputs[0].shape);
  return {
    /** A mask of the network's own size, grey: 255 where the person is. Nothing is allocated on the heap. */
    segment(picture) {
      fromImage(picture, { size: [height, width], layout: 'channels-last', out: x });
      picture.close();
      net.forward(x, { out: mask });
      return toImageData(mask, { layout: 'channels-last' });
    },
  };
});
