/** The name of the file that a program is, for others that start it, where its first line says one. */
export function fileNameOf(text) {
  return /^\/\/ ([\w-]+\.js)\n/.exec(text)?.[1];
}

/** Whether a program can run in a page: it imports nothing but the package, and opens no file but these, by name. */
export function runsInAPage(text, files) {
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, name]) => name);
  const opened = [
    ...text.matchAll(/['"](?:\.\/)?([^'"\s]*\.(?:onnx|tflite|safetensors|np[yz]|png|js|mjs))['"]/g),
  ].map(([, name]) => name);
  return (
    fileNameOf(text) === undefined &&
    imports.length > 0 &&
    imports.every((name) => /^deconv-wasm(\/|$)/.test(name)) &&
    opened.every((name) => files.includes(name))
  );
}
