/** Whether a program can run in a page: it has no other module and no file, neither Node's nor one that stands beside it. */
export function needsOnlyThePackage(text) {
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, name]) => name);
  const isFile = /^\/\/ [\w-]+\.js\n/.test(text);
  const readsFiles = /['"][^'"\s]*\.(?:onnx|tflite|safetensors|np[yz]|png|js|mjs)['"]/.test(text);
  return (
    !isFile && !readsFiles && imports.length > 0 && imports.every((name) => /^deconv-wasm(\/|$)/.test(name))
  );
}
