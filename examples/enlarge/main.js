import { connect, transfer } from 'deconv-wasm/worker';

const [status, canvas, input, drop, progress, stop] = [
  '[role=status]',
  'canvas',
  'input',
  '#drop',
  'progress',
  'button',
].map((selector) => document.querySelector(selector));
const TILE = 128;

const enlarger = await connect(
  new Worker(new URL('./enlarger-worker.js', import.meta.url), { type: 'module' }),
);
status.textContent = 'A network, please.';

input.addEventListener('change', () => take(input.files[0]));
drop.addEventListener('dragover', (event) => event.preventDefault());
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  take(event.dataTransfer.files[0]);
});

/** A network, or a picture for it. */
async function take(file) {
  if (file === undefined) return;
  try {
    if (/\.onnx$/i.test(file.name)) status.textContent = await enlarger.load(file);
    else await enlarge(await createImageBitmap(file));
  } catch (error) {
    status.textContent = error.name === 'AbortError' ? 'Stopped.' : error.message;
  }
}

async function enlarge(picture) {
  const started = performance.now();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    progress.value = data;
  };
  stop.onclick = () => port1.postMessage('stop');
  stop.disabled = false;
  try {
    const report = transfer(port2);
    const { pixels, times, from } = await enlarger.enlarge(transfer(picture), { tile: TILE, report });
    // Its own port may be behind, and is closed now.
    progress.value = 1;
    Object.assign(canvas, { width: pixels.width, height: pixels.height });
    canvas.getContext('2d').putImageData(pixels, 0, 0);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    status.textContent = `${from.join(' x ')} pixels, ${times} times as wide: ${pixels.width} x ${pixels.height} in ${seconds} s.`;
  } finally {
    stop.disabled = true;
    port1.close();
  }
}
