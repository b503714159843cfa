// Gives examples of the documentation that can run in a page a button that runs them, in a worker of their own, and
// shows what they print below. The build puts runs-in-a-page.mjs in front, and the names of the FILES that they open.

const base = new URL(document.documentElement.dataset.base, location.href);

for (const code of document.querySelectorAll('pre > code.js')) {
  const text = textOf(code);
  if (runsInAPage(text, FILES)) addButton(code.parentElement, text);
}
if ('serviceWorker' in navigator && location.protocol.startsWith('http')) {
  // A browser that forbids it, as in private windows, has what it has read as long as that is open.
  navigator.serviceWorker.register(new URL('service-worker.js', base)).catch(() => {});
}

/** Lines end in <br> here. */
function textOf(code) {
  const copy = code.cloneNode(true);
  for (const end of copy.querySelectorAll('br')) end.replaceWith('\n');
  return copy.textContent;
}

function addButton(block, text) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'run-example';
  button.textContent = 'Run';
  const printed = document.createElement('output');
  printed.className = 'printed';
  printed.hidden = true;
  button.addEventListener('click', async () => {
    button.disabled = true;
    printed.hidden = false;
    printed.textContent = '';
    const say = (line) => {
      printed.textContent += `${line}\n`;
    };
    const failure = await run(text, say);
    if (failure !== null) say(failure);
    else if (printed.textContent === '') say('It ran and printed nothing.');
    printed.dataset.outcome = failure === null ? 'ran' : 'failed';
    button.disabled = false;
  });
  block.append(button);
  block.after(printed);
}

const blobOf = (program) => URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));

/** The address of a program with those of the package and of the files in place of their names; `made` gets all. */
async function addressOf(text, made) {
  let program = text.replace(
    /((?:from|import)\s*\(?\s*)(['"])deconv-wasm(?:\/([^'"]+))?\2/g,
    (_, before, quote, entry = 'index') => `${before}${quote}${new URL(`package/${entry}.js`, base)}${quote}`,
  );
  for (const name of FILES) {
    const quoted = new RegExp(`(['"])(?:\\./)?${name.replaceAll('.', '\\.')}\\1`, 'g');
    if (!quoted.test(program)) continue;
    const url = new URL(`files/${name}`, base).href;
    const address = name.endsWith('.js') ? await addressOf(await textAt(url), made) : url;
    program = program.replaceAll(quoted, `'${address}'`);
  }
  const address = blobOf(program);
  made.push(address);
  return address;
}

async function textAt(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

/** Runs a program to its end and hands over each line that it prints; resolves to how it failed, or null. */
async function run(text, say) {
  const made = [];
  let module;
  try {
    // Imports come first wherever they stand, so the program itself is a module that the other one imports.
    module = await addressOf(text, made);
  } catch (error) {
    return String(error);
  }
  // As Node prints values, which the comments of the examples show.
  const told = `
const inner = (value) => (typeof value === 'string' ? "'" + value + "'" : told(value));
const told = (value) => {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : '[ ' + value.map(inner).join(', ') + ' ]';
  const isPlain = value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? JSON.stringify(value) : String(value);
};
globalThis.console = { ...console, log: (...values) => postMessage({ line: values.map(told).join(' ') }) };`;
  const start = `${told}
import(${JSON.stringify(module)}).then(
  () => postMessage({ ended: null }),
  (error) => postMessage({ ended: String(error) }),
);`;
  const worker = new Worker(blobOf(start), { type: 'module' });
  return new Promise((resolve) => {
    const end = (failure) => {
      worker.terminate();
      for (const address of made) URL.revokeObjectURL(address);
      resolve(failure);
    };
    worker.onmessage = ({ data }) => ('line' in data ? say(data.line) : end(data.ended));
    worker.onerror = ({ message }) => end(message || 'The example did not start.');
  });
}
