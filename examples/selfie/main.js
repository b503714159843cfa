import { connect, transfer } from 'deconv-wasm/worker';

const [status, canvas, input, button] = ['[role=status]', 'canvas', 'input', 'button'].map((selector) =>
  document.querySelector(selector),
);
const worker = new Worker(new URL('./segmenter-worker.js', import.meta.url), { type: 'module' });
const segmenter = await connect(worker);
status.textContent = 'Ready.';

input.addEventListener('change', async () => {
  const [file] = input.files;
  if (file !== undefined) await show(await createImageBitmap(file));
});

button.addEventListener('click', async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
  const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true });
  await video.play();
  const next = async () => {
    await show(await createImageBitmap(video));
    video.requestVideoFrameCallback(next);
  };
  await next();
});

/** The picture, sharp where the mask is and blurred elsewhere. */
async function show(picture) {
  const started = performance.now();
  const pixels = await segmenter.segment(transfer(await createImageBitmap(picture)));
  const milliseconds = performance.now() - started;
  const { width, height } = picture;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0);
  // The mask as alpha: what is drawn next stays where it is opaque.
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at];
  const mask = await createImageBitmap(pixels, { resizeWidth: width, resizeHeight: height });
  context.globalCompositeOperation = 'destination-in';
  context.drawImage(mask, 0, 0);
  context.globalCompositeOperation = 'destination-over';
  context.filter = 'blur(12px)';
  context.drawImage(picture, 0, 0);
  picture.close();
  const share = pixels.data.reduce((sum, byte, at) => (at % 4 === 0 ? sum + byte : sum), 0) / 255;
  status.textContent = `${Math.round((100 * share) / (pixels.width * pixels.height))} % of it is a person; ${milliseconds.toFixed(0)} ms.`;
}
